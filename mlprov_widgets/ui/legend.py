"""What the shapes, colours and arrows of the graph mean, as HTML."""

from __future__ import annotations

from html import escape
from typing import Final

from mlprov_widgets.provenance.graph.scene import Scene

_KINDS: Final = (
    ("entity", "data, file, any entity"),
    ("activity", "step, activity"),
    ("agent", "agent"),
    ("parameter", "parameter"),
    ("metric", "metric"),
    ("edited", "edited by hand"),
    ("error", "failed"),
    ("stale", "stale"),
    ("unknown", "only mentioned"),
    ("changed", "≠ changed"),
    ("same", "the same in both"),
    ("only-here", "- only here (first run)"),
    ("only-there", "+ only there (second run)"),
)
_IN_TIME: Final = "Arrows run with time: from what was there before to what was made of it."
_AS_PROV: Final = "Arrows as PROV draws them: from what was made to what it was made of."
_ZOOM: Final = (("in", "Larger"), ("out", "Smaller"), ("fit", "Fit"))


def legend(drawn: Scene, *, as_prov: bool) -> str:
    """Return the legend of what is drawn: the way of the arrows, and the shapes and borders that are there.

    Parameters
    ----------
    drawn
        The scene.
    as_prov
        Whether arrows run as PROV draws them; else they run with time.
    """
    way = _AS_PROV if as_prov else _IN_TIME
    marks = {mark for dot in drawn.dots for mark in dot.classes.split()}
    if marks & {"stage", "step"}:
        marks.add("activity")
    items = "".join(
        f'<li><i class="mlprov-swatch mlprov-{name}"></i>{escape(text)}</li>' for name, text in _KINDS if name in marks
    )
    zoom = "".join(f'<button type="button" data-zoom="{what}">{label}</button>' for what, label in _ZOOM)
    return f'<div class="mlprov-legend"><span>{way}</span><span class="mlprov-zoom">{zoom}</span><ul>{items}</ul></div>'
