"""The page of all runs: search them, sort them, and compare any number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.listing import read_runs, searched, sorted_runs
from mlprov_widgets.execution.side_by_side import MOST, side_by_side
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.compare_view import comparison_html
from mlprov_widgets.ui.desk import Desk, row

ROWS = 12
_NEWEST = "started"
_STATUSES = ("completed", "failed", "cancelled", "incomplete")


class PastRuns:
    """The list of runs, and their comparison.

    Parameters
    ----------
    desk
        What the pages share.
        Strangers have a folder each, so nobody sees the runs of another.
    fill
        Called with the document of the run that the form is to be filled with.
    """

    def __init__(self, desk: Desk, fill: Callable[[Path], None]) -> None:
        self._desk, self._fill = desk, fill
        self._mine: set[str] = set()
        self._chosen: dict[str, None] = {}  # in the order in which they were chosen
        self._found: list[dict[str, Any]] = []
        self._first = 0
        self._filling = False
        self.search = widgets.Text(
            description="Search", placeholder="adam epochs=100", tooltip="", continuous_update=False
        )
        self.sort = widgets.Dropdown(description="Sort by", options=[("Newest first", _NEWEST)], tooltip="")
        self.status = widgets.Dropdown(
            description="Show", options=[("All runs", ""), *((f"{s} only", s) for s in _STATUSES)], tooltip=""
        )
        for control in (self.search, self.sort, self.status):
            control.observe(desk.guard(lambda _: self._filter()), names="value")
        self._told, self.result = desk.html(), desk.html()
        self.rows = [self._row() for _ in range(ROWS)]
        self._newer = desk.button("Back in the list", lambda: self._page(-ROWS))
        self._older = desk.button("On in the list", lambda: self._page(ROWS))
        self.compare_button = desk.button("Compare", self.compare, primary=True)
        self.fill_button = desk.button("Fill the form with it", self.fill)
        self.look_button = desk.button("Look at it", self.look)
        self._all = desk.button("Choose all", self._choose_all)
        self._none = desk.button("Choose none", self._choose_none)
        self.only = widgets.Checkbox(value=True, description="Only what differs", indent=False, tooltip="")
        self.only.observe(desk.guard(lambda _: self._show_comparison()), names="value")
        self._compared: dict[str, Any] | None = None
        self.paging = row(self._newer, self._older)
        self.opened = desk.box()  # what came of one run
        filters = desk.box(
            *(desk.box(control, css="mlprov-field") for control in (self.search, self.sort, self.status)),
            css="mlprov-filters",
        )
        self.widget = desk.box(
            desk.html(
                parts.heading(
                    "All runs", "Choose two or more to compare them, or one to look at it or to fill the form with it."
                )
            ),
            filters,
            self._told,
            *(box for box, _, _ in self.rows),
            self.paging,
            row(self.compare_button, self.look_button, self.fill_button, self._all, self._none, self.only),
            self.result,
            self.opened,
        )

    def refresh(self) -> None:
        """Look at the folder again."""
        found = read_runs(self._desk.runs)
        metrics = sorted({m for run in found for m, v in run["metrics"].items() if isinstance(v, int | float)})
        named = [("Newest first", _NEWEST), ("Oldest first", "-started"), ("Longest first", "seconds")]
        options = [*named, *((f"Highest {m}", m) for m in metrics), *((f"Lowest {m}", f"-{m}") for m in metrics)]
        self._filling = True
        try:
            chosen = self.sort.value
            if tuple(self.sort.options) != tuple(options):
                self.sort.options = options
                self.sort.value = chosen if chosen in [value for _, value in options] else _NEWEST
        finally:
            self._filling = False
        self._mine = {run["run"] for run in found}
        self._narrow(found)

    def _filter(self) -> None:
        if not self._filling:
            self._narrow(run for run in read_runs(self._desk.runs) if run["run"] in self._mine)

    def _narrow(self, runs: Iterable[dict[str, Any]]) -> None:
        found = sorted_runs(searched(runs, self.search.value), self.sort.value)
        self._found = [run for run in found if self.status.value in ("", run["status"])]
        self._first = 0
        self._show()

    def _page(self, by: int) -> None:
        self._first = min(max(self._first + by, 0), max(len(self._found) - 1, 0))
        self._show()

    def _row(self) -> tuple[widgets.HBox, widgets.Checkbox, widgets.HTML]:
        box, html = widgets.Checkbox(indent=False, tooltip=""), self._desk.html()
        line = widgets.HBox([box, html])
        line.add_class("mlprov-run-row")
        box.observe(self._desk.guard(lambda change, box=box: self._choose(box, change["new"])), names="value")
        return line, box, html

    def _show(self) -> None:
        shown = self._found[self._first : self._first + ROWS]
        self._filling = True
        try:
            for place, (line, box, html) in enumerate(self.rows):
                line.layout.display = None if place < len(shown) else "none"
                if place < len(shown):
                    run = shown[place]
                    started = str(run["started"] or "")[:19].replace("T", " ")
                    box.description = f"{started or 'unknown time'}  {self._called(run)}"
                    box.value = run["run"] in self._chosen
                    box.disabled = bool(run["problem"])  # there is nothing to compare
                    html.value = _facts(run)
        finally:
            self._filling = False
        total = len(self._found)
        last = min(self._first + ROWS, total)
        self._told.value = parts.help_text(self._listed(total, last))
        self.paging.layout.display = None if total > ROWS else "none"
        self._newer.disabled, self._older.disabled = self._first == 0, last >= total
        self._count()

    def _listed(self, total: int, last: int) -> str:
        """Return which of the runs are listed, in words."""
        if not total:
            return "No run matches." if self._mine else "No runs yet: make one from the page Review."
        if total > ROWS:
            return f"Runs {self._first + 1:,} to {last:,} of {total:,}"
        return "1 run" if total == 1 else f"{total} runs"

    def _called(self, run: dict[str, Any]) -> str:
        task = self._desk.tasks.get(str(run["task"]))
        return str(run["title"] or (task.title if task else run["task"]) or Path(run["run"]).name)

    def _count(self) -> None:
        count = len(self._chosen)
        self.compare_button.description = f"Compare {count} runs" if count > 1 else "Compare"
        self.compare_button.disabled, self._none.disabled = count < 2, count == 0
        self.fill_button.disabled = self.look_button.disabled = count != 1
        listed = [run["run"] for run in self._readable()]
        self._all.description = f"Choose all {len(listed)}" if len(listed) > 1 else "Choose all"
        self._all.disabled = not listed or len(listed) > MOST or all(run in self._chosen for run in listed)

    def _choose(self, box: widgets.Checkbox, chosen: bool) -> None:
        if self._filling:
            return
        place = next(number for number, (_, known, _) in enumerate(self.rows) if known is box)
        run = self._found[self._first + place]["run"]
        if chosen:
            self._chosen[run] = None
        else:
            self._chosen.pop(run, None)
        self._count()

    def _readable(self) -> list[dict[str, Any]]:
        """Return the runs of the list that have a document to compare."""
        return [run for run in self._found if not run["problem"]]

    def _choose_all(self) -> None:
        self._chosen |= {run["run"]: None for run in self._readable()}
        self._show()

    def _choose_none(self) -> None:
        self._chosen, self._compared, self.result.value = {}, None, ""
        self.opened.children = ()
        self._show()

    def fill(self) -> None:
        """Fill the form with what the one chosen run was made of."""
        self._fill(Path(self._one()["provenance"]))

    def look(self) -> None:
        """Show what came of the one chosen run, with all that can be taken along of it."""
        from mlprov_widgets.ui.results import Results

        run = self._one()
        self._compared, self.result.value = None, _arrived(self._called(run))
        self.opened.children = (Results(Path(run["provenance"]), self._desk).widget,)

    def _one(self) -> dict[str, Any]:
        chosen = [run for run in self._found if run["run"] in self._chosen]
        if len(chosen) != 1:
            raise MlprovError("not one run is chosen", fix="Tick the one that is to be taken")
        return chosen[0]

    def compare(self) -> None:
        """Compare the chosen runs."""
        chosen = [Path(run) for run in self._chosen if run in self._mine]
        if len(chosen) < 2:
            raise MlprovError("fewer than two runs are chosen", fix="Tick two or more")
        self._compared, self.opened.children = side_by_side(chosen), ()
        self._show_comparison(_arrived(f"Comparison of {len(chosen)} runs"))

    def _show_comparison(self, head: str = "") -> None:
        if self._compared is not None:
            self.result.value = head + comparison_html(self._compared, only_differences=self.only.value)


def _arrived(title: str) -> str:
    """Return the heading of what a click opened below the list: the page's script leads there."""
    return f'<h3 class="mlprov-arrived" tabindex="-1">{escape(title)}</h3>'


def _facts(run: dict[str, Any]) -> str:
    status = str(run["status"])
    if run["problem"]:
        return f'<span class="mlprov-run-facts">{escape(status)}: {escape(run["problem"][:120])}</span>'
    numbers = [
        f"{name.replace('_', ' ')} {value:.4g}"
        for name in ("accuracy", "loss", "f1_macro")
        if isinstance(value := run["metrics"].get(name), int | float)
    ]
    seconds = [f"{run['seconds']:.0f} s"] if isinstance(run["seconds"], int | float) else []
    told = " · ".join([status, *numbers, *seconds])
    return f'<span class="mlprov-run-facts">{escape(told)}</span>'
