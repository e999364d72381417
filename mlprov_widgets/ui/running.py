"""The page of a run: how far it is, and what came of it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.background import BackgroundRun, Glance
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import RESULT, Desk, row
from mlprov_widgets.ui.timeleft import TimeLeft

if TYPE_CHECKING:
    from mlprov_widgets.ui.results import Results

# What only the end of a run needs is imported then: the form is to be there at once.
_SECONDS_BETWEEN_LOOKS = 0.5


class RunPage:
    """A run that goes on beside the form, and its results.

    Parameters
    ----------
    desk
        What the pages share.

    Attributes
    ----------
    run : BackgroundRun or None
        What is running.
    results : Results or None
        What came of the last run that left a document.
    is_empty : bool
        Whether there was no run yet.
    folder, expected : pathlib.Path or None
        Where the last run is, and the document that it is to reproduce.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.run: BackgroundRun | None = None
        self.results: Results | None = None
        self.expected: Path | None = None
        self.folder: Path | None = None
        self.is_empty = True
        self.progress, self.curves = desk.html(), desk.html()
        # A screen reader is told of every cell, not twice a second; the page's script makes it a live region.
        self.spoken = desk.html()
        self.spoken.add_class("mlprov-live")
        self.cancel_button = desk.button("Cancel", self.cancel)
        self.cancel_row = row(self.cancel_button)
        self.result_box = desk.box()
        heading = desk.html(parts.heading("Run"))
        self.widget = desk.box(heading, self.progress, self.spoken, self.cancel_row, self.curves, self.result_box)

    @property
    def is_running(self) -> bool:
        """Whether a run is going on."""
        return self.run is not None

    def refuse_second(self) -> None:
        """Raise if a run is going on.

        Raises
        ------
        MlprovError
            With what to do.
        """
        if self.run is not None:
            raise MlprovError("a run is going on", fix="Wait for it, or cancel it")

    def start(
        self,
        notebook: Path,
        values: Mapping[str, Any],
        expected: Path | None = None,
        packages: Mapping[str, str] | None = None,
    ) -> None:
        """Run a notebook.

        Parameters
        ----------
        notebook
            It carries a Plan.
        values
            Those of the Plan, for the progress.
        expected
            The document that the run is to reproduce.
        packages
            See `mlprov_widgets.execution.background.BackgroundRun`.
        """
        desk = self._desk
        self.refuse_second()
        timeout = None
        if desk.quota is not None:
            desk.quota.check_space(desk.folder)
            desk.quota.check_runs(desk.runs)
            timeout = desk.quota.minutes * 60.0
        run = BackgroundRun(notebook, desk.runs, desk.task.id, desk.task_folders, timeout, packages)
        self.follow(run, values, expected)
        desk.go(RESULT)

    def follow(self, run: BackgroundRun, values: Mapping[str, Any], expected: Path | None) -> None:
        """Show a run that has been started until it ends."""
        self.run, self.results, self.expected, self.folder = run, None, expected, run.folder
        self.is_empty = False
        self.result_box.children = ()
        self.cancel_row.layout.display = None
        self.cancel_button.disabled = False
        task, epochs = self._desk.task, values.get("epochs")
        total = epochs if isinstance(epochs, int) else 0
        self.progress.value = _progress_html(Glance(title="Starting"), task, total)
        watch = self._desk.guard(lambda: self._watch(run, task, total))
        threading.Thread(target=watch, name="mlprov watch", daemon=True).start()

    def _watch(self, run: BackgroundRun, task: Task, epochs: int) -> None:
        pause, left = threading.Event(), TimeLeft(epochs)
        try:
            while True:
                glance = run.look()
                self.progress.value = _progress_html(glance, task, epochs, left.after(glance.seconds, _epochs(glance)))
                self.spoken.value = escape(_spoken(glance))
                self.curves.value = parts.curves(glance.series)
                if glance.result is not None:
                    break
                pause.wait(_SECONDS_BETWEEN_LOOKS)
        finally:
            self.run = None
            self.cancel_row.layout.display = "none"
        self.curves.value, self.spoken.value = "", "The run has ended."
        self.show_result(glance.result)

    def show_result(self, result: Mapping[str, Any]) -> None:
        """Show what came of a run."""
        self.is_empty = False
        provenance = Path(str(result.get("provenance") or ""))
        told = parts.note(str(result["message"]), "bad") if result.get("message") else ""
        verdict = self._verdict(result, provenance)
        verdict += _not_had(result.get("not_had"))
        shown: tuple[widgets.Widget, ...] = (widgets.HTML(verdict),) if verdict else ()
        if provenance.is_file():
            from mlprov_widgets.ui.results import Results
            from mlprov_widgets.ui.verdict import document_of

            self.results = Results(provenance, self._desk, document_of(self.expected) if verdict else None)
            shown = (*shown, self.results.widget)
        self.result_box.children = shown
        # The card says it where there is one.
        self.progress.value = told if result["status"] != "completed" and not verdict else ""
        self._desk.ended()

    def _verdict(self, result: Mapping[str, Any], provenance: Path) -> str:
        """Return the card of a run that was to reproduce another, empty for any other run."""
        if self.expected is None:
            return ""
        from mlprov_widgets.ui.verdict import failure_html, verdict_html

        if result["status"] == "completed" and provenance.is_file():
            return verdict_html(self.expected, provenance)
        return failure_html(self.expected, result, self._desk.task)

    def cancel(self) -> None:
        """Stop the run that is going on."""
        run = self.run  # the watching thread may end it at any moment
        if run is not None:
            self.cancel_button.disabled = True
            run.cancel()


def _not_had(packages: Sequence[Mapping[str, Any]] | None) -> str:
    """Return in what an environment that was built for a run is not the recorded one."""
    if packages is None:
        return ""
    if not packages:
        return parts.note("It ran in a fresh environment with every recorded version of the task's packages.", "fine")
    told = ", ".join(f"{item['name']} {item['expected']} ({item['actual'] or 'none'} was used)" for item in packages)
    return parts.note(f"It ran in a fresh environment. What could not be had: {told}.", "warn")


def _epochs(glance: Glance) -> int:
    return max((len(values) for values in glance.series.values()), default=0)


def _spoken(glance: Glance) -> str:
    if glance.before:
        return _waiting(glance.before)
    return (
        f"{glance.title}, cell {glance.done + 1} of {glance.total}" if 0 < glance.total > glance.done else glance.title
    )


def _waiting(before: int) -> str:
    runs = "one run is" if before == 1 else f"{before} runs are"
    return f"Waiting for its turn: {runs} before this one. You may close the page and come back"


def _progress_html(glance: Glance, task: Task, epochs: int, left: str = "") -> str:
    share = glance.done / glance.total if glance.total else 0.0
    done = _epochs(glance)
    told = (
        f"{glance.title} ({glance.done} of {glance.total} cells)" if glance.total else f"{glance.title or 'Starting'}…"
    )
    if done and share < 1:
        told += f", epoch {done}" + (f" of {epochs}" if epochs else "")
    if glance.before:
        told = _waiting(glance.before)
    if glance.seconds >= 1:
        told += f" · {glance.seconds:.0f} s"
    if left and share < 1:
        told += f" · {left}"
    return (
        f'<div role="status" aria-live="off">{escape(told)}</div>'
        f'<div class="mlprov-bar"><i style="width:{share:.1%}"></i></div>' + _stages_html(glance, task)
    )


def _stages_html(glance: Glance, task: Task) -> str:
    """Return the stages as a line: those that are done, the one that runs, those to come."""
    running = task.stage_of_step(glance.step)
    before_all = -1 if glance.done < glance.total / 2 else len(task.stages)  # the notebook's own cells are at both ends
    now = next((number for number, stage in enumerate(task.stages) if stage.id == running), before_all)
    items = []
    for number, stage in enumerate(task.stages):
        state = "done" if number < now else "now" if number == now else "next"
        mark = {"done": "✓ ", "now": "▸ ", "next": ""}[state]
        items.append(f'<li class="mlprov-{state}">{mark}{escape(stage.title)}</li>')
    return f'<ol class="mlprov-stages">{"".join(items)}</ol>'
