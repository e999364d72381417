"""The field in which a person asks, and the list of answers."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.provenance.graph.answers import Answer, answers
from mlprov_widgets.provenance.graph.story import Story


class Ask:
    """A search with its answers.

    Parameters
    ----------
    story
        Returns what is searched.
    chosen
        Called with the answer that a person chose.
    guard
        Makes a callback whose errors are told.
    layout
        Shared by what never changes its own: every model costs the page time.
    """

    def __init__(
        self,
        story: Callable[[], Story],
        chosen: Callable[[Answer], None],
        guard: Callable[[Callable[..., Any]], Callable[..., None]],
        layout: widgets.Layout,
    ) -> None:
        self._story, self._chosen = story, chosen
        self._answers: list[Answer] = []
        self._filling = False
        self.search = widgets.Text(description="Find", placeholder="name, value or question", tooltip="", layout=layout)
        self.search.observe(guard(self._on_search), names="value")
        self.hits = widgets.Select(options=[], rows=7, description="Found", tooltip="")
        self.hits.observe(guard(self._on_hit), names="index")
        self.hits.layout.display = "none"
        self.told = widgets.HTML("", layout=layout)

    def _on_search(self, change: dict[str, Any]) -> None:
        answered = answers(self._story(), str(change["new"]))
        self._answers = answered.found
        labels = _numbered([answer.label for answer in answered.found])
        self._filling = True
        try:
            self.hits.options = labels  # which chooses the first, and nothing is to open while a person types
            self.hits.index = None
        finally:
            self._filling = False
        self.hits.layout.display = None if labels else "none"
        self.told.value = f'<div class="mlprov-help" role="status">{escape(answered.told)}</div>'

    def forget(self) -> None:
        """Mark no answer as chosen, once another thing is looked at: so that it can be chosen again."""
        self._filling = True
        try:
            self.hits.index = None
        finally:
            self._filling = False

    def _on_hit(self, change: dict[str, Any]) -> None:
        place = change["new"]
        if not self._filling and place is not None and place < len(self._answers):
            self._chosen(self._answers[place])


def _numbered(labels: list[str]) -> list[str]:
    """Return labels of which each is its own: those that are there twice get a number."""
    seen: dict[str, int] = {}
    told = []
    for label in labels:
        seen[label] = seen.get(label, 0) + 1
        told.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return told
