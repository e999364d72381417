"""A crate that somebody sent: unpacked only when every file in it is the one that its metadata names."""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import BinaryIO, Final
from urllib.parse import unquote

from mlprov_widgets.errors import ProvenanceError, quoted
from mlprov_widgets.provenance.capture.document import FILE_NAME
from mlprov_widgets.provenance.export.crate import METADATA
from mlprov_widgets.provenance.reading import LARGEST_FILE, parse_json

MOST_FILES: Final = 5_000
LARGEST_CRATE: Final = 2**30
"""Bytes of all files of a crate together, unpacked."""

_SMALL: Final = 2**20
_MOST_COMPRESSED: Final = 200
"""How many times smaller than its content a larger file may be packed: text reaches 50, a bomb 1,000."""

_LONGEST_NAME, _LONGEST_PART = 1_000, 255
"""Characters of a path and bytes of each of its parts: what file systems take."""

_CHUNK: Final = 2**20
_FIX: Final = "Give a crate as it was made, by mlprov export --to rocrate or on the page of a run's results"


def is_archive(path: Path) -> bool:
    """Return whether a file is a zip archive by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(4) == b"PK\x03\x04"
    except OSError:
        return False


@contextmanager
def opened(source: str | Path) -> Iterator[Path]:
    """Yield the file to read for a source: itself, or a crate's provenance, unpacked for as long as this lasts.

    Raises
    ------
    ProvenanceError
        See `unpack`.
    """
    path = Path(source)
    if not is_archive(path):
        yield path
        return
    _check(path)  # before there is a folder
    with TemporaryDirectory(prefix="mlprov-crate-") as folder:
        _write(path, Path(folder))
        yield Path(folder, FILE_NAME)


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack a crate into a new folder and return the path of its provenance.

    What its metadata does not name with a digest is left out. Nothing is written before every name and every digest
    was looked at.

    Raises
    ------
    ProvenanceError
        If it is no crate of a run, holds a path that leads out of it, is far larger unpacked than packed, or
        holds a file that is not the one that the metadata names.
    """
    _check(archive)
    _write(archive, folder)
    return folder / FILE_NAME


def _check(archive: Path) -> None:
    with _files_of(archive) as (packed, files):
        for entry, digest in files:
            _read_whole(packed, entry, digest)


def _write(archive: Path, folder: Path) -> None:
    with _files_of(archive) as (packed, files):
        for entry, digest in files:
            target = folder / PurePosixPath(entry.filename)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("xb") as file:
                _read_whole(packed, entry, digest, file)  # again: it may be another file by now


@contextmanager
def _files_of(archive: Path) -> Iterator[tuple[zipfile.ZipFile, list[tuple[zipfile.ZipInfo, str]]]]:
    """Open a crate and yield it with each file that its metadata vouches for, and that one's digest."""
    try:
        with zipfile.ZipFile(archive) as packed:
            members = _members(packed, archive.name)
            digests = _digests(packed, members, archive.name)
            if FILE_NAME not in digests:
                raise ProvenanceError(f"the crate holds no {FILE_NAME}", field=archive.name, fix=_FIX)
            yield packed, [(members[name], digest) for name, digest in digests.items()]
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ProvenanceError(f"this archive cannot be read: {error}", field=archive.name, fix=_FIX) from None


def _members(packed: zipfile.ZipFile, name: str) -> dict[str, zipfile.ZipInfo]:
    """Return the files of an archive by name, after a look at what they claim to be."""
    found: dict[str, zipfile.ZipInfo] = {}
    entries = packed.infolist()
    if len(entries) > MOST_FILES:
        raise ProvenanceError(f"the archive holds {len(entries):,} files", field=name, fix=f"At most {MOST_FILES:,}")
    for entry in entries:
        shown = quoted(entry.filename)
        if not _stays_inside(entry.filename):
            raise ProvenanceError(f"the path {shown} leads out of the archive", field=name, fix=_FIX)
        if len(entry.filename) > _LONGEST_NAME or any(
            len(part.encode()) > _LONGEST_PART for part in entry.filename.split("/")
        ):
            raise ProvenanceError(f"the path {shown} is too long", field=name, fix=_FIX)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ProvenanceError(f"{shown} is a link", field=name, fix=_FIX)
        if entry.flag_bits & 0x1:
            raise ProvenanceError(f"{shown} is encrypted", field=name, fix=_FIX)
        if entry.is_dir():
            continue
        if entry.filename.casefold() in found:
            raise ProvenanceError(f"{shown} is there twice", field=name, fix=_FIX)
        if entry.file_size > _SMALL and entry.file_size > _MOST_COMPRESSED * max(entry.compress_size, 1):
            raise ProvenanceError(f"{shown} is far larger unpacked than packed", field=name, fix=_FIX)
        found[entry.filename.casefold()] = entry
    for folded, entry in found.items():
        if any(str(above) in found for above in PurePosixPath(folded).parents):
            raise ProvenanceError(
                f"{quoted(entry.filename)} lies in what is a file of the archive", field=name, fix=_FIX
            )
    total = sum(entry.file_size for entry in found.values())
    if total > LARGEST_CRATE:
        raise ProvenanceError(
            f"the archive has {total:,} bytes unpacked", field=name, fix=f"A crate has at most {LARGEST_CRATE:,}"
        )
    return {entry.filename: entry for entry in found.values()}


def _stays_inside(name: str) -> bool:
    path = PurePosixPath(name)
    odd = any(c in name for c in "\\:\0") or not name.isprintable()
    return bool(path.parts) and not odd and not path.is_absolute() and ".." not in path.parts


def _digests(packed: zipfile.ZipFile, members: Mapping[str, zipfile.ZipInfo], name: str) -> dict[str, str]:
    """Return the digest of each file that the metadata vouches for."""
    if METADATA not in members:
        raise ProvenanceError(f"this archive is no RO-Crate: it holds no {METADATA}", field=name, fix=_FIX)
    if members[METADATA].file_size > LARGEST_FILE:
        raise ProvenanceError("the metadata is too large", field=METADATA, fix=_FIX)
    graph = parse_json(packed.read(METADATA), METADATA).get("@graph")
    found: dict[str, str] = {}
    for item in graph if isinstance(graph, list) else []:
        identifier, digest = (item.get("@id"), item.get("sha256")) if isinstance(item, dict) else (None, None)
        if not isinstance(identifier, str) or not isinstance(digest, str) or identifier.startswith("#"):
            continue
        path = unquote(identifier).removeprefix("./")
        if path not in members:
            raise ProvenanceError(f"the crate names {quoted(path)} and does not hold it", field=name, fix=_FIX)
        found[path] = digest
    return found


def _read_whole(packed: zipfile.ZipFile, entry: zipfile.ZipInfo, digest: str, target: BinaryIO | None = None) -> None:
    """Read a file of an archive, into another if there is one, and see that it is what the metadata names."""
    seen, size = hashlib.sha256(), 0
    with packed.open(entry) as source:
        while chunk := source.read(_CHUNK):
            size += len(chunk)
            if size > entry.file_size:  # it claimed to be smaller
                raise ProvenanceError("the file is larger than the archive says", field=entry.filename, fix=_FIX)
            seen.update(chunk)
            if target is not None:
                target.write(chunk)
    if seen.hexdigest() != digest:
        raise ProvenanceError(
            "the file is not the one that the crate's metadata names: its digest differs",
            field=entry.filename,
            fix=_FIX,
        )
