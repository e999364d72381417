"""What the shapes, colours and arrows of the graph mean, as HTML."""

from __future__ import annotations

from html import escape
from typing import Final

_KINDS: Final = (("entity", "data, file, any entity"), ("activity", "step, activity"), ("agent", "agent"))
_OF_A_RUN: Final = (
    ("parameter", "parameter"),
    ("metric", "metric"),
    ("edited", "edited"),
    ("error", "failed"),
    ("stale", "stale"),
)
_OF_TWO: Final = (
    ("changed", "≠ changed"),
    ("only-here", "- only here (first run)"),
    ("only-there", "+ only there (second run)"),
)
_ZOOM: Final = (("in", "Larger"), ("out", "Smaller"), ("fit", "Fit"))


def legend(*, as_prov: bool, compared: bool) -> str:
    """Return the legend of a graph.

    Parameters
    ----------
    as_prov
        Whether arrows run as PROV draws them; else they run with time.
    compared
        Whether two runs are in it.
    """
    way = "Arrows run with time."
    if as_prov:
        way = "Arrows as PROV draws them: from what was made to what it was made of."
    kinds = [*_KINDS, *(() if as_prov else _OF_A_RUN), *(_OF_TWO if compared else ())]
    items = "".join(f'<li><i class="mlprov-swatch mlprov-{name}"></i>{escape(text)}</li>' for name, text in kinds)
    zoom = "".join(f'<button type="button" data-zoom="{what}">{label}</button>' for what, label in _ZOOM)
    return f'<div class="mlprov-legend"><span>{way}</span><span class="mlprov-zoom">{zoom}</span><ul>{items}</ul></div>'
