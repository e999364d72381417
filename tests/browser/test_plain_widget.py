"""The form where nothing but widgets works, as in VS Code at its strictest: JupyterLab without what this package and
ipylab add to it, and without scripts that a cell displays.
"""

from __future__ import annotations

import json
import os
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
    return tmp_path_factory.mktemp("plain")


@pytest.fixture(scope="module")
def url(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, browser: object, start_jupyter: Callable[..., str]
) -> str:
    settings = tmp_path_factory.mktemp("without")
    (settings / "labconfig").mkdir()
    without = {"ipylab": True, "mlprov-widgets": True, "@jupyterlab/javascript-extension": True}
    (settings / "labconfig" / "page_config.json").write_text(json.dumps({"disabledExtensions": without}))
    environment = {**os.environ, "JUPYTER_CONFIG_PATH": str(settings)}
    return start_jupyter([sys.executable, "-m", "jupyterlab"], folder, environment)


def test_the_form_works_with_widgets_alone(
    page: Page, url: str, folder: Path, recorded: Path, open_form: Callable[..., Any], screenshot: Any
) -> None:
    shutil.copy(DEMO, folder / "demo.ipynb")
    page.goto(f"{url}/lab/workspaces/plain/tree/demo.ipynb?reset")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    form = open_form(wait=False)  # the page's script, for which it would wait, does not run
    expect(form.button("Choose the data")).to_be_visible()
    assert page.evaluate("jupyterapp.commands.listCommands().filter(name => name.startsWith('mlprov:'))") == []
    assert page.locator(".mlprov[data-mlprov-keys]").count() == 0, "the page's script ran"
    expect(page.locator(".jp-Notebook")).not_to_contain_text("Javascript")
    form.upload("Upload a file", recorded)
    expect(page.get_by_text("21 of 21 fields were filled")).to_be_visible()
    form.upload("Upload one, or two to compare", recorded)
    expect(page.locator(".mlprov-graph canvas").first).to_be_visible()
    screenshot("look")
    form.step("Training")
    form.field("Epochs").fill("77")
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 77")
    form.button("Undo").click()
    expect(form.field("Epochs")).to_have_value("5")
    form.step("Review")
    form.button("Make the notebook").click()
    expect(page.get_by_role("link", name="Open it")).to_be_visible()
    expect(form.button("Open the notebook")).to_be_hidden()
    screenshot("made")
