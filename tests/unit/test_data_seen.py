"""What is shown of a person's own data: tables, archives of pictures, classes of unequal size."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from mlprov_widgets.tasks import pictures
from mlprov_widgets.tasks.pictures import look_into
from mlprov_widgets.ui.data_seen import pictures_html, unequal_html

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
HOSTILE = "<img src=x onerror=alert(1)>"


def archive(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "own.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, raw in files.items():
            packed.writestr(name, raw)
    return path


def test_a_class_is_the_folder_that_a_picture_lies_in(tmp_path: Path) -> None:
    path = archive(tmp_path, {"all/cat/1.png": PNG, "all/cat/2.PNG": PNG, "all/dog/1.jpg": b"\xff\xd8\xff"})
    seen = look_into(path)
    assert seen is not None
    assert (seen.classes, seen.parts, seen.others) == ({"cat": 2, "dog": 1}, {}, 0)
    assert [(name, kind) for name, kind, _ in seen.samples] == [("cat", "image/png"), ("dog", "image/jpeg")]


def test_parts_are_counted_and_what_a_file_manager_leaves_behind_is_not(tmp_path: Path) -> None:
    files = {
        "train/a/1.png": PNG,
        "Testing/a/2.png": PNG,
        "__MACOSX/train/a/._1.png": b"",
        "train/.DS_Store": b"",
        "readme.txt": b"",
    }
    seen = look_into(archive(tmp_path, files))
    assert seen is not None
    assert (seen.classes, seen.parts, seen.others) == ({"a": 2}, {"training": 1, "test": 1}, 1)


@pytest.mark.parametrize("raw", [b"", b"no archive", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_archive_is_not_looked_into(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "own.zip"
    path.write_bytes(raw)
    assert look_into(path) is None
    assert look_into(tmp_path / "absent.zip") is None


def test_an_archive_of_too_many_files_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_NAMES", 2)
    assert look_into(archive(tmp_path, {f"a/{n}.png": PNG for n in range(3)})) is None


def test_a_picture_that_unpacks_to_far_more_than_it_says_is_counted_and_not_shown(tmp_path: Path) -> None:
    path = archive(tmp_path, {"a/1.png": PNG + b"\0" * 10_000_000})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 100)  # the size in the list of names
    path.write_bytes(raw)
    seen = look_into(path)
    assert seen is not None
    assert (seen.classes, [len(sample) for _, _, sample in seen.samples if len(sample) > 1000]) == ({"a": 1}, [])


def test_what_only_has_the_name_of_a_picture_is_not_shown(tmp_path: Path) -> None:
    seen = look_into(archive(tmp_path, {"a/1.png": b"<svg onload=alert(1)>", "b/1.svg": b"<svg/>"}))
    assert seen is not None
    assert (seen.samples, seen.others) == ((), 1)


def test_names_in_an_archive_are_shown_as_text(tmp_path: Path) -> None:
    seen = look_into(archive(tmp_path, {f"{HOSTILE}/1.png": PNG}))
    assert seen is not None
    assert HOSTILE not in pictures_html(seen)
    assert "&lt;img src=x onerror=alert(1)&gt; (1)" in pictures_html(seen)


def test_an_archive_without_folders_says_what_it_lacks(tmp_path: Path) -> None:
    seen = look_into(archive(tmp_path, {"1.png": PNG}))
    assert seen is not None
    assert "each class needs a folder of its own" in pictures_html(seen)


def test_classes_of_unequal_size_are_told_with_what_to_look_at() -> None:
    told = unequal_html({"healthy": 90, "ill": 10}, "rows")
    assert "healthy has 90 rows, ill has 10" in told
    assert "right in 90% of the cases" in told
    assert "F1" in told


@pytest.mark.parametrize("classes", [{}, {"a": 1}, {"a": 50, "b": 20}])
def test_classes_of_about_equal_size_are_not(classes: dict[str, int]) -> None:
    assert unequal_html(classes, "rows") == ""
