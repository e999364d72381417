"""Whole files or none, nothing overwritten, digests."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

import pytest

from mlprov_widgets import files
from mlprov_widgets.errors import TargetExists
from mlprov_widgets.files import (
    canonical_json,
    file_name,
    megabytes,
    new_folder,
    sha256_of_bytes,
    sha256_of_file,
    sha256_of_text,
    write_atomically,
)

EXISTS = "this already exists. Choose another name, or move it away."


def content_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def at_once(count: int, work: Callable[[int], object]) -> list[object]:
    """Return what `count` threads that start together made of `work`, errors included."""
    barrier = threading.Barrier(count)

    def one(number: int) -> object:
        barrier.wait()
        try:
            return work(number)
        except TargetExists as error:
            return error

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def refuse(number: int) -> Callable[..., NoReturn]:
    def fail(*_: object) -> NoReturn:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_text_is_written_as_utf_8_with_its_own_line_ends(tmp_path: Path) -> None:
    path = write_atomically(tmp_path / "a.txt", "é\n\r\n")
    assert path.read_bytes() == b"\xc3\xa9\n\r\n"


def test_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "a.bin", b"\x00\xff").read_bytes() == b"\x00\xff"


def test_missing_folders_are_made(tmp_path: Path) -> None:
    assert write_atomically(tmp_path / "a" / "b" / "c.txt", "x").read_text() == "x"


def test_a_written_file_has_the_rights_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "ordinary").touch()
    written = write_atomically(tmp_path / "a.txt", "x")
    assert written.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_writing_leaves_nothing_but_the_file(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", "x")
    assert content_of(tmp_path) == {"a.txt": b"x"}


def test_an_existing_file_is_not_replaced(tmp_path: Path) -> None:
    path = write_atomically(tmp_path / "a.txt", "old")
    with pytest.raises(TargetExists) as caught:
        write_atomically(path, "new")
    assert str(caught.value) == f"{path}: {EXISTS}"
    assert content_of(tmp_path) == {"a.txt": b"old"}


def test_an_existing_file_is_replaced_when_asked(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a.txt", "old")
    write_atomically(tmp_path / "a.txt", "new", replace=True)
    assert content_of(tmp_path) == {"a.txt": b"new"}


def test_a_file_that_appears_while_writing_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    monkeypatch.setattr(files.os, "fsync", lambda _: path.write_text("another process"))
    with pytest.raises(TargetExists, match="this already exists"):
        write_atomically(path, "new")
    assert content_of(tmp_path) == {"a.txt": b"another process"}


def test_of_many_writers_one_writes_and_the_others_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    results = at_once(8, lambda number: write_atomically(path, str(number) * 1000))
    winners = [number for number, result in enumerate(results) if not isinstance(result, TargetExists)]
    assert len(winners) == 1
    assert content_of(tmp_path) == {"a.txt": str(winners[0]).encode() * 1000}


@pytest.mark.parametrize("replace", [True, False])
@pytest.mark.parametrize("at", ["fsync", "chmod"])
def test_a_full_disk_leaves_no_file_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str, replace: bool
) -> None:
    monkeypatch.setattr(files.os, at, refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        write_atomically(tmp_path / "a.txt", "x", replace=replace)
    assert content_of(tmp_path) == {}


def test_a_full_disk_leaves_the_old_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_atomically(tmp_path / "a.txt", "old")
    monkeypatch.setattr(files.os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, "new", replace=True)
    assert content_of(tmp_path) == {"a.txt": b"old"}


def test_a_file_is_written_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.os, "link", refuse(errno.EPERM))
    write_atomically(tmp_path / "a.txt", "x")
    assert content_of(tmp_path) == {"a.txt": b"x"}


def test_an_existing_file_is_not_replaced_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_atomically(tmp_path / "a.txt", "old")
    monkeypatch.setattr(files.os, "link", refuse(errno.EPERM))
    with pytest.raises(TargetExists, match="this already exists"):
        write_atomically(path, "new")
    assert content_of(tmp_path) == {"a.txt": b"old"}


def test_a_new_folder_is_called_by_time_and_name(tmp_path: Path) -> None:
    folder = new_folder(tmp_path / "runs", "iris")
    assert folder.is_dir()
    assert re.fullmatch(r"\d{8}-\d{6}-iris", folder.name)


def test_a_folder_whose_name_is_taken_gets_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.time, "strftime", lambda _: "20260101-120000")
    names = [new_folder(tmp_path, "iris").name for _ in range(3)]
    assert names == ["20260101-120000-iris", "20260101-120000-iris-2", "20260101-120000-iris-3"]


def test_a_name_taken_by_a_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.time, "strftime", lambda _: "20260101-120000")
    (tmp_path / "20260101-120000-iris").write_text("mine")
    assert new_folder(tmp_path, "iris").name == "20260101-120000-iris-2"


def test_folders_made_at_the_same_moment_are_all_different(tmp_path: Path) -> None:
    made = at_once(8, lambda _: [new_folder(tmp_path, "iris") for _ in range(5)])
    assert len({folder for folders in made for folder in folders}) == 40  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("iris", "iris"),
        ("my data (final).csv", "my_data_final_.csv"),
        ("../../etc/passwd", "etc_passwd"),
        ("C:\\Users\\ada", "C_Users_ada"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a\x00b\nc", "a_b_c"),
        ("größe", "gr_e"),
        ("", "unnamed"),
        ("...", "unnamed"),
        ("x" * 100, "x" * 60),
    ],
)
def test_any_text_becomes_a_safe_name(text: str, name: str) -> None:
    assert file_name(text) == name


def test_a_digest_is_the_sha_256(tmp_path: Path) -> None:
    data = os.urandom(3 * 2**20 + 1)  # more than one chunk
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    assert sha256_of_file(path) == sha256_of_bytes(data) == hashlib.sha256(data).hexdigest()


def test_a_texts_digest_is_that_of_its_utf_8() -> None:
    assert sha256_of_text("é") == sha256_of_bytes(b"\xc3\xa9")


def test_a_text_that_no_file_could_hold_has_a_digest_too() -> None:
    assert sha256_of_text("\ud800") != sha256_of_text("\ud801")


def test_canonical_json_sorts_its_keys_and_leaves_no_space() -> None:
    assert canonical_json({"b": [1, 2.5], "a": {"é": None}}) == '{"a":{"é":null},"b":[1,2.5]}'


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_canonical_json_refuses_what_json_has_no_number_for(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json([number])


def test_canonical_json_refuses_other_objects() -> None:
    with pytest.raises(TypeError, match="set"):
        canonical_json({"a": {1}})


@pytest.mark.parametrize(
    ("size", "told"), [(0, "0 MB"), (1, "0.1 MB"), (10**7, "10 MB"), (10**7 + 1, "10.1 MB"), (10**10, "10,000 MB")]
)
def test_a_size_is_told_in_megabytes_and_never_as_less_than_it_is(size: int, told: str) -> None:
    assert megabytes(size) == told
