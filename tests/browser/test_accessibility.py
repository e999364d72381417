"""What axe-core finds wrong with the form for people who use it by keyboard or screen reader."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

DATA = Path(__file__).parents[1] / "data"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(
    theme: str, page: Page, url: str, open_form: Callable[..., Any], screenshot: Any
) -> None:
    page.goto(f"{url}?theme={theme}")
    form = open_form()
    found = {"Start": form.faults()}
    for title in ("Data ingestion", "Data preparation", "Model", "Training", "Title and author", "Review"):
        form.step(title)
        for fold in page.get_by_role("button", name="More settings").all():
            fold.click()
        found[title] = form.faults()
        screenshot(title.lower().replace(" ", "-"))
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    form.upload("Upload: Data file", DATA / "flowers.csv")
    expect(page.get_by_text("48 rows, 4 features")).to_be_visible()
    form.step("Training")
    form.field("Epochs").fill("many")
    expect(page.get_by_role("alert")).to_be_visible()
    found["wrong"] = form.faults()
    assert {title: told for title, told in found.items() if told} == {}


@pytest.mark.slow
def test_axe_finds_nothing_serious_in_runs_their_results_and_their_comparison(
    page: Page, url: str, open_form: Callable[..., Any], screenshot: Any
) -> None:
    page.goto(url)
    form = open_form()
    form.start_run(5)
    expect(page.get_by_role("heading", level=2)).to_have_text("Result")
    found = {"running": form.faults()}
    form.start_run(6)
    expect(page.get_by_text("Your runs")).to_be_visible()
    found["queue"] = form.faults()
    screenshot("queue")
    ended = page.locator(".mlprov-queue-row").filter(has_text="completed, accuracy")
    expect(ended).to_have_count(2, timeout=180_000)
    page.get_by_role("button", name="1. Multiclass").click()
    form.wait_for_results()
    form.nodes()
    found["results and explorer"] = form.faults()
    screenshot("results")
    form.button(". All runs").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("All runs")
    for box in page.locator(".mlprov-run-row").get_by_role("checkbox").all()[:2]:
        box.check()
    form.button("Compare 2 runs").click()
    expect(page.get_by_role("heading", name="Metrics")).to_be_visible()
    found["comparison"] = form.faults()
    screenshot("comparison")
    assert {title: told for title, told in found.items() if told} == {}


def test_the_focus_goes_on_at_the_heading_of_the_page_that_a_button_opened(
    page: Page, url: str, open_form: Callable[..., Any]
) -> None:
    page.goto(url)
    form = open_form()
    form.button("Choose the data").press("Enter")
    for title, button in (("Data ingestion", "Next"), ("Data preparation", "Back"), ("Data ingestion", "")):
        heading = page.get_by_role("heading", level=2, name=title)
        expect(heading).to_be_focused()
        if button:
            form.button(button).press("Enter")
    # What is typed, and a step that stays where it is, keep the focus.
    form.button(". Training").press("Enter")
    expect(page.get_by_role("heading", level=2)).to_have_text("Training")
    expect(form.button(". Training")).to_be_focused()


def test_the_form_is_filled_in_by_keyboard_alone(page: Page, url: str, open_form: Callable[..., Any]) -> None:
    page.goto(url)
    form = open_form()
    form.button("Choose the data").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2)).to_have_text("Data ingestion")
    form.field("Dataset").focus()
    page.keyboard.press("w")
    expect(form.field("Dataset").locator("option:checked")).to_have_text("Wine")
    # From the steps to the fields to the buttons, in the order in which they are seen.
    form.button(". Training").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2)).to_have_text("Training")
    form.field("Random seed").focus()
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("(document.activeElement.labels?.[0] ?? document.activeElement).textContent"))
    order = [
        next((i for i, text in enumerate(seen) if text.startswith(name)), -1)
        for name in ("Epochs", "Batch size", "Next")
    ]
    assert order == sorted(order)
    assert -1 not in order
