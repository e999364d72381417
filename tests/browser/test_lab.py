"""The same form in JupyterLab."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, TimeoutError, expect

from mlprov_widgets import generate, show

DEMO = Path(__file__).parents[2] / "demo.ipynb"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def url(folder: Path, browser: object, other_kernel: Path, start_jupyter: Callable[..., str]) -> str:
    return start_jupyter(
        [sys.executable, "-m", "jupyterlab"], folder, {**os.environ, "JUPYTER_PATH": str(other_kernel)}
    )


@pytest.fixture(scope="module")
def other_kernel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Jupyter's with a second kernel that runs Python."""
    folder = tmp_path_factory.mktemp("jupyter")
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "kernels" / "other").mkdir(parents=True)
    (folder / "kernels" / "other" / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Another Python", "language": "python"})
    )
    return folder


@pytest.fixture
def form(page: Page, url: str, folder: Path, request: pytest.FixtureRequest, open_form: Callable[..., Any]) -> Any:
    # A name for each test: the form of a notebook is as it was left.
    name = f"{request.node.name[5:25]}.ipynb"
    shutil.copy(DEMO, folder / name)
    page.goto(f"{url}/lab/workspaces/test/tree/{name}?reset")
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
    form.field("Kernel").select_option("Another Python (other)")
    form.button("Make the notebook").click()
    expect(form.button("Open the notebook")).to_be_visible()
    assert len(list(folder.glob("experiments/*/multiclass_classification.ipynb"))) == 1
    form.start_run(5)
    form.wait_for_results()
    assert sum("stage" in node["classes"] for node in form.nodes()) == 7
    page.get_by_role("heading", level=2).scroll_into_view_if_needed()
    screenshot("2-result")
    (provenance,) = folder.glob("mlprov_runs/*/provenance.json")
    assert '"ml:kernel": "other"' in provenance.read_text(encoding="utf-8")


def test_the_form_is_as_it_was_after_a_reload_and_after_its_cell_ran_again(form: Any, page: Page) -> None:
    form.step("Training")
    form.field("Epochs").fill("77")
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 77")
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    expect(form.field("Epochs")).to_have_value("77")
    form.field("Epochs").fill("78")
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 78")
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.get_by_text("This is as you left it")).to_be_visible()
    expect(form.field("Epochs")).to_have_value("78")
    form.step("Review")
    form.button("Reset everything").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Start")


def test_the_last_cell_of_a_notebook_shows_the_graph(
    page: Page, url: str, folder: Path, open_form: Callable[..., Any], screenshot: Any
) -> None:
    generate("multiclass_classification", {"epochs": 5}, out=folder / "own" / "own.ipynb")
    page.goto(f"{url}/lab/workspaces/own/tree/own/own.ipynb?reset")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.locator(".mlprov-graph canvas").first).to_be_visible(timeout=120_000)
    graph = open_form(wait=False)
    details = page.locator(".mlprov-details")
    page.locator(".mlprov-graph").scroll_into_view_if_needed()
    graph.click_node(r"^6\. Training$")
    expect(details.get_by_role("heading")).to_have_text("Training")
    graph.click_node(r"^Train$")
    expect(details.get_by_role("row", name="Parameters read")).to_contain_text("epochs = 5")
    screenshot("graph")
    page.get_by_text("As a picture").click()
    expect(page.get_by_role("img", name="The pipeline that ran")).to_be_visible()


def test_a_cell_that_is_edited_in_the_notebook_is_recorded_as_it_ran(page: Page, url: str, folder: Path) -> None:
    generate("multiclass_classification", {"epochs": 5}, out=folder / "edited" / "edited.ipynb")
    page.goto(f"{url}/lab/workspaces/edited/tree/edited/edited.ipynb?reset")
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.locator(".mlprov-graph canvas").first).to_be_visible(timeout=120_000)
    page.evaluate(
        """() => {
            const notebook = jupyterapp.shell.currentWidget.content;
            const at = notebook.widgets.findIndex(cell => cell.model.id === 'loss-and-optimizer');
            const cell = notebook.widgets[at].model.sharedModel;
            cell.setSource(cell.source.replace(
                /^optimizer = .*$/m, 'optimizer = torch.optim.SGD(model.parameters(), lr=0.5)'
            ));
            notebook.activeCellIndex = at;
            void jupyterapp.commands.execute('notebook:run-cell');
        }"""
    )
    (provenance,) = folder.glob("edited/mlprov_runs/*/provenance.json")
    deadline = time.monotonic() + 60
    while (shown := show(provenance))["table1"]["model_parameters"]["optimizer"]["value"] != "SGD":
        assert time.monotonic() < deadline, "the edited cell is not in the document"
        page.wait_for_timeout(200)
    fields = shown["table1"]["model_parameters"]
    assert {name: fields[name]["status"] for name in ("optimizer", "optimizer_learning_rate")} == {
        "optimizer": "observed",
        "optimizer_learning_rate": "observed",
    }
    assert fields["optimizer_learning_rate"]["value"] == 0.5
    (edited,) = [step for step in shown["steps"] if step["code"] == "edited"]
    assert edited["step"] == "loss-and-optimizer"
    # Nothing was trained with it: what stands below is of the optimizer before.
    stale = {step["step"] for step in shown["steps"] if step.get("stale")}
    assert {"train", "evaluate"} <= stale


def test_letters_typed_in_the_form_are_no_shortcuts_of_the_notebook(form: Any, page: Page) -> None:
    form.button("Choose the data").focus()
    page.keyboard.type("ddb")
    form.step("Data ingestion")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(1)


def test_a_card_of_the_launcher_opens_the_form_and_overwrites_nothing(
    page: Page, url: str, folder: Path, open_form: Callable[..., Any]
) -> None:
    (folder / "new").mkdir()
    for name in ("experiment.ipynb", "experiment-2.ipynb"):
        page.goto(f"{url}/lab/workspaces/card/tree/new?reset")
        page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
        page.locator(".jp-LauncherCard", has_text="ML experiment").click()
        open_form()
        expect(page.locator(".jp-Notebook .jp-CodeCell")).to_have_count(1)
        assert (folder / "new" / name).is_file()
    sessions = page.request.get(f"{url}/api/sessions").json()
    assert sorted(one["path"] for one in sessions if one["path"].startswith("new/")) == [
        "new/experiment-2.ipynb",
        "new/experiment.ipynb",
    ]


def palette(page: Page, command: str) -> None:
    """Choose a command in the palette, where it stands once."""
    item = page.locator(".lm-CommandPalette-item", has_text=command)
    for _ in range(20):
        page.evaluate("void jupyterapp.commands.execute('apputils:activate-command-palette')")
        try:
            page.locator(".lm-CommandPalette-input").fill(command, timeout=2000)
            item.click(timeout=2000)  # refuses to choose between two
        except TimeoutError:  # a notebook whose cells have just run takes the focus, which closes the palette
            continue
        return
    raise AssertionError("the palette does not stay open")


def restart(page: Page) -> None:
    """Restart the kernel of the notebook, and run its cell."""
    page.evaluate("jupyterapp.shell.currentWidget.sessionContext.restartKernel()")
    expect(page.get_by_role("button", name="Python 3 (ipykernel) | Idle")).to_be_visible()
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")


def test_a_command_of_the_palette_opens_a_form_in_a_tab_beside_the_notebook(
    form: Any, page: Page, folder: Path, screenshot: Any
) -> None:
    palette(page, "New ML experiment")
    tab = page.locator(".mlprov-tab")
    expect(tab.get_by_role("button", name="Choose the data")).to_be_visible()
    expect(page.get_by_role("tab", name="ML experiment")).to_be_visible()
    screenshot("tab")
    # It is a form of its own, and letters typed in it are no shortcuts of the notebook.
    tab.get_by_role("button", name=". Training").click()
    tab.get_by_label("Epochs", exact=True).fill("12")
    expect(tab.locator(".mlprov-preview")).to_contain_text("epochs = 12")
    expect(form.page.locator(".jp-Notebook .mlprov-preview")).to_contain_text("epochs = 100")
    tab.get_by_role("button", name="Back").focus()
    page.keyboard.type("ddb")
    expect(page.locator(".jp-Notebook .jp-Cell")).to_have_count(1)
    # What it makes opens in a tab.
    tab.get_by_role("button", name=". Review").click()
    tab.get_by_label("Kernel", exact=True).select_option("Another Python (other)")
    tab.get_by_role("button", name="Make the notebook").click()
    tab.get_by_role("button", name="Open the notebook").click()
    expect(page.get_by_role("tab", name="multiclass_classification.ipynb")).to_be_visible()
    expect(page.get_by_role("button", name="Another Python | Idle")).to_be_visible()
    expect(page.locator(".jp-Notebook .jp-CodeCell").nth(5)).to_be_attached()


def test_the_commands_open_provenance_and_the_comparison_of_runs(
    form: Any, page: Page, folder: Path, recorded: Path, screenshot: Any
) -> None:
    for name in ("a", "b"):
        shutil.copytree(recorded.parent, folder / "mlprov_runs" / name)
    palette(page, "Compare runs")
    runs = page.locator(".mlprov-tab")
    expect(runs.get_by_role("heading", level=2)).to_have_text("All runs")
    for box in runs.locator(".mlprov-run-row").get_by_role("checkbox").all()[:2]:
        box.check()
    runs.get_by_role("button", name="Compare 2 runs").click()
    expect(runs.get_by_role("heading", name="Metrics")).to_be_visible()
    page.get_by_role("tab", name="Runs").locator(".lm-TabBar-tabCloseIcon").click()
    palette(page, "Open provenance…")
    tab = page.locator(".mlprov-tab").last
    tab.get_by_label("A run in this folder").select_option(index=1)
    tab.get_by_role("button", name="Look at it").click()
    expect(tab.locator(".mlprov-explorer .mlprov-graph canvas").first).to_be_visible()
    screenshot("provenance")
    assert form.faults() == []
    for name in ("a", "b"):
        shutil.rmtree(folder / "mlprov_runs" / name)


def test_what_cannot_be_opened_is_told_in_the_form_and_in_the_tab(
    form: Any, page: Page, tmp_path: Path, screenshot: Any
) -> None:
    wrong = {
        "picture.json": (b"\x89PNG\r\n\x1a\n\0", "this is not a text file in UTF-8"),
        "truncated.json": (b'{"entity": {"ex:a": {', "this is not JSON"),
        "empty.json": (b"", "the file is empty"),
        "huge.json": (
            b" " * 10_000_001,
            "the file has 10.1 MB. Here a file may have at most 10 MB; open a larger",
        ),
    }
    (tmp_path / "foreign.json").write_text('{"prefix": {"ex": "http://ex.org/"}, "entity": {"ex:a": {}, "ex:b": {}}}')
    for name, (content, told) in wrong.items():
        (tmp_path / name).write_bytes(content)
        form.upload("Upload a file", tmp_path / name)
        expect(page.locator(".jp-Notebook .mlprov-note").first).to_contain_text(f"{name}: {told}")
    palette(page, "Open provenance…")
    tab = page.locator(".mlprov-tab")
    for name, (_, told) in wrong.items():
        with page.expect_file_chooser() as chooser:
            tab.get_by_role("button", name="Upload one, or two to compare").click()
        chooser.value.set_files(tmp_path / name)
        expect(tab.locator(".mlprov-note", has_text=f"{name}: {told}")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        tab.get_by_role("button", name="Upload one, or two to compare").click()
    chooser.value.set_files(tmp_path / "foreign.json")
    expect(tab.locator(".mlprov-graph canvas").first).to_be_visible()
    screenshot("foreign")
    assert form.faults() == []
    page.set_viewport_size({"width": 400, "height": 900})
    assert form.faults() == []


@pytest.mark.slow
def test_the_commands_work_after_a_restart_a_reload_and_beside_another_notebook(
    form: Any, page: Page, url: str, folder: Path
) -> None:
    restart(page)
    form.button("Choose the data").wait_for()
    palette(page, "New ML experiment")
    expect(page.locator(".mlprov-tab").get_by_role("button", name="Choose the data")).to_be_visible()
    page.get_by_role("tab", name="ML experiment").locator(".lm-TabBar-tabCloseIcon").click()
    expect(page.locator(".mlprov-tab")).to_have_count(0)
    # Another notebook: its own kernel opens the tab, and the first one's when that is gone.
    shutil.copy(DEMO, folder / "second.ipynb")
    page.evaluate(
        """async () => {
            const opened = await jupyterapp.commands.execute(
                'docmanager:open', {path: 'second.ipynb', factory: 'Notebook'}
            );
            await opened.sessionContext.ready;
        }"""
    )
    page.evaluate("void jupyterapp.commands.execute('notebook:run-all-cells')")
    expect(page.get_by_role("button", name="Choose the data")).to_have_count(1)
    palette(page, "New ML experiment")
    expect(page.locator(".mlprov-tab").get_by_role("button", name="Choose the data")).to_be_visible()
    page.get_by_role("tab", name="ML experiment").locator(".lm-TabBar-tabCloseIcon").click()
    shut_down(page, url, "second.ipynb")
    palette(page, "New ML experiment")
    expect(page.locator(".mlprov-tab").get_by_role("button", name="Choose the data")).to_be_visible()
    page.evaluate("jupyterapp.commands.execute('docmanager:save')")
    page.reload()
    page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
    palette(page, "New ML experiment")
    expect(page.locator(".mlprov-tab").last.get_by_role("button", name="Choose the data")).to_be_visible()


def shut_down(page: Page, url: str, notebook: str) -> None:
    """End a notebook's kernel as somebody does elsewhere, and wait until the page knows."""
    (kernel,) = [
        one["kernel"]["id"] for one in page.request.get(f"{url}/api/sessions").json() if one["path"] == notebook
    ]
    page.evaluate(
        """kernel => fetch(`/api/kernels/${kernel}`, {
            method: 'DELETE', headers: {'X-XSRFToken': document.cookie.match(/_xsrf=([^;]*)/)?.[1] ?? ''},
        })""",
        kernel,
    )
    page.wait_for_function(
        """notebook => [...jupyterapp.shell.widgets('main')].some(
            one => one.context?.path === notebook
                && (one.sessionContext.session?.kernel?.connectionStatus ?? 'disconnected') !== 'connected'
        )""",
        arg=notebook,
    )


def test_a_command_needs_no_form_and_makes_its_notebook_once(page: Page, url: str, folder: Path) -> None:
    (folder / "bare").mkdir()
    (folder / "bare" / "provenance.ipynb").write_text(
        '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}'
    )
    for _ in range(2):
        page.goto(f"{url}/lab/workspaces/bare/tree/bare?reset")
        page.wait_for_function("() => window.jupyterapp?.restored.then(() => true)")
        expect(page.locator(".jp-DirListing-item", has_text="provenance.ipynb")).to_be_visible()
        palette(page, "Open provenance…")
        expect(page.get_by_role("heading", name="Open provenance")).to_be_visible()
        expect(page.get_by_role("tab", name="provenance-2.ipynb")).to_be_visible()
    assert {path.name for path in (folder / "bare").glob("*.ipynb")} == {"provenance.ipynb", "provenance-2.ipynb"}
    assert json.loads((folder / "bare" / "provenance.ipynb").read_text())["cells"] == []
    # A notebook whose kernel knows of no form is not asked for one.
    palette(page, "Compare runs")
    expect(page.get_by_role("heading", level=2, name="All runs")).to_be_visible()
    expect(page.get_by_role("tab", name="runs.ipynb")).to_be_visible()
