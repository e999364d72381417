"""The page of the runs: which there are, how far the shown one is, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from mlprov_widgets.execution.background import BackgroundRun, Glance
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import Plan
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import RESULT, Desk, row
from mlprov_widgets.ui.draft import StartedRun
from mlprov_widgets.ui.progress import epochs_done, progress_html, spoken, state
from mlprov_widgets.ui.queue_list import QueueList
from mlprov_widgets.ui.timeleft import TimeLeft

if TYPE_CHECKING:
    from mlprov_widgets.ui.results import Results

# What only the end of a run needs is imported then: the form is to be there at once.
_SECONDS_BETWEEN_LOOKS = 0.5
_MOST_IN_LABEL = 3


@dataclass
class Watched:
    """A run that is looked after.

    Attributes
    ----------
    started : StartedRun
        What is kept of it when the page is loaded again.
    run : BackgroundRun or None
        None once it has ended.
    task : Task
        Whose stages it goes through.
    glance : Glance
        What was seen of it last.
    left : str
        How long it is going to take, in words.
    results : Results or None
        What came of it, made when it is shown.
    """

    started: StartedRun
    run: BackgroundRun | None
    task: Task
    glance: Glance = field(default_factory=lambda: Glance(title="Starting"))
    left: str = ""
    results: Results | None = None


class RunPage:
    """Runs that go on beside the form, and their results.

    Parameters
    ----------
    desk
        What the pages share.

    Attributes
    ----------
    watched : list of Watched
        The runs, in the order in which they were started.
    shown : Watched or None
        The one that the page shows.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.watched: list[Watched] = []
        self.shown: Watched | None = None
        # A click and the end of a run may both want to show it: what came of it is put together once.
        self._showing = threading.Lock()
        self.progress, self.curves = desk.html(), desk.html()
        # A screen reader is told of every cell, not twice a second; the page's script makes it a live region.
        self.spoken = desk.html()
        self.spoken.add_class("mlprov-live")
        self.queue = QueueList(desk, lambda number: self.show(self.watched[number]), self.cancel)
        self.cancel_button = desk.button("Cancel", lambda: self.cancel(self._number(self.shown)))
        told = "You may close this page and come back to its address" if desk.in_voila else "You may go on in the form"
        self.cancel_row = row(self.cancel_button, desk.html(parts.help_text(f"{told}: the run goes on by itself.")))
        self.result_box = desk.box()
        heading = desk.html(parts.heading("Result"))
        self.widget = desk.box(
            *(heading, self.queue.widget, self.progress, self.spoken, self.cancel_row, self.curves, self.result_box)
        )

    @property
    def going_on(self) -> int:
        """How many runs have not ended, those that wait for their turn included."""
        return sum(item.run is not None for item in self.watched)

    @property
    def results(self) -> Results | None:
        """What came of the run that is shown."""
        return self.shown.results if self.shown is not None else None

    def start(
        self,
        notebook: Path,
        plan: Plan,
        expected: Path | None = None,
        packages: Mapping[str, str] | None = None,
    ) -> None:
        """Run a notebook, now or when it is its turn.

        Parameters
        ----------
        notebook
            It carries the Plan.
        plan
            For the progress.
        expected
            The document that the run is to reproduce.
        packages
            See `mlprov_widgets.execution.background.BackgroundRun`.

        Raises
        ------
        MlprovError
            If a visitor of the page has no room for it.
        """
        desk = self._desk
        timeout = None
        if desk.quota is not None:
            desk.quota.check_space(desk.folder)
            desk.quota.check_runs(desk.runs)
            timeout = desk.quota.minutes * 60.0
        served = desk.quota is not None
        run = BackgroundRun(notebook, desk.runs, desk.task.id, desk.task_folders, timeout, packages, gives_way=served)
        epochs = plan.values.get("epochs")
        label = _label(desk.task, plan, expected is not None)
        self.follow(
            run, StartedRun(run.folder, desk.task.id, label, epochs if isinstance(epochs, int) else 0, expected)
        )
        desk.go(RESULT)

    def follow(self, run: BackgroundRun, started: StartedRun) -> None:
        """Look after a run that has been started, and show it."""
        item = Watched(started, run, self._desk.tasks.get(started.task, self._desk.task))
        self.watched.append(item)
        self.queue.add(started.label)
        self.queue.tell(len(self.watched) - 1, item.glance)
        self.show(item)
        watch = self._desk.guard(lambda: self._watch(item, run))
        threading.Thread(target=watch, name="mlprov watch", daemon=True).start()

    def _watch(self, item: Watched, run: BackgroundRun) -> None:
        pause, left = threading.Event(), TimeLeft(item.started.epochs)
        try:
            while True:
                glance = run.look()
                item.glance, item.left = glance, left.after(glance.seconds, epochs_done(glance))
                if glance.result is not None:
                    break
                self._tell(item)
                pause.wait(_SECONDS_BETWEEN_LOOKS)
        finally:
            item.run = None
        self.queue.tell(self._number(item), item.glance)
        self.spoken.value = f"Run {self._number(item) + 1} has ended: {escape(state(item.glance))}."
        if item is self.shown:
            self.show(item)
        self._desk.ended()

    def _tell(self, item: Watched) -> None:
        """Show how far a run is: in the list, and below it if it is the one that is shown."""
        self.queue.tell(self._number(item), item.glance)
        if item is self.shown:
            self.progress.value = progress_html(item.glance, item.task, item.started.epochs, item.left)
            self.spoken.value = escape(spoken(item.glance))
            self.curves.value = parts.curves(item.glance.series)

    def show(self, item: Watched) -> None:
        """Show a run: how far it is, or what came of it."""
        self.shown = item
        self.queue.mark(self._number(item))
        going = item.run is not None
        self.cancel_row.layout.display = None if going else "none"
        self.cancel_button.disabled, self.cancel_button.description = False, "Cancel"
        if going:
            self.result_box.children = ()
            self._tell(item)
        else:
            self.curves.value = ""
            with self._showing:
                self._show_result(item, item.glance.result or {})

    def open(self) -> None:
        """Show what came of the run, if that was left until somebody looks."""
        if self.shown is not None and self.shown.run is None and not self.result_box.children:
            self.show(self.shown)

    def _show_result(self, item: Watched, result: Mapping[str, Any]) -> None:
        self.result_box.children = ()
        provenance = Path(str(result.get("provenance") or ""))
        if item.results is None and provenance.is_file():
            self.progress.value = parts.help_text("Putting together what came of it…")
            if self._desk.page != RESULT:  # it takes a second, in which a person types, or waits for the page
                return
        verdict = _verdict(item, result, provenance)
        card = verdict + _not_had(result.get("not_had"))
        shown: tuple[widgets.Widget, ...] = (self._desk.html(card),) if card else ()
        if provenance.is_file():
            if item.results is None:
                item.results = self._results(provenance, item.started.expected if verdict else None)
            shown = (*shown, item.results.widget)
        if item is not self.shown:  # a person has gone on to another run meanwhile
            return
        # The card says it where there is one, and what came of it what the record knows.
        told = str(result.get("message") or "") if result.get("status") != "completed" and not verdict else ""
        if item.results is not None and item.results.says(told):
            told = ""
        told = told[:1].upper() + told[1:].rstrip(".")
        self.progress.value = parts.note(f"{told}.", "bad") if told else ""
        self.result_box.children = shown

    def _results(self, provenance: Path, expected: Path | None) -> Results:
        from mlprov_widgets.ui.results import Results
        from mlprov_widgets.ui.verdict import document_of

        return Results(provenance, self._desk, document_of(expected) if expected is not None else None)

    def _number(self, item: Watched | None) -> int:
        return next(number for number, known in enumerate(self.watched) if known is item)

    def cancel(self, number: int) -> None:
        """Stop a run that is going on, or take it out of the line."""
        item = self.watched[number]
        run = item.run  # the watching thread may end it at any moment
        if run is not None:
            if item is self.shown:
                self.cancel_button.disabled, self.cancel_button.description = True, "Cancelling…"
            run.cancel()


def _verdict(item: Watched, result: Mapping[str, Any], provenance: Path) -> str:
    """Return the card of a run that was to reproduce another, empty for any other run."""
    expected = item.started.expected
    if expected is None:
        return ""
    from mlprov_widgets.ui.verdict import failure_html, verdict_html

    if result.get("status") == "completed" and provenance.is_file():
        return verdict_html(expected, provenance)
    return failure_html(expected, result, item.task)


def _not_had(packages: Sequence[Mapping[str, Any]] | None) -> str:
    """Return in what an environment that was built for a run is not the recorded one."""
    if packages is None:
        return ""
    if not packages:
        return parts.note("It ran in a fresh environment with every recorded version of the task's packages.", "fine")
    told = ", ".join(f"{item['name']} {item['expected']} ({item['actual'] or 'none'} was used)" for item in packages)
    return parts.note(f"It ran in a fresh environment. What could not be had: {told}.", "warn")


def _label(task: Task, plan: Plan, again: bool) -> str:
    """Return what tells a run from the others of a form: its title, and what was chosen for it."""
    title = str(plan.values.get("title") or task.title)
    defaults = {parameter.name: parameter.default for parameter in task.parameters}
    chosen = [
        f"{label} {told}"
        for (name, value), (label, told, origin) in zip(plan.values.items(), parts.plan_rows(task, plan), strict=True)
        if origin in ("user", "imported") and value != defaults.get(name) and told != title
    ]
    more = ", …" if len(chosen) > _MOST_IN_LABEL else ""
    name = f"{title}, reproduced" if again else title
    return f"{name}: {', '.join(chosen[:_MOST_IN_LABEL])}{more}" if chosen else name
