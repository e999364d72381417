"""A visitor's run gives way to the pages: beside one, it takes a quarter of a processor and not a half.

Not less, or it would stand still where the machine has other work all day.

On Linux a session is, where the kernel groups by session (autogroup), a group of its own, and groups share the
processors alike, whatever the priority of their processes: so the group is told as well.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

PRIORITY_VARIABLE = "MLPROV_RUN_PRIORITY"
"""How a run's process is told that it gives way, by the word ``low``."""

_LOW = 5
_TRIES = 5  # Linux takes one change of a group in a tenth of a second, of all users together


def lower() -> None:
    """Let this process, and what it starts, give way to others, if it was told to; not on Windows."""
    if _is_told():
        os.nice(_LOW)
        _tell_group("self")


def pass_on(process: int | None) -> None:
    """Let a process that this one started in a session of its own give way as much as this one does.

    Parameters
    ----------
    process
        Its number; None for one that nobody knows.
    """
    if process is not None and _is_told():
        _tell_group(str(process))


def _is_told() -> bool:
    return os.name == "posix" and os.environ.get(PRIORITY_VARIABLE) == "low"


def _tell_group(process: str) -> None:
    for _ in range(_TRIES):
        with contextlib.suppress(BlockingIOError):
            with contextlib.suppress(FileNotFoundError, PermissionError, ProcessLookupError):
                Path("/proc", process, "autogroup").write_text(str(_LOW), encoding="ascii")
            return
        time.sleep(0.1)
