"""What comes back to the served page: crates, files of MLProvCodeGen, runs that did not come to their end."""

from __future__ import annotations

import os
import re
import signal
import zipfile
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from mlprov_widgets import verbs
from mlprov_widgets.execution.background import LOCK

DATA = Path(__file__).parents[1] / "data"


@pytest.fixture(scope="module")
def crate(recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("crate") / "crate.zip"
    verbs.export(recorded, to="rocrate", out=path)
    return path


def test_a_damaged_crate_is_refused_with_the_name_of_the_file_and_changes_nothing(
    form: Any, page: Page, crate: Path, tmp_path: Path, screenshot: Any
) -> None:
    form.upload("Upload a file", crate)
    expect(page.get_by_text("fields were filled from the file crate.zip.")).to_be_visible()
    figure = "outputs/confusion-matrix.png"
    with zipfile.ZipFile(crate) as whole:
        content = {name: whole.read(name) for name in whole.namelist()}
    changed = content | {figure: content[figure] + b"!"}
    absent = {name: raw for name, raw in content.items() if name != figure}
    leading_out = content | {"../../out.txt": b"!"}
    for files, told in (
        (changed, f"{figure}: the file is not the one that the crate's metadata names"),
        (absent, f"the crate names '{figure}' and does not hold it"),
        (leading_out, "the path '../../out.txt' leads out of the archive"),
    ):
        with zipfile.ZipFile(tmp_path / "damaged.zip", "w") as damaged:
            for name, raw in files.items():
                damaged.writestr(name, raw)
        form.upload("Upload a file", tmp_path / "damaged.zip")
        expect(page.get_by_role("alert")).to_contain_text(told)
    (tmp_path / "damaged.zip").write_bytes(crate.read_bytes()[:-200])
    form.upload("Upload a file", tmp_path / "damaged.zip")
    expect(page.get_by_role("alert")).to_contain_text("damaged.zip: this archive cannot be read")
    screenshot("refused")
    expect(page.get_by_text("fields were filled from the file crate.zip.")).to_be_visible()


@pytest.mark.parametrize("how", ["cancelled", "killed"])
def test_a_reproduction_that_is_cancelled_or_killed_says_on_a_red_card_where_it_ended(
    form: Any, page: Page, home: Path, recorded: Path, screenshot: Any, how: str
) -> None:
    before = set(home.rglob(LOCK))
    form.upload("Upload a file", recorded)
    form.button("Reproduce it now").click()
    # The recorder sees the cells after its own, which is the second.
    expect(page.get_by_text(re.compile(r"\(([3-9]|\d\d) of \d+ cells\)"))).to_be_visible(timeout=150_000)
    if how == "cancelled":
        form.button("Cancel").click()
    else:
        (lock,) = set(home.rglob(LOCK)) - before
        os.kill(int(lock.read_text(encoding="ascii")), signal.SIGKILL)
    card = page.get_by_role("status", name="Verdict")
    expect(card).to_contain_text("Not reproduced")
    expect(card).to_contain_text("It ended in: the cell ")
    told = {
        "cancelled": "Likely cause: somebody cancelled it; start it again",
        "killed": "What happened: the run's process ended without a word",
    }
    expect(card).to_contain_text(told[how])
    expect(page.get_by_text("Take it with you")).to_be_visible()  # what had run is on record
    screenshot("red")
    assert form.faults() == []


def test_what_is_to_look_at_before_a_run_is_set_by_a_click(form: Any, page: Page, screenshot: Any) -> None:
    form.field("Task").select_option("Image classification")
    form.step("Data ingestion")
    form.field("Dataset").select_option("Random pixels (FakeData)")
    form.step("Review")
    expect(page.get_by_role("heading", name=re.compile(r"Before it runs: \d to look at"))).to_be_visible()
    expect(page.get_by_text("Threads: all cores compute together")).to_be_visible()
    page.set_viewport_size({"width": 400, "height": 900})
    assert form.is_within_window()
    screenshot("1-to-look-at")
    if form.button("Compute on the processor").count():  # where there is a GPU
        form.button("Compute on the processor").click()
    form.button("Set them to").click()
    expect(page.get_by_role("heading", name="Before it runs: all is as it should be")).to_be_visible()
    expect(page.get_by_role("row", name=re.compile(r"Threads \d+ user"))).to_be_visible()
    screenshot("2-set")


@pytest.mark.slow
def test_a_file_of_mlprovcodegen_says_what_it_lacks_and_is_reproduced(form: Any, page: Page, screenshot: Any) -> None:
    form.upload("Upload a file", DATA / "legacy.json")
    expect(page.get_by_text("Missing: “Random seed”: the original did not seed torch")).to_be_visible()
    screenshot("1-filled")
    form.button("Reproduce it now").click()
    form.wait_for_results()
    card = page.get_by_role("status", name="Verdict")
    expect(card).to_contain_text("Different")
    expect(page.get_by_role("columnheader", name="Recorded")).to_be_visible()
    screenshot("2-verdict")
