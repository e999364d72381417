"""A browser, and the servers that it is pointed at.

Playwright's synchronous interface keeps an event loop running in this thread for as long as it is
started, and other tiers run loops of their own: so everything here ends with the test module.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Error, Locator, Page, Route, expect, sync_playwright

from mlprov_widgets.ui.app import serve

Screenshot = Callable[[str], None]

LOCAL = "http://127.0.0.1:"
PATIENCE = 45.0
RUN_PATIENCE = 150.0  # a run takes 15 s, or far longer on a machine that has other work
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def wait_for_server() -> Callable[[str, subprocess.Popen[bytes]], None]:
    """Return a function that waits until a server listens; asking it for a page would start a kernel."""

    def wait(url: str, process: subprocess.Popen[bytes]) -> None:
        port = int(url.rstrip("/").rpartition(":")[2])
        deadline = time.monotonic() + PATIENCE
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            assert process.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="module")
def start_jupyter(
    tmp_path_factory: pytest.TempPathFactory, plain_environment: None, wait_for_server: Callable[..., None]
) -> Iterator[Callable[..., str]]:
    """Return a function that starts a Jupyter server, with settings of its own, and returns its address."""

    def start(command: Sequence[str], folder: Path, environment: Mapping[str, str] = os.environ) -> str:
        own = tmp_path_factory.mktemp("settings")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        names = ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_WORKSPACES_DIR", "JUPYTERLAB_SETTINGS_DIR")
        process = subprocess.Popen(
            [
                *(*command, "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}"),
                *("--ServerApp.port_retries=0", "--IdentityProvider.token="),
                *("--LabApp.expose_app_in_browser=True", "--JupyterNotebookApp.expose_app_in_browser=True"),
                *("--LabApp.news_url=None", "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"),
            ],
            cwd=folder,
            env={**environment, **{name: str(own / name) for name in names}},
            stdin=subprocess.DEVNULL,
        )
        running.callback(end, process)
        wait_for_server(f"http://127.0.0.1:{port}", process)
        return f"http://127.0.0.1:{port}"

    def end(process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    with ExitStack() as running:
        yield start


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )
    if path is None:
        told = "there is no Chromium here; on Debian and Ubuntu install the package chromium"
        if os.environ.get("CI") or os.environ.get("MLPROV_REQUIRE_BROWSER") == "1":
            pytest.fail(told)
        pytest.skip(told)
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def is_of_notebook_7(fault: Error) -> bool:
    """Say whether it is the fault that Notebook 7.6 has by itself while it loads."""
    return fault.message.endswith("(reading 'schema')") and "/static/notebook/notebook_core." in (fault.stack or "")


def is_of_ipywidgets(fault: Error) -> bool:
    """Say whether it is the fault of ipywidgets 8 where a box goes while its children are still being made.

    A busy machine makes them slowly, and a form that goes on replaces boxes. What came in their place is shown.
    """
    where = "/@jupyter-widgets/jupyterlab-manager/static/"
    return fault.message.endswith("null (reading 'widgets')") and where in (fault.stack or "")


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that reaches this machine alone, and whose scripts must not fail."""
    faults: list[Error] = []

    def local_only(route: Route) -> None:
        if route.request.url.startswith(LOCAL):
            route.continue_()
        else:
            route.abort()

    context = browser.new_context(viewport={"width": 1400, "height": 1000}, accept_downloads=True)
    context.set_default_timeout(PATIENCE * 1000)
    context.route("**/*", local_only)
    page = context.new_page()
    page.on("pageerror", lambda fault: faults.append(fault))
    yield page
    context.close()
    own = [fault for fault in faults if not is_of_notebook_7(fault) and not is_of_ipywidgets(fault)]
    assert [fault.stack or str(fault) for fault in own] == []


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    named = os.environ.get("MLPROV_SCREENSHOTS")
    folder = Path(named) if named else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def screenshot(page: Page, screenshots: Path, request: pytest.FixtureRequest) -> Screenshot:
    """Return a function that keeps what the page looks like, for a person to look at."""

    def take(name: str) -> None:
        # The page scrolls within its body, so that all of it shows only in a window that is tall enough.
        width, height = page.viewport_size["width"], page.viewport_size["height"]
        needed = page.evaluate("document.querySelector('.mlprov').getBoundingClientRect().height")
        page.set_viewport_size({"width": width, "height": max(height, int(needed) + 40)})
        page.screenshot(path=screenshots / f"{request.node.name}-{name}.png")
        page.set_viewport_size({"width": width, "height": height})

    return take


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory, plain_environment: None) -> Path:
    """The provenance file of an Iris run with five epochs, made somewhere else."""
    folder = tmp_path_factory.mktemp("recorded")

    def mlprov(*arguments: str) -> None:
        command = [sys.executable, "-c", "import sys; from mlprov_widgets.cli import main; sys.exit(main())"]
        subprocess.run([*command, *arguments], cwd=folder, check=True, capture_output=True)

    mlprov("generate", "multiclass_classification", "--set", "epochs=5", "--out", "iris/iris.ipynb")
    mlprov("run", "iris/iris.ipynb")
    return next(folder.glob("mlprov_runs/*/provenance.json"))


class Form:
    """The form on a page, by what a person sees of it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name)

    def field(self, label: str) -> Locator:
        return self.page.get_by_label(label, exact=True)

    def step(self, title: str) -> None:
        """Open a step at the left and wait until its page is there."""
        self.button(f". {title}").click()
        expect(self.page.get_by_role("heading", level=2)).to_have_text(title)

    def upload(self, label: str, path: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.button(label).click()
        chooser.value.set_files(path)

    def start_run(self, epochs: int) -> None:
        self.step("Training")
        self.field("Epochs").fill(str(epochs))
        self.step("Review")
        expect(self.page.get_by_role("row", name=f"Epochs {epochs} ")).to_be_visible()
        self.button("Make and run it").click()

    def wait_for_results(self) -> None:
        expect(self.page.get_by_text("Take it with you")).to_be_visible(timeout=RUN_PATIENCE * 1000)
        expect(self.page.get_by_text("Completed after")).to_be_visible()

    def nodes(self) -> list[dict[str, Any]]:
        """Return the nodes of the graph that can be seen: label, classes, and where they are in the window."""
        self.page.wait_for_function(f"() => {GRAPH}?.nodes().length > 0")
        self.page.locator(".mlprov-graph").scroll_into_view_if_needed()
        found: list[dict[str, Any]] = self.page.evaluate(
            f"""() => {{
                const cy = {GRAPH};
                const box = cy.container().getBoundingClientRect();
                return cy.nodes(':visible').not('.corner').map(node => {{
                    const own = node.renderedBoundingBox();
                    return {{
                        label: node.data('label'), classes: node.classes(),
                        x: box.x + node.renderedPosition().x, y: box.y + node.renderedPosition().y,
                        inside: own.x1 >= 0 && own.y1 >= 0 && own.x2 <= box.width && own.y2 <= box.height,
                    }};
                }});
            }}"""
        )
        return found

    def click_node(self, label: str) -> None:
        """Click the node of the graph whose label has this text in one of its lines."""
        node = next(node for node in self.nodes() if re.search(label, node["label"], re.MULTILINE))
        self.page.mouse.click(float(node["x"]), float(node["y"]))

    def faults(self) -> list[str]:
        """Return what axe-core finds serious, with the element."""
        found = Axe().run(self.page, context=".mlprov").response["violations"]
        return [
            f"{one['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
            for one in found
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]

    def is_within_window(self) -> bool:
        """Say whether nothing makes the page scroll sideways."""
        return bool(self.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth"))


GRAPH = "[...document.querySelectorAll('.mlprov *')].find(element => element._cyreg)?._cyreg.cy"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the served form works in."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def trusted() -> bool:
    """Whether the form is served to its own person alone."""
    return False


@pytest.fixture(scope="module")
def url(
    home: Path, trusted: bool, browser: Browser, plain_environment: None, wait_for_server: Callable[..., None]
) -> Iterator[str]:
    """Where the form is served."""
    app = serve(home, trusted=trusted)
    try:
        wait_for_server(app.url, app.process)
        yield app.url
    finally:
        app.stop()


@pytest.fixture
def form(page: Page, url: str, open_form: Callable[..., Form]) -> Form:
    """The form, just opened."""
    page.goto(url)
    return open_form()


@pytest.fixture
def open_form(page: Page) -> Callable[[], Form]:
    """Return a function that waits for the form on the page that was opened."""

    def open_it(*, wait: bool = True) -> Form:
        form = Form(page)
        if wait:
            expect(form.button("Choose the data")).to_be_visible()
            # The page's own script looks for the form ten times a second.
            expect(page.locator(".mlprov[data-mlprov-keys]").first).to_be_attached()
        return form

    return open_it
