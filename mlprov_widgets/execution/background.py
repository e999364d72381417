"""A run that goes on beside the form: started, watched, cancelled."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets.files import new_folder
from mlprov_widgets.provenance.journal import FILE_NAME as JOURNAL
from mlprov_widgets.provenance.journal import Event, JournalReader

PROGRESS = "progress.json"
RESULT = "result.json"
"""What the worker's process leaves in the run's folder: after every cell, and at the end."""

_PATIENCE = 12.0


@dataclass
class Glance:
    """What can be said of a run while it goes on.

    Attributes
    ----------
    step, title : str
        The cell that is running.
    done, total : int
        Cells.
    series : dict of str to list
        The training series so far.
    result : dict or None
        As `mlprov_widgets.execution.run.Run.as_dict`, once the run is over.
    """

    step: str = ""
    title: str = ""
    done: int = 0
    total: int = 0
    series: dict[str, list[Any]] = field(default_factory=dict)
    result: dict[str, Any] | None = None


class BackgroundRun:
    """A notebook that runs in a process of its own.

    Parameters
    ----------
    notebook
        A notebook that carries a Plan.
    runs
        Where the run's new folder is made.
    task_id
        Part of the folder's name.
    tasks
        More folders of tasks.
    """

    def __init__(self, notebook: Path, runs: Path, task_id: str, tasks: Sequence[Path] = ()) -> None:
        self.folder = new_folder(runs, task_id).resolve()
        self._glance = Glance()
        self._journal = JournalReader(self.folder / JOURNAL)
        self._cancelled = 0.0
        command = [sys.executable, "-m", "mlprov_widgets.execution.worker", str(notebook.resolve()), str(self.folder)]
        # A group of its own: what interrupts the form's kernel must not reach the run.
        with (self.folder / "worker.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *(str(path.resolve()) for path in tasks)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def look(self) -> Glance:
        """Return how far the run is; cheap enough to be asked twice a second."""
        glance = self._glance
        progress = _read(self.folder / PROGRESS)
        if progress:
            glance.step, glance.title = str(progress.get("step", "")), str(progress.get("title", ""))
            glance.total = int(progress.get("total", 0))
            ended = progress.get("event") == "cell_end"
            glance.done = int(progress.get("index", 0)) + (1 if ended else 0)
        for event in self._journal.new_events():
            _take_series(glance.series, event)
        if self._process.poll() is not None:
            glance.result = _read(self.folder / RESULT) or self._without_result()
        elif self._cancelled and time.monotonic() > self._cancelled + _PATIENCE:
            self.kill()
        return glance

    def _without_result(self) -> dict[str, Any]:
        told = f"the run's process ended with {self._process.returncode} and left no result"
        if self._cancelled:
            told = "the run was cancelled before its record could be finished"
        return {
            "status": "cancelled" if self._cancelled else "failed",
            "message": told,
            "run": str(self.folder),
        }

    def cancel(self) -> None:
        """Stop the run: the running cell is interrupted, the record is finished."""
        if not self._cancelled and self._process.poll() is None:
            self._cancelled = time.monotonic()
            if (self.folder / PROGRESS).exists():
                self._process.send_signal(signal.SIGINT)
            else:  # it may not listen to a Ctrl-C yet, and there is nothing to finish
                self.kill()

    def kill(self) -> None:
        """End the run's processes at once; `mlprov recover` can finish the record."""
        if self._process.poll() is None:
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except (AttributeError, ProcessLookupError, PermissionError):
                self._process.kill()


def _take_series(series: dict[str, list[Any]], event: Event) -> None:
    if event.get("event") != "history" or not isinstance(event.get("series"), dict):
        return
    for name, new in event["series"].items():
        series[name] = [*series.get(name, [])[: int(new["from"])], *new["values"]]


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
