"""The folders of a page's visitors: entered by a token, deleted when nobody came for long.

A folder is entered and deleted under one lock, so that nobody enters one that is just going. One whose page is
open, or in which an experiment runs or waits for its turn, stays.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from mlprov_widgets import locks
from mlprov_widgets.execution.background import LOCK, is_running

FOLDER = "visitors"
_SEEN = ".seen"
_LOCK = ".lock"
_TIDIED = ".tidied"
_GOING = ".going-"
_SECONDS_BETWEEN_LOOKS = 3600.0
_SIGNS_OF_LIFE = (_SEEN, "experiments/drafts/*.json", "*/*/progress.json", "*/*/result.json")

_open: dict[Path, int] = {}
"""The folders that this kernel's pages are in; each descriptor holds a lock for as long as the kernel lives."""


def folder_of(home: Path, token: str) -> Path:
    """Return the folder of the visitor whose page has this token."""
    return home / FOLDER / token


def enter(home: Path, token: str, days: float) -> Path:
    """Make a visitor's folder if need be, note the visit, and return it; once an hour, delete what nobody visits.

    Parameters
    ----------
    home
        Where the page works.
    token
        Of the visitor's page.
    days
        For which a folder is kept after the last visit.
    """
    folder = folder_of(home, token)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder.parent):
        folder.mkdir(exist_ok=True)  # it may have been deleted a moment ago
        (folder / _SEEN).touch()
        if folder not in _open:
            _open[folder] = locks.take(folder / _SEEN, os.O_RDONLY, shared=True)
    if _is_time(folder.parent):
        # Deleting may take long, and the page is to be there at once.
        threading.Thread(target=tidy, args=(home, days), name="mlprov tidy", daemon=True).start()
    return folder


def tidy(home: Path, days: float) -> list[str]:
    """Delete the folders that nobody visited for so many days, and return their names.

    Parameters
    ----------
    home
        Where the page works.
    days
        Since the last visit, the last change that was made on the page, and the end of the last run.
    """
    visitors = home / FOLDER
    if not locks.AVAILABLE:  # nobody knows what runs
        return []
    before, gone = time.time() - days * 86400, []
    for folder in [place for place in visitors.iterdir() if place.is_dir() and not place.name.startswith(".")]:
        with _alone(visitors), contextlib.suppress(OSError):
            if (
                _last_sign(folder) < before
                and not locks.is_held(folder / _SEEN)
                and not any(map(is_running, _runs(folder)))
            ):
                folder.rename(visitors / f"{_GOING}{secrets.token_hex(8)}")
                gone.append(folder.name)
    for place in visitors.glob(f"{_GOING}*"):  # also what a kernel that was ended left half deleted
        shutil.rmtree(place, ignore_errors=True)
    return gone


def _runs(folder: Path) -> Iterator[Path]:
    return (lock.parent for lock in folder.glob(f"*/*/{LOCK}"))


def _last_sign(folder: Path) -> float:
    signs = [folder, *(path for pattern in _SIGNS_OF_LIFE for path in folder.glob(pattern))]
    return max(path.stat().st_mtime for path in signs)


def _is_time(visitors: Path) -> bool:
    """Return whether nobody looked for an hour, and note that somebody does now."""
    stamp = visitors / _TIDIED
    with contextlib.suppress(OSError):
        if time.time() - stamp.stat().st_mtime < _SECONDS_BETWEEN_LOOKS:
            return False
    stamp.touch()
    return True


@contextlib.contextmanager
def _alone(visitors: Path) -> Iterator[None]:
    """Be the only kernel that enters or deletes a folder, for as long as the body runs."""
    descriptor = locks.take(visitors / _LOCK, os.O_RDWR | os.O_CREAT)
    try:
        yield
    finally:
        os.close(descriptor)
