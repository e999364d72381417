"""A look into files of NumPy's, for a person to see whether their images and classes were understood.

A file may come from anybody: only headers are read, then the classes and a few images, all within limits, and what
would have to be unpickled is refused. NumPy and Pillow are imported when there is such a file.
"""

from __future__ import annotations

import functools
import io
import math
import sys
import warnings
import zipfile
import zlib
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from mlprov_widgets.tasks.pictures import MOST_SAMPLES, Pictures

if TYPE_CHECKING:
    from numpy import dtype, ndarray

MOST_ARRAYS = 200
MOST_CLASSES = 1_000
LARGEST_CLASSES = 80 * 10**6
"""Bytes of the array of classes; larger ones are not counted here."""
MOST_READ = 64 * 10**6
"""Bytes of images that are gone through for one of each class."""
_SIDE = 96  # pixels of a sample


@dataclass(frozen=True)
class Header:
    """What an array says of itself.

    Attributes
    ----------
    shape : tuple of int
    dtype : numpy.dtype
    fortran : bool
        Whether the first index moves fastest.
    """

    shape: tuple[int, ...]
    dtype: dtype[Any]
    fortran: bool

    @property
    def size(self) -> int:
        """Bytes of the content."""
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        """Return it as a person reads it."""
        kind = "text" if self.dtype.kind in "SU" else str(self.dtype)
        return f"{' × '.join(f'{side:,}' for side in self.shape) or 'one value'}, {kind}"


@dataclass(frozen=True)
class Arrays:
    """What was seen in files of NumPy's.

    Attributes
    ----------
    found : tuple of (str, str)
        Each array of an archive: its name and what it is.
    problem : str
        Why images and classes do not fit, empty if they do.
    certain : bool
        Whether a notebook stops at it; it may see more than this look.
    pictures : Pictures or None
        How many there are of each class, and one of each.
    """

    found: tuple[tuple[str, str], ...]
    problem: str = ""
    pictures: Pictures | None = None
    certain: bool = True

    @property
    def refusal(self) -> str:
        """Why no notebook can learn from it, empty if nothing of the kind was seen."""
        return self.problem if self.certain else ""


class _Unfit(Exception):
    """Raised with what is wrong, for a person."""


class _Unsure(_Unfit):
    """Raised where this look ends before a notebook's would."""


def look_into_arrays(data: Path, images: str, labels: str, labels_file: Path | None = None) -> Arrays | None:
    """Return what is in a ``.npz`` file, or in two ``.npy`` files; None for what is not there or has too many arrays.

    Parameters
    ----------
    data
        The file with the images.
    images, labels
        The names of the arrays in a ``.npz`` file.
    labels_file
        The ``.npy`` file with the classes.
    """
    try:
        stamps = tuple((path.stat().st_mtime_ns, path.stat().st_size) for path in (data, labels_file) if path)
    except OSError:
        return None
    return _look(data, images, labels, labels_file, stamps)


@functools.lru_cache(maxsize=4)
def _look(data: Path, images: str, labels: str, labels_file: Path | None, stamps: object) -> Arrays | None:
    del stamps  # part of the key only
    with ExitStack() as stack:
        try:
            if data.suffix.lower() == ".npz":
                return _in_archive(stack, data, images, labels)
            stream = stack.enter_context(data.open("rb"))
            if labels_file is None:
                return Arrays(((data.name, str(_header(stream, "images"))),))
            return _judged((), stream, stack.enter_context(labels_file.open("rb")))
        except _Unfit as error:
            return Arrays((), str(error))
        except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError, EOFError, RuntimeError, zlib.error):
            return Arrays((), f"NumPy cannot read {data.name}: it is no file of its own, or it is damaged")


def _in_archive(stack: ExitStack, path: Path, images: str, labels: str) -> Arrays | None:
    archive = stack.enter_context(zipfile.ZipFile(path))
    members = {info.filename.removesuffix(".npy"): info for info in archive.infolist() if not info.is_dir()}
    if len(members) > MOST_ARRAYS:
        return None
    found = []
    for name, info in members.items():
        with archive.open(info) as stream:
            found.append((name, _told(stream)))
    absent = [name for name in (images, labels) if name not in members]
    if absent:
        return Arrays(
            tuple(found), f"There is no array {' and no array '.join(absent)} in this file: name one of these below"
        )
    streams = [stack.enter_context(archive.open(members[name])) for name in (images, labels)]
    return _judged(tuple(found), streams[0], streams[1])


def _told(stream: IO[bytes]) -> str:
    try:
        return str(header_of(stream))
    except ValueError as error:
        return str(error)


def _judged(found: tuple[tuple[str, str], ...], images: IO[bytes], labels: IO[bytes]) -> Arrays:
    try:
        return Arrays(found, pictures=_pictures(images, labels))
    except _Unfit as error:
        return Arrays(found, str(error), certain=not isinstance(error, _Unsure))


def header_of(stream: IO[bytes]) -> Header:
    """Read the header of an array; the content comes next.

    Raises
    ------
    ValueError
        If it is none, or the array would have to be unpickled.
    """
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what wrote the file
            version = npy.read_magic(stream)
            shape, fortran, kind = readers[version](stream)
    except Exception:  # NumPy parses a Python literal: what a hostile one raises is anybody's guess
        raise ValueError("not an array that can be read") from None
    if kind.hasobject or kind.fields is not None:
        raise ValueError("Python objects, which are not read")
    if any(side < 0 for side in shape):
        raise ValueError("an array of a negative size")
    return Header(tuple(int(side) for side in shape), kind, bool(fortran))


def _pictures(images: IO[bytes], labels: IO[bytes]) -> Pictures:
    import numpy as np

    pixels, kinds = _header(images, "images"), _header(labels, "classes")
    if not pixels.size or not (len(pixels.shape) == 3 or (len(pixels.shape) == 4 and _colours(pixels.shape[1:]))):
        raise _Unfit(f"The images have to be images × height × width, with or without colours; this is {pixels}")
    count = kinds.shape[0] if kinds.shape else 0
    if kinds.shape not in ((count,), (count, 1)) or kinds.dtype.kind not in "biuUS" or not kinds.size:
        raise _Unfit(f"The classes have to be one whole number or name for each image; this is {kinds}")
    if count != pixels.shape[0]:
        raise _Unfit(f"There are {pixels.shape[0]:,} images and {count:,} classes; there has to be one for each")
    if kinds.size > LARGEST_CLASSES:
        raise _Unsure("There are too many images to count the classes here; the notebook will")
    raw = labels.read(kinds.size)
    if len(raw) < kinds.size:
        raise _Unfit("The array of the classes is cut off")
    values = np.frombuffer(raw, kinds.dtype)
    # NumPy does not look whether these are characters, and Python breaks over what is none.
    if kinds.dtype.kind == "U" and values.view(f"{kinds.dtype.byteorder}u4").max() > sys.maxunicode:
        raise _Unfit("The names of the classes are damaged")
    names, first, counts = np.unique(values, return_index=True, return_counts=True)
    if len(names) > MOST_CLASSES:
        raise _Unsure(f"There are {len(names):,} different classes: is this the array of the classes?")
    if len(names) < 2:
        raise _Unfit(f"All images are of one class, {_name(names[0])}: there have to be two or more")
    wanted = {int(place): _name(name) for name, place in list(zip(names, first, strict=True))[:MOST_SAMPLES]}
    classes = {_name(name): int(number) for name, number in zip(names, counts, strict=True)}
    return Pictures(classes, {}, tuple(_samples(images, pixels, wanted)))


def _header(stream: IO[bytes], what: str) -> Header:
    try:
        return header_of(stream)
    except ValueError as error:
        raise _Unfit(f"The array of the {what} cannot be used: {error}") from None


def _name(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _colours(shape: tuple[int, ...]) -> bool:
    """Return whether the first or the last of three dimensions can be colours."""
    return shape[2] in (1, 3) or shape[0] in (1, 3)


def _samples(stream: IO[bytes], header: Header, wanted: dict[int, str]) -> list[tuple[str, str, bytes]]:
    """Return one picture of each wanted class, as far as the stream has to be read no further than is allowed."""
    import numpy as np

    each = math.prod(header.shape[1:]) * header.dtype.itemsize
    if header.fortran or header.dtype.kind not in "biuf" or not each or each > MOST_READ:
        return []
    found, place = [], 0
    for number in sorted(wanted):
        if (number + 1) * each > MOST_READ:
            break
        raw = _skip_and_read(stream, number * each - place, each)
        place = (number + 1) * each
        if len(raw) < each:
            break
        picture = _as_bytes(np.frombuffer(raw, header.dtype).reshape(header.shape[1:]))
        found.append((wanted[number], "image/png", _png(picture)))
    return sorted(found)


def _skip_and_read(stream: IO[bytes], skip: int, size: int) -> bytes:
    while skip > 0:
        passed = len(stream.read(min(skip, 1 << 20)))
        if not passed:
            return b""
        skip -= passed
    return stream.read(size)


def _as_bytes(pixels: ndarray[Any, Any]) -> ndarray[Any, Any]:
    """Return an image as the notebook takes it, from 0 to 255 and the colours last, small enough to be shown."""
    import numpy as np

    if pixels.ndim == 3 and pixels.shape[0] in (1, 3) and pixels.shape[2] not in (1, 3):
        pixels = pixels.transpose(1, 2, 0)  # PyTorch's own order
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    step = max(-(-max(pixels.shape[:2]) // _SIDE), 1)
    pixels = pixels[::step, ::step]
    low, high = pixels.min(), pixels.max()
    if not (low >= 0 and high <= 255):  # not a number is neither
        raise _Unfit(f"Pixels have to be numbers from 0 to 255, or from 0 to 1; here some are from {low:g} to {high:g}")
    if pixels.dtype.kind == "b" or (pixels.dtype.kind == "f" and high <= 1):
        pixels = pixels * 255.0
    return np.ascontiguousarray(pixels.round() if pixels.dtype.kind == "f" else pixels).astype(np.uint8)


def _png(pixels: ndarray[Any, Any]) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
