"""The measures of the form: how soon it is there, and how soon it answers, in a real browser."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import nbformat
from records import spread

from mlprov_widgets.ui import app

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAIRS = 10
KEYS = 40
PATIENCE = 120_000
BROWSERS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

_TIMED = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"
_BUTTON = "import ipywidgets; widget = ipywidgets.Button(description='one')"
_WIZARD = "import ipywidgets; from mlprov_widgets import Wizard; widget = Wizard().widget"
_BARE = """import ipywidgets
from IPython.display import display

button = ipywidgets.Button(description="one")
button.on_click(lambda _: setattr(button, "description", "answered"))
display(button)"""

_LIBRARY = """
window.bench = {
  shown: (e) => Boolean(e && e.offsetParent && !e.disabled),
  button: (text) => [...document.querySelectorAll("button")].find((e) => {
    const own = e.textContent.trim();
    return (own === text || own.endsWith(". " + text)) && bench.shown(e);
  }),
  title: () => [...document.querySelectorAll(".mlprov h2")].find((e) => e.offsetParent)?.textContent,
  began: null, seconds: [],
  // From the event's own time to the first change that `counts` knows.
  watch: (event, counts) => {
    window.addEventListener(event, (e) => { bench.began = e.timeStamp; }, true);
    new MutationObserver((changes) => {
      if (bench.began === null || !counts(changes)) return;
      bench.seconds.push((performance.now() - bench.began) / 1000);
      bench.began = null;
    }).observe(document.querySelector(".mlprov"), {
      childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["style", "class"],
    });
  },
  ofPreview: (changes) => changes.some(({ target, type }) => {
    const element = target.nodeType === 1 ? target : target.parentElement;
    return type !== "attributes" && element && (element.closest(".mlprov-preview")
      || (!element.classList.contains("mlprov") && element.querySelector(":scope > .mlprov-preview")));
  }),
};
"""
_GRAPH = "[...document.querySelectorAll('.mlprov *')].find((e) => e._cyreg)?._cyreg.cy"


def measure_wizard(folder: Path) -> dict[str, Any]:
    """The form, built in a fresh interpreter, over one button of ipywidgets."""

    def seconds(code: str) -> float:
        command = [sys.executable, "-c", _TIMED.format(code)]
        return float(subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout)

    seconds(_BUTTON), seconds(_WIZARD)
    pairs = [(seconds(_BUTTON), seconds(_WIZARD)) for _ in range(PAIRS)]
    return {
        "limit_s": 0.3,
        "button_s": spread([a for a, _ in pairs]),
        "wizard_s": spread([b for _, b in pairs]),
        "added_s": spread([b - a for a, b in pairs]),
    }


@contextmanager
def _served(folder: Path, source: str = "", preheated: bool = False) -> Iterator[app.App]:
    """Serve the form, or other code, as `mlprov app` does."""
    notebook = nbformat.reads(app._NOTEBOOK, as_version=4)
    if source:
        notebook.cells[0].source = source
    limits: dict[str, dict[str, Any]] = {name: dict(settings) for name, settings in app.LIMITS.items()}
    if preheated:
        limits["VoilaConfiguration"]["preheat_kernel"] = True
        limits["VoilaKernelManager"] = {"default_pool_size": 2}
    folder.mkdir()
    with patch.multiple(app, _NOTEBOOK=nbformat.writes(notebook), LIMITS=limits):
        served = app.serve(folder, trusted=False)
    try:
        yield served
    finally:
        served.stop()


@contextmanager
def _browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    path = next(path for path in BROWSERS if Path(path).exists())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def _page(browser: Any) -> Iterator[Page]:
    """A page with nothing in its cache that reaches this machine alone."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE)
    context.route(lambda url: not url.startswith("http://127.0.0.1:"), lambda route: route.abort())
    context.add_init_script(_LIBRARY)
    try:
        yield context.new_page()
    finally:
        context.close()


def _click(page: Page, text: str) -> None:
    """Click a button with the mouse, as soon as it can be seen."""
    page.wait_for_function("(text) => bench.button(text)", arg=text)
    box = page.evaluate(
        "(text) => { const b = bench.button(text).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }",
        text,
    )
    if not 0 <= box[1] <= 1000 - box[3]:
        page.evaluate("(text) => bench.button(text).scrollIntoView({block: 'center'})", text)
        box = page.evaluate(
            "(text) => { const b = bench.button(text).getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; }",
            text,
        )
    page.mouse.click(box[0] + box[2] / 2, box[1] + box[3] / 2)


def _step(page: Page, title: str) -> None:
    _click(page, title)
    page.wait_for_function("(title) => bench.title() === title", arg=title)


def _open(page: Page, url: str) -> None:
    page.goto(url, wait_until="commit")
    page.wait_for_function("() => bench.shown(document.querySelector('.mlprov select'))")


def _visit_form(page: Page, url: str) -> None:
    _open(page, url)
    _step(page, "Review")


def _visit_bare(page: Page, url: str) -> None:
    page.goto(url, wait_until="commit")
    _click(page, "one")
    page.wait_for_function("() => bench.button('answered')")


def _wait_until_quiet(served: app.App) -> None:
    """Wait until the server and its kernels have nothing to do: then the pool is filled."""

    def ticks() -> int:
        sum_, parents = 0, {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = stat.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(stat.parent.name)] = (int(fields[1]), int(fields[11]) + int(fields[12]))
        for number, (_, used) in parents.items():
            above = number
            while above in parents and above != served.process.pid:
                above = parents[above][0]
            sum_ += used if above == served.process.pid else 0
        return sum_

    deadline = time.monotonic() + 60
    quiet, last = 0, ticks()
    while quiet < 3 and time.monotonic() < deadline:
        time.sleep(0.5)
        now = ticks()
        quiet = quiet + 1 if now - last <= 2 else 0
        last = now


def measure_page(folder: Path) -> dict[str, Any]:
    """The form's page until a click is answered, over a page with one button; kernels cold and preheated."""
    told: dict[str, Any] = {"limit_ratio": {"cold": 1.5, "preheated": 1.2}}
    for mode in ("cold", "preheated"):
        with ExitStack() as stack:
            browser = stack.enter_context(_browser())
            servers = [
                (visit, stack.enter_context(_served(folder / f"{mode}-{name}", source, mode == "preheated")))
                for name, source, visit in (("bare", _BARE, _visit_bare), ("form", "", _visit_form))
            ]
            pairs: list[list[float]] = []
            for _ in range(PAIRS + 1):
                pair = []
                for visit, served in servers:
                    if mode == "preheated":
                        for _, each in servers:
                            _wait_until_quiet(each)
                    with _page(browser) as page:
                        began = time.perf_counter()
                        visit(page, served.url)
                        pair.append(time.perf_counter() - began)
                pairs.append(pair)
            del pairs[0]  # the files of the page have been read once
        told[mode] = {
            "bare_s": spread([a for a, _ in pairs]),
            "form_s": spread([b for _, b in pairs]),
            "ratio": spread([b / a for a, b in pairs]),
        }
    return told


def _answers(page: Page) -> int:
    return int(page.evaluate("bench.seconds.length"))


def _type(page: Page, keys: int) -> list[float]:
    """Type into Epochs and return the seconds from each key to the preview that has it."""
    page.evaluate("bench.seconds = []; bench.watch('keydown', bench.ofPreview)")
    page.get_by_label("Epochs", exact=True).click()
    page.keyboard.press("End")
    page.evaluate("bench.began = null")
    for number in range(keys):
        page.keyboard.press("Backspace" if number % 2 else str(number // 2 % 9 + 1))
        page.wait_for_function("(n) => bench.seconds.length > n", arg=number)
    return [float(value) for value in page.evaluate("bench.seconds")]


def measure_keystroke(folder: Path) -> dict[str, Any]:
    """A key in a field until the preview shows it."""
    with _served(folder / "home") as served, _browser() as browser, _page(browser) as page:
        _open(page, served.url)
        _step(page, "Training")
        _type(page, 4)
        page.reload()
        page.wait_for_function("() => bench.title()")
        _step(page, "Training")
        seconds = _type(page, KEYS)
    return {"limit_s": 0.1, "keys": len(seconds), "seconds": spread(seconds)}


def measure_busy(folder: Path) -> dict[str, Any]:
    """Steps and keys of the form while a network is being trained from it."""
    with _served(folder / "home") as served, _browser() as browser, _page(browser) as page:
        _open(page, served.url)
        _step(page, "Training")
        page.get_by_label("Epochs", exact=True).fill("20000")
        page.wait_for_function("() => document.querySelector('.mlprov-preview').innerText.includes('20000')")
        _step(page, "Review")
        _click(page, "Make and run it")
        page.wait_for_function("() => /epoch [0-9]+/.test(document.querySelector('.mlprov').innerText)")
        steps = []
        page.evaluate(
            "bench.last = bench.title(); bench.watch('click', () => {"
            " const now = bench.title(), other = now && now !== bench.last;"
            " if (other) bench.last = now;"
            " return other; })"
        )
        for number in range(30):
            title = ("Training", "Model")[number % 2]
            _step(page, title)
            page.wait_for_function("(n) => bench.seconds.length > n", arg=number)
        steps = [float(value) for value in page.evaluate("bench.seconds")]
        page.reload()
        page.wait_for_function("() => bench.title()")
        _step(page, "Training")
        keys = _type(page, 30)
        # What the run shows is on its own page.
        page.wait_for_function("() => bench.button('Result') || bench.button('Run')")
        _click(page, "Result")
        page.wait_for_function("() => bench.button('Cancel')")
        _click(page, "Cancel")
        page.wait_for_function("() => document.querySelector('.mlprov').innerText.includes('Cancelled after')")
    return {"limit_s": 0.15, "steps_s": spread(steps), "keys_s": spread(keys)}


def measure_clicks(folder: Path) -> dict[str, Any]:
    """The clicks from the page to a run of Iris with its graph in view."""
    clicks = 0
    with _served(folder / "home") as served, _browser() as browser, _page(browser) as page:
        _open(page, served.url)
        began = time.perf_counter()
        for text in ("Choose the data", "Review", "Make and run it"):
            _click(page, text)
            clicks += 1
        page.wait_for_function(f"() => {_GRAPH}?.nodes(':visible').length > 0")
        seconds = time.perf_counter() - began
        where = page.evaluate(
            f"() => {{ const {{ top, bottom }} = {_GRAPH}.container().getBoundingClientRect();"
            " return [top, bottom, innerHeight]; }"
        )
    return {
        "limit": 6,
        "clicks": clicks,
        "seconds": round(seconds, 2),
        "graph_top_bottom_window_px": [round(value) for value in where],
    }


MEASURES = {
    name.removeprefix("measure_"): value for name, value in list(globals().items()) if name.startswith("measure_")
}
