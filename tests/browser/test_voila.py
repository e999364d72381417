"""The form as a page of its own, as a stranger gets it."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

DATA = Path(__file__).parents[1] / "data"
HOSTILE = "<b>Mine</b><img src=x onerror='document.title=1/0'>"


def runs(home: Path) -> set[Path]:
    return {path for path in home.glob("visitors/*/mlprov_runs/*") if not path.name.startswith(".")}


def test_the_whole_way_from_choices_to_a_run_and_its_provenance(form: Any, page: Page, screenshot: Any) -> None:
    screenshot("1-start")
    form.button("Choose the data").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Data ingestion")
    expect(form.field("Dataset")).to_have_value("Iris")
    screenshot("2-data")
    for title in ("Data preparation", "Data segregation", "Model", "Training"):
        form.button("Next").click()
        expect(page.get_by_role("heading", level=2)).to_have_text(title)
    screenshot("3-training")

    form.field("Epochs").fill("many")
    wrong = page.get_by_role("alert")
    expect(wrong).to_contain_text("many")
    expect(form.button("Training (1 to correct)")).to_be_visible()
    screenshot("4-wrong")
    form.step("Review")
    expect(form.button("Make and run it")).to_be_disabled()
    expect(form.button("Make the notebook")).to_be_disabled()
    expect(form.button("Result")).to_be_disabled()
    screenshot("5-not-yet")
    form.button("Training").click()
    form.field("Epochs").fill("5")
    expect(wrong).to_have_count(0)
    expect(form.button("to correct")).to_have_count(0)
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 5")

    form.step("Review")
    expect(page.get_by_role("row", name="Epochs 5 ")).to_be_visible()
    screenshot("6-review")
    form.button("Make and run it").click()
    expect(page.get_by_text(re.compile(r"\(\d+ of \d+ cells\)"))).to_be_visible()
    screenshot("7-running")
    form.wait_for_results()
    expect(page.locator(".mlprov-numbers")).to_contain_text("Accuracy")
    expect(page.locator(".mlprov-figures img").first).to_be_visible()

    # The overview, then one stage, then one step: each a click, and none has to be repeated.
    details = page.locator(".mlprov-details")
    nodes = form.nodes()
    assert [node["label"] for node in nodes if not node["inside"]] == []
    stages = [node["label"] for node in nodes if "stage" in node["classes"]]
    assert [label.split("\n")[0] for label in stages] == [
        "1. Set-up",
        "2. Data ingestion",
        "3. Data preparation",
        "4. Data segregation",
        "5. Model",
        "6. Training",
        "7. Evaluation",
    ]
    assert "iris, 150 samples, 3 classes" in stages[1]
    assert re.search(r"accuracy 0\.\d+", stages[6])
    screenshot("8-overview")
    form.click_node(r"^6\. Training$")
    expect(details.get_by_role("heading")).to_have_text("Training")
    form.click_node(r"^Train$")
    expect(details.get_by_role("heading")).to_have_text("Train")
    expect(details.get_by_role("row", name="Parameters read")).to_contain_text("epochs = 5")
    shown = form.nodes()
    assert any(node["label"] == "epochs = 5" for node in shown)
    assert [node["label"] for node in shown if not node["inside"]] == []
    form.field("Find").fill("accuracy")
    expect(page.get_by_text(re.compile(r"^\d+ found for “accuracy”"))).to_be_visible()
    form.field("Found").select_option(f"accuracy = {page.locator('.mlprov-numbers b').first.inner_text()}  ·  metric")
    expect(details.get_by_role("heading")).to_have_text("accuracy")
    assert any(node["label"].startswith("accuracy = ") for node in form.nodes())
    screenshot("9-step")

    def saved(label: str) -> bytes:
        with page.expect_download() as download:
            form.button(label).click()
        return bytes(download.value.path().read_bytes())

    assert "activity" in json.loads(saved("PROV-JSON"))
    assert saved("PROV-N").startswith(b"document")
    compile(saved("Python script (.py)"), "script", "exec")
    assert zipfile.is_zipfile(BytesIO(saved("Research crate (zip)")))

    assert form.faults() == []
    page.set_viewport_size({"width": 400, "height": 900})
    screenshot("narrow")
    assert form.is_within_window()


def test_a_table_of_ones_own_is_shown_and_learned_from(form: Any, page: Page, home: Path, screenshot: Any) -> None:
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    expect(form.button("Data ingestion (1 to correct)")).to_be_visible()
    screenshot("1-empty")
    form.upload("Upload: Data file", DATA / "flowers.csv")
    expect(page.get_by_text("48 rows, 4 features")).to_be_visible()
    expect(page.get_by_role("columnheader", name="petal length")).to_be_visible()
    expect(form.field("Column with the class").locator("option:checked")).to_have_text("as detected (kind)")
    expect(page.get_by_text(str(home))).to_have_count(0)
    form.field("Columns to leave out").select_option(["id"])
    expect(page.locator(".mlprov-preview")).to_contain_text('ignored_columns = ["id"]')
    screenshot("2-shown")
    form.start_run(5)
    form.wait_for_results()
    screenshot("3-result")


def test_images_of_ones_own_are_shown_learned_from_and_reproduced(
    form: Any, page: Page, home: Path, screenshot: Any
) -> None:
    form.field("Task").select_option("Image classification")
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own images (ZIP)")
    form.upload("Upload: Data file", DATA / "pets.zip")
    expect(page.get_by_text("24 pictures")).to_be_visible()
    screenshot("1-shown")
    form.step("Model")
    form.field("Network").select_option("ResNet-18")
    expect(page.get_by_role("alert").first).to_contain_text("32 pixels or more")
    screenshot("2-refused")
    form.field("Network").select_option("Small CNN")
    before = runs(home)
    form.start_run(2)
    form.wait_for_results()
    screenshot("3-result")
    (made,) = runs(home) - before
    form.step("Start")
    form.upload("Upload a file", made / "provenance.json")
    form.button("Reproduce it now").click()
    form.wait_for_results()
    expect(page.get_by_text("Metrics, every epoch and the model are the same")).to_be_visible()


def test_a_table_that_cannot_be_read_says_why_beside_the_field(
    form: Any, page: Page, tmp_path: Path, screenshot: Any
) -> None:
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    form.upload("Upload: Data file", picture)
    expect(page.get_by_role("alert")).to_contain_text("This is a PNG picture")
    expect(form.button("Data ingestion (1 to correct)")).to_be_visible()
    screenshot("wrong")


def test_too_large_a_file_is_refused_in_words_and_the_page_goes_on(form: Any, page: Page, tmp_path: Path) -> None:
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(200 * 2**20)
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    form.upload("Upload: Data file", large)
    expect(page.get_by_role("alert").first).to_contain_text("large.csv: the file has 209.8 MB")
    form.upload("Upload: Data file", DATA / "flowers.csv")
    expect(page.get_by_text("48 rows, 4 features")).to_be_visible()
    form.step("Start")
    form.upload("Upload a file", large)
    expect(page.get_by_role("alert").first).to_contain_text("large.csv: the file has 209.8 MB")


def test_a_file_that_is_no_provenance_is_refused_and_changes_nothing(
    form: Any, page: Page, tmp_path: Path, screenshot: Any
) -> None:
    form.step("Training")
    form.field("Epochs").fill("7")
    form.step("Start")
    wrong = tmp_path / "wrong.json"
    for content in ("id,kind\n1,a\n", '{"a": 1}', "[" * 100_000):
        wrong.write_text(content)
        form.upload("Upload a file", wrong)
        expect(page.get_by_role("alert")).to_contain_text("wrong.json")
        screenshot("refused")
        form.step("Training")
        expect(form.field("Epochs")).to_have_value("7")
        expect(page.get_by_role("alert")).to_have_count(0)
        form.step("Start")
    expect(form.button("Reproduce it now")).to_be_hidden()


def test_a_recorded_experiment_fills_the_form_and_is_reproduced(
    form: Any, page: Page, recorded: Path, screenshot: Any
) -> None:
    form.upload("Upload a file", recorded)
    expect(page.get_by_text("fields were filled from the file")).to_be_visible()
    form.step("Training")
    expect(form.field("Epochs")).to_have_value("5")
    form.field("Epochs").fill("6")
    form.step("Start")
    expect(form.button("Reproduce it now")).to_be_hidden()
    form.upload("Upload a file", recorded)
    screenshot("1-filled")
    form.button("Reproduce it now").click()
    form.wait_for_results()
    expect(page.get_by_text("Metrics, every epoch and the model are the same")).to_be_visible()
    screenshot("2-identical")
    form.button("See both runs side by side").click()
    expect(page.locator(".mlprov-details")).to_contain_text(re.compile(r"Two runs: [\d,]+ same, "))
    screenshot("3-side-by-side")


def test_a_double_click_starts_one_run_which_cancel_ends(form: Any, page: Page, home: Path, screenshot: Any) -> None:
    before = runs(home)
    form.step("Training")
    form.field("Epochs").fill("3000")
    form.step("Review")
    form.button("Make and run it").dblclick()
    expect(page.get_by_role("status").filter(has_text=re.compile(r"epoch \d+ of 3000"))).to_be_visible()
    assert len(runs(home) - before) == 1
    expect(page.get_by_role("alert")).to_have_count(0)
    screenshot("1-running")
    form.button("Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    expect(form.button("Cancel")).to_be_hidden()
    told = page.get_by_role("status").filter(has_text="Cancelled after")
    expect(told).to_contain_text("It ended in the step Train. What had run until then is recorded below.")
    expect(told).not_to_contain_text("KeyboardInterrupt")
    screenshot("2-cancelled")
    form.step("Review")
    expect(form.button("Make and run it")).to_be_enabled()


def test_a_reload_finds_the_form_and_the_run_as_they_were(form: Any, page: Page, home: Path, screenshot: Any) -> None:
    form.step("Model")
    form.field("Hidden layers").fill("3")
    form.step("Training")
    form.field("Epochs").fill("2500")
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 2500")
    page.reload()
    expect(page.get_by_role("heading", level=2)).to_have_text("Training")
    expect(form.field("Epochs")).to_have_value("2500")
    form.step("Review")
    expect(page.get_by_role("row", name="Hidden layers 3 user")).to_be_visible()
    before = runs(home)
    form.button("Make and run it").click()
    expect(page.get_by_role("status").filter(has_text=re.compile(r"epoch \d+ of 2500"))).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=2)).to_have_text("Result")
    expect(page.get_by_role("status").filter(has_text=re.compile(r"epoch \d+ of 2500"))).to_be_visible()
    screenshot("found-again")
    form.button("Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    page.reload()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
    assert len(runs(home) - before) == 1


def test_another_visitor_sees_nothing_of_it(form: Any, page: Page, url: str, open_form: Callable[..., Any]) -> None:
    form.step("Title and author")
    form.field("Author").fill("Somebody")
    expect(page.locator(".mlprov-preview")).to_contain_text("Somebody")
    page.goto(url)
    another = open_form()
    another.step("Title and author")
    expect(another.field("Author")).to_have_value("")


def test_html_in_a_text_is_shown_as_text(form: Any, page: Page, screenshot: Any) -> None:
    form.step("Title and author")
    form.field("Title").fill(HOSTILE)
    expect(page.locator(".mlprov-preview")).to_contain_text("Mine")  # its Markdown is escaped
    form.step("Review")
    expect(page.get_by_role("cell", name=HOSTILE)).to_be_visible()
    form.button("Make the notebook").click()
    expect(page.get_by_role("link", name="Download the notebook")).to_be_visible()
    assert page.locator(".mlprov").locator("img, b").count() == 0
    screenshot("review")


def test_reset_brings_the_defaults_back(form: Any, page: Page) -> None:
    form.step("Training")
    default = form.field("Epochs").input_value()
    form.field("Epochs").fill("nothing")
    form.step("Review")
    form.button("Reset everything").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Start")
    expect(form.button("to correct")).to_have_count(0)
    form.step("Training")
    expect(form.field("Epochs")).to_have_value(default)


def test_a_phone_never_scrolls_sideways(form: Any, page: Page, screenshot: Any) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for title in (
        "Start",
        "Data ingestion",
        "Data preparation",
        "Data segregation",
        "Model",
        "Training",
        "Evaluation",
        "Title and author",
        "Review",
    ):
        if form.button(f". {title}").count():
            form.step(title)
            assert form.is_within_window(), title
            screenshot(title.lower().replace(" ", "-"))


def test_a_page_that_is_opened_from_the_end_of_a_long_one_is_shown_from_its_title_on(form: Any, page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    form.step("Model")
    form.button("Next").scroll_into_view_if_needed()
    form.button("Next").click()
    heading = page.get_by_role("heading", level=2)
    expect(heading).to_have_text("Training")
    expect(heading).to_be_in_viewport()


def test_the_dark_theme_is_readable(page: Page, url: str, open_form: Callable[..., Any], screenshot: Any) -> None:
    page.goto(f"{url}?theme=dark")
    form = open_form()
    form.step("Training")
    form.field("Epochs").fill("0")
    expect(page.get_by_role("alert")).to_be_visible()
    screenshot("training")
    assert page.evaluate(CONTRASTS) == []


CONTRASTS = """() => {
    const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = element => {
        for (; element; element = element.parentElement) {
            const colour = getComputedStyle(element).backgroundColor;
            if (!/, 0(\\.\\d+)?\\)$/.test(colour)) return colour;
        }
        return 'rgb(255, 255, 255)';
    };
    const poor = [];
    const walker = document.createTreeWalker(document.querySelector('.mlprov'), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.textContent.trim() || !element.offsetParent || element.closest(':disabled, style')) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(ground(element))];
        const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (contrast < 4.5) poor.push([walker.currentNode.textContent.trim(), contrast.toFixed(1)].join(': '));
    }
    return poor;
}"""
"""Texts whose contrast with what is behind them is below 4.5 : 1."""
