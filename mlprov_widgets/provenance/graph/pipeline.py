"""A run as a picture: its stages in time, the steps of one, and what one step read and made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mlprov_widgets.provenance.graph.difference import CHANGED, ONLY_HERE, ONLY_THERE, SAME
from mlprov_widgets.provenance.graph.items import items_of
from mlprov_widgets.provenance.graph.lenses import clock
from mlprov_widgets.provenance.graph.scene import ITEM_WIDTH, STAGE_WIDTH, STEP_WIDTH, Dot, Line, Scene, shape_of
from mlprov_widgets.provenance.graph.story import Item, Stage, Step, Story
from mlprov_widgets.provenance.overview import UNKNOWN, shortened

_GAP = 34
_STAGE_PITCH, _COMPACT_PITCH, _STEP_PITCH, _ITEM_PITCH, _LEAST_PITCH = 88, 58, 56, 36, 34
_STEPS_AT = STAGE_WIDTH / 2 + _GAP + STEP_WIDTH / 2
_ITEMS_AT = _STEPS_AT + STEP_WIDTH / 2 + _GAP + ITEM_WIDTH / 2
_MOST_TALL, _MOST_STEPS, _MOST_OF_A_KIND = 8, 10, 14
_LONGEST = 26
OUTCOMES: Final = {"ok": "✓", "error": "✗ failed", "died": "✗ kernel died", "interrupted": "interrupted", "": ""}
MARKS: Final = {CHANGED: "≠ ", ONLY_HERE: "- ", ONLY_THERE: "+ ", SAME: "", "": ""}
"""What stands before a label in a comparison, since not everybody sees its colour."""


def stage_meant(key: str) -> str:
    """Return what a click on a stage asks for."""
    return f"stage:{key}"


def pipeline(
    story: Story,
    stages: Sequence[Stage],
    lens: str,
    *,
    stage: str | None = None,
    step: str = "",
    chosen: str = "",
    first: int | None = None,
) -> Scene:
    """Return the stages in time, with the steps of one, and what one step read and made.

    Parameters
    ----------
    story
        What happened.
    stages
        Those of the lens.
    lens
        Which of a step's things are shown.
    stage, step
        What is open.
    chosen
        What is looked at; it is drawn, whatever has to be left out for room.
    first
        Which of the open stage's steps is drawn first; by default the last ones are drawn.
    """
    compact = len(stages) > _MOST_TALL
    pitch = _COMPACT_PITCH if compact else _STAGE_PITCH
    height = max((len(stages) - 1) * pitch, (_MOST_STEPS - 1) * _STEP_PITCH)
    drawing = _Pipeline(story, lens, float(height), chosen)
    above: Stage | None = None
    for number, one in enumerate(stages):
        y, is_open = float(number * pitch), one.key == stage
        drawing.stage(number, one, y, compact, is_open)
        in_time = not one.aside
        if above is not None and in_time:
            drawing.lines.append(Line(stage_meant(above.key), stage_meant(one.key)))
        if in_time:
            above = one
        if is_open:
            drawing.open(one, y, step, first)
    if stage is None and stages:
        drawing.dots.append(Dot("hint", "Click a stage:\nits steps open here", "item more", _STEPS_AT, 0.0))
    return Scene(
        "The run in time",
        drawing.dots,
        drawing.lines,
        -STAGE_WIDTH / 2,
        -40.0,
        _ITEMS_AT + ITEM_WIDTH / 2 + STAGE_WIDTH / 2,
        height + 80.0,
    )


class _Pipeline:
    """The dots and lines of a pipeline, as they come."""

    def __init__(self, story: Story, lens: str, height: float, chosen: str) -> None:
        self.story, self.lens, self.height, self.chosen = story, lens, height, chosen
        self.dots: list[Dot] = []
        self.lines: list[Line] = []

    def stage(self, number: int, stage: Stage, y: float, compact: bool, is_open: bool) -> None:
        outcome = " · ".join(part for part in (OUTCOMES.get(stage.status, stage.status), stage.took) if part)
        marked = (" · edited" if stage.is_edited and not compact else "") + (" · stale" if stage.stale else "")
        outcome = "" if stage.aside else outcome + marked
        title = MARKS[stage.state] + (stage.title if stage.aside else f"{number + 1}. {stage.title}")
        lines = [f"{title}  {outcome}".rstrip(), stage.headline] if compact else [title, stage.headline, outcome]
        label = "\n".join(shortened(line, 34) if compact else line for line in lines if line)
        wrong = "error" if stage.status not in ("ok", "") else ""
        marks = (
            wrong,
            "edited" if stage.is_edited else "",
            "stale" if stage.stale else "",
            "aside" if stage.aside else "",
            "compact" if compact else "",
        )
        self._dot(stage_meant(stage.key), label, ("stage", *marks, stage.state, "open" if is_open else ""), 0.0, y)

    def open(self, stage: Stage, y: float, step: str, first: int | None) -> None:
        if stage.items:
            self._items(stage_meant(stage.key), list(stage.items), y, _STEPS_AT + (ITEM_WIDTH - STEP_WIDTH) / 2)
            return
        shown, before, after = _page(stage.steps, step, first)
        rows = len(shown) + bool(before) + bool(after)
        top = self._top(y, rows, _STEP_PITCH)
        previous, place = stage_meant(stage.key), 0
        if before:
            self._turn(stage, "earlier", before, max(before - _MOST_STEPS, 0), top)
            place = 1
        for number, one in enumerate(shown):
            self.step(one, top + (place + number) * _STEP_PITCH, one.ref == step)
            self.lines.append(Line(previous, one.ref, "" if number else "across"))
            previous = one.ref
            if one.ref == step:
                items = items_of(self.story, step, self.lens)
                self._items(step, items, top + (place + number) * _STEP_PITCH, _ITEMS_AT)
        if after:
            self._turn(stage, "later", after, before + len(shown), top + (rows - 1) * _STEP_PITCH)

    def step(self, step: Step, y: float, is_open: bool) -> None:
        changed = step.code in ("edited", "added", "unknown")
        told = [OUTCOMES.get(step.status, step.status), step.took if step.took != UNKNOWN else ""]
        if self.lens == "auditor" and step.start:
            told = [OUTCOMES.get(step.status, step.status), clock(step.start)]
        told += [step.code if changed else "", "stale" if step.stale else ""]
        label = f"{MARKS[step.state]}{shortened(step.title, _LONGEST)}\n{' · '.join(filter(None, told))}".rstrip()
        wrong = "error" if step.status not in ("ok", "") else ""
        marks = ("edited" if changed else "", wrong, "stale" if step.stale else "", step.state)
        self._dot(step.ref, label, ("step", *marks, "open" if is_open else ""), _STEPS_AT, y)

    def _turn(self, stage: Stage, word: str, count: int, first: int, y: float) -> None:
        label = f"{count:,} {word} step{'s' if count > 1 else ''}: show"
        self.dots.append(Dot(f"{word} {stage.key}", label, "step more", _STEPS_AT, y, f"page:{first}:{stage.key}"))

    def _items(self, owner: str, items: list[Item], y: float, x: float) -> None:
        room = int(self.height / _LEAST_PITCH) + 1
        rows = _rows(items, room, self.chosen)
        pitch = min(_ITEM_PITCH, self.height / max(len(rows) - 1, 1))
        top = self._top(y, len(rows), pitch)
        met: set[str] = set()
        for number, (label, item) in enumerate(rows):
            at = top + number * pitch
            if item is None:
                self.dots.append(Dot(f"{owner} row {number}", label, "item more", x, at, owner))
                continue
            key = item.ref if item.ref not in met and item.ref != owner else f"{item.ref} {number}"
            if any(dot.key == key for dot in self.dots):
                key = f"{item.ref} {number}"
            met.add(item.ref)
            marks = ("item", shape_of(item.kind), item.kind, item.state, "chosen" if item.ref == self.chosen else "")
            self._dot(key, MARKS[item.state] + label, marks, x, at, item.ref)
            ends = (owner, key, "across thin") if item.made else (key, owner, "back thin")
            self.lines.append(Line(*ends))

    def _top(self, y: float, count: int, pitch: float) -> float:
        """Return where a column of so many begins that has its middle near `y` and stays in the picture."""
        length = (count - 1) * pitch
        return max(min(y - length / 2, self.height - length), 0.0)

    def _dot(self, key: str, label: str, marks: Sequence[str], x: float, y: float, meant: str = "") -> None:
        classes = " ".join(mark.replace(" ", "-") for mark in marks if mark)
        self.dots.append(Dot(key, label, classes, x, y, meant or key))


def _page(steps: Sequence[Step], step: str, first: int | None) -> tuple[Sequence[Step], int, int]:
    """Return the steps that are drawn, and how many come before and after them."""
    if len(steps) <= _MOST_STEPS:
        return steps, 0, 0
    # A notebook that was tried out for hours has hundreds; the last ones are what counts.
    start = max(len(steps) - _MOST_STEPS, 0) if first is None else max(min(first, len(steps) - 1), 0)
    place = next((number for number, one in enumerate(steps) if one.ref == step), None)
    if place is not None and not start <= place < start + _MOST_STEPS:
        start = max(place - _MOST_STEPS // 2, 0)
    shown = steps[start : start + _MOST_STEPS]
    return shown, start, len(steps) - start - len(shown)


def _rows(items: Sequence[Item], room: int, chosen: str, most: int = _MOST_OF_A_KIND) -> list[tuple[str, Item | None]]:
    """Return what there is room for, line by line: a text, and the item that it stands for."""
    rows: list[tuple[str, Item | None]] = []
    for made, verb in ((False, "read"), (True, "made")):
        own = [item for item in items if item.made is made]
        seen: dict[str, int] = {}
        kept = []
        for item in own:
            seen[item.kind] = seen.get(item.kind, 0) + 1
            if seen[item.kind] <= most or (item.ref == chosen and item.kind not in ("packages", "group")):
                kept.append(item)
        if kept and any(not item.made for item in items):
            rows.append((verb, None))
        rows += [(label_of_item(item), item) for item in kept]
        if len(own) > len(kept):
            rows.append((f"and {len(own) - len(kept)} more: listed beside", None))
    if len(rows) > room and most > 1:
        return _rows(items, room, chosen, most - 1)
    return rows or [("nothing of this kind\nwas read or made", None)]


def label_of_item(item: Item) -> str:
    """Return an item in a few words."""
    if item.kind in ("parameter", "metric", "fact"):
        return shortened(f"{item.name} = {item.value}", _LONGEST + 1)
    if item.kind == "function" and item.value:
        return f"{shortened(item.value, _LONGEST)}: by\n{shortened(item.name, _LONGEST)}"
    if item.kind in ("packages", "group", "agent"):
        return shortened(f"{item.name} {item.value}".rstrip(), _LONGEST + 1)
    name = item.name.rpartition("/")[2] if item.kind == "file" else item.name
    if item.value.startswith("sha256"):
        return f"{shortened(name, _LONGEST - 3)}\n{item.value}"
    return shortened(f"{name} ({item.value})" if item.value else name, _LONGEST + 1)
