"""The provenance explorer on a page, asked as a person asks: each question in at most two actions after opening."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import nbformat
import pytest
from playwright.sync_api import Locator, Page, expect

from mlprov_widgets.ui import app

SOURCE = """import os
from urllib.parse import parse_qs

from mlprov_widgets import explore

explore(*parse_qs(os.environ["QUERY_STRING"])["file"])"""
GRAPH = "[...document.querySelectorAll('.mlprov *')].find(element => element._cyreg)?._cyreg.cy"


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory, plain_environment: None) -> Path:
    """The provenance file of another Iris run: SGD, and a cell that was edited by hand."""
    folder = tmp_path_factory.mktemp("edited")

    def mlprov(*arguments: str) -> None:
        command = [sys.executable, "-c", "import sys; from mlprov_widgets.cli import main; sys.exit(main())"]
        subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True)

    mlprov(
        "generate", "multiclass_classification", "--set", "epochs=7", "--set", "optimizer=SGD", "--out", "iris.ipynb"
    )
    notebook = nbformat.read(folder / "iris.ipynb", as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == "split")
    cell.source += "\nprint('by hand')"
    nbformat.write(notebook, folder / "iris.ipynb")
    mlprov("run", "iris.ipynb")
    return next(folder.glob("mlprov_runs/*/provenance.json"))


@pytest.fixture(scope="module")
def url(
    tmp_path_factory: pytest.TempPathFactory, browser: object, plain_environment: None, wait_for_server: Any
) -> Iterator[str]:
    """A page that shows the files that its address names."""
    notebook = nbformat.reads(app._NOTEBOOK, as_version=4)
    notebook.cells[0].source = SOURCE
    with patch.object(app, "_NOTEBOOK", nbformat.writes(notebook)):
        served = app.serve(tmp_path_factory.mktemp("home"), trusted=False)
    try:
        wait_for_server(served.url, served.process)
        yield served.url
    finally:
        served.stop()


class Asked:
    """An explorer on a page, and how many actions a person has taken on it."""

    def __init__(self, page: Page) -> None:
        self.page, self.actions = page, 0
        self.details: Locator = page.locator(".mlprov-details")

    def type(self, question: str) -> None:
        self.actions += 1
        self.page.get_by_label("Find", exact=True).fill(question)
        expect(self.page.locator(".mlprov-ask [role=status]")).to_contain_text(f"“{question}”")

    def choose(self, text: str = "") -> None:
        """Take the first hit, or the first that has a text."""
        self.actions += 1
        hits = self.page.get_by_label("Found", exact=True)
        expect(hits.locator("option").filter(has_text=text)).not_to_have_count(0)
        labels = hits.locator("option").all_inner_texts()
        hits.select_option(next(label for label in labels if text in label.replace("\xa0", " ")))

    def click(self, pattern: str) -> None:
        """Click the box whose label has this text in one of its lines."""
        self.actions += 1
        self.page.wait_for_function(f"() => {GRAPH}?.nodes(':visible').length > 0")
        self.page.locator(".mlprov-graph").scroll_into_view_if_needed()
        place = self.page.evaluate(
            f"""(pattern) => {{
                const cy = {GRAPH}, box = cy.container().getBoundingClientRect();
                const node = cy.nodes(':visible').filter(n => new RegExp(pattern, "m").test(n.data('label')))[0];
                return [box.x + node.renderedPosition().x, box.y + node.renderedPosition().y];
            }}""",
            pattern,
        )
        self.page.mouse.click(*place)

    def answer(self, pattern: str, row: str = "") -> None:
        """Assert that the details, or one row of them, say this, and that no more than two actions were taken."""
        where = self.details.get_by_role("row", name=re.compile(f"^{row}")).first if row else self.details
        expect(where).to_contain_text(re.compile(pattern))
        assert self.actions <= 2


@pytest.fixture
def asked(page: Page, url: str) -> Callable[..., Asked]:
    """Return a function that opens files in the explorer."""

    def open_them(*files: Path) -> Asked:
        page.goto(f"{url}?{urlencode([('file', str(file)) for file in files])}")
        page.wait_for_function(f"() => {GRAPH}?.nodes(':visible').length > 0")
        return Asked(page)

    return open_them


def recorded_value(path: Path, entity: str, attribute: str) -> str:
    raw = json.loads(path.read_text(encoding="utf-8"))["entity"][entity][attribute]
    return str(raw["$"] if isinstance(raw, dict) else raw)


def test_the_ten_questions_are_answered_in_two_actions_each(
    asked: Callable[..., Asked], recorded: Path, edited: Path, screenshot: Any
) -> None:
    def ask(question: str, hit: str = "") -> Asked:
        one.actions = 0
        one.type(question)
        one.choose(hit)
        return one

    one = asked(edited)
    accuracy = float(recorded_value(edited, "run:metric-accuracy", "mls:hasValue"))
    ask("what is the accuracy?").answer(f"{accuracy:.4g}", "Value")
    screenshot("accuracy")
    ask("what determined the creation date?").answer(r"os\.stat st_ctime", "Made by")
    screenshot("creation-date")
    ask("which optimizer really ran").answer("^Value SGD|SGD", "Value")
    ask("torch").answer(re.escape(recorded_value(edited, "run:packages", "pypi:torch")), "torch")
    rows = recorded_value(edited, "run:data_segregation", "ml:test_set_rows")
    ask("which rows were the test set", "test set rows").answer(re.escape(rows[1:20].replace(",", ", ")))
    ask("which rows were the test set", "x_test").answer("30 × 4", "Value")
    one.answer("Split the data", "Made by")
    ask("which cell was edited").answer("by hand")
    one.answer("Split the data")
    ask("on which machine").answer(re.escape(recorded_value(edited, "run:hardware_info", "ml:CPU")), "CPU")
    ask("which file is the model").answer(r"outputs/model\.pt")
    screenshot("model-file")

    one.actions = 0
    one.click(r"^6\. Training$")  # how long did training take
    one.answer(r"Took [\d.]+ (ms|s) in all")

    two = asked(recorded, edited)  # what differs between these two runs: it says so by itself
    two.answer(r"Two runs: [\d,]+ same, [\d,]+ changed")
    two.page.get_by_label("Only what differs").check()
    two.actions += 1
    expect(two.details.get_by_role("button", name="Data ingestion")).to_have_count(0)
    two.click(r"Training$")
    two.answer("Train")
    screenshot("two-runs")
    two.actions = 0
    two.type("optimizer")
    two.choose()
    two.answer("Adam.*SGD", "mls:hasValue")
    two.answer("Cell: ")


def test_everything_works_from_the_keyboard(asked: Callable[..., Asked], recorded: Path) -> None:
    one = asked(recorded)
    page = one.page
    field = page.get_by_label("Find", exact=True)
    field.focus()
    page.keyboard.type("accuracy")
    hits = page.get_by_label("Found", exact=True)
    expect(page.locator(".mlprov-ask [role=status]")).to_contain_text("“accuracy”")
    hits.focus()
    page.keyboard.press("ArrowDown")
    expect(one.details.get_by_role("heading")).to_have_text("accuracy")
    page.get_by_role("button", name="Where does this come from").press("Enter")
    expect(page.locator(".mlprov-scene")).to_contain_text("Where accuracy comes from")
    page.get_by_text("What is drawn, as a table").focus()
    page.keyboard.press("Enter")
    page.locator(".mlprov-table").get_by_role("button", name="Measure step").first.press("Enter")
    expect(one.details.get_by_role("heading")).to_have_text("Measure")
    expect(one.details.get_by_role("heading")).to_be_focused()
    expect(page.locator(".mlprov-seen")).to_have_attribute("open", "")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    one.details.get_by_role("button", name="Copy identifier").press("Enter")
    expect(one.details.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "run:exec-evaluate-1"
    page.get_by_role("button", name="What depends on this").press("Enter")
    expect(page.locator(".mlprov-scene")).to_contain_text("What depends on Measure")
    page.get_by_role("button", name="Path between: start here").press("Enter")
    hits.focus()
    page.keyboard.press("Home")
    expect(one.details.get_by_role("heading")).to_have_text("accuracy")
    page.get_by_role("button", name=re.compile("^Path from Measure")).press("Enter")
    expect(page.locator(".mlprov-scene")).to_contain_text("From Measure to accuracy: 1 relation")
    page.get_by_role("button", name="Larger").press("Enter")
    page.get_by_role("button", name="Back to the overview").press("Enter")
    expect(one.details.get_by_role("heading")).to_have_text("The run in time")
    one.details.get_by_role("button", name="Training").press("Enter")
    expect(one.details.get_by_role("heading")).to_have_text("Training")
    one.details.get_by_role("button", name="Train", exact=True).press("Enter")
    expect(one.details.get_by_role("heading")).to_have_text("Train")
    view = page.get_by_label("View", exact=True)
    view.focus()
    page.keyboard.type("Aud")
    expect(page.locator(".mlprov-scene")).to_contain_text("agents, times, digests")
    page.get_by_role("button", name="Back to the overview").press("Enter")
    page.locator(".mlprov-table").get_by_role("button", name="Verification").first.press("Enter")
    expect(one.details).to_contain_text("Valid: no record was changed since")
    expect(one.details.get_by_role("heading")).to_be_focused()


def test_a_hostile_document_of_another_tool_is_shown_as_text(
    asked: Callable[..., Asked], tmp_path: Path, screenshot: Any
) -> None:
    evil = "<img src=x onerror='document.title=1/0'>"
    texts = [evil, "🧪 " * 20, "\u202eאבג", "x" * 10_000]
    document = {
        "prefix": {"ex": "http://example.org/"},
        "entity": {f"ex:e{k}": {"prov:label": text, "ex:note": text} for k, text in enumerate(texts)},
        "activity": {"ex:work": {"prov:label": evil}},
        "wasGeneratedBy": {
            f"_:{k}": {"prov:entity": f"ex:e{k}", "prov:activity": "ex:work"} for k in range(len(texts))
        },
    }
    path = tmp_path / "evil.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    one = asked(path)
    expect(one.page.locator(".mlprov-scene")).to_contain_text("The whole document")
    screenshot("whole")
    one.click("^ex:e0")
    expect(one.details.get_by_role("heading")).to_contain_text("<img")
    one.type("<img")
    one.choose()
    one.page.get_by_role("button", name="What depends on this").click()
    expect(one.page.locator(".mlprov-scene")).to_contain_text("depends on")
    assert one.page.locator(".mlprov img, .mlprov script").count() == 0
    screenshot("details")
