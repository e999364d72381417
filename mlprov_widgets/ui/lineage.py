"""What can be asked of a chosen thing: where it comes from, what depends on it, the path to another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.graph.condensed import READABLE, condensed
from mlprov_widgets.provenance.graph.layers import trail_scene
from mlprov_widgets.provenance.graph.scene import MOST_DRAWN, Scene
from mlprov_widgets.provenance.graph.story import Story, number_of
from mlprov_widgets.provenance.graph.trails import Trail, between, dependants, sources
from mlprov_widgets.provenance.overview import shortened

_HOPS: Final = (("1 step away", 1), ("2 steps away", 2), ("4 steps away", 4), ("all the way", 1000))
_MOST = 400
"""Things that a lineage is followed to before it is condensed."""
_MOST_STEPS = 16
_START = "Path between: start here"


class Lineage:
    """The buttons, made when the first thing is chosen.

    Parameters
    ----------
    story
        Returns what is looked at.
    lens
        Returns the view that is open.
    show
        Draws a scene.
    back
        Opens the overview.
    guard
        Makes a callback whose errors are told.
    layout
        Shared by what never changes its own.
    """

    def __init__(
        self,
        story: Callable[[], Story],
        lens: Callable[[], str],
        show: Callable[[Scene], None],
        back: Callable[[], None],
        guard: Callable[[Callable[..., Any]], Callable[..., None]],
        layout: widgets.Layout,
    ) -> None:
        self._story, self._lens, self._show, self._back = story, lens, show, back
        self._guard, self._layout = guard, layout
        self._chosen = self._start = ""
        self.widget = widgets.VBox([], layout=layout)
        self.widget.add_class("mlprov-buttons")

    def choose(self, ref: str) -> None:
        """Take what is asked about."""
        self._chosen = ref
        if not self.widget.children:
            self._make()
        self.path.description = f"Path from {self._name(self._start)} to this" if self._start else _START

    def _make(self) -> None:
        self.came_from = self._button("Where does this come from", lambda: self.trace(up=True))
        self.leads_to = self._button("What depends on this", lambda: self.trace(up=False))
        self.hops = widgets.Dropdown(
            options=_HOPS, value=2, description="How far", tooltip="", layout=widgets.Layout(width="auto")
        )
        self.path = self._button(_START, self._on_path)
        self.back = self._button("Back to the overview", self._back)
        self.widget.children = (self.came_from, self.leads_to, self.hops, self.path, self.back)

    def _button(self, label: str, action: Callable[[], None]) -> widgets.Button:
        made = widgets.Button(description=label, tooltip="", layout=self._layout)
        guard = self._guard(action)
        made.on_click(lambda _: guard())
        return made

    def _name(self, ref: str) -> str:
        return shortened(self._story().index_of(ref).name(number_of(ref)), 24)

    def trace(self, *, up: bool) -> None:
        """Show where the chosen thing comes from, or what depends on it."""
        if not self._chosen:
            raise MlprovError("nothing is chosen", fix="Click something, or find it, first")
        index, number, lens = self._story().index_of(self._chosen), number_of(self._chosen), self._lens()
        without = frozenset(("cell", "group")) if lens == "analyst" else frozenset(("group",))
        name, as_prov, prefix = index.name(number), lens == "standard", self._chosen[0]
        trail = self._trail(up, without, _MOST)
        told = f"Where {name} comes from" if up else f"What depends on {name}"
        count = sum(index.section(n) == "activity" for n in trail.hops)
        if not as_prov and trail.size > READABLE and 1 < count <= _MOST_STEPS:
            told += f": {len(trail.hops) - 1:,} things, by {count:,} step{'s' if count > 1 else ''}"
            self._show(condensed(index, trail, told + _beyond(trail), prefix))
            return
        for most in (60, 45, 32, 24, 16):  # as many as can be read with the arrows between them
            trail = self._trail(up, without, most)
            if trail.size <= MOST_DRAWN:
                break
        count = len(trail.hops) - 1
        told += f": {count:,} thing{'s' if count > 1 else ''}" if count else ": nothing is recorded"
        self._show(trail_scene(index, trail, told + _beyond(trail), prefix=prefix, as_prov=as_prov))

    def _trail(self, up: bool, without: frozenset[str], most: int) -> Trail:
        index, number = self._story().index_of(self._chosen), number_of(self._chosen)
        return (sources if up else dependants)(index, number, int(self.hops.value), most, without)

    def _on_path(self) -> None:
        start, end = self._start, self._chosen
        if not start or start == end:
            self._start = end
            self.path.description = "Now choose the other end"
            return
        self._start, self.path.description = "", _START
        if start[0] != end[0]:
            raise MlprovError("these two are in different runs", fix="Choose two that are in the same one")
        index = self._story().index_of(end)
        first, second = number_of(start), number_of(end)
        trail = between(index, first, second)
        if trail is None:
            raise MlprovError(f"nothing leads from {index.name(first)} to {index.name(second)}", fix="Choose another")
        count = len(trail.relations)
        told = f"From {index.name(first)} to {index.name(second)}: {count} relation{'s' if count > 1 else ''}"
        told += "" if trail.directed else "; neither was made of the other"
        self._show(trail_scene(index, trail, told, prefix=end[0], as_prov=self._lens() == "standard"))


def _beyond(trail: Trail) -> str:
    return f", {trail.more:,} or more beyond" if trail.more else ""
