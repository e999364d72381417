"""Locks on files, by which processes know of each other: whoever dies lets go of them.

A process is known by the lock that it holds, because its number may be another's by the time somebody looks. Where the
operating system has no such locks, as on Windows, nothing is ever held.
"""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

AVAILABLE = fcntl is not None
"""Whether there are such locks here."""


def take(path: Path, flags: int = os.O_RDWR, *, shared: bool = False) -> int:
    """Open a file, wait for its lock, and return the descriptor: the lock is held until that is closed everywhere.

    Parameters
    ----------
    path
        The file.
    flags
        How it is opened; a file that is made is its owner's alone.
    shared
        Whether others may hold it at the same time in the same way.
    """
    descriptor = os.open(path, flags, 0o600)
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
    return descriptor


def is_held(path: Path) -> bool:
    """Return whether somebody holds the lock of a file; nobody holds that of one that is not there.

    Raises
    ------
    OSError
        If the file cannot be opened.
    """
    if fcntl is None:
        return False
    try:
        with path.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
