"""What is known of one thing, as HTML; every text in it is escaped, every link names what it opens."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from mlprov_widgets.files import sha256_of_bytes
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.indexed import file_of
from mlprov_widgets.provenance.graph.items import items_of
from mlprov_widgets.provenance.graph.kinds import WORDS, plain, references_in, shown, value_text
from mlprov_widgets.provenance.graph.story import Step, Story, number_of
from mlprov_widgets.provenance.overview import UNKNOWN, shortened
from mlprov_widgets.provenance.view import beside
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.changes import changes_html
from mlprov_widgets.ui.links import MOST_LINKS, code_box, copier, facts, go, plain_name, source_of, told

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


def _value(index: Index, raw: Any, prefix: str) -> str:
    """Return an attribute's value; what refers to a record is a link, what is long is folded."""
    references = [r for r in references_in(raw) if index.number(r) is not None]
    if references:
        return ", ".join(go(f"{prefix}{index.number(r)}", r) for r in references[:MOST_LINKS])
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
        rows.append((plain_name(attribute), f"<b>{_value(index, record[attribute], prefix)}</b>"))
        rows += _obtained(index, attribute, prefix)
    elif value := value_text(record, kind):
        rows.append(("Value", f"<b>{escape(shortened(value, _LONG))}</b>"))
    step = story.step(ref)
    if step is not None:
        rows += _step_rows(story, step)
    elif kind in ("entity", "activity", "agent") and not index.is_described(number):
        rows.append(("Note", "This is only mentioned: the document has no record of it."))
    changed = changes_html(story, ref, fields)
    links = _links(index, number, prefix)
    own = [(plain_name(n), _value(index, v, prefix)) for n, v in record.items() if n not in ("ml:source", attribute)]
    word = "model file" if kind == "file" and "mls:Model" in index.types(number) else WORDS.get(kind, kind)
    return "".join(
        [
            f'<h3 tabindex="-1">{escape(shortened(index.name(number), 120))}</h3>',
            f'<p class="mlprov-lead">{escape(word)} {copier(identifier, "Copy identifier")}</p>',
            facts(rows) if rows else "",
            changed,
            _picture(index, record),
            _section("Relations", facts(links), opened=step is None) if links else "",
            code_box(source_of(index, number, record), "Code"),
            _section("Every attribute", facts([("identifier", escape(identifier)), *own])),
        ]
    )


def _section(title: str, html: str, *, opened: bool = True) -> str:
    return (
        f'<details{" open" if opened else ""} class="mlprov-folded"><summary>{escape(title)}</summary>{html}</details>'
    )


def _obtained(index: Index, attribute: str, prefix: str) -> list[tuple[str, str]]:
    """Say which function obtained a field."""
    fact = index.number(f"run:fact-{attribute.rpartition(':')[2]}")
    makers = [r.object for r in index.out(fact) if r.name == "wasGeneratedBy"] if fact is not None else []
    return [("Determined by", go(f"{prefix}{number}", index.name(number))) for number in makers]


def _step_rows(story: Story, step: Step) -> list[tuple[str, str]]:
    index, prefix = story.index_of(step.ref), step.ref[0]
    rows = []
    if step.status:
        after = f" after {step.took}" if step.took != UNKNOWN else ""  # nobody saw when a killed one ended
        rows.append(("Outcome", escape(f"{step.status}{after}")))
    elif step.took != UNKNOWN:
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
                told = f"{item.name}{between}{shortened(item.value, 32)}" if item.value else item.name
                groups.setdefault(titles.get(item.kind, "Data"), []).append(go(item.ref, told))
        rows += [(f"{title} {verb}", ", ".join(_capped(own))) for title, own in groups.items()]
    return rows


def _capped(links: Sequence[str]) -> list[str]:
    more = len(links) - MOST_LINKS
    return [*links[:MOST_LINKS], *([f"and {more:,} more"] if more > 0 else [])]


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
            if len(links) < MOST_LINKS:
                links.append(go(f"{prefix}{other}", told(index, other)))
            elif len(links) == MOST_LINKS:
                links.append("and more")
    return [(f"{said} ({name})", ", ".join(links)) for (said, name), links in found.items()]


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
