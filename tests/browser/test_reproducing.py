"""The form on a person's own machine: an edited notebook that fails, and past runs by the keyboard alone."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Page, expect

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def trusted() -> bool:
    return True


@pytest.fixture
def many(home: Path, recorded: Path) -> Iterator[None]:
    """Fourteen past runs, which differ in their seed."""
    folder = home / "mlprov_runs"
    for seed in range(14):
        shutil.copytree(recorded.parent, folder / f"run-{seed:02}", ignore=shutil.ignore_patterns(".summary.json"))
        path = folder / f"run-{seed:02}" / "provenance.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["entity"]["run:hp-random_seed"]["mls:hasValue"] = {"$": str(seed), "type": "xsd:integer"}
        path.write_text(json.dumps(document), encoding="utf-8")
    yield
    shutil.rmtree(folder)


def test_past_runs_are_searched_sorted_chosen_and_compared_by_the_keyboard(
    form: Any, page: Page, many: None, screenshot: Any
) -> None:
    form.button(". All runs").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 to 12 of 14")).to_be_visible()
    form.field("Search").focus()
    page.keyboard.type("random_seed=7")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 run", exact=True)).to_be_visible()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.press("Delete")
    page.keyboard.press("Tab")
    page.keyboard.type("Lowest loss")
    expect(form.field("Sort by")).to_have_value("Lowest loss")
    page.keyboard.press("Tab")
    page.keyboard.type("failed")
    expect(page.get_by_text("No run matches.")).to_be_visible()
    page.keyboard.press("Home")  # what is typed soon after other letters is taken for more of the same word
    expect(page.get_by_text("1 to 12 of 14")).to_be_visible()
    for _ in range(2):
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
    expect(form.button("Compare 2 runs")).to_be_enabled()
    form.button("Choose all 14").press("Enter")
    form.button("Compare 14 runs").press("Enter")
    expect(page.get_by_text("Which are the 14 runs")).to_be_visible()
    expect(page.get_by_role("columnheader", name="random_seed")).to_be_visible()
    expect(page.get_by_role("img", name="loss of 14 runs")).to_be_visible()
    screenshot("1-many")
    assert form.faults() == []
    page.set_viewport_size({"width": 400, "height": 900})
    assert form.is_within_window()


@pytest.mark.slow
def test_a_reproduction_whose_cell_fails_gets_a_red_card_with_the_cell_and_the_cause(
    form: Any, page: Page, recorded: Path, tmp_path: Path, screenshot: Any
) -> None:
    content = nbformat.read(next(recorded.parent.glob("*.ipynb")), as_version=4)
    cell = next(cell for cell in content.cells if cell.id == "train")
    cell.source = f"raise ValueError('a <b>wrong</b> rate')\n{cell.source}"
    nbformat.write(content, tmp_path / "edited.ipynb")
    form.upload("Upload a file", tmp_path / "edited.ipynb")
    expect(page.get_by_text("Code was edited by hand in: train.")).to_be_visible()
    expect(page.get_by_text("+raise ValueError")).to_be_visible()
    page.get_by_label("Keep the code that was edited by hand").check()
    form.button("Reproduce it now").click()
    card = page.get_by_role("status", name="Verdict")
    expect(card).to_contain_text("Not reproduced", timeout=150_000)
    expect(card).to_contain_text("It ended in: the cell train, in the stage training")
    expect(card).to_contain_text("What happened: ValueError: a <b>wrong</b> rate")
    expect(card).to_contain_text("Likely cause: the code of this cell was edited by hand")
    expect(page.get_by_text("Traceback")).to_have_count(0)
    screenshot("1-red")
    assert form.faults() == []


def test_a_folder_of_pictures_is_looked_at_once_its_path_is_typed_to_the_end(
    form: Any, page: Page, tmp_path: Path, screenshot: Any
) -> None:
    with zipfile.ZipFile(DATA / "pets.zip") as archive:
        archive.extractall(tmp_path / "pets")
    form.field("Task").select_option("Image classification")
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own images (ZIP)")
    path = form.field("Data file: path on this machine")
    for typed in ("/", str(tmp_path / "pets")):
        path.fill(typed)
        expect(page.get_by_role("alert")).to_contain_text("A data file is needed")  # not what "/" holds
    path.press("Enter")
    expect(page.get_by_text("24 pictures")).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)
    screenshot("1-seen")
    path.fill(str(tmp_path / "absent"))
    path.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("There is no such file")
