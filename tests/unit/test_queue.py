"""Runs take turns, in the order in which they came, and nobody waits for the dead."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlprov_widgets.execution.queue import slots, turn

HOLD = """
import sys, time
from pathlib import Path
from mlprov_widgets.execution.queue import turn
with turn(Path(sys.argv[1]), int(sys.argv[2]), lambda before: print("waits", before, flush=True)):
    print("runs", flush=True)
    time.sleep(60)
"""


class Holder:
    def __init__(self, queue: Path, at_once: int = 1) -> None:
        command = [sys.executable, "-c", HOLD, str(queue), str(at_once)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


@pytest.fixture
def holders() -> Iterator[list[Holder]]:
    started: list[Holder] = []
    yield started
    for holder in started:
        if holder.process.poll() is None:
            holder.kill()


def test_a_run_waits_for_the_one_before_it_and_not_for_one_that_was_killed(
    tmp_path: Path, holders: list[Holder]
) -> None:
    for expected in ("runs", "waits 1", "waits 2"):
        holders.append(Holder(tmp_path / "queue"))
        assert holders[-1].line() == expected
    holders[1].kill()
    assert holders[2].line() == "waits 1"
    holders[0].kill()
    assert holders[2].line() == "runs"


def test_as_many_run_at_once_as_there_are_places(tmp_path: Path, holders: list[Holder]) -> None:
    for expected in ("runs", "runs", "waits 1"):
        holders.append(Holder(tmp_path / "queue", 2))
        assert holders[-1].line() == expected


def test_nothing_is_left_of_a_turn_that_is_over(tmp_path: Path) -> None:
    for _ in range(2):
        with turn(tmp_path / "queue", 1, lambda before: pytest.fail("it waited")):
            assert len(list((tmp_path / "queue").iterdir())) == 1
    assert list((tmp_path / "queue").iterdir()) == []


def test_a_ticket_that_nobody_holds_is_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "00000000000000000001-1.ticket").touch()
    began = time.monotonic()
    with turn(tmp_path, 1, lambda before: pytest.fail("it waited")):
        assert len(list(tmp_path.iterdir())) == 1
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("told", "expected"), [("3", 3), ("0", 1)])
def test_the_places_can_be_told(monkeypatch: pytest.MonkeyPatch, told: str, expected: int) -> None:
    monkeypatch.setenv("MLPROV_RUNS_AT_ONCE", told)
    assert slots() == expected


def test_there_is_always_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPROV_RUNS_AT_ONCE", "many")
    assert slots() >= 1
