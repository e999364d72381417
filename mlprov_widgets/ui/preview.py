"""The notebook as it is going to be, highlighted, cell by cell, with what the last change touched."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from html import escape

from mlprov_widgets.notebook.render import RenderedCell


@functools.lru_cache(maxsize=512)
def highlighted(source: str, kind: str, marked: tuple[int, ...] = ()) -> str:
    """Return a cell's source as HTML in which nothing of it is markup.

    Parameters
    ----------
    source, kind
        Of the cell.
    marked
        The lines to mark, from 1.
    """
    if kind != "code":
        lines = (
            f'<span class="hll">{escape(line)}</span>' if number in marked else escape(line)
            for number, line in enumerate(source.split("\n"), 1)
        )
        return f'<div class="mlprov-md">{chr(10).join(lines)}</div>'
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    formatter = HtmlFormatter(nowrap=False, cssclass="mlprov-code", classprefix="t-", hl_lines=list(marked))
    return str(highlight(source, PythonLexer(), formatter))


def preview_html(cells: Iterable[RenderedCell], before: Mapping[str, str]) -> tuple[str, int]:
    """Return the preview of a notebook, and how many lines of it are marked.

    Parameters
    ----------
    cells
        The notebook.
    before
        The cells of the version before, step to source; empty if there was none.
    """
    parts, count = [], 0
    for cell in cells:
        marked = _new_lines(before.get(cell.step, ""), cell.source) if before else ()
        count += len(marked)
        changed = before and before.get(cell.step) != cell.source
        css = "mlprov-cell mlprov-changed" if changed else "mlprov-cell"
        parts.append(f'<div class="{css}">{highlighted(cell.source, cell.kind, marked)}</div>')
    return "".join(parts), count


def _new_lines(before: str, after: str) -> tuple[int, ...]:
    """Return the numbers, from 1, of the lines that were not there before."""
    if before == after:
        return ()
    matcher = SequenceMatcher(None, before.split("\n"), after.split("\n"), autojunk=False)
    return tuple(
        line + 1 for kind, _, _, first, last in matcher.get_opcodes() if kind != "equal" for line in range(first, last)
    )


def preview_box(inner: str, told: str, page: str) -> str:
    """Return the preview in its frame.

    Parameters
    ----------
    inner
        The cells.
    told
        What they are of the notebook, for a person.
    page
        What they belong to: within one page, the place to which a person scrolled is kept.
    """
    return (
        '<div class="mlprov-preview"><div class="mlprov-preview-head">The notebook'
        f'<span>{escape(told)}</span></div><div class="mlprov-cells" role="region" aria-label="The notebook\'s code" '
        f'tabindex="0" data-page="{escape(page)}">{inner}</div></div>'
    )
