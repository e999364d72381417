"""A run in a process of its own: watched, cancelled, killed, and never in the way of another."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.execution import background
from mlprov_widgets.execution.background import BackgroundRun, Glance

Write = Callable[..., Path]
Wait = Callable[[Callable[[], bool]], None]
Start = Callable[[Path], BackgroundRun]

SLOW = {"train": ("for _ in range(epochs):\n", "import time\nfor _ in range(epochs):\n    time.sleep(0.05)\n")}


@pytest.fixture
def start(own_folder: Path, tiny_task: Path) -> Iterator[Start]:
    """Return a function that runs a notebook of the tiny task in the background."""
    begun: list[BackgroundRun] = []

    def run(notebook: Path) -> BackgroundRun:
        begun.append(BackgroundRun(notebook, own_folder / "runs", "tiny", [tiny_task]))
        return begun[-1]

    yield run
    for one in begun:
        one.kill()
        one._process.wait(10)


@pytest.fixture
def ended(wait_for: Wait) -> Callable[[BackgroundRun], dict[str, Any]]:
    """Return a function that waits for a run's result."""

    def result(run: BackgroundRun) -> dict[str, Any]:
        wait_for(lambda: run.look().result is not None)
        found = run.look().result
        assert found is not None
        return found

    return result


def is_training(run: BackgroundRun) -> bool:
    glance = run.look()
    assert glance.result is None, glance.result
    return glance.step == "train"


def kernels_of(folder: Path) -> list[int]:
    """Return the processes whose environment names a run's folder, without the worker."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"MLPROV_RUN_DIR={folder}".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path, plain_environment: None) -> BackgroundRun:
    """A run of six epochs that has ended; only to be looked at."""
    folder = tmp_path_factory.mktemp("finished")
    verbs.generate("tiny", {"epochs": 6}, out=folder / "tiny.ipynb", tasks=[tiny_task])
    run = BackgroundRun(folder / "tiny.ipynb", folder / "runs", "tiny", [tiny_task])
    deadline = time.monotonic() + 60
    while run.look().result is None:
        assert time.monotonic() < deadline, "it did not end"
        time.sleep(0.02)
    return run


def test_a_run_ends_with_its_result(finished: BackgroundRun) -> None:
    result = finished.look().result
    assert result is not None
    assert (result["status"], result["run"], result["failed_step"]) == ("completed", str(finished.folder), None)
    assert 0 <= result["metrics"]["accuracy"] <= 1
    assert verbs.verify(result["provenance"])["valid"]


def test_a_finished_run_was_seen_to_its_last_cell_and_epoch(finished: BackgroundRun) -> None:
    glance = finished.look()
    assert glance.total > 0
    assert glance.done == glance.total
    assert len(glance.series["loss"]) == 6


def test_a_run_shows_the_cell_and_the_epochs_while_it_goes_on(notebook: Write, start: Start, wait_for: Wait) -> None:
    run = start(notebook({"epochs": 1000}, replace=SLOW))
    wait_for(lambda: is_training(run) and bool(run.look().series))
    glance = run.look()
    assert (glance.title, glance.result) == ("Move the line", None)
    assert 0 < glance.done < glance.total
    before = len(glance.series["loss"])
    wait_for(lambda: len(run.look().series["loss"]) > before)


def test_a_cancelled_run_is_cancelled_and_its_record_finished(
    notebook: Write, start: Start, wait_for: Wait, ended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_PATIENCE", 60.0)  # on a busy machine a record takes its time
    run = start(notebook({"epochs": 100000}, replace=SLOW))
    wait_for(lambda: is_training(run))
    run.cancel()
    run.cancel()
    result = ended(run)
    assert (result["status"], result["failed_step"]) == ("cancelled", "train")
    assert verbs.verify(result["provenance"])["valid"]


def test_a_run_that_is_cancelled_at_once_is_cancelled(notebook: Write, start: Start, ended: Any) -> None:
    run = start(notebook())
    run.cancel()
    assert ended(run) == {
        "status": "cancelled",
        "message": "the run was cancelled before its record could be finished",
        "run": str(run.folder),
    }


def test_cancelling_a_finished_run_changes_nothing(finished: BackgroundRun) -> None:
    finished.cancel()
    result = finished.look().result
    assert result is not None
    assert result["status"] == "completed"


def test_a_killed_run_says_so_and_leaves_no_kernel(notebook: Write, start: Start, wait_for: Wait, ended: Any) -> None:
    run = start(notebook({"epochs": 100000}, replace=SLOW))
    wait_for(lambda: is_training(run))
    assert kernels_of(run.folder)
    run.kill()
    assert ended(run) == {
        "status": "failed",
        "message": f"the run's process ended with -{int(signal.SIGKILL)} and left no result",
        "run": str(run.folder),
    }
    wait_for(lambda: not kernels_of(run.folder))


def test_a_died_kernel_is_said_plainly(notebook: Write, start: Start, ended: Any) -> None:
    run = start(notebook(add={"model": "import os\nos._exit(3)"}))
    result = ended(run)
    assert result["status"] == "failed"
    assert "kernel died" in result["message"].lower()


def test_a_notebook_without_a_plan_is_refused_in_the_result(own_folder: Path, start: Start, ended: Any) -> None:
    bare = own_folder / "bare.ipynb"
    bare.write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    result = ended(start(bare))
    assert (result["status"], result["error"]["code"]) == ("failed", "notebook")


def test_two_runs_at_once_stay_apart(notebook: Write, start: Start, ended: Any) -> None:
    one, other = start(notebook({"epochs": 3})), start(notebook({"epochs": 5}))
    assert one.folder != other.folder
    assert [ended(run)["status"] for run in (one, other)] == ["completed", "completed"]
    assert [len(run.look().series["loss"]) for run in (one, other)] == [3, 5]


def test_an_ended_run_leaves_no_process(finished: BackgroundRun) -> None:
    with pytest.raises(ProcessLookupError):
        os.kill(finished._process.pid, 0)
    assert kernels_of(finished.folder) == []


def test_a_run_that_has_not_begun_has_nothing_to_show(notebook: Write, start: Start) -> None:
    assert start(notebook()).look() == Glance()
