"""A page that was closed: its kernel goes, and the run that it started goes on and is found again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pytest
from playwright.sync_api import Page, expect

from mlprov_widgets.execution.background import LOCK, BackgroundRun
from mlprov_widgets.ui import app


@pytest.fixture(scope="module")
def served(home: Path, browser: object, plain_environment: None) -> Iterator[app.App]:
    """The form, where the kernel of a closed page goes after seconds in place of twenty minutes."""
    limits = app.LIMITS | {"MappingKernelManager": {"cull_idle_timeout": 2, "cull_interval": 1}}
    with patch.object(app, "LIMITS", limits):
        served = app.serve(home)
    yield served
    served.stop()


@pytest.fixture(scope="module")
def url(served: app.App) -> str:
    """Where the form is served."""
    return served.url


def kernels(served: app.App) -> list[psutil.Process]:
    """Return the kernels of the pages; a run's is the child of its own process."""
    found = []
    for child in psutil.Process(served.process.pid).children():
        with suppress(psutil.Error):  # it ends just now
            found += [child] if "ipykernel_launcher" in " ".join(child.cmdline()) else []
    return found


@pytest.mark.slow
def test_the_kernel_of_a_closed_page_goes_and_its_run_goes_on(
    form: Any, page: Page, served: app.App, home: Path, wait_for: Callable[..., None]
) -> None:
    form.start_run(20000)
    running = page.get_by_role("status").filter(has_text=re.compile(r"\d+ of \d+ cells"))
    expect(running).to_be_visible()
    address = page.url
    assert len(kernels(served)) == 1
    page.goto("about:blank")
    wait_for(lambda: kernels(served) == [])
    (lock,) = home.glob(f"visitors/*/mlprov_runs/*/{LOCK}")
    assert BackgroundRun.attach(lock.parent).look().result is None
    page.goto(address)
    expect(running).to_be_visible()
    form.button("Cancel").click()
    expect(page.get_by_text("Cancelled after")).to_be_visible()
