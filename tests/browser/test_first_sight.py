"""What a page is before anything is done on it, and where a file that is odd would break it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

DARK, LIGHT = "rgb(17, 17, 17)", "rgb(255, 255, 255)"
GROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def prefers_dark(browser: Browser) -> Iterator[Page]:
    """A page of somebody whose system is dark."""
    context = browser.new_context(color_scheme="dark")
    yield context.new_page()
    context.close()


def test_who_prefers_dark_sees_no_white_page_from_the_first_moment_on(prefers_dark: Page, url: str) -> None:
    page = prefers_dark
    page.add_init_script(
        f"""window.grounds = new Set();
        const look = () => {{ if (document.body) window.grounds.add({GROUND}); requestAnimationFrame(look); }};
        look();"""
    )
    page.goto(url, wait_until="commit")
    expect(page.get_by_text("Opening the form…")).to_be_visible()
    expect(page.get_by_role("button", name="Choose the data")).to_be_visible()
    assert page.evaluate("[...window.grounds]") == [DARK]
    assert page.evaluate("document.body.dataset.jpThemeLight") == "false"
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{GROUND} === '{LIGHT}' && document.body.dataset.jpThemeLight === 'true'")


def test_a_theme_in_the_address_is_kept_whatever_the_system_prefers(prefers_dark: Page, url: str) -> None:
    prefers_dark.goto(f"{url}?theme=light")
    assert prefers_dark.evaluate(GROUND) == LIGHT


def test_a_box_to_tick_stands_beside_its_label(form: Any) -> None:
    form.step("Model")
    label = form.page.locator("label").filter(has_text="Use a GPU if there is one")
    box, text = label.locator("input").bounding_box(), label.locator("span").bounding_box()
    assert 0 <= text["x"] - (box["x"] + box["width"]) < 12
    assert abs(box["y"] + box["height"] / 2 - text["y"] - text["height"] / 2) < 4


def test_a_wide_table_and_a_long_name_stay_within_the_page(form: Any, page: Page, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    names = ",".join(f"gene_{number}" for number in range(200))
    rows = "\n".join(",".join(["0.12345678"] * 200 + ["ab"[number % 2]]) for number in range(20))
    table = tmp_path / f"{'a_very_long_name' * 5}.csv"
    table.write_text(f"{names},y\n{rows}\n", encoding="utf-8")
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    form.upload("Upload: Data file", table)
    expect(page.get_by_text("20 rows, 200 features")).to_be_visible()
    right = page.locator(".mlprov-card").bounding_box()
    for told in (page.get_by_text("20 rows, 200 features"), page.get_by_text("Uploaded: a_very_long")):
        box = told.bounding_box()
        assert box["x"] + box["width"] <= right["x"] + right["width"]
    assert form.is_within_window()


def test_what_was_refused_is_told_where_it_is_seen_and_until_something_else_is_done(
    form: Any, page: Page, tmp_path: Path
) -> None:
    page.set_viewport_size({"width": 400, "height": 500})
    big, small = tmp_path / "big.csv", tmp_path / "small.csv"
    big.write_bytes(b"a,b,y\n" + b"1,2,u\n" * 17_000_000)
    small.write_bytes(b"a,b,y\n" + b"1,2,u\n3,4,v\n" * 20)
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    form.upload("Upload: Data file", big)
    told = page.get_by_text("big.csv: the file has 102.1 MB. Here a file may have at most 100 MB.")
    expect(told).to_be_in_viewport()
    form.upload("Upload: Data file", small)
    expect(page.get_by_text("40 rows, 2 features")).to_be_visible()
    expect(told).to_have_count(0)


def test_the_browsers_back_leads_to_the_page_of_the_form_that_was_open_before(form: Any, page: Page) -> None:
    heading = page.get_by_role("heading", level=2)
    form.step("Data ingestion")
    form.step("Training")
    page.go_back()
    expect(heading).to_have_text("Data ingestion")
    page.go_back()
    expect(heading).to_have_text("Start")
    page.go_forward()
    expect(heading).to_have_text("Data ingestion")
    assert "experiment=" in page.url


def test_a_column_that_cannot_be_learned_from_is_left_out_from_the_review_by_two_clicks(
    form: Any, page: Page, tmp_path: Path
) -> None:
    table = tmp_path / "leaves.csv"
    table.write_text("id,length,species\n" + "a1,1,oak\na2,2,beech\n" * 20, encoding="utf-8")
    form.step("Data ingestion")
    form.field("Dataset").select_option("Own file (CSV)")
    expect(form.field("Columns to leave out")).to_be_hidden()
    form.upload("Upload: Data file", table)
    expect(form.button("to correct")).to_be_visible()
    form.step("Review")
    form.button("Correct it").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Data ingestion")
    form.button("Add to “Columns to leave out”: id").click()
    expect(page.get_by_text("40 rows, 1 feature,")).to_be_visible()
    expect(form.field("Columns to leave out")).to_be_focused()
    expect(form.button("to correct")).to_have_count(0)
