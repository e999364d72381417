"""Pieces of the explorer's HTML: links that open something in it, and tables of them; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.kinds import plain, value_text
from mlprov_widgets.provenance.overview import shortened
from mlprov_widgets.ui.preview import highlighted

MOST_LINKS = 40
_LONGEST_CODE = 100_000


def go(meant: str, text: str) -> str:
    """Return a link that opens something in the explorer."""
    return f'<button type="button" class="mlprov-go" data-go="{escape(meant)}">{escape(text)}</button>'


def copier(text: str, label: str) -> str:
    """Return a button that copies a text."""
    return f'<button type="button" class="mlprov-copy" data-copy="{escape(text)}">{escape(label)}</button>'


def facts(rows: Iterable[tuple[str, str]], head: Sequence[str] = ()) -> str:
    """Return a table whose second column is HTML."""
    top = _head(head) if head else ""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{html}</td></tr>' for name, html in rows)
    return f'<div class="mlprov-scroll"><table class="mlprov-table mlprov-facts">{top}{body}</table></div>'


def _head(cells: Sequence[str]) -> str:
    inner = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in cells)
    return f"<tr>{inner}</tr>"


def table(rows: Iterable[Sequence[str]], head: Sequence[str]) -> str:
    """Return a table whose cells are HTML."""
    top = _head(head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="mlprov-scroll"><table class="mlprov-table">{top}{body}</table></div>'


def told(index: Index, number: int) -> str:
    """Return an element's name and value, short enough for a link."""
    record, kind = index.record(number), index.kind(number)
    value = value_text(record, kind)
    return shortened(f"{index.name(number)} = {value}" if value else index.name(number), 48)


def plain_name(attribute: str) -> str:
    """Return what a person calls an attribute."""
    return attribute.rpartition(":")[2].replace("_", " ") if attribute.startswith(("ml:", "pypi:")) else attribute


def source_of(index: Index, number: int, record: Mapping[str, Any]) -> str:
    """Return the code of a cell, or that an execution ran; empty for anything else."""
    own = plain(record.get("ml:source"))
    if isinstance(own, str):
        return own
    for relation in index.out(number):
        if relation.name == "used" and index.kind(relation.object) == "cell":
            return str(plain(index.record(relation.object).get("ml:source")) or "")
    return ""


def code_box(source: str, label: str) -> str:
    """Return code with its colours, in a box that scrolls; nothing for none."""
    inner = highlighted(source[:_LONGEST_CODE], "code") if source else ""
    name = escape(label)
    return f'<div class="mlprov-code-box" tabindex="0" role="region" aria-label="{name}">{inner}</div>' if inner else ""
