"""What differs between two runs in one thing, as HTML, with the ways to the form's field and to the cell."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from html import escape
from typing import Any

from mlprov_widgets.files import UPLOADS
from mlprov_widgets.provenance.graph.difference import CHANGED, ONLY_HERE, ONLY_THERE, SAME, Differences
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.items import items_of
from mlprov_widgets.provenance.graph.kinds import shown
from mlprov_widgets.provenance.graph.story import HERE, THERE, Step, Story, number_of
from mlprov_widgets.provenance.overview import shortened
from mlprov_widgets.provenance.view import View
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.links import code_box, go, plain_name, source_of, table

_LONGEST_DIFF = 400
RUNS = ("First run", "Second run")


def changes_html(story: Story, ref: str, fields: Mapping[str, str] | None = None) -> str:
    """Return what differs in an element from the other document; nothing where there is no other.

    Parameters
    ----------
    story
        The two documents.
    ref
        The element.
    fields
        Labels of the form's fields by parameter, where there is a form to go to.
    """
    compared = story.beside
    if compared is None:
        return ""
    number, step = number_of(ref), story.step(ref)
    if ref.startswith(THERE):
        if not compared.is_only_there(number):
            return parts.note("This is the second run's; it follows from the rest and is not compared.")
        ways = _ways(compared.there, number, THERE, fields)
        return parts.note("Only there: the second run has this, and the first one has not.", "warn") + ways
    if number not in compared.states:
        return parts.note("This is the first run's; it follows from the rest and is not compared.")
    state = step.state if step is not None else compared.states[number]
    if state == SAME:
        return parts.note("The same in both.", "fine")
    ways = _ways(story.index, number, HERE, fields)
    if state == ONLY_HERE:
        return parts.note("Only here: the first run has this, and the second one has not.", "warn") + ways
    said = "Changed: its code, or what it read and made." if step is not None else "Changed."
    told = parts.note(said, "warn") + _attributes(compared, number)
    if step is not None:
        told += _items(story, step)
    return told + _code(compared, number) + ways


def _attributes(compared: Differences, number: int) -> str:
    rows = [
        (plain_name(change.attribute), _side(change.here), _side(change.there))
        for change in compared.changes(number)
        if change.attribute != "ml:source"  # its lines are told one by one
    ]
    return parts.table(rows, ("Attribute", *RUNS)) if rows else ""


def _side(value: Any) -> str:
    return "(not there)" if value is None else shortened(shown(value), 200)


def _items(story: Story, step: Step) -> str:
    """Return what a step read and made that is not the same in both."""
    items = {
        item.ref: item
        for lens in ("analyst", "engineer")
        for item in items_of(story, step.ref, lens)
        if item.state != SAME
    }
    rows = [(go(item.ref, item.name), escape(item.value), escape(item.state)) for item in items.values()]
    return table(rows, ("What", "First run → second run", "State")) if rows else ""


def _code(compared: Differences, number: int) -> str:
    """Return the lines in which the code of an execution or a cell differs."""
    twin = compared.twins.get(number)
    if twin is None or compared.here.kind(number) not in ("execution", "cell"):
        return ""
    here, there = (source_of(i, n, i.record(n)) for i, n in ((compared.here, number), (compared.there, twin)))
    lines = difflib.unified_diff(here.splitlines(), there.splitlines(), "first run", "second run", lineterm="")
    return code_box("\n".join(list(lines)[:_LONGEST_DIFF]), "What differs in the code")


def _ways(index: Index, number: int, prefix: str, fields: Mapping[str, str] | None) -> str:
    """Return the links to the form's field that decides a value, and to the cell that used or made it."""
    links = []
    name = index.name(number)
    if index.kind(number) in ("parameter", "data") and (fields is None or name in fields):
        label = (fields or {}).get(name, name.replace("_", " "))
        links.append(go(f"field:{name}", f"Form field: {label}") if fields else escape(f"Form field: {label}"))
    users = [r.object for r in index.out(number) if r.name == "wasGeneratedBy"]
    users += [r.subject for r in index.into(number) if r.name == "used"]
    cells = [r.object for n in users for r in index.out(n) if r.name == "used" and index.kind(r.object) == "cell"]
    links += [go(f"{prefix}{cell}", f"Cell: {index.name(cell)}") for cell in list(dict.fromkeys(cells))[:3]]
    return f"<p>{' · '.join(links)}</p>" if links else ""


def counted_html(story: Story) -> str:
    """Return how many things are the same, changed, only here and only there, and which runs these are."""
    compared = story.beside
    if compared is None:
        return ""
    states = (SAME, CHANGED, ONLY_HERE, ONLY_THERE)
    counts = ", ".join(f"{compared.count(state):,} {state}" for state in states)
    runs = [
        (name, _file_name(index), _began(laid_out), f"{index.counted:,}")
        for name, index, laid_out in zip(
            RUNS,
            (compared.here, compared.there),
            (story.laid_out, story.there.laid_out if story.there is not None else None),
            strict=True,
        )
    ]
    return parts.note(f"Two runs: {counts}.") + parts.table(runs, ("", "File", "Began", "Records"))


def _file_name(index: Index) -> str:
    # A run's own document is called like that of every other run.
    path = index.path
    if path is None:
        return ""
    uploaded = path.parent.parent.name == UPLOADS  # there, it is the folder that has a name of no meaning
    return path.parent.name if path.name == "provenance.json" and not uploaded else path.name


def _began(laid_out: View | None) -> str:
    started = laid_out.run.get("started") if laid_out is not None else None
    return str(started or "")[:19].replace("T", " ")
