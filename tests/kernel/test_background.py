"""A run in a process of its own: watched, cancelled, killed, and never in the way of another."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import ExecutionError
from mlprov_widgets.execution import background
from mlprov_widgets.execution.background import BackgroundRun, Glance
from mlprov_widgets.execution.queue import turn
from mlprov_widgets.execution.run import without_record

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
        process_of(one).wait(10)


@pytest.fixture
def ended(wait_for: Wait) -> Callable[[BackgroundRun], dict[str, Any]]:
    """Return a function that waits for a run's result."""

    def result(run: BackgroundRun) -> dict[str, Any]:
        wait_for(lambda: run.look().result is not None)
        found = run.look().result
        assert found is not None
        return found

    return result


def process_of(run: BackgroundRun) -> subprocess.Popen[bytes]:
    assert run._process is not None
    return run._process


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


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="priorities are read from Linux's /proc")
@pytest.mark.parametrize("gives_way", [True, False])
def test_a_run_that_gives_way_does_so_with_its_kernel(
    notebook: Write, own_folder: Path, tiny_task: Path, wait_for: Wait, gives_way: bool
) -> None:
    path = notebook({"epochs": 1000}, replace=SLOW)
    run = BackgroundRun(path, own_folder / "runs", "tiny", [tiny_task], gives_way=gives_way)
    try:
        wait_for(lambda: is_training(run))
        processes = [process_of(run).pid, *kernels_of(run.folder)]
        assert len(processes) == 2
        expected = os.getpriority(os.PRIO_PROCESS, 0) + (5 if gives_way else 0)
        assert [os.getpriority(os.PRIO_PROCESS, process) for process in processes] == [expected] * 2
        groups = [Path(f"/proc/{process}/autogroup") for process in processes]
        if groups[0].exists():  # each of them has a session of its own
            assert [int(group.read_text().split()[-1]) for group in groups] == [5 if gives_way else 0] * 2
    finally:
        run.kill()
        process_of(run).wait(10)


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
    told = without_record("cancelled", "the run was cancelled before its record could be finished")
    assert ended(run) == told | {"run": str(run.folder)}


def test_a_run_that_is_cancelled_while_it_waits_has_all_that_a_result_has(
    notebook: Write, start: Start, wait_for: Wait, ended: Any, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPROV_RUNS_AT_ONCE", "1")
    with turn(own_folder / "runs" / ".queue", 1, lambda before: None):
        run = start(notebook())
        wait_for(lambda: run.look().before == 1)
        run.cancel()
        result = ended(run)
    told = without_record("cancelled", "it was cancelled before it started")
    assert result == told | {"run": str(run.folder)}


def test_cancelling_a_finished_run_changes_nothing(finished: BackgroundRun) -> None:
    finished.cancel()
    result = finished.look().result
    assert result is not None
    assert result["status"] == "completed"


ENDED = "the run's process ended without a word: somebody ended it, or the system did for want of memory"


def test_a_killed_run_says_so_keeps_its_record_and_leaves_no_kernel(training: BackgroundRun, ended: Any) -> None:
    assert kernels_of(training.folder)
    training.kill()
    result = ended(training)
    assert (result["status"], result["message"], result["failed_step"]) == ("failed", ENDED, "train")
    assert verbs.verify(result["provenance"])["valid"]
    assert Path(result["report"]).is_file()


def test_a_run_that_was_killed_before_its_first_cell_has_no_record(notebook: Write, start: Start, ended: Any) -> None:
    run = start(notebook())
    run.kill()
    assert ended(run) == without_record("failed", ENDED) | {"run": str(run.folder)}


def test_a_process_that_broke_down_says_where_its_last_words_are(
    notebook: Write, start: Start, ended: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPROV_RUN_SECONDS", "many")
    run = start(notebook())
    assert ended(run)["message"] == "the run's process broke down with status 1; its last words are in worker.log"
    assert "ValueError" in (run.folder / "worker.log").read_text(encoding="utf-8")


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
        os.kill(process_of(finished).pid, 0)
    assert kernels_of(finished.folder) == []


def test_a_run_that_has_not_begun_has_nothing_to_show(notebook: Write, start: Start) -> None:
    glance = start(notebook()).look()
    assert replace(glance, seconds=0.0) == Glance()
    assert 0 < glance.seconds < 60


# Coming back to a run ------------------------------------------------------------------------------------------


def is_locked_by(process: int, folder: Path) -> bool:
    """Return whether a process has a run's lock file open."""
    links = [str(link.readlink()) for link in Path(f"/proc/{process}/fd").iterdir() if link.is_symlink()]
    return str(folder / background.LOCK) in links


@pytest.fixture
def training(notebook: Write, start: Start, wait_for: Wait) -> BackgroundRun:
    """Return a run that goes on for long."""
    run = start(notebook({"epochs": 100000}, replace=SLOW))
    wait_for(lambda: is_training(run) and bool(run.look().series))
    return run


def test_whoever_comes_back_sees_a_run_go_on(training: BackgroundRun, wait_for: Wait) -> None:
    again = BackgroundRun.attach(training.folder)
    glance = again.look()
    assert (glance.title, glance.result) == ("Move the line", None)
    assert 0 < glance.done < glance.total
    before = len(glance.series["loss"])
    assert before > 0
    wait_for(lambda: len(again.look().series["loss"]) > before)


def test_whoever_comes_back_sees_the_time_since_the_start(training: BackgroundRun) -> None:
    again = BackgroundRun.attach(training.folder)
    assert again.look().seconds == pytest.approx(training.look().seconds, abs=1)
    lock = training.folder / background.LOCK
    os.utime(lock, (time.time() - 1000, time.time() - 1000))
    assert BackgroundRun.attach(training.folder).look().seconds == pytest.approx(1000, abs=30)


def test_whoever_comes_back_late_finds_the_result(finished: BackgroundRun) -> None:
    glance, expected = BackgroundRun.attach(finished.folder).look(), finished.look()
    assert expected.result is not None
    assert glance.result == expected.result
    assert (glance.done, glance.total, glance.series) == (expected.done, expected.total, expected.series)


def test_whoever_comes_back_to_a_killed_run_is_told(training: BackgroundRun, ended: Any) -> None:
    training.kill()
    result = ended(training)
    assert BackgroundRun.attach(training.folder).look().result == result


@pytest.mark.parametrize("name", ["never", "by-hand"])
def test_there_is_no_coming_back_to_where_no_form_started_a_run(own_folder: Path, name: str) -> None:
    (own_folder / "by-hand").mkdir()
    (own_folder / "by-hand" / "journal.jsonl").touch()
    with pytest.raises(ExecutionError, match=r"^this run is not here any more\. Start it again\.$"):
        BackgroundRun.attach(own_folder / name)


def test_whoever_comes_back_can_cancel(training: BackgroundRun, ended: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_PATIENCE", 60.0)  # on a busy machine a record takes its time
    again = BackgroundRun.attach(training.folder)
    again.cancel()
    result = ended(again)
    assert (result["status"], result["failed_step"]) == ("cancelled", "train")
    assert verbs.verify(result["provenance"])["valid"]
    assert ended(training) == result


def test_whoever_comes_back_can_kill(training: BackgroundRun, ended: Any, wait_for: Wait) -> None:
    again = BackgroundRun.attach(training.folder)
    again.kill()
    assert ended(again)["message"] == ENDED
    assert ended(training)["status"] == "failed"
    wait_for(lambda: not kernels_of(training.folder))


def test_only_the_runs_own_process_holds_its_lock(training: BackgroundRun) -> None:
    (kernel,) = kernels_of(training.folder)
    assert is_locked_by(process_of(training).pid, training.folder)
    assert not is_locked_by(kernel, training.folder)
    assert not is_locked_by(os.getpid(), training.folder)


def test_a_run_has_ended_although_its_kernel_has_not(training: BackgroundRun) -> None:
    (kernel,) = kernels_of(training.folder)
    os.kill(kernel, signal.SIGSTOP)  # it would notice otherwise, and end too
    try:
        process_of(training).kill()
        process_of(training).wait(10)
        assert kernels_of(training.folder) == [kernel]
        result = BackgroundRun.attach(training.folder).look().result
        assert result is not None
        assert result["status"] == "failed"
    finally:
        os.kill(kernel, signal.SIGKILL)


def test_another_process_with_the_number_of_an_ended_run_is_left_alone(own_folder: Path) -> None:
    (own_folder / background.LOCK).write_text(str(os.getpid()))
    run = BackgroundRun.attach(own_folder)
    result = run.look().result
    assert result is not None
    assert result["status"] == "failed"
    run.cancel()
    run.kill()  # would end this very test
