"""The views of a run: what each adds to the stages, and what stands below the pipeline in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from mlprov_widgets.provenance.graph.difference import CHANGED, ONLY_HERE, ONLY_THERE, SAME
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.kinds import plain
from mlprov_widgets.provenance.graph.story import HERE, THERE, Item, Stage, Story
from mlprov_widgets.provenance.overview import shortened, size_in_words
from mlprov_widgets.provenance.view import View

SEAL: Final = "seal"
"""The key of the stage in which the document is verified."""
_MOST_AGENTS = 40
_TOLD_FIRST = ("torch", "scikit-learn", "pandas", "numpy")


def lensed(story: Story, lens: str, checked: str = "", outcome: str = "ok") -> list[Stage]:
    """Return the stages with what a view adds to them, and what stands below the pipeline in it.

    Parameters
    ----------
    story
        A document, or two side by side.
    lens
        ``analyst``, ``engineer`` or ``auditor``.
    checked, outcome
        What came of the verification, in a few words and as a status; empty before it was asked for.
    """
    stages = story.stages
    if story.laid_out is not None and lens == "engineer":
        stages = [_coded(stage) for stage in stages]
    elif story.laid_out is not None and lens == "auditor":
        stages = [_clocked(stage) for stage in stages]
    below = _below(story, story.laid_out, lens, HERE)
    if story.there is not None:
        below = _side_by_side(below, _below(story.there, story.there.laid_out, lens, THERE))
        if story.only_differences:
            below = [stage for stage in below if stage.state != SAME]
    if checked:
        below = [replace(s, headline=checked, status=outcome) if s.key == SEAL else s for s in below]
    return [*stages, *below]


def _below(story: Story, laid_out: View | None, lens: str, prefix: str) -> list[Stage]:
    if lens == "engineer" and laid_out is not None:
        return _environment(story.index, laid_out, prefix)
    if lens != "auditor":
        return []
    agents = _agents(story.index, prefix)
    if laid_out is None:
        return [Stage("agents", "Agents", _counted(agents, "agent"), items=agents, aside=True)] if agents else []
    return [
        Stage("agents", "Who", ", ".join(item.name for item in agents), items=agents, aside=True),
        _edits(story, prefix),
        _seal(story.index, prefix),
    ]


def _edits(story: Story, prefix: str) -> Stage:
    edits = tuple(
        Item(f"{prefix}{step.ref[1:]}", "execution", True, step.title, step.code)
        for stage in story.stages
        for step in stage.steps
        if step.code in ("edited", "added") and step.ref.startswith(HERE)
    )
    headline = _counted(edits, "changed cell") if edits else "no cell was changed"
    return Stage("edits", "Edits", headline, items=edits, aside=True)


def _seal(index: Index, prefix: str) -> Stage:
    seal = index.number("run:seal")
    head = str(index.record(seal).get("ml:head", ""))[:16] if seal is not None else "missing"
    sealed = (Item(f"{prefix}{seal}", "seal", True, "Seal", f"head {head}"),) if seal is not None else ()
    return Stage(SEAL, "Verification", "not checked yet: click", items=sealed, aside=True)


def _coded(stage: Stage) -> Stage:
    changed = sum(step.code in ("edited", "added") for step in stage.steps)
    told = f"{len(stage.steps)} cell{'s' if len(stage.steps) > 1 else ''} ran"
    return replace(stage, headline=told + (f", {changed} changed by hand" if changed else ""))


def _clocked(stage: Stage) -> Stage:
    starts = [step.start for step in stage.steps if step.start]
    return replace(stage, headline=f"began {clock(min(starts))} UTC" if starts else "")


def clock(moment: str) -> str:
    """Return the time of day of an ISO text."""
    return moment.partition("T")[2][:12] or moment[:24]


def _counted(items: Sequence[object], word: str) -> str:
    return f"{len(items)} {word}{'s' if len(items) != 1 else ''}"


def _agents(index: Index, prefix: str) -> tuple[Item, ...]:
    found = []
    for number in sorted(index.of_section("agent"), key=index.position)[:_MOST_AGENTS]:
        version = plain(index.record(number).get("schema:softwareVersion"))
        found.append(Item(f"{prefix}{number}", "agent", True, index.name(number), str(version or "")))
    return tuple(found)


def _environment(index: Index, laid_out: View, prefix: str) -> list[Stage]:
    packages, machine = index.number("run:packages"), index.number("run:hardware_info")
    named = [n for n in _TOLD_FIRST if n in laid_out.packages]
    order = [*named, *(name for name in laid_out.packages if name not in named)]
    versions = tuple(Item(f"{prefix}{packages}", "packages", True, name, laid_out.packages[name]) for name in order)
    fields = {name: item["value"] for name, item in laid_out.table1.get("hardware_info", {}).items()}
    parts = tuple(
        Item(f"{prefix}{machine}", "group", True, name.replace("_", " "), _hardware(name, value))
        for name, value in fields.items()
        if value is not None
    )
    functions = tuple(
        Item(f"{prefix}{number}", "function", True, index.name(number), _obtained(index, number))
        for number in sorted(index.of_type("ml:Observation"), key=index.position)
    )
    first = [f"{name} {laid_out.packages[name]}" for name in named[:1]]
    cpu = shortened(str(fields.get("CPU") or ""), 40)
    stages = [
        Stage("packages", "Packages", ", ".join([_counted(versions, "package"), *first]), items=versions, aside=True),
        Stage("machine", "Machine", cpu, items=parts, aside=True),
        Stage(
            "functions",
            "Functions that obtained facts",
            _counted(functions, "function"),
            items=functions,
            aside=True,
        ),
    ]
    return [stage for stage in stages if stage.items]


def _hardware(name: str, value: Any) -> str:
    if name == "RAM" and isinstance(value, int):
        return size_in_words(value)
    if isinstance(value, list):
        return shortened(", ".join(str(item) for item in value) or "none")
    return shortened(str(value))


def _obtained(index: Index, number: int) -> str:
    return ", ".join(index.name(r.subject).replace("_", " ") for r in index.into(number) if r.name == "wasGeneratedBy")


# Two documents ------------------------------------------------------------------------------------------


def _side_by_side(here: Sequence[Stage], there: Sequence[Stage]) -> list[Stage]:
    theirs = {stage.key: stage for stage in there}
    found = [_paired(stage, theirs.pop(stage.key, None)) for stage in here]
    return found + [
        replace(stage, items=tuple(replace(item, state=ONLY_THERE) for item in stage.items), state=ONLY_THERE)
        for stage in theirs.values()
    ]


def _paired(stage: Stage, twin: Stage | None) -> Stage:
    """Return what stands below the pipeline with what differs first."""
    if stage.key == SEAL:  # it follows from all the rest
        return replace(stage, items=(*stage.items, *(twin.items if twin else ())))
    theirs = {item.name: item for item in twin.items} if twin else {}
    items = []
    for item in stage.items:
        other = theirs.pop(item.name, None)
        state = ONLY_HERE if other is None else SAME if other.value == item.value else CHANGED
        told = f"{item.value} → {other.value}" if other is not None and state == CHANGED else item.value
        items.append(replace(item, value=told, state=state))
    items += [replace(item, state=ONLY_THERE) for item in theirs.values()]
    differing = [item for item in items if item.state != SAME]
    headline = f"{_counted(differing, 'difference')}" if differing else "the same in both"
    state = CHANGED if differing else SAME
    ordered = (*differing, *(item for item in items if item.state == SAME))
    return replace(stage, items=ordered, headline=headline, state=state)
