"""Notebooks to run, and kernels to run cells in by hand."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.manager import KernelManager

from mlprov_widgets import verbs
from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.capture.journal import read_journal

PATIENCE = 60.0
ABOUT_FILES = {"artifact_changed", "outside"}

# Each request runs in a copy of this process, in which torch is imported already: that takes 6 s of a processor, two of
# them for torch._dynamo, which every optimizer imports. Nothing else is shared. Each notebook gets a namespace of its own, and runs in its folder.
DRIVER = """
import contextlib, gc, io, json, os, sys, traceback, warnings
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt, pandas, sklearn.datasets, sklearn.metrics, torch._dynamo, torchvision.transforms.v2

def failures_of(notebooks):
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
    failures = {}
    for path in notebooks:
        os.chdir(os.path.dirname(path))
        namespace = {"__name__": "__main__", "print": lambda *a, **k: None}
        try:
            with open(path, encoding="utf-8") as file:
                cells = json.load(file)["cells"]
            for cell in cells:
                if cell["cell_type"] == "code" and cell["id"] not in ("recorder", "provenance", "installs"):
                    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                        exec(compile("".join(cell["source"]), cell["id"], "exec"), namespace)
            if not 0 <= namespace["metrics"]["accuracy"] <= 1:
                failures[path] = "no accuracy"
        except Exception:
            failures[path] = traceback.format_exc()
        plt.close("all")
    return failures

# Or every copy's collections would walk all that torch has made, a third of a second each.
gc.freeze()
for line in sys.stdin:
    request = json.loads(line)
    if not (child := os.fork()):
        status = 1
        try:
            os.environ.clear()
            os.environ.update(request["environment"])
            with open(request["answer"], "w") as answer:
                json.dump(failures_of(request["notebooks"]), answer)
            status = 0
        finally:
            os._exit(status)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_environment: None) -> Path:
    """Work in a folder of the test's own: defaults such as ``./mlprov_runs`` lead there."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def consistent_documents(own_folder: Path) -> Iterator[None]:
    """No document that a test leaves as it was written contradicts itself."""
    yield
    for path in own_folder.rglob("provenance.json"):
        with contextlib.suppress(ProvenanceError):  # a test may have spoiled it
            problems = verbs.verify(path)["problems"]
            codes = {problem["code"] for problem in problems}
            assert codes <= ABOUT_FILES or codes & {"changed", "added", "missing", "seal_missing"}, problems


@pytest.fixture(scope="session")
def iris_run(run_new: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """A completed run of Iris with few epochs; only to be read."""
    return run_new("multiclass_classification", {"epochs": 3, "title": "Three flowers", "author": "Ada Example"})


@pytest.fixture(scope="session")
def failures_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., dict[str, str]]]:
    """Return a function that runs the cells of notebooks without a kernel, and says which fail and how."""
    answer = tmp_path_factory.mktemp("failures") / "answer.json"
    command = [sys.executable, "-c", DRIVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:

        def execute(*notebooks: str) -> dict[str, str]:
            assert driver.stdin is not None
            assert driver.stdout is not None
            request = {"environment": dict(os.environ), "notebooks": notebooks, "answer": str(answer)}
            driver.stdin.write(json.dumps(request) + "\n")
            driver.stdin.flush()
            assert driver.stdout.readline() == "0\n", "what ran the notebooks ended"
            failures: dict[str, str] = json.loads(answer.read_text(encoding="utf-8"))
            return failures

        yield execute


@pytest.fixture
def notebook(own_folder: Path, tiny_task: Path) -> Callable[..., Path]:
    """Return a function that writes a notebook of the tiny task, and edits it as a person would."""

    def write(
        values: Mapping[str, object] | None = None,
        *,
        edit: Mapping[str, str] | None = None,
        replace: Mapping[str, tuple[str, str]] | None = None,
        add: Mapping[str, str] | None = None,
        remove: tuple[str, ...] = (),
    ) -> Path:
        """Write a notebook.

        `edit` is the new source by step, `replace` a piece of a step's source and its
        replacement, `add` the source of a new cell by the step that it follows.
        """
        number = len(list(own_folder.glob("notebook-*")))
        path = own_folder / f"notebook-{number}" / "tiny.ipynb"
        verbs.generate("tiny", values or {}, out=path, tasks=[tiny_task])
        if not (edit or replace or add or remove):
            return path
        content = nbformat.read(path, as_version=4)
        cells = {cell.id: cell for cell in content.cells}
        for step, source in (edit or {}).items():
            cells[step].source = source
        for step, (old, new) in (replace or {}).items():
            assert old in cells[step].source
            cells[step].source = cells[step].source.replace(old, new)
        for after, source in (add or {}).items():
            added = nbformat.v4.new_code_cell(source, id=f"after-{after}")
            content.cells.insert(content.cells.index(cells[after]) + 1, added)
        content.cells = [cell for cell in content.cells if cell.id not in remove]
        nbformat.write(content, path)
        return path

    return write


@pytest.fixture
def run(own_folder: Path, tiny_task: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that runs a notebook of the tiny task."""

    def execute(path: Path, **options: Any) -> dict[str, Any]:
        return verbs.run(path, runs=own_folder / "runs", tasks=[tiny_task], **options)

    return execute


class Kernel:
    """A kernel whose cells a test runs one by one, in any order, as a person does."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.manager = KernelManager(kernel_name="python3")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("JPY_", "MLPROV_"))}
        self.manager.start_kernel(
            cwd=str(folder), env={**inherited, **environment}, extra_arguments=["--IPKernelApp.log_level=40"]
        )
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=PATIENCE)
        self.printed = ""
        self.closed = False

    def run(self, source: str, step: str = "") -> str:
        """Run a cell and return its status; a step is sent as Jupyter sends a cell's id."""
        self.client.session.metadata.pop("cellId", None)
        if step:
            self.client.session.metadata["cellId"] = step
        reply = self.client.execute_interactive(
            source, timeout=PATIENCE, allow_stdin=False, stop_on_error=False, output_hook=self._keep
        )
        return str(reply["content"]["status"])

    def start(self, source: str, step: str) -> None:
        """Begin to run a cell and do not wait for it."""
        self.client.session.metadata["cellId"] = step
        self.client.execute(source, allow_stdin=False)

    def run_steps(self, path: Path, *steps: str, ids: bool = True) -> None:
        """Run these cells of a notebook, or all of its code."""
        cells = {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"}
        for step in steps or tuple(cells):
            assert self.run(cells[step], step if ids else "") == "ok", self.printed

    def _keep(self, message: Mapping[str, Any]) -> None:
        content = message["content"]
        self.printed += str(content.get("text") or content.get("traceback") or content.get("data") or "")

    def close(self) -> None:
        """End the kernel as Jupyter does, with time to finish."""
        if self.closed:
            return
        self.closed = True
        self.client.stop_channels()
        self.manager.shutdown_kernel()
        self.manager.cleanup_resources()


@pytest.fixture
def kernel(own_folder: Path, tiny_task: Path) -> Iterator[Callable[..., Kernel]]:
    """Return a function that starts a kernel which knows the tiny task."""
    started: list[Kernel] = []

    def start(folder: Path | None = None, **environment: str) -> Kernel:
        known = {"MLPROV_TASKS": str(tiny_task), "MLPROV_RUNS": str(own_folder / "runs"), **environment}
        started.append(Kernel(folder or own_folder, known))
        return started[-1]

    yield start
    for one in started:
        one.close()


@pytest.fixture
def recorded(own_folder: Path) -> Callable[[], list[Path]]:
    """Return a function that lists the folders of the runs so far, oldest first."""

    def folders() -> list[Path]:
        return sorted((own_folder / "runs").iterdir(), key=lambda folder: folder.stat().st_ctime_ns)

    return folders


@pytest.fixture
def journaled() -> Callable[..., list[dict[str, Any]]]:
    """Return a function that reads the events of one kind from a run's journal."""

    def events(folder: str | Path, kind: str) -> list[dict[str, Any]]:
        path = Path(folder) / "journal.jsonl"
        return [event for event in read_journal(path).events if event["event"] == kind]

    return events


@pytest.fixture
def document() -> Callable[[str | Path], dict[str, Any]]:
    """Return a function that reads a run's document as plain JSON."""

    def read(folder: str | Path) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads((Path(folder) / "provenance.json").read_text(encoding="utf-8"))
        return parsed

    return read
