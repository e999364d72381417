"""What happened, in time: stages, their steps, and what each step read and made.

A document of this package has stages; one of another tool has activities, which are put together by their types.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.graph.difference import Differences
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.indexed import file_of
from mlprov_widgets.provenance.graph.kinds import local_part, plain
from mlprov_widgets.provenance.overview import duration, overview
from mlprov_widgets.provenance.terms import GROUP_OF_STAGE
from mlprov_widgets.provenance.view import View, view

HERE, THERE = "r", "t"
"""What a reference to an element begins with: its number here, or in the document beside it."""

MOST_STAGES = 12


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
    """A stage, with its steps; one that is aside is no part of the pipeline, stands below it and has items."""

    key: str
    title: str
    headline: str = ""
    status: str = "ok"
    took: str = ""
    stale: bool = False
    steps: tuple[Step, ...] = ()
    items: tuple[Item, ...] = ()
    state: str = ""
    aside: bool = False

    @property
    def is_edited(self) -> bool:
        """Whether one of its cells is not as it was planned."""
        return any(step.code in ("edited", "added") for step in self.steps)


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
    there : Story or None
        The document beside this one, by itself.
    only_differences : bool
        Whether what is the same in both is left out.
    """

    index: Index
    laid_out: View | None
    stages: list[Stage]
    beside: Differences | None = None
    notes: list[str] = field(default_factory=list)
    there: Story | None = None
    only_differences: bool = False

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
    found: dict[str, list[int]] = {}
    for number in index.of_section("activity"):
        types = [t for t in index.types(number) if not t.startswith("prov:")]
        found.setdefault(local_part(types[0]) if types else "", []).append(number)
    timed = {}
    for kind, numbers in found.items():
        own = [(str(plain(index.record(n).get("prov:startTime")) or "~"), index.position(n), n) for n in numbers]
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
