"""The recorder: sees every cell that runs in this kernel and writes the journal.

It imports neither nbformat nor anything that draws, and it never lets an error of its own reach the
cell: what it cannot record it says once and goes on.
"""

from __future__ import annotations

import atexit
import builtins
import contextlib
import gc
import os
import re
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlprov_widgets import __version__
from mlprov_widgets.errors import MlprovError
from mlprov_widgets.files import new_folder, runs_folder, sha256_of_file, sha256_of_text
from mlprov_widgets.provenance.capture import environment as facts
from mlprov_widgets.provenance.capture import gpu
from mlprov_widgets.provenance.capture.fingerprint import Fingerprint, fingerprint
from mlprov_widgets.provenance.capture.journal import FILE_NAME, Event, Journal, now, plain
from mlprov_widgets.provenance.capture.locate import FoundNotebook, find_notebook, read_notebook_file
from mlprov_widgets.provenance.capture.names import is_data, names_in, through_functions
from mlprov_widgets.provenance.capture.scrub import scrub
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.model import SCHEMA_VERSION, Task

if TYPE_CHECKING:
    from mlprov_widgets.provenance.capture.document import Built

RUN_FOLDER = "MLPROV_RUN_DIR"
"""Set by our runner: the folder of this run, which exists and has no journal yet."""

OUTPUTS = "outputs"

HISTORY = "history"
METRICS = "metrics"
"""The two names that a notebook of any task fills: lists by epoch, and results."""

_CELL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_BUILTINS = frozenset(dir(builtins))
_SECONDS_BETWEEN_LOOKS = 1.0
_LARGEST_FIELD = 20_000

_active: Recorder | None = None


def record(task: str, version: str, *, plan: str) -> Path:
    """Begin to record this kernel; the one line in a generated notebook.

    Parameters
    ----------
    task, version
        The task's id and the version that rendered the notebook.
    plan
        The digest of the notebook's Plan.

    Returns
    -------
    pathlib.Path
        A new, empty folder for the results of this execution.
    """
    global _active
    try:
        from IPython.core.getipython import get_ipython

        shell = get_ipython()
    except ModuleNotFoundError:
        shell = None
    if shell is None:
        print("Nothing is recorded: this does not run in a Jupyter kernel.")
        return _made(Path("outputs"))
    if _active is not None:
        _active.finish(within_cell=True)
    _active = Recorder(shell, task, version, plan)
    return _active.outputs


def active() -> Recorder | None:
    """Return the recorder of this kernel."""
    return _active


@contextlib.contextmanager
def _no_collection() -> Iterator[None]:
    """Put garbage collection off: building a document makes enough objects to start one, through all of torch's."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _run_folder(task: str, warn: Callable[[str], None]) -> Path:
    given = os.environ.get(RUN_FOLDER)
    if given and not (Path(given) / FILE_NAME).exists():
        return Path(given)
    runs = Path(given).parent if given else runs_folder()
    try:
        return new_folder(runs, task)
    except OSError as error:
        folder = Path(tempfile.mkdtemp(prefix=f"mlprov-{task}-"))
        warn(f"No folder can be made in {runs} ({error}). This run is kept in {folder}.")
        return folder


class Recorder:
    """Listens to IPython's cell events and journals what it sees.

    Parameters
    ----------
    shell
        The kernel's ``InteractiveShell``.
    task_id, version, digest
        What the recorder line says about its notebook.

    Attributes
    ----------
    publish : bool
        Whether the document is written again after every cell.
    saved : callable
        Called with the document whenever it was written.
    """

    def __init__(self, shell: Any, task_id: str, version: str, digest: str) -> None:
        began = time.perf_counter()
        self.started = now()
        self.shell = shell
        self.namespace: dict[str, Any] = shell.user_ns
        self.under_runner = bool(os.environ.get(RUN_FOLDER))
        self.folder = _run_folder(task_id, self._warn).resolve()
        self.outputs = self.folder / OUTPUTS
        self.publish = False
        self.saved: Callable[[Built], None] = lambda _: None
        self._finished = False
        self._lock = threading.RLock()
        self._begun: dict[str, Any] | None = None
        self._known: dict[str, Fingerprint] = {}
        self._files: dict[str, tuple[int, int]] = {}
        self._series: dict[str, list[Any]] = {}
        self._executions = 0
        self._notebook: Path | None = None
        self._saved_at = ""
        self._sources: set[str] = set()
        self.journal = Journal(self.folder / FILE_NAME, self._warn)
        notebook = find_notebook(digest, self.namespace, os.environ)
        self.task, reason = _installed_task(task_id, version, notebook)
        self._stages = {cell.step: cell.stage for cell in self.task.cells} if self.task else {}
        self._stages |= {cell["step"]: cell["stage"] for cell in notebook.cells} if notebook else {}
        self._planned = {cell["sha256"]: cell["step"] for cell in notebook.cells} if notebook else {}
        if notebook and not self.under_runner:
            self._notebook, self._saved_at, self._digest = notebook.path, notebook.facts["modified"], digest
            self._sources.update(self._planned)
        self.journal.append("start", **start_of("kernel", task_id, version, digest, notebook, self.task, reason))
        self.journal.append("environment", facts=facts.environment(Path.cwd()))
        try:
            self.outputs.mkdir(exist_ok=True)
        except OSError as error:
            self._warn(f"The folder {self.outputs} cannot be made: {error}")
        shell.events.register("pre_run_cell", self._before)
        shell.events.register("post_run_cell", self._after)
        atexit.register(self._at_exit)
        self._stop = threading.Event()
        threading.Thread(target=self._watch_history, name="mlprov history", daemon=True).start()
        self._starting_cost = time.perf_counter() - began

    def _warn(self, message: str) -> None:
        print(f"mlprov_widgets: {message}", file=sys.stderr)

    # IPython's events -----------------------------------------------------------------------------

    def _before(self, info: Any) -> None:
        began = time.perf_counter()
        try:
            step = self._step_of(info)
            self.journal.append("cell_start", step=step)
            self._begun = {"start": now(), "step": step}
        except Exception as error:  # a recorder must never stop a cell
            self._failed(error)
        if self._begun is not None:
            self._begun["cost"] = time.perf_counter() - began

    def _step_of(self, info: Any) -> str:
        """Return the cell's id; the step with this source when the id is none of the notebook's."""
        told = str(getattr(info, "cell_id", None) or "")
        if told in self._stages:
            return told
        # Some front ends send none; VS Code sends an address with the path of the file in it.
        known = self._planned.get(sha256_of_text(str(getattr(info, "raw_cell", ""))), "")
        return known or (told if _CELL_ID.fullmatch(told) else "")

    def _after(self, result: Any) -> None:
        began, ended = time.perf_counter(), now()
        begun = self._begun or {"start": self.started, "step": "", "cost": self._starting_cost}
        self._begun = None
        try:
            if self._finished:
                return
            self._look_at_history()
            info = result.info
            source = info.raw_cell if isinstance(info.raw_cell, str) else ""
            step = begun["step"] or self._step_of(info)
            event = self._seen(step, source)
            status, error = _outcome(result)
            self._executions += 1
            digest = sha256_of_text(source)
            self._sources.add(digest)
            self.journal.append(
                "cell",
                step=step,
                stage=self._stages.get(step, ""),
                execution=self._executions,
                source=source,
                sha256=digest,
                start=begun["start"],
                end=ended,
                status=status,
                error=error,
                **event,
                capture_seconds=round(begun["cost"] + time.perf_counter() - began, 6),
            )
            if self.publish and not self.under_runner:
                self.save()
        except Exception as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._warn(f"The recorder met {type(error).__name__}: {error}. The cells run on; the record is incomplete.")
        try:
            self.journal.append("note", incomplete=True, message=scrub(f"{type(error).__name__}: {error}"))
        except Exception:
            self.journal.lost = True

    # What a cell did ------------------------------------------------------------------------------

    def _seen(self, step: str, source: str) -> dict[str, Any]:
        loaded, bound = names_in(source)
        touched = through_functions(loaded | bound, self.namespace)
        hidden = getattr(self.shell, "user_ns_hidden", {})
        reads, writes = [], []
        for name in sorted(touched):
            if name not in self.namespace or name in hidden or not is_data(name, self.namespace[name]):
                continue
            seen = fingerprint(self.namespace[name])
            before = self._known.get(name)
            if before is not None and (name in loaded or name not in bound):
                reads.append({"name": name, "sha256": before.sha256})
            # An object that was only read may have been changed in place, as training changes a model.
            if before is None or name in bound or (seen.sha256 is not None and seen.sha256 != before.sha256):
                writes.append({"name": name, **seen.as_dict()})
            self._known[name] = seen
        return {
            "reads": reads,
            "writes": writes,
            "observed": self._observe(self._stages.get(step, ""), touched),
            "metrics": self._metrics(touched),
            "files": self._new_files(),
        }

    def _observe(self, stage_id: str, touched: set[str]) -> dict[str, dict[str, Any]]:
        """Evaluate the task's expressions on live objects: a stage's own after its cells, others when touched."""
        if self.task is None:
            return {}
        seen: dict[str, dict[str, Any]] = {}
        scope = dict(self.namespace)  # an expression cannot leave a name behind in the notebook
        for stage in self.task.stages:
            fields = {
                field: _field(expression, scope)
                for field, expression in stage.observe.items()
                if stage.id == stage_id or (names_in(expression)[0] & touched) - _BUILTINS
            }
            if fields:
                seen[stage.id] = fields
        return seen

    def _metrics(self, touched: set[str]) -> dict[str, Any] | None:
        metrics = self.namespace.get(METRICS)
        return plain(metrics) if METRICS in touched and isinstance(metrics, dict) else None

    def _new_files(self) -> list[dict[str, Any]]:
        found = []
        for path in sorted(self.outputs.rglob("*")):
            try:
                if path.is_symlink() or not path.is_file():
                    continue
                stamp = (path.stat().st_mtime_ns, path.stat().st_size)
                name = path.relative_to(self.folder).as_posix()
                if self._files.get(name) != stamp:
                    self._files[name] = stamp
                    found.append({"path": name, "sha256": sha256_of_file(path), "bytes": stamp[1]})
            except OSError:
                continue
        return found

    # The training series --------------------------------------------------------------------------

    def _watch_history(self) -> None:
        while not self._stop.wait(_SECONDS_BETWEEN_LOOKS):
            with contextlib.suppress(Exception):  # a list that changes while it is read: the next look sees it
                self._look_at_history()

    def _look_at_history(self) -> None:
        history = self.namespace.get(HISTORY)
        if not isinstance(history, dict):
            return
        with self._lock:
            new = {}
            for name, values in list(history.items()):
                if not isinstance(values, list):
                    continue
                known = self._series.setdefault(str(name), [])
                now_there = values[:]
                first = len(known) if _begins_with(now_there, known) else 0
                if len(now_there) != len(known) or (first == 0 and now_there):
                    new[str(name)] = {"from": first, "values": plain(now_there[first:])}
                    self._series[str(name)] = now_there
            if new:
                self.journal.append("history", step=(self._begun or {}).get("step", ""), series=new)

    # The end --------------------------------------------------------------------------------------

    def journal_packages(self) -> None:
        """Journal the distributions of the modules that are loaded now, the GPUs, and how PyTorch calculates."""
        self.journal.append("packages", packages=facts.packages(), gpus=gpu.names(), numerics=facts.numerics())

    def _look_at_notebook(self) -> None:
        """Journal the cells of the notebook's file, if it was saved since the last look."""
        found = read_notebook_file(self._notebook, after=self._saved_at) if self._notebook else None
        if found is None or found.plan.get("digest") != self._digest:
            return
        self._saved_at = found.facts["modified"]
        cells = []
        for cell in found.cells:
            if cell["kind"] == "code":
                new = {"source": cell["source"]} if cell["sha256"] not in self._sources else {}
                cells.append({"step": cell["step"], "sha256": cell["sha256"], **new})
        self.journal.append("notebook", modified=self._saved_at, cells=cells)

    def save(self) -> Built:
        """Write the document beside the journal; under a runner, which writes it itself, only build it."""
        from mlprov_widgets.provenance.capture.document import build, save_document

        if not self._finished:
            self._look_at_notebook()
        with _no_collection():
            if self.under_runner:
                return build(self.journal.events)
            try:
                built = save_document(self.folder, self.journal.events, incomplete=self.journal.lost)
                self.saved(built)
                return built
            except OSError as error:
                self._warn(f"The document cannot be written: {error}")
                return build(self.journal.events)

    def shown_place(self) -> str:
        """Return the run's folder as it may be shown: relative to where the notebook runs."""
        try:
            return os.path.relpath(self.folder)
        except ValueError:  # another drive, on Windows
            return self.folder.name

    def _at_exit(self) -> None:
        self.finish()
        # The interpreter's last collection walks every object of torch and pandas: 1.1 s for nothing.
        gc.freeze()

    def finish(self, *, within_cell: bool = False) -> None:
        """End the record; called when the kernel shuts down or another record begins.

        Parameters
        ----------
        within_cell
            Whether the cell that runs now belongs to that other record.
        """
        with self._lock:
            if self._finished:
                return
            self._finished = True
        self._stop.set()
        try:
            self.shell.events.unregister("pre_run_cell", self._before)
            self.shell.events.unregister("post_run_cell", self._after)
        except ValueError:
            pass
        try:
            self._look_at_history()
            self._look_at_notebook()
            self.journal_packages()
            self.journal.append("end", **({"within_cell": True} if within_cell else {}))
            if not self.under_runner:  # the runner writes the document itself
                self.save()
        except Exception as error:
            self._failed(error)
        self.journal.close()


def _begins_with(values: list[Any], known: list[Any]) -> bool:
    if len(values) < len(known):
        return False
    try:
        return values[: len(known)] == known
    except Exception:  # arrays, for example, have no truth value
        return bool(plain(values[: len(known)]) == plain(known))


def _field(expression: str, scope: dict[str, Any]) -> dict[str, Any]:
    # The expression comes from an installed task, whose code is trusted; see DESIGN.md section 4.
    try:
        value = plain(eval(expression, scope))  # noqa: S307
    except Exception as error:
        return {"reason": scrub(f"{type(error).__name__}: {error}")[:200]}
    if isinstance(value, str):
        value = scrub(value, _LARGEST_FIELD + 1)
    if len(str(value)) > _LARGEST_FIELD:
        return {"value": str(value)[:_LARGEST_FIELD] + "…"}
    return {"value": value}


def _installed_task(task_id: str, version: str, notebook: FoundNotebook | None) -> tuple[Task | None, str]:
    """Return the task whose expressions may be evaluated, or None and why not."""
    try:
        task = find_task(task_id)
    except MlprovError as error:
        return None, f"the task is not installed here: {error}"
    rendered_by = notebook.plan.get("task_digest") if notebook else task.digest
    if rendered_by != task.digest or version != task.version:
        return None, "the installed task is not the one that rendered this notebook"
    return task, ""


def start_of(
    recorded_by: str,
    task_id: str,
    version: str,
    digest: str,
    notebook: FoundNotebook | None,
    task: Task | None,
    reason: str,
) -> Event:
    """Return the content of a journal's first event.

    Parameters
    ----------
    recorded_by
        ``kernel`` or ``runner``.
    task_id, version, digest
        What the notebook says of its task and its Plan.
    notebook
        The notebook's file, None when it was not found.
    task
        The installed task, None when it is not there or is another.
    reason
        Why nothing can be observed; empty when it can.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "run": str(uuid.uuid4()),
        "recorded_by": recorded_by,
        "generator": __version__,
        "task": task_id,
        "version": version,
        "plan_digest": digest,
        "plan": notebook.plan if notebook else None,
        "cells": notebook.cells if notebook else [],
        "notebook": notebook.facts if notebook else None,
        "stages": _stages_of(task),
        "terms": _terms_of(task),
        "not_observed_because": reason,
    }


def _stages_of(task: Task | None) -> list[dict[str, Any]]:
    """Return what the document needs to know of a task's stages, as JSON data."""
    return [
        {
            "id": stage.id,
            "title": stage.title,
            "fields": list(stage.observe),
            "not_applicable": dict(stage.not_applicable),
        }
        for stage in (task.stages if task else ())
    ]


def _terms_of(task: Task | None) -> dict[str, str]:
    """Return under which name a parameter is observed, where that is not its own."""
    return {p.name: p.term for p in (task.parameters if task else ()) if p.term and p.term != p.name}


def _outcome(result: Any) -> tuple[str, dict[str, str] | None]:
    error = result.error_before_exec or result.error_in_exec
    if error is None:
        return "ok", None
    status = "interrupted" if isinstance(error, KeyboardInterrupt) else "error"
    return status, {"type": type(error).__name__, "message": scrub(str(error))}
