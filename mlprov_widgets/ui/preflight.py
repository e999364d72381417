"""The short list before a run, with a button beside what a click can mend."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.execution.preflight import DROP_EDITS, Check, preflight
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.form import Checked


class Preflight:
    """The list, for the page Review.

    Parameters
    ----------
    desk
        What the pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._shown: list[Check] = []
        self._asked: tuple[str, ...] = ()
        self.widget = desk.box(css="mlprov-preflight")

    def refresh(self, checked: Checked) -> None:
        """Show what holds now; a look at the repository costs too much for every key that is pressed."""
        form = self._desk.form
        if checked.draft is None:
            self._asked, self._shown, self.widget.children = (), [], ()
            return
        kept = form.code if form.keep_code else ()
        asked = (checked.draft.plan.digest, *(item.step for item in kept))
        if asked == self._asked:
            return
        self._asked = asked
        folder = None if self._desk.served else Path(self._desk.folder)
        found = preflight(self._desk.task, checked.draft.plan, kept, folder)
        if found != self._shown:
            self._shown = found
            self.widget.children = self._rows(found)

    def _rows(self, checks: Sequence[Check]) -> tuple[widgets.Widget, ...]:
        desk = self._desk
        wrong = [check for check in checks if not check.fine]
        told = "Before it runs: all is as it should be" if not wrong else f"Before it runs: {len(wrong)} to look at"
        rows: list[widgets.Widget] = [desk.html(f"<h3>{told}</h3>")]
        for check in sorted(checks, key=lambda check: check.fine):
            mark, kind, word = ("✓", "fine", "Fine") if check.fine else ("!", "warn", "To look at")
            html = desk.html(
                f'<div class="mlprov-check mlprov-{kind}"><span role="img" aria-label="{word}">{mark}</span> '
                f"{escape(check.told)}</div>"
            )
            if check.parameter:
                button = desk.button(check.action, lambda check=check: self._mend(check))  # type: ignore[misc]
                row = widgets.HBox([html, button])
                row.add_class("mlprov-check-row")
                rows.append(row)
            else:
                rows.append(html)
        return tuple(rows)

    def _mend(self, check: Check) -> None:
        form: Any = self._desk.form
        if check.parameter == DROP_EDITS:
            form.keep_code = False
        else:
            form.set(check.parameter, check.value)
            form.recorded_in = None
        self._desk.changed(fill=True)
