"""What is shown of a person's own data: tables, archives of pictures, classes of unequal size."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from mlprov_widgets.tasks import pictures
from mlprov_widgets.tasks.pictures import look_into
from mlprov_widgets.ui.data_seen import seen_html, unequal_html

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\0" * 20
FILM = b"\0\0\0\x18ftypmp42" + b"\0" * 20
HOSTILE = "<img src=x onerror=alert(1)>"


def archive(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "own.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, raw in files.items():
            packed.writestr(name, raw)
    return path


def test_a_class_is_the_folder_that_a_picture_lies_in(tmp_path: Path) -> None:
    path = archive(tmp_path, {"all/cat/1.png": PNG, "all/cat/2.PNG": PNG, "all/dog/1.jpg": JPEG})
    seen = look_into(path)
    assert seen is not None
    assert (seen.classes, seen.parts, seen.doubtful) == ({"cat": 2, "dog": 1}, {}, ())
    assert seen.refusal == ""
    assert [(name, kind) for name, kind, _ in seen.samples] == [("cat", "image/png"), ("dog", "image/jpeg")]


def test_parts_are_counted_and_what_a_file_manager_leaves_behind_is_not(tmp_path: Path) -> None:
    files = {
        "train/a/1.png": PNG,
        "Testing/a/2.png": PNG,
        "__MACOSX/train/a/._1.png": b"",
        "train/.DS_Store": b"",
        "train/b/Thumbs.db": b"",
    }
    seen = look_into(archive(tmp_path, files))
    assert seen is not None
    assert (seen.classes, seen.parts, seen.doubtful) == ({"a": 2}, {"training": 1, "test": 1}, ())


@pytest.mark.parametrize("raw", [b"", b"no archive", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_archive_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "own.zip"
    path.write_bytes(raw)
    seen = look_into(path)
    assert seen is not None
    assert seen.refusal == "This is no ZIP archive, or it is damaged: pack the folders anew"
    assert look_into(tmp_path / "absent.zip") is None


def test_an_archive_of_too_many_files_is_not_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_NAMES", 2)
    assert look_into(archive(tmp_path, {f"a/{n}.png": PNG for n in range(3)})) is None


def test_a_picture_that_unpacks_to_far_more_than_it_says_is_told_and_not_shown(tmp_path: Path) -> None:
    path = archive(tmp_path, {"a/1.png": PNG + b"\0" * 10_000_000})
    raw = bytearray(path.read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 24 : at + 28] = struct.pack("<I", 100)  # the size in the list of names
    path.write_bytes(raw)
    seen = look_into(path)
    assert seen is not None
    assert (seen.doubtful, seen.samples) == (("a/1.png",), ())


@pytest.mark.parametrize(
    ("files", "refusal"),
    [
        ({"1.png": PNG}, "Each class needs a folder of its own; outside of any folder: 1.png"),
        ({f"{n}.png": PNG for n in range(5)}, "outside of any folder: 0.png, 1.png, 2.png and 2 more"),
        ({"a/1.png": PNG, "b/1.png": PNG, "readme.txt": b"?"}, "outside of any folder: readme.txt"),
        ({"a/1.png": PNG, "b/1.png": b""}, "There is nothing in b/1.png"),
        ({"a/1.png": PNG, "a/2.png": PNG}, "All pictures are of one class, a: put them into two folders or more"),
        ({"__MACOSX/a/._1.png": PNG}, "There is no picture in it: put them into two folders or more"),
    ],
)
def test_what_no_notebook_could_learn_from_is_refused(tmp_path: Path, files: dict[str, bytes], refusal: str) -> None:
    seen = look_into(archive(tmp_path, files))
    assert seen is not None
    assert refusal in seen.refusal


def test_what_only_has_the_name_of_a_picture_is_told_and_not_shown(tmp_path: Path) -> None:
    files = {"a/1.png": b"<svg onload=alert(1)>", "b/1.svg": b"<svg/>", "b/film.png": FILM, "b/2.png": PNG}
    seen = look_into(archive(tmp_path, files))
    assert seen is not None
    assert seen.doubtful == ("a/1.png", "b/1.svg", "b/film.png")
    assert [name for name, _, _ in seen.samples] == ["b"]
    assert seen.refusal == ""  # of which class the others are is not known
    assert "3 files do not look like pictures, and the notebook stops at what is none: a/1.png, b" in seen_html(seen)


def test_names_in_an_archive_are_shown_as_text(tmp_path: Path) -> None:
    seen = look_into(archive(tmp_path, {f"{HOSTILE}/1.png": PNG}))
    assert seen is not None
    assert HOSTILE not in seen_html(seen)
    assert "&lt;img src=x onerror=alert(1)&gt; (1)" in seen_html(seen)


def test_classes_of_unequal_size_are_told_with_what_to_look_at() -> None:
    told = unequal_html({"healthy": 90, "ill": 10}, "rows")
    assert "healthy has 90 rows, ill has 10" in told
    assert "right in 90% of the cases" in told
    assert "F1" in told


@pytest.mark.parametrize("classes", [{}, {"a": 1}, {"a": 50, "b": 20}])
def test_classes_of_about_equal_size_are_not(classes: dict[str, int]) -> None:
    assert unequal_html(classes, "rows") == ""


def test_a_class_that_is_too_small_to_be_split_is_told(tmp_path: Path) -> None:
    files = {f"{kind}/{n}.png": PNG for kind, count in (("cat", 3), ("dog", 2)) for n in range(count)}
    seen = look_into(archive(tmp_path, files))
    assert seen is not None
    assert "Fewer than 3 pictures to divide among training, validation and test: dog. Add some" in seen_html(seen)
    parts = look_into(archive(tmp_path, {f"train/{name}": raw for name, raw in files.items()}))
    assert parts is not None
    assert "Fewer than" not in seen_html(parts)


def picture(width: int, height: int, kind: str = "PNG", **more: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((width, height), 60).save(file, kind, **more)
    return file.getvalue()


def test_the_sizes_of_pictures_are_told(tmp_path: Path) -> None:
    files = {"a/1.png": picture(32, 20), "a/2.jpg": picture(64, 48, "JPEG"), "b/1.png": picture(32, 20)}
    seen = look_into(archive(tmp_path, files))
    assert seen is not None
    assert (seen.sizes, seen.cut) == ({(32, 20): 2, (64, 48): 1}, ())
    assert "All have 2 sizes, from 32 x 20 to 64 x 48 pixels." in seen_html(seen)
    del files["a/2.jpg"]
    same = look_into(archive(tmp_path, files))
    assert same is not None
    assert "All are 32 x 20 pixels." in seen_html(same)


def test_a_photograph_that_was_turned_has_the_size_in_which_it_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    files = {"a/1.jpg": picture(64, 48, "JPEG", exif=exif), "b/1.jpg": picture(48, 64, "JPEG")}
    seen = look_into(archive(tmp_path, files))
    assert seen is not None
    assert seen.sizes == {(48, 64): 2}


def test_pictures_whose_end_is_missing_are_told(tmp_path: Path) -> None:
    whole = {"a/1.png": picture(32, 32), "a/2.jpg": picture(32, 32, "JPEG")}
    cut = {"b/1.png": picture(32, 32)[:-30], "b/2.jpg": picture(32, 32, "JPEG")[:-30]}
    seen = look_into(archive(tmp_path, {**whole, **cut}))
    assert seen is not None
    assert (seen.cut, seen.doubtful, seen.classes) == (("b/1.png", "b/2.jpg"), (), {"a": 2, "b": 2})
    assert "The ends of 2 pictures are missing" in seen_html(seen)


def test_no_more_is_read_of_pictures_than_may_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_READ", 10)
    cut = picture(32, 32)[:-30]
    seen = look_into(archive(tmp_path, {"a/1.png": cut, "b/1.png": cut}))
    assert seen is not None
    assert (seen.cut, seen.sizes) == ((), {(32, 32): 2})


@pytest.mark.parametrize("size", [0, 8, 30, 10_000])
def test_a_hostile_header_tells_no_size(tmp_path: Path, size: int) -> None:
    raw = (b"\x89PNG\r\n\x1a\n" + b"\xff" * size + b"IEND", b"\xff\xd8\xff" + b"\xe1\xff" * size + b"\xff\xd9")
    seen = look_into(archive(tmp_path, {"a/1.png": raw[0], "b/1.jpg": raw[1]}))
    assert seen is not None
    assert (seen.sizes, seen.cut, len(seen.classes)) == ({}, (), 2)
