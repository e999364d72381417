"""What is drawn, as plain data: boxes and lines with their places, for a widget, an SVG or a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mlprov_widgets.provenance.graph.kinds import WORDS

MOST_DRAWN: Final = 150
"""Boxes and lines that a person can read at once."""

STAGE_WIDTH: Final = 206
STEP_WIDTH: Final = 180
ITEM_WIDTH: Final = 190
LAYER_WIDTH: Final = 156


@dataclass(frozen=True)
class Dot:
    """A box or oval.

    Attributes
    ----------
    key : str
        Its own in every scene, and the same for the same thing.
    label : str
        Lines of text.
    classes : str
        What it is, for its shape and colour.
    x, y : float
        Its middle.
    meant : str
        What a click on it asks for; empty where there is nothing to ask for.
    """

    key: str
    label: str
    classes: str
    x: float
    y: float
    meant: str = ""


@dataclass(frozen=True)
class Line:
    """An arrow between two dots."""

    source: str
    target: str
    classes: str = ""
    label: str = ""


@dataclass(frozen=True)
class Scene:
    """A picture.

    Attributes
    ----------
    title : str
    dots : list of Dot
    lines : list of Line
    width, height : float
        The room that is shown at least, from the point (left, top).
    """

    title: str
    dots: list[Dot] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    left: float = 0.0
    top: float = 0.0
    width: float = 560.0
    height: float = 400.0

    @property
    def size(self) -> int:
        """How many elements it has."""
        return len(self.dots) + len(self.lines)


def shape_of(kind: str) -> str:
    """Return the section whose shape a kind has: W3C draws entities as ovals, activities as boxes, agents as houses."""
    if kind in ("execution", "function", "run", "generation", "activity"):
        return "activity"
    return "agent" if kind == "agent" else "entity"


def words_of(dot: Dot) -> str:
    """Return what a dot is, for a table."""
    marks = dot.classes.split()
    if "stage" in marks or "step" in marks:
        return "stage" if "stage" in marks else "step"
    kinds = [mark for mark in marks if mark in WORDS]
    return WORDS[kinds[-1]] if kinds else ""
