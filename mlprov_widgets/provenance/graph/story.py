"""What happened, in time: stages, their steps, and what each step read and made.

A document of this package has stages; one of another tool has activities, which are put together by their types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.graph.difference import CHANGED, ONLY_HERE, ONLY_THERE, SAME, Differences
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.indexed import file_of
from mlprov_widgets.provenance.graph.kinds import local_part, plain, value_text
from mlprov_widgets.provenance.overview import duration, overview, shortened
from mlprov_widgets.provenance.terms import GROUP_OF_STAGE
from mlprov_widgets.provenance.view import View, view

HERE, THERE = "r", "t"
"""What a reference to an element begins with: its number here, or in the document beside it."""

MOST_STAGES = 12

LENSES: Final = {
    "analyst": "Analyst: data, model, metrics",
    "engineer": "Engineer: code, functions, packages, hardware",
    "auditor": "Auditor: agents, times, digests, edits",
    "standard": "Standard: every record, as PROV names it",
}

_SEEN_BY: Final = {
    "analyst": ("data", "dataset", "model", "parameter", "metric", "file", "series", "entity"),
    "engineer": ("cell", "function", "activity", "entity", "agent"),
    "auditor": ("cell", "dataset", "model", "file", "agent", "entity", "metric"),
}
_CODE_CLASSES = ("function", "type", "builtin_function_or_method", "builtins.function", "builtins.type")


@dataclass(frozen=True)
class Item:
    """Something that a step read or made.

    Attributes
    ----------
    ref : str
    kind : str
    made : bool
        Whether the step made it; else it read it.
    name, value : str
    state : str
        In a comparison, as `mlprov_widgets.provenance.graph.difference` calls it.
    """

    ref: str
    kind: str
    made: bool
    name: str
    value: str
    state: str = ""


@dataclass(frozen=True)
class Step:
    """An execution of a cell, or an activity."""

    ref: str
    identifier: str
    title: str
    status: str
    took: str
    start: str = ""
    end: str = ""
    code: str = ""
    stale: str = ""
    error: str = ""
    state: str = ""


@dataclass(frozen=True)
class Stage:
    """A stage; one whose `items` are given is no part of the pipeline and stands below it."""

    key: str
    title: str
    headline: str = ""
    status: str = "ok"
    took: str = ""
    stale: bool = False
    steps: tuple[Step, ...] = ()
    items: tuple[Item, ...] = ()
    state: str = ""


@dataclass
class Story:
    """A document, or two side by side, as stages in time.

    Attributes
    ----------
    index : Index
    laid_out : View or None
        None for a document of another tool.
    stages : list of Stage
    beside : Differences or None
    notes : list of str
        What a person should know of the document.
    """

    index: Index
    laid_out: View | None
    stages: list[Stage]
    beside: Differences | None = None
    notes: list[str] = field(default_factory=list)

    def index_of(self, ref: str) -> Index:
        """Return the document that a reference is of."""
        return self.beside.there if self.beside is not None and ref.startswith(THERE) else self.index

    def stage_of(self, ref: str) -> Stage | None:
        """Return the stage of a step, or that of what stands below the pipeline."""
        return next(
            (
                stage
                for stage in self.stages
                if any(step.ref == ref for step in stage.steps) or any(item.ref == ref for item in stage.items)
            ),
            None,
        )

    def step(self, ref: str) -> Step | None:
        """Return a step."""
        return next((step for stage in self.stages for step in stage.steps if step.ref == ref), None)

    def place_of(self, ref: str) -> tuple[str, str]:
        """Return the stage and the step at which a record is found: where it was made, else where it was used first."""
        stage = self.stage_of(ref)
        if stage is not None:
            return stage.key, ref if self.step(ref) is not None else ""
        index, number = self.index_of(ref), number_of(ref)
        group = local_part(index.ids[number])
        named = next((s for s, g in GROUP_OF_STAGE.items() if g == group and index.kind(number) == "group"), None)
        if named is not None and any(stage.key == named for stage in self.stages):
            return named, ""
        steps = {step.identifier: (stage.key, step.ref) for stage in self.stages for step in stage.steps}
        makers = [r.object for r in index.out(number) if r.name == "wasGeneratedBy"]
        users = sorted((r.subject for r in index.into(number) if r.name == "used"), key=index.position)
        return next((steps[index.ids[n]] for n in [*makers, *users] if index.ids[n] in steps), ("", ""))


def number_of(ref: str) -> int:
    """Return the number of a reference."""
    return int(ref[1:])


def story_of(index: Index) -> Story:
    """Return what happened in a document."""
    laid_out, notes = None, []
    if index.is_ours:
        try:
            laid_out = view(file_of(index))
        except MlprovError as error:
            notes.append(f"The stages cannot be shown, because {error}")
        except (AttributeError, KeyError, TypeError, ValueError):
            notes.append(
                "The stages cannot be shown: records do not hold what they should. Everything else can be looked at."
            )
    if index.left_out:
        notes.append(f"{index.left_out:,} records are malformed and left out.")
    stages = _stages(index, laid_out) if laid_out is not None else _activities(index)
    if not len(index):
        notes.append("The document is empty: it has no records.")
    return Story(index, laid_out, stages, notes=notes)


def _stages(index: Index, laid_out: View) -> list[Stage]:
    return [
        Stage(s.stage, s.title, s.headline, s.status, s.took, s.stale, tuple(_step(index, step) for step in s.steps))
        for s in overview(laid_out)
    ]


def _step(index: Index, step: Mapping[str, Any]) -> Step:
    number = index.number(str(step["record"]))
    return Step(
        f"{HERE}{number}",
        str(step["record"]),
        str(step["title"]),
        str(step["status"]),
        duration(step["start"], step["end"]),
        str(step["start"] or ""),
        str(step["end"] or ""),
        str(step["code"]),
        str(step.get("stale") or ""),
        str(step.get("error") or ""),
    )


def _activities(index: Index) -> list[Stage]:
    """Put the activities of any document together by type, in the order of their starts."""
    found: dict[str, list[tuple[str, int]]] = {}
    for number in index.of_section("activity"):
        types = [t for t in index.types(number) if not t.startswith("prov:")]
        found.setdefault(local_part(types[0]) if types else "", []).append(("", number))
    timed = {}
    for kind, numbers in found.items():
        own = [(str(plain(index.record(n).get("prov:startTime")) or "~"), index.position(n), n) for _, n in numbers]
        timed[kind] = sorted(own)
    stages = []
    for kind, own in sorted(timed.items(), key=lambda item: item[1][0]):
        steps = tuple(_activity(index, number) for _, _, number in own)
        title = kind or ("Activities" if len(steps) > 1 else steps[0].title)
        headline = f"{len(steps):,} activities" if len(steps) > 1 else (steps[0].title if kind else "")
        stages.append(Stage(kind, title, headline, "", steps[0].took if len(steps) == 1 else "", False, steps))
    if len(stages) > MOST_STAGES:
        rest = stages[MOST_STAGES - 1 :]
        steps = tuple(step for stage in rest for step in stage.steps)
        more = Stage("…", f"{len(rest)} more types", f"{len(steps):,} activities", "", "", False, steps)
        stages = [*stages[: MOST_STAGES - 1], more]
    return stages


def _activity(index: Index, number: int) -> Step:
    record = index.record(number)
    start, end = (str(plain(record.get(key)) or "") for key in ("prov:startTime", "prov:endTime"))
    return Step(f"{HERE}{number}", index.ids[number], index.name(number), "", duration(start, end), start, end)


# What a step read and made ----------------------------------------------------------------------------


def items_of(story: Story, ref: str, lens: str) -> list[Item]:
    """Return what a step read and made that belongs to a lens; what later steps read comes first."""
    found = _items(story.index_of(ref), number_of(ref), lens, ref[0])
    beside = story.beside
    if beside is None:
        return found
    if ref.startswith(THERE):
        return [replace(item, state=ONLY_THERE) for item in found]
    there = beside.there
    twin = beside.twins.get(number_of(ref))
    other = {_role(there, i): i for i in _items(there, twin, lens, THERE)} if twin is not None else {}
    merged = []
    for item in found:
        number = number_of(item.ref)
        same = other.pop(_role(story.index, item), None)
        is_twin = same is not None and beside.twins.get(number) == number_of(same.ref)
        state = ONLY_HERE if same is None else beside.states.get(number, SAME) if is_twin else CHANGED
        told = item.value
        if same is not None and state == CHANGED:
            told = f"{item.value} → {same.value}" if item.value != same.value else ""
        merged.append(replace(item, state=state, value=told))
    return merged + [replace(item, state=ONLY_THERE) for item in other.values()]


def _role(index: Index, item: Item) -> str:
    # A cell that was edited is another record, and the code of the same step.
    return "its code" if item.kind == "cell" else index.ids[number_of(item.ref)]


def _items(index: Index, number: int, lens: str, prefix: str) -> list[Item]:
    found: dict[int, tuple[bool, Item]] = {}
    links = [(r.object, False) for r in index.out(number) if r.name in ("used", "wasAssociatedWith")]
    links += [(r.subject, True) for r in index.into(number) if r.name == "wasGeneratedBy"]
    for other, made in links:
        record, kind = index.record(other), index.kind(other)
        if other in found or not _is_seen(kind, record, lens):
            continue
        read_later = any(r.name == "used" and r.subject != number for r in index.into(other))
        value = _value(index, record, kind, lens)
        item = Item(f"{prefix}{other}", kind, made, index.name(other), shortened(value))
        found[other] = (made and not read_later and kind in ("data", "dataset"), item)
    first = ("metric", "parameter", "file")
    return [i for _, i in sorted(found.values(), key=lambda pair: (pair[1].made, pair[0], pair[1].kind not in first))]


def _is_seen(kind: str, record: Mapping[str, Any], lens: str) -> bool:
    if kind in ("data", "dataset", "model"):
        is_code = str(record.get("ml:class", "")).rpartition(".")[2] in _CODE_CLASSES
        if is_code:
            return lens == "engineer"
    return kind in _SEEN_BY[lens]


def lens_for(kind: str, lens: str) -> str:
    """Return a lens that shows a kind: the one that is open where it does, else the first that does."""
    if kind in _SEEN_BY[lens]:
        return lens
    first = {"fact": "engineer", "packages": "engineer", "seal": "auditor", "agent": "auditor"}.get(kind)
    return first or next((name for name, kinds in _SEEN_BY.items() if kind in kinds), lens)


def _value(index: Index, record: Mapping[str, Any], kind: str, lens: str) -> str:
    if lens == "auditor":
        digest = record.get("schema:sha256")
        return f"sha256 {digest[:10]}" if isinstance(digest, str) else value_text(record, kind)
    if kind == "cell":
        lines = str(plain(record.get("ml:source")) or "").count("\n") + 1
        return f"{lines} line{'s' if lines > 1 else ''}"
    if lens == "engineer" and kind in ("data", "dataset", "model"):
        return str(plain(record.get("ml:class")) or "")
    return value_text(record, kind)


def lensed(story: Story, lens: str) -> list[Stage]:
    """Return the stages with what a lens adds to them, and what stands below the pipeline in it."""
    if story.laid_out is None:
        agents = _agents(story.index) if lens == "auditor" else ()
        return [
            *story.stages,
            *([Stage("agents", "Agents", _counted(agents, "agent"), items=agents)] if agents else []),
        ]
    if lens == "engineer":
        return [*(_coded(stage) for stage in story.stages), *_environment(story.index, story.laid_out)]
    if lens == "auditor":
        agents = _agents(story.index)
        edits = tuple(
            Item(step.ref, "execution", True, step.title, step.code)
            for stage in story.stages
            for step in stage.steps
            if step.code in ("edited", "added")
        )
        seal = story.index.number("run:seal")
        head = str(story.index.record(seal).get("ml:head", ""))[:16] if seal is not None else "missing"
        sealed = (Item(f"{HERE}{seal}", "seal", True, "Seal", f"head {head}"),) if seal is not None else ()
        return [
            *(_clocked(stage) for stage in story.stages),
            Stage("agents", "Who", ", ".join(item.name for item in agents), items=agents),
            Stage("edits", "Edits", _counted(edits, "changed cell") if edits else "no cell was changed", items=edits),
            Stage("seal", "Verification", "not checked yet: click", items=sealed),
        ]
    return story.stages


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


def _agents(index: Index) -> tuple[Item, ...]:
    numbers = sorted(index.of_section("agent"), key=index.position)[:40]
    found = []
    for number in numbers:
        record = index.record(number)
        version = plain(record.get("schema:softwareVersion"))
        found.append(Item(f"{HERE}{number}", "agent", True, index.name(number), str(version or "")))
    return tuple(found)


def _environment(index: Index, laid_out: View) -> list[Stage]:
    packages, machine = index.number("run:packages"), index.number("run:hardware_info")
    named = [n for n in ("torch", "scikit-learn", "pandas", "numpy") if n in laid_out.packages]
    order = [*named, *(name for name in laid_out.packages if name not in named)]
    versions = tuple(Item(f"{HERE}{packages}", "packages", True, name, laid_out.packages[name]) for name in order)
    fields = {name: item["value"] for name, item in laid_out.table1.get("hardware_info", {}).items()}
    parts = tuple(
        Item(f"{HERE}{machine}", "group", True, name.replace("_", " "), _hardware(name, value))
        for name, value in fields.items()
        if value is not None
    )
    functions = tuple(
        Item(f"{HERE}{number}", "function", True, index.name(number), _obtained(index, number))
        for number in sorted(index.of_type("ml:Observation"), key=index.position)
    )
    told = [
        Stage(
            "packages",
            "Packages",
            ", ".join([_counted(versions, "package"), *(f"{name} {laid_out.packages[name]}" for name in named[:1])]),
            items=versions,
        ),
        Stage("machine", "Machine", shortened(str(fields.get("CPU") or ""), 40), items=parts),
        Stage("functions", "Functions that obtained facts", _counted(functions, "function"), items=functions),
    ]
    return [stage for stage in told if stage.items]


def _hardware(name: str, value: Any) -> str:
    if name == "RAM" and isinstance(value, int):
        return f"{value / 2**30:.1f} GiB"
    return "none" if value == [] else shortened(str(value))


def _obtained(index: Index, number: int) -> str:
    return ", ".join(index.name(r.subject).replace("_", " ") for r in index.into(number) if r.name == "wasGeneratedBy")


# Two documents ----------------------------------------------------------------------------------------


def told_apart(story: Story, other: Story, beside: Differences, *, only_differences: bool = False) -> Story:
    """Return two documents as one story: each stage and step with its state.

    Parameters
    ----------
    story, other
        The documents that `beside` compares.
    only_differences
        Whether to leave out the stages and steps that are the same.
    """
    found = Story(story.index, story.laid_out, [], beside, [*story.notes, *other.notes])
    theirs = {stage.key: stage for stage in other.stages}
    for stage in story.stages:
        twin = theirs.pop(stage.key, None)
        found.stages.append(_paired(found, stage, twin, beside))
    for stage in theirs.values():
        steps = tuple(_theirs(step, beside) for step in stage.steps)
        found.stages.append(replace(stage, steps=steps, state=ONLY_THERE))
    if only_differences:
        found.stages = [
            replace(stage, steps=tuple(step for step in stage.steps if step.state != SAME))
            for stage in found.stages
            if stage.state != SAME
        ]
    return found


def _theirs(step: Step, beside: Differences) -> Step:
    return replace(step, ref=f"{THERE}{beside.there.number(step.identifier)}", state=ONLY_THERE)


def _paired(story: Story, stage: Stage, twin: Stage | None, beside: Differences) -> Stage:
    there = {step.identifier for step in twin.steps} if twin else set()
    here = {step.identifier for step in stage.steps}
    steps = [replace(step, state=_state(story, step, there)) for step in stage.steps]
    steps += [_theirs(step, beside) for step in (twin.steps if twin else ()) if step.identifier not in here]
    headline = stage.headline
    if twin is not None and twin.headline != headline:
        headline = f"{headline} → {twin.headline}"
    state = ONLY_HERE if twin is None else SAME if all(step.state == SAME for step in steps) else CHANGED
    return replace(stage, steps=tuple(steps), headline=headline, state=state)


def _state(story: Story, step: Step, there: Iterable[str]) -> str:
    if step.identifier not in there:
        return ONLY_HERE
    own = story.beside.states.get(number_of(step.ref), SAME) if story.beside is not None else SAME
    items = [*items_of(story, step.ref, "analyst"), *items_of(story, step.ref, "engineer")]
    return CHANGED if own == CHANGED or any(item.state != SAME for item in items) else SAME
