"""Runs of the form wait for their turn, so that twenty visitors do not train twenty networks at once.

A run draws a ticket: a file in the queue's folder that its process keeps locked for as long as it lives. Whose
ticket is among the oldest may run. A process that was killed lets go of its lock, and is waited for no more.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from mlprov_widgets import locks
from mlprov_widgets.provenance.capture.environment import cores

FOLDER_VARIABLE = "MLPROV_QUEUE"
SLOTS_VARIABLE = "MLPROV_RUNS_AT_ONCE"
_SUFFIX = ".ticket"
_SECONDS_BETWEEN_LOOKS = 0.3


def queue_folder(runs: Path) -> Path:
    """Return the folder of the queue: ``MLPROV_QUEUE``, or one beside the runs."""
    return Path(os.environ.get(FOLDER_VARIABLE) or runs / ".queue")


def slots() -> int:
    """Return how many runs may go on at once: ``MLPROV_RUNS_AT_ONCE``, or one for every two processors it may use."""
    told = os.environ.get(SLOTS_VARIABLE, "")
    return max(int(told), 1) if told.isdigit() else max(cores() // 2, 1)


@contextlib.contextmanager
def turn(queue: Path, at_once: int, tell: Callable[[int], None]) -> Iterator[None]:
    """Wait until it is this process's turn, and keep the turn for as long as the body runs.

    Parameters
    ----------
    queue
        The queue's folder; made if need be.
    at_once
        How many may have their turn at the same time.
    tell
        Called with the number of runs that are before this one, whenever that changes, while it waits.
    """
    if not locks.AVAILABLE:
        yield
        return
    ticket, descriptor = _draw(queue)
    try:
        told = -1
        while (before := _before(ticket)) >= at_once:
            if before != told:
                told = before
                tell(before - at_once + 1)
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        yield
    finally:
        with contextlib.suppress(OSError):
            ticket.unlink()
        os.close(descriptor)


def _draw(queue: Path) -> tuple[Path, int]:
    queue.mkdir(parents=True, exist_ok=True)
    name = f"{time.time_ns():020d}-{os.getpid()}"
    drawn = queue / f"{name}.drawn"
    descriptor = locks.take(drawn, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    # Under its own name only once it is locked: a ticket that nobody holds is thrown away by the others.
    ticket = queue / f"{name}{_SUFFIX}"
    drawn.rename(ticket)
    return ticket, descriptor


def _before(ticket: Path) -> int:
    """Return how many older tickets are still held, and throw the others away."""
    count = 0
    for other in sorted(ticket.parent.glob(f"*{_SUFFIX}")):
        if other.name >= ticket.name:
            break
        if _is_held(other):
            count += 1
        else:
            with contextlib.suppress(OSError):
                other.unlink()
    return count


def _is_held(ticket: Path) -> bool:
    with contextlib.suppress(OSError):
        return locks.is_held(ticket)
    return False
