"""The same form in Notebook 7."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

DEMO = Path(__file__).parents[2] / "demo.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def url(folder: Path, browser: object, start_jupyter: Callable[..., str]) -> str:
    return start_jupyter([sys.executable, "-m", "notebook"], folder)


@pytest.fixture
def form(page: Page, url: str, folder: Path, request: pytest.FixtureRequest, open_form: Callable[..., Any]) -> Any:
    name = f"{request.node.name}.ipynb"  # a notebook's form is found again as it was left
    shutil.copy(DEMO, folder / name)
    page.goto(f"{url}/notebooks/{name}")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    page.wait_for_function("() => jupyterapp.shell.currentWidget?.context?.sessionContext.ready.then(() => true)")
    assert page.evaluate("jupyterapp.name + ' ' + jupyterapp.version").startswith("Jupyter Notebook 7.")
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    return open_form()


def test_the_demo_notebook_shows_the_form_and_a_keystroke_changes_the_code(
    form: Any, page: Page, screenshot: Any
) -> None:
    form.step("Training")
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 100 ")
    form.field("Epochs").press("End")
    form.field("Epochs").press("7")
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 1007 ")
    screenshot("training")
    # What JupyterLab adds is not there, and nothing is missed.
    assert page.evaluate("jupyterapp.commands.listCommands().filter(name => name.startsWith('mlprov:'))") == []
    form.step("Review")
    form.button("Make the notebook").click()
    expect(page.get_by_role("link", name="Open it")).to_be_visible()
    expect(form.button("Open the notebook")).to_be_hidden()


def test_letters_typed_in_the_form_are_no_shortcuts_of_the_notebook(form: Any, page: Page) -> None:
    form.button("Choose the data").focus()
    page.keyboard.type("ddb")
    form.step("Data ingestion")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(1)
