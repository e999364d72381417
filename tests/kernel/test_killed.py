"""Killed at any moment: what was journaled is there, a valid document can be made of it, and nothing runs on.

``MLPROV_KILLS=100`` kills a hundred times instead of a few.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.provenance.capture.journal import read_journal

Answer = dict[str, Any]

KILLS = int(os.environ.get("MLPROV_KILLS", "8")) // 2
"""How many of each sort: of the kernel, and of the process that started it."""

AT_ONCE = 4
PATIENCE = 120.0
BEFORE, ALL = 8, 38
"""How much of the moments falls before the first acknowledged event, and how many of these a whole run has."""

TELLS = """\
import json, os
from mlprov_widgets.provenance.capture.recorder import active
def _told(append, told=os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND)):
    def append_and_tell(kind, **content):
        event = append(kind, **content)
        os.write(told, (json.dumps({"journaled": event}) + "\\n").encode())
        return event
    return append_and_tell
active().journal.append = _told(active().journal.append)
"""
"""A cell after which the kernel acknowledges each event once the journal says that it has it."""

TRAIN = """\
import time
history = {"loss": []}
for epoch in range(12):
    time.sleep(0.1)
    history["loss"].append(1 / (epoch + 1))
"""

RUNNER = """\
import json, os, sys
from mlprov_widgets import verbs
notebook, runs, task = sys.argv[1:]
told = os.open(os.environ["TOLD"], os.O_WRONLY | os.O_APPEND)
def progress(event):
    os.write(told, (json.dumps(dict(event)) + "\\n").encode())
verbs.run(notebook, runs=runs, tasks=[task], progress=progress)
"""


@dataclass
class Killed:
    """A run of which one process was killed.

    Attributes
    ----------
    folder : pathlib.Path or None
        None when it was killed before there was one.
    told : list of dict
        What the kernel and the runner acknowledged.
    outlived : list of int
        The run's processes that were still there when they had had time to notice.
    """

    what: str
    folder: Path | None
    told: list[Answer]
    outlived: list[int]

    @property
    def journaled(self) -> list[Answer]:
        return [line["journaled"] for line in self.told if "journaled" in line]

    @property
    def finished(self) -> list[str]:
        # The cell of the installs holds comments only, which is nothing to be recorded.
        return [line["step"] for line in self.told if line.get("event") == "cell_end" and line["step"] != "installs"]


def lines_of(path: Path) -> list[Answer]:
    """Return the finished lines of a file that a killed process wrote."""
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def wait_until(holds: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def is_running(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run_and_kill(notebook: Path, place: Path, task: Path, what: str, seed: int) -> Killed:
    """Run a notebook and kill one of the two processes at a moment that the seed chooses."""
    chance = random.Random(f"{what} {seed}")
    after = int((seed + chance.random()) * (BEFORE + ALL) / KILLS) - BEFORE
    place.mkdir()
    told = place / "told.jsonl"
    told.touch()
    runner = psutil.Popen(
        [sys.executable, "-c", RUNNER, str(notebook), str(place / "runs"), str(task)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=place,
        env={**os.environ, "TOLD": str(told)},
    )
    processes: list[psutil.Process] = []
    try:
        assert wait_until(
            lambda: bool(processes.extend(runner.children()) or processes) or not is_running(runner), PATIENCE
        )
        assert wait_until(lambda: len(lines_of(told)) > after or not is_running(runner), PATIENCE)
        time.sleep(chance.random() / (4 if after < 0 else 50))  # a kernel takes a while to start, an event does not
        with suppress(psutil.NoSuchProcess):  # the run was over a moment ago
            (runner if what == "parent" else processes[0]).send_signal(signal.SIGKILL)
        runner.wait(PATIENCE)
        wait_until(lambda: not any(is_running(process) for process in processes), 10)
        outlived = [process.pid for process in processes if is_running(process)]
    finally:
        for process in (runner, *processes):
            with suppress(psutil.NoSuchProcess):
                process.kill()
    folders = list((place / "runs").glob("*"))
    return Killed(what, folders[0] if folders else None, lines_of(told), outlived)


@pytest.fixture(scope="module")
def orphans_are_ours() -> Iterator[None]:
    """Be who inherits orphans, as a desktop's session is: they do not become children of the first process then."""
    if sys.platform != "linux":
        yield
        return
    prctl, child_subreaper = ctypes.CDLL(None).prctl, 36
    assert prctl(child_subreaper, 1, 0, 0, 0) == 0
    yield
    assert prctl(child_subreaper, 0, 0, 0, 0) == 0


@pytest.fixture(scope="module")
def killed(
    tmp_path_factory: pytest.TempPathFactory, tiny_task: Path, plain_environment: None, orphans_are_ours: None
) -> list[Killed]:
    """Runs that were killed at moments all over a run."""
    import nbformat

    place = tmp_path_factory.mktemp("killed")
    path = place / "source" / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    steps = [cell.id for cell in content.cells]
    content.cells.insert(steps.index("recorder") + 1, nbformat.v4.new_code_cell(TELLS, id="tells"))
    next(cell for cell in content.cells if cell.id == "train").source = TRAIN
    nbformat.write(content, path)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(
            pool.map(
                lambda one: run_and_kill(path, place / f"{one[0]}-{one[1]}", tiny_task, *one),
                itertools.product(("kernel", "parent"), range(KILLS)),
            )
        )


def recovered(one: Killed) -> Answer | None:
    """Return the run that is made of a journal, None when nothing was journaled."""
    journal = one.folder / "journal.jsonl" if one.folder else None
    if journal is None or not journal.exists() or not journal.read_bytes().count(b"\n"):
        return None
    return verbs.recover(journal)


@pytest.mark.slow
def test_the_moments_are_all_over_a_run(killed: list[Killed]) -> None:
    for what in ("kernel", "parent"):
        counts = [len(one.journaled) for one in killed if one.what == what]
        assert min(counts) < 5
        assert max(counts) > 10
        assert len(set(counts)) > min(KILLS, 12) / 2


@pytest.mark.slow
def test_every_event_that_the_kernel_acknowledged_is_in_the_journal(killed: list[Killed]) -> None:
    for one in killed:
        if one.journaled:
            events = read_journal(one.folder / "journal.jsonl").events
            lost = [event["event"] for event in one.journaled if event not in events]
            assert lost == []


@pytest.mark.slow
def test_every_cell_that_the_runner_saw_end_is_in_the_journal(killed: list[Killed]) -> None:
    for one in killed:
        if one.finished:
            events = read_journal(one.folder / "journal.jsonl").events
            ended = {event["step"] for event in events if event["event"] == "cell"}
            assert set(one.finished) <= ended


@pytest.mark.slow
def test_a_killed_run_becomes_a_valid_document_that_says_how_it_ended(killed: list[Killed]) -> None:
    for one in killed:
        done = recovered(one)
        if done is None:
            assert not one.journaled
            continue
        verdict = verbs.verify(done["provenance"])
        assert (verdict["problems"], verdict["unchecked"]) == ([], [])
        assert done["status"] == expected_status(one)
        ran = [step["step"] for step in verbs.show(done["provenance"])["steps"]]
        assert set(one.finished) <= set(ran)


def expected_status(one: Killed) -> str:
    """Return what a document has to say: a runner that lives says how its run ended, else nobody knows."""
    last_cell = "provenance" in one.finished
    if one.what == "kernel":
        return "completed" if last_cell else "failed"
    ended = any(event["event"] == "end" for event in read_journal(one.folder / "journal.jsonl").events)
    assert last_cell or not ended
    return "completed" if ended else "incomplete"


@pytest.mark.slow
def test_no_kernel_outlives_its_parent(killed: list[Killed]) -> None:
    assert [one.outlived for one in killed if one.outlived] == []
