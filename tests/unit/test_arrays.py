"""What is shown of files of NumPy's: images and their classes, and nothing that would have to be unpickled."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mlprov_widgets.tasks.arrays import look_into_arrays
from mlprov_widgets.tasks.pictures import Pictures
from mlprov_widgets.ui.data_seen import seen_html

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 20, 30, 3), dtype=np.uint8)
LABELS = np.repeat(["cat", "dog", "owl"], [8, 3, 1])


def seen(folder: Path, images: np.ndarray, labels: np.ndarray) -> Pictures:
    """Return what is seen in a file with these arrays, which fit each other."""
    np.savez_compressed(folder / "a.npz", images=images, labels=labels)
    arrays = look_into_arrays(folder / "a.npz", "images", "labels")
    assert arrays is not None
    assert arrays.problem == ""
    assert arrays.pictures is not None
    return arrays.pictures


def problem(folder: Path, images: np.ndarray, labels: np.ndarray) -> str:
    np.savez(folder / "a.npz", images=images, labels=labels)
    arrays = look_into_arrays(folder / "a.npz", "images", "labels")
    assert arrays is not None
    assert arrays.pictures is None
    return arrays.problem


def header(text: str, version: int = 1) -> bytes:
    raw = text.encode("latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + len(raw).to_bytes(2, "little") + raw


def test_classes_are_counted_and_one_image_of_each_is_shown(tmp_path: Path) -> None:
    found = seen(tmp_path, IMAGES, LABELS)
    assert found.classes == {"cat": 8, "dog": 3, "owl": 1}
    assert [(name, kind) for name, kind, _ in found.samples] == [(c, "image/png") for c in ("cat", "dog", "owl")]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found.samples[1][2]))), IMAGES[8])


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (IMAGES[..., 0], IMAGES[0, ..., 0]),
        (IMAGES[..., :1], IMAGES[0, ..., 0]),
        (IMAGES.transpose(0, 3, 1, 2), IMAGES[0]),
        (IMAGES.astype(">u2"), IMAGES[0]),
        (IMAGES / 255, IMAGES[0]),
        (IMAGES > 99, (IMAGES[0] > 99) * np.uint8(255)),
    ],
    ids=["grey", "one colour", "PyTorch's order", "large numbers", "from 0 to 1", "black and white"],
)
def test_an_image_is_shown_as_the_notebook_takes_it(tmp_path: Path, images: np.ndarray, expected: np.ndarray) -> None:
    found = seen(tmp_path, np.ascontiguousarray(images), LABELS)
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(found.samples[0][2]))), expected)


def test_a_large_image_is_shown_small(tmp_path: Path) -> None:
    found = seen(tmp_path, np.zeros((2, 1000, 500), np.uint8), np.array([0, 1]))
    assert Image.open(io.BytesIO(found.samples[0][2])).size == (46, 91)


def test_two_files_are_looked_into_together(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", IMAGES)
    np.save(tmp_path / "labels.npy", LABELS)
    one = look_into_arrays(tmp_path / "images.npy", "", "")
    assert one is not None
    assert one.found == (("images.npy", "12 × 20 × 30 × 3, uint8"),)
    both = look_into_arrays(tmp_path / "images.npy", "", "", tmp_path / "labels.npy")
    assert both is not None
    assert both.pictures == seen(tmp_path, IMAGES, LABELS)


def test_arrays_of_other_names_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_train=IMAGES, y_train=LABELS)
    arrays = look_into_arrays(tmp_path / "a.npz", "images", "labels")
    assert arrays is not None
    assert arrays.problem == "There is no array images and no array labels in this file: name one of these below"
    told = seen_html(arrays)
    assert "x_train</td><td>12 × 20 × 30 × 3, uint8" in told
    assert "y_train</td><td>12, text" in told


@pytest.mark.parametrize(
    ("images", "labels", "told"),
    [
        (IMAGES, LABELS[:5], "There are 12 images and 5 classes"),
        (IMAGES[0, ..., 0], LABELS, "The images have to be images × height × width"),
        (IMAGES[..., :2], LABELS, "The images have to be"),
        (IMAGES, np.zeros(12), "The classes have to be one whole number or name for each image; this is 12, float64"),
        (IMAGES, np.zeros((12, 3), int), "The classes have to be"),
        (IMAGES, np.zeros(12, int), "All images are of one class, 0: there have to be two or more"),
        (IMAGES[:, :0], LABELS, "The images have to be"),
        (np.array([{}]), LABELS, "Python objects, which are not read"),
        (IMAGES, np.array([{}] * 12), "Python objects, which are not read"),
        (IMAGES, np.zeros(12, [("a", int)]), "Python objects, which are not read"),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, images: np.ndarray, labels: np.ndarray, told: str) -> None:
    assert told in problem(tmp_path, images, labels)


def test_what_only_a_notebook_would_find_out_is_not_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", images=np.zeros((2000, 1, 1), np.uint8), labels=np.arange(2000))
    arrays = look_into_arrays(tmp_path / "a.npz", "images", "labels")
    assert arrays is not None
    assert (arrays.refusal, arrays.pictures) == ("", None)
    assert "There are 2,000 different classes: is this the array of the classes?" in seen_html(arrays)


@pytest.mark.parametrize("images", [np.full((2, 4, 4), np.nan), np.full((2, 4, 4), -1), np.full((2, 4, 4), 300)])
def test_what_is_no_brightness_is_refused(tmp_path: Path, images: np.ndarray) -> None:
    assert "Pixels have to be numbers from 0 to 255" in problem(tmp_path, images, np.array([3, 7]))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"hello",
        header("(" * 9000),
        header("{'descr': '|O', 'fortran_order': False, 'shape': (12,)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (-12, 2, 2)}"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (9999999999999, 2, 2)}"),
        header("{'descr': '|V9', 'fortran_order': False, 'shape': (12,)}"),
        header("{'descr': '<U1', 'fortran_order': False, 'shape': (12,)}") + b"\xff" * 48,
        header("{'descr': '<U0', 'fortran_order': False, 'shape': (12,)}"),
        header("{'descr': '<i8', 'fortran_order': False, 'shape': (12,)}") + b"cut off",
        header("__import__('os').system('true')"),
        header("{'descr': '|u1', 'fortran_order': False, 'shape': (12,)}", version=9),
    ],
)
def test_a_hostile_file_is_refused_without_a_fault(tmp_path: Path, raw: bytes) -> None:
    np.save(tmp_path / "good.npy", IMAGES)
    (tmp_path / "bad.npy").write_bytes(raw)
    for data, labels in (("good", "bad"), ("bad", "good")):
        arrays = look_into_arrays(tmp_path / f"{data}.npy", "", "", tmp_path / f"{labels}.npy")
        assert arrays is None or arrays.pictures is None
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as archive:
        archive.writestr("images.npy", raw)
        archive.writestr("<b>.npy", raw)
    arrays = look_into_arrays(tmp_path / "bad.npz", "images", "<b>")
    assert arrays is None or (arrays.pictures is None and "<b>" not in seen_html(arrays))


@pytest.mark.parametrize("name", ["a.npz", "a.npy"])
def test_what_numpy_cannot_read_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"PK\x03\x04 and no more")
    arrays = look_into_arrays(tmp_path / name, "images", "labels")
    assert arrays is not None
    told = {"a.npz": "NumPy cannot read a.npz: it is no file of its own, or it is damaged"}
    assert arrays.refusal == told.get(name, "The array of the images cannot be used: not an array that can be read")


def test_what_is_not_there_or_has_too_many_arrays_is_not_looked_into(tmp_path: Path) -> None:
    assert look_into_arrays(tmp_path / "none.npz", "images", "labels") is None
    with zipfile.ZipFile(tmp_path / "many.npz", "w") as archive:
        for number in range(300):
            archive.writestr(f"{number}.npy", b"")
    assert look_into_arrays(tmp_path / "many.npz", "images", "labels") is None


def test_an_image_far_behind_in_the_file_is_not_unpacked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlprov_widgets.tasks.arrays.MOST_READ", 9 * 20 * 30 * 3)
    assert [name for name, _, _ in seen(tmp_path, IMAGES, LABELS).samples] == ["cat", "dog"]
