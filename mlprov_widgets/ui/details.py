"""What is known of one thing, as HTML; every text in it is escaped, every link names what it opens."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from mlprov_widgets.files import sha256_of_bytes
from mlprov_widgets.provenance.graph.difference import ONLY_HERE, ONLY_THERE, SAME, Differences
from mlprov_widgets.provenance.graph.index import Index, Relation
from mlprov_widgets.provenance.graph.indexed import file_of
from mlprov_widgets.provenance.graph.kinds import WORDS, plain, references_in, shown, value_text
from mlprov_widgets.provenance.graph.scene import Dot, Scene, words_of
from mlprov_widgets.provenance.graph.story import HERE, THERE, Stage, Step, Story, items_of, number_of
from mlprov_widgets.provenance.overview import shortened
from mlprov_widgets.provenance.view import beside
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.preview import highlighted

_MOST_LINKS = 40
_LONG = 240
_LONGEST = 10_000
_LARGEST_PICTURE = 4 * 2**20
_SAID = {
    "wasGeneratedBy": ("Made by", "Made"),
    "used": ("Used", "Used by"),
    "wasDerivedFrom": ("Made of", "Went into"),
    "wasInformedBy": ("After", "Before"),
    "wasStartedBy": ("Started by", "Started"),
    "wasEndedBy": ("Ended by", "Ended"),
    "wasAttributedTo": ("By", "Author of"),
    "wasAssociatedWith": ("Carried out by", "Carried out"),
    "actedOnBehalfOf": ("For", "Acted through"),
    "hadMember": ("Has the part", "Part of"),
    "specializationOf": ("A form of", "Has the form"),
    "alternateOf": ("Another form of", "Another form of"),
    "wasInvalidatedBy": ("Ended by", "Ended"),
    "wasInfluencedBy": ("Influenced by", "Influenced"),
    "mentionOf": ("Mentions", "Mentioned by"),
}


def go(meant: str, text: str) -> str:
    """Return a link that opens something in the explorer."""
    return f'<button type="button" class="mlprov-go" data-go="{escape(meant)}">{escape(text)}</button>'


def copier(text: str, label: str) -> str:
    """Return a button that copies a text."""
    return f'<button type="button" class="mlprov-copy" data-copy="{escape(text)}">{escape(label)}</button>'


def _rows(rows: Iterable[tuple[str, str]], head: Sequence[str] = ()) -> str:
    """Return a table whose second column is HTML."""
    top = _head(head) if head else ""
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{html}</td></tr>' for name, html in rows)
    return f'<div class="mlprov-scroll"><table class="mlprov-table mlprov-facts">{top}{body}</table></div>'


def _value(index: Index, raw: Any, prefix: str) -> str:
    """Return an attribute's value; what refers to a record is a link, what is long is folded."""
    references = [r for r in references_in(raw) if index.number(r) is not None]
    if references:
        return ", ".join(go(f"{prefix}{index.number(r)}", r) for r in references[:_MOST_LINKS])
    value = plain(raw)
    text = str(value) if isinstance(value, float) else shown(value)
    if len(text) <= _LONG:
        return escape(text)
    cut = escape(text[:_LONGEST]) + (f" … ({len(text):,} characters)" if len(text) > _LONGEST else "")
    return f"<details><summary>{escape(shortened(text, 80))}</summary><div class='mlprov-long'>{cut}</div></details>"


def record_html(story: Story, ref: str, attribute: str = "", fields: Mapping[str, str] | None = None) -> str:
    """Return the details of an element.

    Parameters
    ----------
    story
        The document.
    ref
        The element.
    attribute
        The attribute that was looked for, which is told first.
    fields
        Labels of the form's fields by parameter, where there is a form to go to.
    """
    index, number, prefix = story.index_of(ref), number_of(ref), ref[0]
    record, kind, identifier = index.record(number), index.kind(number), index.ids[number]
    rows: list[tuple[str, str]] = []
    if attribute in record:
        rows.append((_plain_name(attribute), f"<b>{_value(index, record[attribute], prefix)}</b>"))
        rows += _obtained(index, attribute, prefix)
    elif value := value_text(record, kind):
        rows.append(("Value", f"<b>{escape(shortened(value, _LONG))}</b>"))
    step = story.step(ref)
    if step is not None:
        rows += _step_rows(story, step)
    elif kind in ("entity", "activity", "agent") and not index.is_described(number):
        rows.append(("Note", "This is only mentioned: the document has no record of it."))
    changed = _changed(story, ref, fields)
    links = _links(index, number, prefix)
    own = [(_plain_name(n), _value(index, v, prefix)) for n, v in record.items() if n not in ("ml:source", attribute)]
    word = "model file" if kind == "file" and "mls:Model" in index.types(number) else WORDS.get(kind, kind)
    return "".join(
        [
            f'<h3 tabindex="-1">{escape(shortened(index.name(number), 120))}</h3>',
            f'<p class="mlprov-lead">{escape(word)} {copier(identifier, "Copy identifier")}</p>',
            _rows(rows) if rows else "",
            changed,
            _picture(index, record),
            _rows(links) if links else "",
            _code(index, number, record),
            _section("Every attribute", _rows([("identifier", escape(identifier)), *own])),
        ]
    )


def _section(title: str, html: str) -> str:
    return f'<details open class="mlprov-folded"><summary>{escape(title)}</summary>{html}</details>'


def _plain_name(attribute: str) -> str:
    return attribute.rpartition(":")[2].replace("_", " ") if attribute.startswith(("ml:", "pypi:")) else attribute


def _obtained(index: Index, attribute: str, prefix: str) -> list[tuple[str, str]]:
    """Say which function obtained a field."""
    fact = index.number(f"run:fact-{attribute.rpartition(':')[2]}")
    makers = [r.object for r in index.out(fact) if r.name == "wasGeneratedBy"] if fact is not None else []
    return [("Determined by", go(f"{prefix}{number}", index.name(number))) for number in makers]


def _step_rows(story: Story, step: Step) -> list[tuple[str, str]]:
    index, prefix = story.index_of(step.ref), step.ref[0]
    rows = []
    if step.status:
        rows.append(("Outcome", escape(f"{step.status} after {step.took}")))
    elif step.took != "–":
        rows.append(("Took", escape(step.took)))
    if step.code:
        rows.append(("Code", escape(step.code)))
    if step.error:
        rows.append(("Error", escape(step.error)))
    if step.stale:
        rows.append(("Stale", escape(step.stale)))
    if agents := _agents_of(index, number_of(step.ref)):
        rows.append(("By", ", ".join(go(f"{prefix}{agent}", index.name(agent)) for agent in agents)))
    titles = {"parameter": "Parameters", "metric": "Metrics", "file": "Files", "series": "Curves"}
    for made, verb in ((False, "read"), (True, "made")):
        groups: dict[str, list[str]] = {}
        code = [i for i in items_of(story, step.ref, "engineer") if i.kind in ("data", "dataset", "model")]
        for item in [*items_of(story, step.ref, "analyst"), *code]:
            if item in code:
                if item.made is made:
                    groups.setdefault("Functions", []).append(go(item.ref, item.name))
            elif item.made is made:
                between = " = " if item.kind in ("parameter", "metric") else " "
                told = f"{item.name}{between}{item.value}" if item.value else item.name
                groups.setdefault(titles.get(item.kind, "Data"), []).append(go(item.ref, told))
        rows += [(f"{title} {verb}", ", ".join(_capped(own))) for title, own in groups.items()]
    return rows


def _capped(links: Sequence[str]) -> list[str]:
    more = len(links) - _MOST_LINKS
    return [*links[:_MOST_LINKS], *([f"and {more:,} more"] if more > 0 else [])]


def _agents_of(index: Index, number: int) -> list[int]:
    own = [r.object for r in index.out(number) if r.name == "wasAssociatedWith"]
    starters = [r.object for r in index.out(number) if r.name == "wasStartedBy"]
    return own or [r.object for s in starters for r in index.out(s) if r.name == "wasAssociatedWith"]


def _links(index: Index, number: int, prefix: str) -> list[tuple[str, str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for inverse, relations in ((0, index.out(number)), (1, index.into(number))):
        for relation in relations:
            other = relation.subject if inverse else relation.object
            said = _SAID[relation.name][inverse]
            links = found.setdefault((said, relation.name), [])
            if len(links) < _MOST_LINKS:
                links.append(go(f"{prefix}{other}", _told(index, other)))
            elif len(links) == _MOST_LINKS:
                links.append("and more")
    return [(f"{said} ({name})", ", ".join(links)) for (said, name), links in found.items()]


def _told(index: Index, number: int) -> str:
    record, kind = index.record(number), index.kind(number)
    value = value_text(record, kind)
    return shortened(f"{index.name(number)} = {value}" if value else index.name(number), 48)


def _source(index: Index, number: int, record: Mapping[str, Any]) -> str:
    own = plain(record.get("ml:source"))
    if isinstance(own, str):
        return own
    for relation in index.out(number):
        if relation.name == "used" and index.kind(relation.object) == "cell":
            return str(plain(index.record(relation.object).get("ml:source")) or "")
    return ""


def _code(index: Index, number: int, record: Mapping[str, Any]) -> str:
    source = _source(index, number, record)
    inner = highlighted(source[: 10 * _LONGEST], "code") if source else ""
    return f'<div class="mlprov-code-box" tabindex="0" role="region" aria-label="Code">{inner}</div>' if inner else ""


def _picture(index: Index, record: Mapping[str, Any]) -> str:
    """Return a plot that lies beside the document and is what the document says."""
    name = plain(record.get("schema:name"))
    if not isinstance(name, str) or not name.endswith(".png"):
        return ""
    path = beside(file_of(index), name)
    if path is None or not path.is_file() or path.stat().st_size > _LARGEST_PICTURE:
        return parts.help_text("The picture is not beside the document.")
    raw = path.read_bytes()
    if sha256_of_bytes(raw) != record.get("schema:sha256"):
        return parts.help_text("The picture beside the document is not the one that the run wrote.")
    data = base64.b64encode(raw).decode()
    return f'<img class="mlprov-picture" alt="{escape(name)}" src="data:image/png;base64,{data}">'


def _changed(story: Story, ref: str, fields: Mapping[str, str] | None) -> str:
    """Return what differs from the other document, with the ways to the form's field and to the cell."""
    compared = story.beside
    if compared is None:
        return ""
    if ref.startswith(THERE):
        return parts.note("Only there: the other run has this, and this one has not.", "warn")
    number, index = number_of(ref), story.index
    step = story.step(ref)
    state = step.state if step is not None else compared.states.get(number, SAME)
    if state == ONLY_HERE:
        return parts.note("Only here: the other run has no such thing.", "warn")
    changes = compared.changes(number)
    table = (
        ""
        if not changes
        else parts.table(
            [(_plain_name(c.attribute), _side(c.here), _side(c.there)) for c in changes],
            ("Attribute", "Here", "There"),
        )
    )
    table = "" if state == SAME else table
    ways = _ways(index, number, fields) if state != SAME else ""
    twin = compared.twins.get(number)
    if index.kind(number) == "execution" and twin is not None:
        both = [_source(i, n, i.record(n)) for i, n in ((index, number), (compared.there, twin))]
        if both[0] != both[1]:
            table += f'<div class="mlprov-code-box" tabindex="0">{highlighted(_diff(*both), "code")}</div>'
    said = "Changed: its code, or what it read and made." if step is not None else "Changed."
    return (
        parts.note("The same in both." if state == SAME else said, "fine" if state == SAME else "warn") + table + ways
    )


def _diff(here: str, there: str) -> str:
    import difflib

    lines = difflib.unified_diff(here.splitlines(), there.splitlines(), "here", "there", lineterm="")
    return "\n".join(list(lines)[:400])


def _side(value: Any) -> str:
    return "(not there)" if value is None else shortened(shown(value), 200)


def _ways(index: Index, number: int, fields: Mapping[str, str] | None) -> str:
    """Return the links to the form's field that decides a value, and to the cell that used or made it."""
    links = []
    name = index.name(number)
    if index.kind(number) in ("parameter", "data") and (fields is None or name in fields):
        label = (fields or {}).get(name, name.replace("_", " "))
        links.append(go(f"field:{name}", f"Form field: {label}") if fields else escape(f"Form field: {label}"))
    users = [r.object for r in index.out(number) if r.name == "wasGeneratedBy"]
    users += [r.subject for r in index.into(number) if r.name == "used"]
    cells = [r.object for n in users for r in index.out(n) if r.name == "used" and index.kind(r.object) == "cell"]
    links += [go(f"{HERE}{cell}", f"Cell: {index.name(cell)}") for cell in list(dict.fromkeys(cells))[:3]]
    return f"<p>{' · '.join(links)}</p>" if links else ""


# Stages, relations, the table ---------------------------------------------------------------------------


def overview_html(stages: Sequence[Stage], notes: Sequence[str]) -> str:
    """Return the stages as a table, with what a person should know first."""
    told = "".join(parts.note(note, "warn") for note in notes)
    if not stages:
        return told + parts.note(
            "No activity is recorded, so there are no steps. The records are in the view Standard."
        )
    rows = [(go(f"stage:{s.key}", s.title), escape(s.headline), escape(s.took)) for s in stages]
    return f"{told}<h3>The run in time</h3>{_table(rows, ('Stage', 'In short', 'Took'))}"


def _head(cells: Sequence[str]) -> str:
    inner = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in cells)
    return f"<tr>{inner}</tr>"


def _table(rows: Iterable[Sequence[str]], head: Sequence[str]) -> str:
    top = _head(head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="mlprov-scroll"><table class="mlprov-table">{top}{body}</table></div>'


def stage_html(story: Story, stage: Stage) -> str:
    """Return a stage: its steps, or what stands in it, and the fields that were recorded of it."""
    lead = f'<p class="mlprov-lead">{escape(stage.headline)}</p>' if stage.headline else ""
    head = f'<h3 tabindex="-1">{escape(stage.title)}</h3>{lead}'
    if stage.items:
        rows = [(go(item.ref, item.name), escape(item.value), escape(item.state)) for item in stage.items]
        return head + _table([row if stage.state else row[:2] for row in rows], ("What", "Value"))
    steps = [
        (
            go(s.ref, s.title),
            escape(", ".join(filter(None, (s.status, "stale" if s.stale else "", s.state)))),
            escape(s.took),
            escape(s.code),
        )
        for s in stage.steps
    ]
    html = head + _table(steps[:1000], ("Step", "Outcome", "Took", "Code"))
    if len(steps) > 1000:
        html += parts.help_text(f"and {len(steps) - 1000:,} more: search for them")
    if stage.took and stage.took != "–":
        html += parts.help_text(f"Took {stage.took} in all.")
    return html


def relations_html(index: Index, name: str) -> str:
    """Return the relations of a name."""
    found: list[Relation] = []
    for relation in index.relations(name):
        found.append(relation)
        if len(found) == _MOST_LINKS:
            break
    rows = [
        (go(f"{HERE}{r.subject}", _told(index, r.subject)), go(f"{HERE}{r.object}", _told(index, r.object)))
        for r in found
    ]
    count = index.counts().get(name, 0)
    more = f" The first {len(found)} of {count:,}." if count > len(found) else ""
    told = f'<h3 tabindex="-1">{escape(name)}</h3><p class="mlprov-lead">{count:,} relations.{more}</p>'
    return told + _table(rows, ("Subject", "Points at"))


def scene_table(scene: Scene) -> str:
    """Return everything that is drawn as a table: the way for a screen reader and for a keyboard."""
    names = {dot.key: " ".join(dot.label.split("\n")) for dot in scene.dots}
    leads: dict[str, list[str]] = {}
    for line in scene.lines:
        told = f"{line.label.replace(chr(10), ', ')} " if line.label else ""
        leads.setdefault(line.source, []).append(f"{told}→ {names.get(line.target, '')}")
    rows = [_table_row(dot, leads.get(dot.key, [])) for dot in scene.dots if dot.meant]
    return _table(rows, ("What", "Kind", "Arrows lead to"))


def _table_row(dot: Dot, leads: Sequence[str]) -> tuple[str, str, str]:
    kept = [
        mark
        for mark in dot.classes.split()
        if mark in ("error", "stale", "edited", "changed", "only-here", "only-there", "same")
    ]
    kind = " ".join([words_of(dot), *(f"({mark.replace('-', ' ')})" for mark in kept)])
    return go(dot.meant, " ".join(dot.label.split())), escape(kind), escape("; ".join(leads[:20]))


def counted_html(compared: Differences) -> str:
    """Return how many things are the same, changed, only here and only there."""
    told = ", ".join(f"{compared.count(state):,} {state}" for state in (SAME, "changed", ONLY_HERE, ONLY_THERE))
    return parts.note(f"Two runs: {told}.")
