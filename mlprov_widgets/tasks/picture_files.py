"""A picture's size in pixels, and whether its file was cut off: by its header and its end, without decoding it."""

from __future__ import annotations

import io
import warnings

HEADER = 1 << 16
"""Bytes from the start of a file in which its size is nearly always told."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM")
_TURNED = (5, 6, 7, 8)  # orientations of Exif with width and height exchanged
_TAIL = 1 << 16  # some cameras write on after the end of a JPEG
_ORIENTATION = 0x0112


def size_of(start: bytes) -> tuple[int, int] | None:
    """Return the width and height of a picture as it is seen, None where the header does not tell.

    Parameters
    ----------
    start
        The first bytes of its file, from anybody.
    """
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a size that is too large to be safe, which only decoding would meet
            with Image.open(io.BytesIO(start), formats=_FORMATS) as picture:
                width, height = picture.size
                # Of the others, it may stand behind the pixels, which would be decoded.
                turned = picture.format == "JPEG" and picture.getexif().get(_ORIENTATION) in _TURNED
    except Exception:  # whatever a hostile header makes of it: the size is not known then
        return None
    return (height, width) if turned else (width, height)


def is_cut(raw: bytes) -> bool:
    """Return whether the end is missing of a PNG or a JPEG.

    Parameters
    ----------
    raw
        The whole file.
    """
    if raw.startswith(b"\x89PNG"):
        return b"IEND" not in raw[-_TAIL:]
    return raw.startswith(b"\xff\xd8\xff") and b"\xff\xd9" not in raw[-_TAIL:]
