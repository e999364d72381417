"""A look into an archive of pictures, one folder a class, for a person to see whether it was understood.

The archive may come from anybody: its list of names is read, and the first bytes of a few files; nothing is
unpacked and no picture is decoded here.
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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

_SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp"}
_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


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
    others : int
        Files that do not look like pictures, or lie in no folder.
    """

    classes: Mapping[str, int]
    parts: Mapping[str, int]
    samples: tuple[tuple[str, str, bytes], ...]
    others: int


def look_into(path: Path) -> Pictures | None:
    """Return what is in an archive, None for what is no archive, is damaged or has too many files."""
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
        return None


def _sorted_out(archive: zipfile.ZipFile, files: list[zipfile.ZipInfo]) -> Pictures:
    classes: dict[str, int] = {}
    parts: dict[str, int] = {}
    first: dict[str, zipfile.ZipInfo] = {}
    others = 0
    for info in files:
        place = PurePosixPath(info.filename)
        if place.name.startswith(".") or "__MACOSX" in place.parts:
            continue  # what a file manager leaves behind
        if place.suffix.lower() not in _SUFFIXES or len(place.parts) < 2:
            others += 1
            continue
        own = place.parent.name
        classes[own] = classes.get(own, 0) + 1
        first.setdefault(own, info)
        around = place.parent.parent.name.lower()
        part = next((part for part, names in PARTS.items() if around in names), "")
        if part:
            parts[part] = parts.get(part, 0) + 1
    samples = [(name, *found) for name in sorted(first)[:MOST_SAMPLES] if (found := _sample(archive, first[name]))]
    return Pictures(dict(sorted(classes.items())), parts, tuple(samples), others)


def _sample(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> tuple[str, bytes] | None:
    if info.file_size > LARGEST_SAMPLE or info.flag_bits & 1:
        return None
    try:
        with archive.open(info) as file:
            raw = file.read(LARGEST_SAMPLE + 1)  # what the list of names says of its size may be a lie
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError):
        return None
    kind = next((kind for start, kind in _KINDS if raw.startswith(start)), "")
    return (kind, raw) if kind and len(raw) <= LARGEST_SAMPLE else None
