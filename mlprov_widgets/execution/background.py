"""A run that goes on beside the form: started, watched, cancelled."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets import locks
from mlprov_widgets.errors import ExecutionError
from mlprov_widgets.execution.priority import PRIORITY_VARIABLE
from mlprov_widgets.files import new_folder, write_atomically
from mlprov_widgets.provenance.capture.journal import FILE_NAME as JOURNAL
from mlprov_widgets.provenance.capture.journal import Event, JournalReader

LOCK = "worker.lock"
PROGRESS = "progress.json"
RESULT = "result.json"
"""What the worker's process leaves in the run's folder: after every cell, and at the end."""

TIMEOUT_VARIABLE = "MLPROV_RUN_SECONDS"
"""How the worker is told after how many seconds a run is ended."""

PACKAGES_VARIABLE = "MLPROV_RUN_PACKAGES"
"""How the worker is told which packages to run with, in an environment of their own: versions by name, as JSON."""

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
    seconds : float
        Since the run was started.
    result : dict or None
        As `mlprov_widgets.execution.run.Run.as_dict`, once the run is over.
    before : int
        Runs whose turn is before this one's, while it waits.
    """

    step: str = ""
    title: str = ""
    done: int = 0
    total: int = 0
    series: dict[str, list[Any]] = field(default_factory=dict)
    seconds: float = 0.0
    result: dict[str, Any] | None = None
    before: int = 0


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
    timeout
        Seconds after which the run is ended, without the time that it waited for its turn.
    packages
        What to run with, in an environment that is built for it; see
        `mlprov_widgets.execution.same_environment.requirements_of`. None for the one that is here.
    gives_way
        Whether it takes less of the processors than what it competes with.
    """

    def __init__(
        self,
        notebook: Path,
        runs: Path,
        task_id: str,
        tasks: Sequence[Path] = (),
        timeout: float | None = None,
        packages: Mapping[str, str] | None = None,
        *,
        gives_way: bool = False,
    ) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._follow(new_folder(runs, task_id).resolve())
        command = [sys.executable, "-m", "mlprov_widgets.execution.worker", str(notebook.resolve()), str(self.folder)]
        told = {} if timeout is None else {TIMEOUT_VARIABLE: str(timeout)}
        told |= {} if packages is None else {PACKAGES_VARIABLE: json.dumps(dict(packages))}
        told |= {PRIORITY_VARIABLE: "low"} if gives_way else {}
        # Whoever inherits it holds it until it ends.
        (self.folder / LOCK).touch()
        lock = locks.take(self.folder / LOCK)
        try:
            # A group of its own: what interrupts the form's kernel must not reach the run.
            with (self.folder / "worker.log").open("wb") as log:
                self._process = subprocess.Popen(
                    [*command, *(str(path.resolve()) for path in tasks)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    start_new_session=True,
                    env={**os.environ, **told},
                    pass_fds=(lock,) if locks.AVAILABLE else (),
                )
            (self.folder / LOCK).write_text(str(self._process.pid), encoding="ascii")
        finally:
            os.close(lock)

    @classmethod
    def attach(cls, folder: Path) -> BackgroundRun:
        """Return a run that somebody else started, by its folder: it goes on, or it has ended.

        Raises
        ------
        ExecutionError
            If no run was started there by a form.
        """
        if not (folder / LOCK).is_file():
            raise ExecutionError("this run is not here any more", fix="Start it again")
        run = cls.__new__(cls)
        run._process = None
        run._follow(folder)
        run._began = (folder / LOCK).stat().st_mtime
        return run

    def _follow(self, folder: Path) -> None:
        self.folder = folder
        self._glance = Glance()
        self._journal = JournalReader(folder / JOURNAL)
        self._cancelled = 0.0
        self._began = time.time()

    def _pid(self) -> int | None:
        """Return the process of the run, None once it has ended."""
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else None
        return _worker_of(self.folder)

    def look(self) -> Glance:
        """Return how far the run is; cheap enough to be asked twice a second."""
        glance = self._glance
        progress = _read(self.folder / PROGRESS)
        if progress:
            glance.step, glance.title = str(progress.get("step", "")), str(progress.get("title", ""))
            glance.total, glance.before = int(progress.get("total", 0)), int(progress.get("before", 0))
            ended = progress.get("event") == "cell_end"
            glance.done = int(progress.get("index", 0)) + (1 if ended else 0)
        for event in self._journal.new_events():
            _take_series(glance.series, event)
        glance.seconds = max(time.time() - self._began, 0.0)
        if self._pid() is None:
            glance.result = _read(self.folder / RESULT) or self._without_result()
        elif self._cancelled and time.monotonic() > self._cancelled + _PATIENCE:
            self.kill()
        return glance

    def _without_result(self) -> dict[str, Any]:
        """Finish the record in place of a process that could not, and keep what came of it for whoever looks next."""
        from mlprov_widgets.execution.recover import result_of_killed  # the form is to be there at once

        if self._cancelled:
            told = ("cancelled", "the run was cancelled before its record could be finished")
        else:
            told = ("failed", _how_it_ended(self._process))
        result = result_of_killed(self.folder, *told)
        with contextlib.suppress(OSError):
            write_atomically(self.folder / RESULT, json.dumps(result, allow_nan=False, default=str), replace=True)
        return result

    def cancel(self) -> None:
        """Stop the run: the running cell is interrupted, the record is finished."""
        pid = self._pid()
        if not self._cancelled and pid is not None:
            self._cancelled = time.monotonic()
            if (self.folder / PROGRESS).exists():
                os.kill(pid, signal.SIGINT)
            else:  # it may not listen to a Ctrl-C yet, and there is nothing to finish
                self.kill()

    def kill(self) -> None:
        """End the run's processes at once; `mlprov recover` can finish the record."""
        pid = self._pid()
        if pid is None:
            return
        try:
            os.killpg(pid, signal.SIGKILL)
        except (AttributeError, ProcessLookupError, PermissionError):
            if self._process is not None:
                self._process.kill()


def _how_it_ended(process: subprocess.Popen[bytes] | None) -> str:
    if process is not None and process.returncode is not None and process.returncode > 0:
        return f"the run's process broke down with status {process.returncode}; its last words are in worker.log"
    return "the run's process ended without a word: somebody ended it, or the system did for want of memory"


def is_running(folder: Path) -> bool:
    """Return whether the run that a form started in this folder goes on, or waits for its turn."""
    with contextlib.suppress(OSError):
        return locks.is_held(folder / LOCK)
    return False


def _worker_of(folder: Path) -> int | None:
    """Return the process that runs in a folder, None when there is none."""
    if not is_running(folder):
        return None
    with contextlib.suppress(OSError):
        told = (folder / LOCK).read_text(encoding="ascii")[:20]
        return int(told) if told.isdigit() else None
    return None


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
