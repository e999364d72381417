"""The same form in JupyterLab."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

DEMO = Path(__file__).parents[2] / "demo.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab")
    shutil.copy(DEMO, folder)
    return folder


@pytest.fixture(scope="module")
def url(
    folder: Path,
    browser: object,
    tmp_path_factory: pytest.TempPathFactory,
    plain_environment: None,
    wait_for_server: Callable[..., None],
) -> Iterator[str]:
    """JupyterLab with settings of its own."""
    own = tmp_path_factory.mktemp("settings")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    names = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "JUPYTERLAB_SETTINGS_DIR": "lab",
    }
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}"),
            *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="),
            *("--LabApp.expose_app_in_browser=True", "--LabApp.news_url=None"),
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        ],
        env={**os.environ, **{name: str(own / value) for name, value in names.items()}},
        stdin=subprocess.DEVNULL,
    )
    try:
        wait_for_server(f"http://127.0.0.1:{port}", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture
def form(page: Page, url: str, open_form: Callable[..., Any]) -> Any:
    page.goto(f"{url}/lab/workspaces/test/tree/demo.ipynb?reset")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(1)
    # Sooner, JupyterLab asks which kernel is meant.
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    return open_form()


def test_the_demo_notebook_shows_the_form_which_makes_and_runs_a_notebook(
    form: Any, page: Page, folder: Path, screenshot: Any
) -> None:
    screenshot("1-start")
    form.step("Review")
    form.button("Make the notebook").click()
    expect(page.get_by_role("link", name="Open it")).to_be_visible()
    assert len(list(folder.glob("experiments/*/multiclass_classification.ipynb"))) == 1
    form.start_run(5)
    form.wait_for_results()
    assert len(form.nodes()) > 15
    page.get_by_role("heading", level=2).scroll_into_view_if_needed()
    screenshot("2-result")
    assert len(list(folder.glob("mlprov_runs/*/provenance.json"))) == 1


def test_letters_typed_in_the_form_are_no_shortcuts_of_the_notebook(form: Any, page: Page) -> None:
    form.button("Choose the data").focus()
    page.keyboard.type("ddb")
    form.step("Data ingestion")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(1)
