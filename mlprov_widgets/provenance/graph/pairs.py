"""Two documents as one story: each stage and step with its state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mlprov_widgets.provenance.graph.difference import CHANGED, ONLY_HERE, ONLY_THERE, SAME, Differences
from mlprov_widgets.provenance.graph.items import items_of
from mlprov_widgets.provenance.graph.story import THERE, Stage, Step, Story, number_of


def told_apart(story: Story, other: Story, beside: Differences, *, only_differences: bool = False) -> Story:
    """Return two documents as one story: each stage and step with its state.

    Parameters
    ----------
    story, other
        The documents that `beside` compares.
    only_differences
        Whether to leave out the stages and steps that are the same.
    """
    notes = [*story.notes, *other.notes]
    found = Story(story.index, story.laid_out, [], beside, notes, other, only_differences)
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
        headline = between(headline, twin.headline)
    state = ONLY_HERE if twin is None else SAME if all(step.state == SAME for step in steps) else CHANGED
    return replace(stage, steps=tuple(steps), headline=headline, state=state)


def _state(story: Story, step: Step, there: Iterable[str]) -> str:
    if step.identifier not in there:
        return ONLY_HERE
    own = story.beside.states.get(number_of(step.ref), SAME) if story.beside is not None else SAME
    items = [*items_of(story, step.ref, "analyst"), *items_of(story, step.ref, "engineer")]
    return CHANGED if own == CHANGED or any(item.state != SAME for item in items) else SAME


def between(here: str, there: str) -> str:
    """Return two headlines as one that says what differs: ``accuracy 0.9 → 0.7``, not all of both."""
    ours, theirs = here.split(", "), there.split(", ")
    if len(ours) != len(theirs):
        return f"{here} → {there}"
    return ", ".join(_part_between(a, b) for a, b in zip(ours, theirs, strict=True) if a != b)


def _part_between(here: str, there: str) -> str:
    a, b = here.split(), there.split()
    if len(a) != len(b) or len(a) == 1:
        return f"{here} → {there}"
    return " ".join(x if x == y else f"{x} → {y}" for x, y in zip(a, b, strict=True))
