"""A folder of a person's files becomes one file, so that it is known by one digest and passed on as a whole."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mlprov_widgets.errors import DataFileError

MOST_FILES: Final = 1_000_000

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
    place = Path(tempfile.mkdtemp(prefix="mlprov-folder-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
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


def _unreadable(folder: Path, error: OSError) -> DataFileError:
    reason = error.strerror or type(error).__name__
    name = Path(error.filename).name if isinstance(error.filename, str) else folder.name
    return DataFileError(
        f"a file of this folder cannot be packed ({name}: {reason})",
        field=folder.name,
        fix="Check its permissions, and the room in the temporary folder",
    )
