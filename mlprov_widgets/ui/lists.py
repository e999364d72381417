"""Many things at once, as HTML: the stages, the steps of one, the relations of a name, everything that is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import islice

from mlprov_widgets.provenance.graph.columns import ELEMENTS
from mlprov_widgets.provenance.graph.scene import Dot, Scene, words_of
from mlprov_widgets.provenance.graph.story import HERE, THERE, Stage, Story
from mlprov_widgets.provenance.overview import UNKNOWN
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.changes import RUNS
from mlprov_widgets.ui.links import MOST_LINKS, go, table, told


def overview_html(story: Story) -> str:
    """Return the stages as a table, with what a person should know first."""
    notice = "".join(parts.note(note, "warn") for note in story.notes)
    if not story.stages:
        told = "No activity is recorded, so there are no steps. The records are in the view Standard."
        if story.only_differences:
            told = "No stage differs."
        return notice + parts.note(told)
    head = ("Stage", "In short", "Took")
    rows = [(go(f"stage:{s.key}", s.title), escape(s.headline), escape(s.took)) for s in story.stages]
    if story.beside is not None:
        head = (*head[:2], "State")
        rows = [(*row[:2], escape(stage.state)) for row, stage in zip(rows, story.stages, strict=True)]
    return f"{notice}<h3>The run in time</h3>{table(rows, head)}"


def sections_html(story: Story) -> str:
    """Return how many records and relations there are of each PROV name."""
    html = ""
    for prefix, index in ((HERE, story.index), (THERE, story.beside.there if story.beside is not None else None)):
        if index is None:
            continue
        run = "" if story.beside is None else f", {RUNS[prefix == THERE].lower()}"
        sections = [(escape(name), f"{count:,}") for name in ELEMENTS if (count := index.count(name))]
        relations = [(go(f"relation:{prefix}{name}", name), f"{count:,}") for name, count in index.counts().items()]
        html += f"<h3>As PROV names it{run}</h3>{table([*sections, *relations], ('Records and relations', 'Number'))}"
    return html


def stage_html(story: Story, stage: Stage) -> str:
    """Return a stage: its steps, or what stands in it, and the fields that were recorded of it."""
    lead = f'<p class="mlprov-lead">{escape(stage.headline)}</p>' if stage.headline else ""
    head = f'<h3 tabindex="-1">{escape(stage.title)}</h3>{lead}'
    if stage.aside:
        if not stage.items:
            return head
        rows = [(go(item.ref, item.name), escape(item.value), escape(item.state)) for item in stage.items]
        if story.beside is None:
            return head + table([row[:2] for row in rows], ("What", "Value"))
        return head + table(rows, ("What", "First run → second run", "State"))
    steps = [
        (
            go(s.ref, s.title),
            escape(", ".join(filter(None, (s.status, "stale" if s.stale else "", s.state)))),
            escape(s.took),
            escape(s.code),
        )
        for s in stage.steps
    ]
    html = head + table(steps[:1000], ("Step", "Outcome", "Took", "Code"))
    if len(steps) > 1000:
        html += parts.help_text(f"and {len(steps) - 1000:,} more: search for them")
    if stage.took and stage.took != UNKNOWN:
        html += parts.help_text(f"Took {stage.took} in all.")
    return html


def relations_html(story: Story, meant: str) -> str:
    """Return the relations of a name, which stands behind the document that they are of: ``rused``."""
    prefix, name = meant[:1], meant[1:]
    index = story.index_of(prefix)
    found = list(islice(index.relations(name), MOST_LINKS))
    rows = [
        (go(f"{prefix}{r.subject}", told(index, r.subject)), go(f"{prefix}{r.object}", told(index, r.object)))
        for r in found
    ]
    count = index.counts().get(name, 0)
    more = f" The first {len(found)} of {count:,}." if count > len(found) else ""
    run = (" in the second run" if prefix == THERE else " in the first run") if story.beside is not None else ""
    lead = f"{count:,} relation{'s' if count != 1 else ''}{run}.{more}"
    title = f'<h3 tabindex="-1">{escape(name)}</h3><p class="mlprov-lead">{lead}</p>'
    return title + table(rows, ("Subject", "Points at"))


def scene_table(scene: Scene) -> str:
    """Return everything that is drawn as a table: the way for a screen reader and for a keyboard."""
    names = {dot.key: " ".join(dot.label.split("\n")) for dot in scene.dots}
    leads: dict[str, list[str]] = {}
    for line in scene.lines:
        named = f"{line.label.replace(chr(10), ', ')} " if line.label else ""
        leads.setdefault(line.source, []).append(f"{named}→ {names.get(line.target, '')}")
    rows = [_table_row(dot, leads.get(dot.key, [])) for dot in scene.dots if dot.meant]
    return table(rows, ("What", "Kind", "Arrows lead to"))


def _table_row(dot: Dot, leads: Sequence[str]) -> tuple[str, str, str]:
    kept = [
        mark
        for mark in dot.classes.split()
        if mark in ("error", "stale", "edited", "changed", "only-here", "only-there", "same")
    ]
    kind = " ".join([words_of(dot), *(f"({mark.replace('-', ' ')})" for mark in kept)])
    return (go(dot.meant, " ".join(dot.label.split())), escape(kind), escape("; ".join(leads[:20])))
