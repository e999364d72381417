"""docs/tutorial.md in the form, and the pictures in it.

    MLPROV_UPDATE_IMAGES=1 sh .ci/uv run pytest tests/browser/test_tutorial.py

takes the pictures of docs/images anew.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
WIDTH, HEIGHT = 1200, 760
COLOURS = 128  # enough for a form with some curves, and a third of the bytes


@pytest.fixture(scope="module")
def trusted() -> bool:
    return True


@pytest.fixture
def picture(page: Page) -> Callable[[str], None]:
    """Return a function that takes a picture of the window; kept in docs/images when somebody wants them anew."""

    def take(name: str) -> None:
        page.evaluate("document.activeElement?.blur()")
        shot = Image.open(io.BytesIO(page.screenshot(animations="disabled", caret="hide"))).convert("RGB")
        assert shot.size == (WIDTH, HEIGHT)
        if os.environ.get("MLPROV_UPDATE_IMAGES"):
            shot.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
        taken.append(name)

    taken: list[str] = []
    take.taken = taken  # type: ignore[attr-defined]
    return take


@pytest.mark.slow
def test_the_tutorial_leads_through_the_form(
    page: Page, url: str, open_form: Callable[..., Any], picture: Callable[[str], None]
) -> None:
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    page.goto(url)
    form = open_form()
    picture("start")

    form.button("Choose the data").click()
    form.field("Dataset").select_option("Wine")
    expect(page.locator(".mlprov-preview")).to_contain_text("load_wine")
    picture("data")

    form.step("Training")
    form.field("Epochs").fill("many")
    expect(page.get_by_role("alert")).to_contain_text("many")
    expect(form.button("Training (1 to correct)")).to_be_visible()
    form.field("Epochs").fill("50")
    expect(page.locator(".mlprov-preview")).to_contain_text("epochs = 50")
    picture("training")

    form.step("Review")
    expect(page.get_by_role("row", name="Epochs 50 ")).to_be_visible()
    picture("review")

    form.button("Make and run it").click()
    form.wait_for_results()
    expect(page.locator(".mlprov-figures img").first).to_be_visible()
    page.get_by_text("Completed after").scroll_into_view_if_needed()
    picture("result")

    form.nodes()
    page.locator(".mlprov-graph").evaluate("(graph) => graph.scrollIntoView({block: 'center'})")
    picture("graph")
    form.click_node(r"^\d\. Training$")
    expect(page.locator(".mlprov-details").get_by_role("heading")).to_have_text("Training")
    form.field("Find").fill("which optimizer really ran")
    expect(page.get_by_text(re.compile(r"^\d+ found for"))).to_be_visible()

    assert sorted(picture.taken) == sorted(path.stem for path in IMAGES.glob("*.png"))  # type: ignore[attr-defined]
