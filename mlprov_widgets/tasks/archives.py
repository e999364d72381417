"""A folder of a person's files becomes one file, so that it is known by one digest and passed on as a whole."""

from __future__ import annotations

import atexit
import contextlib
import functools
import itertools
import os
import shutil
import stat
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlprov_widgets import locks
from mlprov_widgets.errors import DataFileError

MOST_FILES: Final = 1_000_000

_PREFIX = "mlprov-folder-"
_LOCK = "in-use"
_SECONDS_TO_LOCK = 3600.0  # far longer than from a folder's being made to its lock's being held
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a ZIP archive can hold: when it was packed is no content


def packed(folder: Path) -> Path:
    """Return a ZIP archive of a folder's files, in a temporary folder that goes with this process.

    Equal names and contents give an equal archive. Files are stored as they are, since images are
    compressed already. Links to files are followed, links to folders and hidden files are left out.

    Raises
    ------
    DataFileError
        If the folder has no files, too many, or one that cannot be read.
    """
    try:
        files = sorted(itertools.islice(_files(folder), MOST_FILES + 1))
        stamp = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in files)
    except OSError as error:
        raise _unreadable(folder, error) from None
    if not files:
        raise DataFileError(
            "this folder holds no files", field=folder.name, fix="Give one with a folder for each class"
        )
    if len(files) > MOST_FILES:
        raise DataFileError(
            f"this folder holds more than {MOST_FILES:,} files", field=folder.name, fix="Give a part of it"
        )
    return _archive(folder, tuple(files), stamp)


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_raise):
        folders[:] = (name for name in folders if not name.startswith("."))
        paths = (Path(place, name) for name in names if not name.startswith("."))
        yield from (path for path in paths if path.is_file())


def _raise(error: OSError) -> None:
    raise error


@functools.lru_cache(maxsize=4)
def _archive(folder: Path, files: tuple[Path, ...], stamp: tuple[tuple[int, int], ...]) -> Path:
    # A form asks again at every keystroke; packing a large folder takes minutes.
    needed, room = sum(size for _, size in stamp), shutil.disk_usage(tempfile.gettempdir()).free
    if needed > room:
        told = f"this folder has {needed / 1e9:,.1f} GB, and where it would be packed is room for {room / 1e9:,.1f} GB"
        raise DataFileError(told, field=folder.name, fix="Give a part of it, or set TMPDIR to where there is more room")
    place = _place()
    target = place / f"{folder.name or 'folder'}.zip"
    try:
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for path in files:
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _EPOCH)
                with path.open("rb") as source, archive.open(entry, "w", force_zip64=True) as stored:
                    shutil.copyfileobj(source, stored, 1 << 20)
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        raise _unreadable(folder, error) from None
    return target


def _place() -> Path:
    """Return a new temporary folder that goes with this process; those of processes that were killed go now."""
    _sweep(Path(tempfile.gettempdir()))
    place = Path(tempfile.mkdtemp(prefix=_PREFIX))
    locks.take(place / _LOCK, os.O_RDWR | os.O_CREAT)  # held until this process ends, however it does
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    return place


def _sweep(temporary: Path) -> None:
    """Remove this person's packed folders that no process holds any more."""
    if not locks.AVAILABLE:
        return
    for place in temporary.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            told = place.lstat()
            own = stat.S_ISDIR(told.st_mode) and told.st_uid == os.getuid()
            if not own or time.time() - told.st_mtime < _SECONDS_TO_LOCK:
                continue
            if (place / _LOCK).is_file() and not locks.is_held(place / _LOCK):
                shutil.rmtree(place)


def _unreadable(folder: Path, error: OSError) -> DataFileError:
    reason = error.strerror or type(error).__name__
    name = Path(error.filename).name if isinstance(error.filename, str) else folder.name
    return DataFileError(
        f"a file of this folder cannot be packed ({name}: {reason})",
        field=folder.name,
        fix="Check its permissions, and the room in the temporary folder",
    )
