"""A look into an archive of pictures, one folder a class, for a person to see whether it was understood.

The archive may come from anybody: its list of names is read, and some of its files, up to a limit, in memory;
nothing is unpacked and no picture is decoded here.
"""

from __future__ import annotations

import functools
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from mlprov_widgets.errors import some
from mlprov_widgets.tasks.picture_files import HEADER, is_cut, size_of

MOST_NAMES = 100_000
MOST_SAMPLES = 8
LARGEST_SAMPLE = 200_000
"""In bytes; pictures that are larger are counted and not shown."""

PARTS: Mapping[str, tuple[str, ...]] = {
    "training": ("train", "training"),
    "validation": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
"""How the folder of a part may be called, in any case of letters; templates see it as ``folders_of_parts``."""

MOST_OPENED = 5_000
"""Files whose first bytes are looked at."""

MOST_READ, LARGEST_WHOLE = 100_000_000, 20_000_000
"""Bytes of files that are read as a whole, to see whether their end is there: of all, and of one."""

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
_STARTS = (*(start for start, _ in _KINDS), b"BM", b"II", b"MM", b"RIFF", *(b"P%d" % n for n in range(1, 8)))
"""How files of these names begin, each by its format's definition."""


@dataclass(frozen=True)
class Pictures:
    """What was seen in an archive.

    Attributes
    ----------
    classes : Mapping of str to int
        How many pictures are in the folders of each class, by name.
    parts : Mapping of str to int
        The same for each of `PARTS`, if the folders of classes lie in such.
    samples : tuple of (str, str, bytes)
        A class, the media type of its first picture, and that picture's file.
    doubtful : tuple of str
        Files that do not look like pictures, at which a notebook stops if they are none.
    cut : tuple of str
        Files whose end is missing, at which a notebook stops.
    sizes : Mapping of (int, int) to int
        How many pictures there are of each width and height in pixels, of those that were looked at.
    refusal : str
        Why no notebook can learn from it, empty if nothing of the kind was seen.
    """

    classes: Mapping[str, int]
    parts: Mapping[str, int]
    samples: tuple[tuple[str, str, bytes], ...]
    doubtful: tuple[str, ...] = ()
    cut: tuple[str, ...] = ()
    sizes: Mapping[tuple[int, int], int] = field(default_factory=dict)
    refusal: str = ""


def look_into(path: Path) -> Pictures | None:
    """Return what is in an archive, None for what is not there or has too many files."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return _look_into(path, (stat.st_mtime_ns, stat.st_size))


@functools.lru_cache(maxsize=4)
def _look_into(path: Path, stamp: tuple[int, int]) -> Pictures | None:
    del stamp  # part of the key only
    try:
        with zipfile.ZipFile(path) as archive:
            names = [info for info in archive.infolist() if not info.is_dir()]
            return _sorted_out(archive, names) if len(names) <= MOST_NAMES else None
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        return Pictures({}, {}, (), refusal="This is no ZIP archive, or it is damaged: pack the folders anew")


def _sorted_out(archive: zipfile.ZipFile, files: list[zipfile.ZipInfo]) -> Pictures:
    classes: dict[str, int] = {}
    parts: dict[str, int] = {}
    first: dict[str, zipfile.ZipInfo] = {}
    loose, empty, doubtful = [], [], []
    look = _Look(archive)
    for number, info in enumerate(files):
        place = PurePosixPath(info.filename)
        if place.name.startswith(".") or place.name == "Thumbs.db" or "__MACOSX" in place.parts:
            continue  # what a file manager leaves behind
        if len(place.parts) < 2:
            loose.append(info.filename)
            continue
        if not info.file_size:
            empty.append(info.filename)
            continue
        if place.suffix.lower() not in _SUFFIXES or (number < MOST_OPENED and not look.at(info)):
            doubtful.append(info.filename)
            continue
        own = place.parent.name
        classes[own] = classes.get(own, 0) + 1
        first.setdefault(own, info)
        around = place.parent.parent.name.lower()
        part = next((part for part, names in PARTS.items() if around in names), "")
        if part:
            parts[part] = parts.get(part, 0) + 1
    samples = [(name, *found) for name in sorted(first)[:MOST_SAMPLES] if (found := _sample(archive, first[name]))]
    refusal = _refusal(loose, empty, classes if not doubtful else None)
    return Pictures(
        dict(sorted(classes.items())), parts, tuple(samples), tuple(doubtful), tuple(look.cut), look.sizes, refusal
    )


class _Look:
    """What is seen in the files of an archive, one after the other."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._read = 0
        self.sizes: dict[tuple[int, int], int] = {}
        self.cut: list[str] = []

    def at(self, info: zipfile.ZipInfo) -> bool:
        """Return whether a file begins like a picture, and note its size and whether it was cut."""
        whole = info.file_size <= min(LARGEST_WHOLE, MOST_READ - self._read)
        raw = _start_of(self._archive, info, info.file_size if whole else HEADER)
        self._read += len(raw)
        if not raw.startswith(_STARTS):
            return False
        size = size_of(raw)
        if size is not None:
            self.sizes[size] = self.sizes.get(size, 0) + 1
        if whole and is_cut(raw):
            self.cut.append(info.filename)
        return True


def _refusal(loose: list[str], empty: list[str], classes: Mapping[str, int] | None) -> str:
    """Return why a notebook would stop; `classes` is None where not all of them are known."""
    if loose:
        return f"Each class needs a folder of its own; outside of any folder: {some(loose)}"
    if empty:
        return f"There is nothing in {some(empty)}: take out what is empty"
    if classes is not None and len(classes) < 2:
        only = f"All pictures are of one class, {next(iter(classes))}" if classes else "There is no picture in it"
        return f"{only}: put them into two folders or more, one for each class"
    return ""


def _start_of(archive: zipfile.ZipFile, info: zipfile.ZipInfo, size: int) -> bytes:
    """Return the first bytes of a file, nothing of one that cannot be read."""
    try:
        with archive.open(info) as file:
            return file.read(size)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, zlib.error):
        return b""


def _sample(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[str, bytes] | None:
    if info.file_size > LARGEST_SAMPLE or info.flag_bits & 1:
        return None
    raw = _start_of(archive, info, LARGEST_SAMPLE + 1)  # what the list of names says of its size may be a lie
    kind = next((kind for start, kind in _KINDS if raw.startswith(start)), "")
    return (kind, raw) if kind and len(raw) <= LARGEST_SAMPLE else None
