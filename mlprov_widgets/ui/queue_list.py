"""The runs of a form as a list: how each stands, with a button that shows it and one that cancels it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.execution.background import Glance
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.progress import state


class QueueList:
    """The list; there is none to be seen while there is but one run.

    Parameters
    ----------
    desk
        What the pages share.
    show, cancel
        Called with the number of a run, from 0.
    """

    def __init__(self, desk: Desk, show: Callable[[int], None], cancel: Callable[[int], None]) -> None:
        self._desk, self._show, self._cancel = desk, show, cancel
        self.lines: list[tuple[widgets.Button, widgets.HTML, widgets.Button]] = []
        self._rows = desk.box(css="mlprov-queue")
        told = (
            "Runs take turns. Change the form and start another one whenever you like: it waits in this list, "
            "also when you close the page."
        )
        self.widget = widgets.VBox([desk.html(f'<h3>Your runs</h3><div class="mlprov-help">{told}</div>'), self._rows])
        self.widget.layout.display = "none"

    def add(self, label: str) -> None:
        """Add a run to the end."""
        number = len(self.lines)
        name = f"{number + 1}. {label}"
        chosen = self._desk.button(name, lambda: self._show(number))
        chosen.add_class("mlprov-queue-name")
        # With a layout of its own: it is hidden when the run has ended.
        cancel = self._desk.button(f"Cancel run {number + 1}", lambda: self._cancel(number))
        cancel.layout = widgets.Layout()
        told = self._desk.html()
        row = widgets.HBox([chosen, told, cancel])
        row.add_class("mlprov-queue-row")
        self.lines.append((chosen, told, cancel))
        self._rows.children = (*self._rows.children, row)
        self.widget.layout.display = None if len(self.lines) > 1 else "none"

    def tell(self, number: int, glance: Glance) -> None:
        """Show how a run stands."""
        _, told, cancel = self.lines[number]
        _set(told, "value", f'<span class="mlprov-run-facts">{escape(state(glance))}</span>')
        _set(cancel.layout, "display", None if glance.result is None else "none")

    def mark(self, number: int) -> None:
        """Show which run is shown below."""
        for place, (chosen, _, _) in enumerate(self.lines):
            (chosen.add_class if place == number else chosen.remove_class)("mlprov-current")


def _set(widget: Any, name: str, value: Any) -> None:
    # Twice a second for each run: what did not change is not sent.
    if getattr(widget, name) != value:
        setattr(widget, name, value)
