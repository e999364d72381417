"""A notebook becomes a run: a new folder with the executed copy, its journal, its results, its document."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlprov_widgets.errors import ExecutionError, MlprovError, NotebookError
from mlprov_widgets.execution.same_environment import KERNEL
from mlprov_widgets.execution.session import Outcome, Progress, Session
from mlprov_widgets.execution.summary import keep
from mlprov_widgets.files import new_folder, runs_folder, write_atomically
from mlprov_widgets.notebook.readback import load_notebook, plan_of
from mlprov_widgets.notebook.render import notebook_text
from mlprov_widgets.notebook.write import copy_data, find_data
from mlprov_widgets.provenance.capture import environment as facts
from mlprov_widgets.provenance.capture.account import has_code
from mlprov_widgets.provenance.capture.document import FILE_NAME as DOCUMENT
from mlprov_widgets.provenance.capture.document import Built, save_document
from mlprov_widgets.provenance.capture.journal import FILE_NAME as JOURNAL
from mlprov_widgets.provenance.capture.journal import Event, Journal, now, read_journal
from mlprov_widgets.provenance.capture.locate import NOTEBOOK, FoundNotebook
from mlprov_widgets.provenance.capture.recorder import RUN_FOLDER, start_of
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.view import stale_metrics_of
from mlprov_widgets.tasks.load import ENVIRONMENT_VARIABLE, find_task

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mlprov_widgets.tasks.model import Task

REPORT = "report.html"


@dataclass(frozen=True)
class Run:
    """A run that ended, whatever way.

    Attributes
    ----------
    folder : pathlib.Path
    status : str
        ``completed``, ``failed``, ``cancelled`` or ``incomplete``.
    message : str
        Why it is not ``completed``.
    notebook : pathlib.Path or None
        The executed copy; None for a recovered run of which only the journal is there.
    provenance, journal, report : pathlib.Path
    metrics : dict
    seconds, capture_seconds : float
    failed_step : str or None
    notes : tuple of str
    """

    folder: Path
    status: str
    message: str
    notebook: Path | None
    provenance: Path
    journal: Path
    report: Path
    metrics: Mapping[str, Any]
    seconds: float
    capture_seconds: float
    failed_step: str | None
    notes: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return it as the object that ``--json`` prints."""
        return {
            "run": str(self.folder),
            "status": self.status,
            "message": self.message,
            "notebook": str(self.notebook) if self.notebook else None,
            "provenance": str(self.provenance),
            "journal": str(self.journal),
            "report": str(self.report),
            "metrics": dict(self.metrics),
            "seconds": round(self.seconds, 3),
            "capture_seconds": round(self.capture_seconds, 3),
            "failed_step": self.failed_step,
            "notes": list(self.notes),
        }


def without_record(status: str, message: str) -> dict[str, Any]:
    """Return what `Run.as_dict` says of a run that ended before it had a record."""
    return {
        "run": None,
        "status": status,
        "message": message,
        "notebook": None,
        "provenance": None,
        "journal": None,
        "report": None,
        "metrics": {},
        "seconds": 0.0,
        "capture_seconds": 0.0,
        "failed_step": None,
        "notes": [],
    }


def run_notebook(
    source: Path,
    *,
    runs: Path | None = None,
    folder: Path | None = None,
    timeout: float | None = None,
    tasks: Sequence[Path] = (),
    progress: Progress | None = None,
    kernels: Path | None = None,
) -> Run:
    """Execute a copy of a notebook and record it.

    Parameters
    ----------
    source
        A notebook that carries a Plan; it stays as it is.
    runs
        Where the run's new folder is made; see `mlprov_widgets.files.runs_folder`.
    folder
        An existing, new folder to use instead.
    timeout
        Seconds for the whole run.
    tasks
        More folders of tasks, for the recorder in the kernel.
    progress
        Called for each cell; see `mlprov_widgets.execution.session.Progress`.
    kernels
        The folder of kernels of `mlprov_widgets.execution.same_environment`, whose kernel runs it.

    Raises
    ------
    NotebookError
        If the notebook carries no Plan.
    DataFileError
        If the notebook's own data is nowhere to be found.
    ExecutionError
        If no run folder can be made.
    """
    began = time.monotonic()
    found = load_notebook(source)
    plan = plan_of(found)
    place = source.resolve().parent
    data = find_data(plan, [place])
    copy_data(plan, data, place)
    try:
        folder = folder or new_folder(runs or runs_folder(), plan.task)
    except OSError as error:
        raise ExecutionError(
            f"no run folder can be made: {error}", field=str(runs), fix="Choose another --runs"
        ) from None
    folder = folder.resolve()
    copy_data(plan, data, folder)
    target = folder / source.name
    # A run that is killed leaves its notebook, if not its outputs.
    write_atomically(target, source.read_bytes(), replace=True)
    kernel = str(found.facts["kernel"] or "python3") if kernels is None else KERNEL
    variables = _variables(source, folder, tasks)
    session = Session(lambda: _read(source), kernel, place, variables, timeout, progress, kernels)
    try:
        outcome = session.run()
    except MlprovError:
        with suppress(OSError):
            target.unlink()
            folder.rmdir()  # it holds nothing else, unless it was there before
        raise
    write_atomically(target, notebook_text(session.notebook or _read(source)), replace=True)
    events = _complete_journal(folder / JOURNAL, found, outcome, tasks)
    built = write_results(folder, events)
    return run_of(folder, target, built, outcome.message, time.monotonic() - began)


def _read(source: Path) -> NotebookNode:
    import mlprov_widgets.provenance.export.report  # noqa: F401 - now, while the kernel starts, rather than at the end
    from mlprov_widgets.notebook_format import nbformat

    try:
        notebook: NotebookNode = nbformat.reads(source.read_text(encoding="utf-8"), as_version=4)
    except Exception as error:  # nbformat raises its own, jsonschema's and json's
        raise NotebookError(
            f"this notebook cannot be read: {error}", field=source.name, fix="Generate it again"
        ) from None
    return notebook


def _variables(source: Path, folder: Path, tasks: Iterable[Path]) -> dict[str, str]:
    named = [os.environ.get(ENVIRONMENT_VARIABLE, ""), *(str(path.resolve()) for path in tasks)]
    return {
        NOTEBOOK: str(source.resolve()),
        RUN_FOLDER: str(folder),
        ENVIRONMENT_VARIABLE: os.pathsep.join(name for name in named if name),
        # The kernel's debugger would warn on standard error of the interpreter's frozen modules.
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def write_results(folder: Path, events: Sequence[Event], notebook: FoundNotebook | None = None) -> Built:
    """Build the document of some events and write it, and the report, into a run's folder."""
    from mlprov_widgets.provenance.export.report import report

    built = save_document(folder, events, notebook)
    file = ProvenanceFile(built.document, folder / DOCUMENT)
    write_atomically(folder / REPORT, report(file), replace=True)
    keep(file)
    return built


def run_of(folder: Path, notebook: Path | None, built: Built, message: str, seconds: float) -> Run:
    """Return the run of a built document."""
    account = built.account
    return Run(
        folder=folder,
        status=account.status,
        message=message,
        notebook=notebook,
        provenance=folder / DOCUMENT,
        journal=folder / JOURNAL,
        report=folder / REPORT,
        metrics=account.metrics,
        seconds=seconds,
        capture_seconds=account.capture_seconds,
        failed_step=account.failed_step,
        notes=(*account.notes, *_stale_metrics(built)),
    )


def _stale_metrics(built: Built) -> list[str]:
    reasons = list(stale_metrics_of(ProvenanceFile(built.document)).values())
    return [f"The metrics are stale: {reasons[0]}."] if reasons else []


def _complete_journal(path: Path, found: FoundNotebook, outcome: Outcome, tasks: Sequence[Path]) -> list[Event]:
    """Add the end to the kernel's journal; write one from outside when the kernel wrote none."""
    ended = {"status": outcome.status, "message": outcome.message}
    if outcome.status == "completed":
        ended = {}  # what the kernel saw decides: a cell may have been left out
    if not path.exists() or path.stat().st_size == 0:
        path.unlink(missing_ok=True)
        return _journal_from_outside(path, found, outcome, tasks, ended)
    drop_partial_line(path)
    journal = Journal(path, _ignore, extend=True)
    lost = _not_journaled(read_journal(path).events, outcome)
    for cell in lost:
        journal.append("cell", **cell)
    if lost:
        message = "The journal could not be written to its end: the last cells are recorded as seen from outside."
        journal.append("note", incomplete=True, message=message)
    journal.append("end", **ended)
    journal.close()
    return read_journal(path).events


def _not_journaled(events: Sequence[Event], outcome: Outcome) -> list[dict[str, Any]]:
    """Return the last cells that were seen to end from outside and that the recording kernel did not journal."""
    if any(event["event"] == "end" for event in events):
        return []
    told = {event.get("sha256") for event in events if event["event"] == "cell"}
    ended = [
        cell for cell in outcome.cells if cell["status"] in ("ok", "error", "interrupted") and has_code(cell["source"])
    ]
    return list(takewhile(lambda cell: cell["sha256"] not in told, reversed(ended)))[::-1]


def drop_partial_line(path: Path) -> None:
    """Cut a half-written last line off a journal whose writer was killed."""
    with path.open("r+b") as file:
        content = file.read()
        if not content.endswith(b"\n"):
            file.truncate(content.rfind(b"\n") + 1)


def _journal_from_outside(
    path: Path, found: FoundNotebook, outcome: Outcome, tasks: Sequence[Path], ended: Mapping[str, str]
) -> list[Event]:
    journal = Journal(path, _ignore)
    task_id, version, digest = (str(found.plan.get(key)) for key in ("task", "version", "digest"))
    task: Task | None = None
    with suppress(MlprovError):
        task = find_task(task_id, tasks)
    reason = "the recorder did not run in the kernel; the run was recorded from outside"
    began = outcome.cells[0]["start"] if outcome.cells else now()
    journal.append("start", time=began, **start_of("runner", task_id, version, digest, found, task, reason))
    journal.append("environment", facts=facts.environment(path.parent))
    for cell in outcome.cells:
        journal.append("cell", **cell)
    journal.append("note", message="The recorder line did not run: only what can be seen from outside was recorded.")
    journal.append("end", **ended)
    journal.close()
    return journal.events


def _ignore(message: str) -> None:
    del message  # the runner's own caller sees the missing file
