"""A fault of the program on a page for strangers: they read that there was one, and only the log says which."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from mlprov_widgets.ui import app

IN_THE_CELL = "raise RuntimeError('secret of /srv/form')"
IN_A_CALLBACK = """
from mlprov_widgets import Wizard

wizard = Wizard()
wizard.show()

def fail():
    raise RuntimeError('secret of /srv/form')

wizard.desk.form.check = fail
"""


@pytest.fixture
def serve_code(
    tmp_path: Path,
    browser: object,
    plain_environment: None,
    wait_for_server: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[[str], app.App]]:
    """Return a function that serves a page with this code in the place of the form's."""
    served: list[app.App] = []

    def serve(code: str) -> app.App:
        notebook = json.loads(app._NOTEBOOK)
        notebook["cells"][0]["source"] = code
        monkeypatch.setattr(app, "_NOTEBOOK", json.dumps(notebook))
        served.append(app.serve(tmp_path, trusted=False))
        wait_for_server(served[-1].url, served[-1].process)
        return served[-1]

    yield serve
    for one in served:
        one.stop()


def told(page: Page) -> str:
    """All that the page holds, seen or not."""
    return page.content()


def test_a_cell_that_fails_shows_no_traceback(page: Page, serve_code: Callable[[str], app.App]) -> None:
    served = serve_code(IN_THE_CELL)
    page.goto(served.url)
    expect(page.get_by_text("It was written to the server's log")).to_be_visible()
    assert re.findall(r"Traceback|RuntimeError|secret of|/srv|show_tracebacks", told(page)) == []
    assert "secret of" in served.log.read_text(encoding="utf-8")


def test_a_callback_that_fails_shows_no_traceback(
    page: Page, serve_code: Callable[[str], app.App], open_form: Callable[..., Any], screenshot: Any
) -> None:
    served = serve_code(IN_A_CALLBACK)
    page.goto(served.url)
    form = open_form()
    form.button(". Training").click()
    expect(page.get_by_text("Something went wrong here, and it was written down")).to_be_visible()
    screenshot("told")
    assert re.findall(r"Traceback|RuntimeError|secret of|/srv", told(page)) == []
    assert "secret of" in served.log.read_text(encoding="utf-8")


def test_the_page_starts_without_an_error_in_the_browsers_console_or_the_log(
    page: Page, serve_code: Callable[[str], app.App], open_form: Callable[..., Any]
) -> None:
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    served = serve_code("from mlprov_widgets import Wizard\n\nWizard().show()")
    page.goto(served.url)
    open_form()
    assert said == []
    assert re.findall(r"(?i)^.*\b(?:error|traceback|exception)\b.*$", served.log.read_text("utf-8"), re.MULTILINE) == []
