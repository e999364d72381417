"""The notebook as it is going to be, highlighted, cell by cell."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from html import escape

from mlprov_widgets.notebook.render import RenderedCell


@functools.lru_cache(maxsize=512)
def highlighted(source: str, kind: str) -> str:
    """Return a cell's source as HTML in which nothing of it is markup."""
    if kind != "code":
        return f'<div class="mlprov-md">{escape(source)}</div>'
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return str(highlight(source, PythonLexer(), HtmlFormatter(nowrap=False, cssclass="mlprov-code", classprefix="t-")))


def preview_html(cells: Iterable[RenderedCell], before: frozenset[str]) -> str:
    """Return the preview of a notebook.

    Parameters
    ----------
    cells
        The notebook.
    before
        The digests of the cells that were shown last: others are marked as changed.
    """
    parts = []
    for cell in cells:
        marks = ["mlprov-cell"]
        if before and cell.digest not in before:
            marks.append("mlprov-changed")
        parts.append(f'<div class="{" ".join(marks)}">{highlighted(cell.source, cell.kind)}</div>')
    return "".join(parts)
