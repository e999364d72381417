"""Images on the served page: every sort of data from the form to a run, and from its record to the same result."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from sklearn.datasets import load_digits

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 20


def large_digits() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return 400 of scikit-learn's digits as large as those of MNIST, and what they are."""
    known = load_digits()
    shades = (known.images[:400] * (255 / 16)).round().astype(np.uint8)
    return np.pad(shades.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))), known.target[:400].astype(np.uint8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the served form works in; in PyTorch's cache lie files of MNIST, unpacked as by torchvision."""
    folder = tmp_path_factory.mktemp("home")
    raw = folder / "torch" / "datasets" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    images, labels = large_digits()
    for part, chosen in (("train", slice(300)), ("t10k", slice(300, 400))):
        for content, what in ((images[chosen], "images-idx3-ubyte"), (labels[chosen], "labels-idx1-ubyte")):
            sides = b"".join(side.to_bytes(4, "big") for side in content.shape)
            (raw / f"{part}-{what}").write_bytes(bytes([0, 0, 8, content.ndim]) + sides + content.tobytes())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_HOME", str(folder / "torch"))
        patch.setenv("MLPROV_RUNS_AT_ONCE", "2")
        yield folder


def choose(form: Any, dataset: str, epochs: int) -> None:
    form.step("Data ingestion")
    form.field("Dataset").select_option(dataset)
    form.step("Training")
    form.field("Epochs").fill(str(epochs))


def start(form: Any) -> None:
    form.step("Review")
    form.button("Make and run it").click()


def saved(form: Any, page: Page, label: str, path: Path) -> Path:
    """Take a file of the run that is shown along."""
    with page.expect_download() as download:
        form.button(label).click()
    download.value.save_as(path)
    return path


@pytest.mark.slow
def test_digits_mnist_and_arrays_of_ones_own_are_learned_from_and_reproduced_from_what_was_downloaded(
    form: Any, page: Page, tmp_path: Path, screenshot: Any
) -> None:
    form.field("Task").select_option("Image classification")
    choose(form, "Digits", 1)
    start(form)
    choose(form, "MNIST", 1)
    start(form)
    images, labels = large_digits()
    np.savez(tmp_path / "mine.npz", images=images, labels=labels)
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own arrays (.npz)")
    form.upload("Upload: Data file", tmp_path / "mine.npz")
    expect(page.get_by_text("400 pictures in 10 classes")).to_be_visible()
    screenshot("1-seen")
    start(form)
    expect(form.button("3. Image classification: Dataset Own arrays (.npz), Data file mine.npz")).to_be_visible()

    # A crate needs nothing else; beside a provenance file, its data is found among what was uploaded.
    taken = {}
    for number, label in ((1, "Research crate (zip)"), (2, "PROV-JSON"), (3, "PROV-JSON")):
        form.button(f"{number}. Image").click()
        form.wait_for_results()
        for figure in ("Training curves", "Confusion matrix", "Mistakes", "Samples"):
            expect(page.get_by_role("img", name=figure)).to_be_visible()
        taken[number] = saved(form, page, label, tmp_path / f"{number}.{'zip' if 'zip' in label else 'json'}")
    screenshot("2-result")
    for number, path in taken.items():
        form.step("Start")
        form.upload("Upload a file", path)
        expect(page.get_by_text(f"fields were filled from the file {path.name}.")).to_be_visible()
        form.button("Reproduce it now").click()
        expect(form.button(f"{number + 3}. Image classification, reproduced")).to_be_visible()
    for number in taken:
        form.button(f"{number + 3}. Image").click()
        form.wait_for_results()
        card = page.get_by_role("status", name="Verdict")
        expect(card).to_have_text(re.compile(r"Identical.*Metrics, every epoch and the model are the same", re.DOTALL))
    screenshot("3-identical")
    page.get_by_role("img", name="Confusion matrix").click()
    width = page.locator(".mlprov-figures").last.evaluate("element => element.clientWidth")
    expect(page.get_by_role("img", name="Confusion matrix")).to_have_css("width", f"{width}px")


def packed(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_what_no_notebook_could_learn_from_is_refused_beside_its_field(
    form: Any, page: Page, tmp_path: Path, screenshot: Any
) -> None:
    form.field("Task").select_option("Image classification")
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own images (ZIP)")
    two = {"cat/1.png": PNG, "dog/1.png": PNG, "dog/2.png": PNG}
    torn = tmp_path / "torn.zip"
    torn.write_bytes(packed(tmp_path / "whole.zip", two).read_bytes()[:-30])
    wrong = page.get_by_role("alert")
    for path, told in (
        (torn, "This is no ZIP archive, or it is damaged"),
        (packed(tmp_path / "one.zip", {"cat/1.png": PNG, "cat/2.png": PNG}), "All pictures are of one class, cat"),
        (packed(tmp_path / "flat.zip", two | {"../3.png": PNG, "3.png": PNG}), "outside of any folder: 3.png"),
        (packed(tmp_path / "empty.zip", two | {"cat/2.png": b""}), "There is nothing in cat/2.png"),
    ):
        form.upload("Upload: Data file", path)
        expect(wrong).to_contain_text(told)
        expect(form.button("Data ingestion (1 to correct)")).to_be_visible()
    screenshot("1-refused")
    form.upload("Upload: Data file", packed(tmp_path / "film.zip", two | {"cat/2.png": b"\0\0\0\x18ftypmp42"}))
    expect(wrong).to_have_count(0)
    expect(page.get_by_text("one file does not look like a picture, and the notebook stops")).to_contain_text("cat/2.p")
    screenshot("2-doubtful")

    form.field("Dataset").select_option("Own arrays (.npz)")
    stream = io.BytesIO()
    np.savez(stream, x=np.zeros((6, 8, 8), np.uint8), y=np.arange(6) % 2)
    (tmp_path / "other.npz").write_bytes(stream.getvalue())
    form.upload("Upload: Data file", tmp_path / "other.npz")
    expect(wrong).to_contain_text("There is no array images and no array labels in this file")
    expect(page.get_by_role("cell", name="6 × 8 × 8, uint8")).to_be_visible()
    screenshot("3-other-names")
    form.field("Array with the images").fill("x")
    form.field("Array with the classes").fill("y")
    expect(wrong).to_have_count(0)
    expect(page.get_by_text("6 pictures in 2 classes")).to_be_visible()
