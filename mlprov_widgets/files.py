"""Writing without half-written files, naming without overwriting, digests of bytes and of JSON."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import tempfile
import time
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import TargetExists

UPLOADS = "uploads"
"""The folder of uploaded files: each lies below it in a folder that is named by its content."""

_CHUNK = 1 << 20


def write_atomically(path: Path, content: bytes | str, *, replace: bool = False) -> Path:
    r"""Write a whole file or nothing: temporary file, flush to disk, rename.

    Parameters
    ----------
    path
        The file to write. Its folder is made.
    content
        Bytes, or text to be written as UTF-8 with ``\n`` line ends.
    replace
        Whether an existing file may be replaced.

    Raises
    ------
    TargetExists
        If the file is there and `replace` is false.
    OSError
        If the disk or the folder refuses.
    """
    data = content.encode() if isinstance(content, str) else content
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        if replace:
            os.replace(temporary, path)
        else:
            _rename_to_new(temporary, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
    return path


def _rename_to_new(temporary: str, path: Path) -> None:
    # A hard link fails when the name is taken, also when another process took it a moment ago;
    # os.rename would silently replace it. File systems without links get the ordinary check.
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise already_there(path) from None
    except OSError:
        if path.exists():
            raise already_there(path) from None
        os.replace(temporary, path)


def already_there(path: Path) -> TargetExists:
    """Return the error for a target that exists."""
    return TargetExists("this already exists", field=str(path), fix="Choose another name, or move it away")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def new_folder(parent: Path, name: str) -> Path:
    """Make a folder that did not exist before and return its path.

    Parameters
    ----------
    parent
        Where to make it; made itself if need be.
    name
        What it is about. The folder is called ``YYYYMMDD-HHMMSS-<name>`` (local time), with ``-2``,
        ``-3``… behind it when that is taken, also by another process at the same moment.
    """
    parent.mkdir(parents=True, exist_ok=True)
    stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{file_name(name)}"
    attempt = 1
    while True:
        folder = parent / (stem if attempt == 1 else f"{stem}-{attempt}")
        try:
            folder.mkdir()
        except FileExistsError:
            attempt += 1
        else:
            return folder


def runs_folder(given: str | Path | None = None) -> Path:
    """Return the folder of all runs: the given one, ``MLPROV_RUNS``, or ``./mlprov_runs``."""
    return Path(given or os.environ.get("MLPROV_RUNS") or "mlprov_runs")


def file_name(text: str, longest: int = 60) -> str:
    """Return `text` as a name that every file system accepts: letters, digits, ``.``, ``_`` and ``-``."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("._-")
    return name[:longest] or "unnamed"


def megabytes(size: int) -> str:
    """Return a size in bytes as a person reads it; never as less than it is."""
    tenths = math.ceil(size / 10**5)
    return f"{tenths / 10:,.1f}".removesuffix(".0") + " MB"


def sha256_of_bytes(data: bytes) -> str:
    """Return the SHA-256 of some bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_text(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8 bytes."""
    return sha256_of_bytes(text.encode("utf-8", "surrogatepass"))


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def canonical_json(value: Any) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, no NaN.

    Raises
    ------
    ValueError
        If the value holds a NaN or an infinity.
    TypeError
        If the value holds something that JSON does not know.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
