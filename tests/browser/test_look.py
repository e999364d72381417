"""Provenance that is looked at in the form: what a person uploads on the page Start."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

UPLOAD = "Upload one, or two to compare"
LONG = "x" * 10_000


def upload(page: Page, *paths: Path) -> None:
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name=UPLOAD).click()
    chooser.value.set_files(paths)


def written(folder: Path, name: str, document: object) -> Path:
    path = folder / name
    path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
    return path


def choose(form: Any, *texts: str) -> None:
    """Choose the first hit that has all of these texts; the widget writes their spaces as ones that do not break."""
    found = form.field("Found").locator("option")
    for text in texts:
        found = found.filter(has_text=text)
    form.field("Found").select_option(found.first.inner_text())


def in_window(control: Locator) -> bool:
    return bool(
        control.evaluate("e => e.getBoundingClientRect().top >= 0 && e.getBoundingClientRect().bottom <= innerHeight")
    )


@pytest.fixture
def another(recorded: Path, tmp_path: Path) -> Path:
    """The recorded run as if it had been made with another optimizer and seed."""
    document = json.loads(recorded.read_text(encoding="utf-8"))
    document["entity"]["run:hp-optimizer"]["mls:hasValue"] = "SGD"
    document["entity"]["run:hp-stratify"]["mls:hasValue"] = True
    return written(tmp_path, "another.json", document)


def test_a_change_between_two_runs_leads_to_the_field_and_to_the_cell(
    form: Any, page: Page, recorded: Path, another: Path, screenshot: Any
) -> None:
    upload(page, recorded, another)
    details = page.locator(".mlprov-details")
    expect(details).to_contain_text(re.compile(r"Two runs: [\d,]+ same, [\d,]+ changed"))
    form.field("Find").fill("optimizer = sgd")
    expect(page.locator(".mlprov-ask [role=status]")).to_contain_text("in the second")
    form.field("Find").fill("optimizer")
    choose(form, "optimizer = SGD", "in the second run")
    expect(details.get_by_role("row", name="mls:hasValue Adam SGD")).to_be_visible()
    screenshot("changed")

    details.get_by_role("button", name=re.compile("^Cell: ")).first.click()
    expect(details.get_by_role("region", name="Code")).to_contain_text("optimizer")
    choose(form, "optimizer = Adam", "in the first run")
    details.get_by_role("button", name="Form field: Optimizer").click()
    expect(page.get_by_role("heading", level=2)).to_have_text("Model")
    expect(form.field("Optimizer")).to_be_focused()
    assert in_window(form.field("Optimizer"))


def test_a_field_that_is_folded_away_is_unfolded_for_it(form: Any, page: Page, recorded: Path, another: Path) -> None:
    upload(page, recorded, another)
    form.field("Find").fill("stratify")
    choose(form, "stratify = ", "in the second run")
    page.locator(".mlprov-details").get_by_role("button", name=re.compile("^Form field: ")).click()
    expect(page.locator(".mlprov-field input[type=checkbox]:focus")).to_have_count(1)
    assert in_window(page.locator(":focus"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "this is not JSON"),
        ("", "the file is empty"),
        ('{"nbformat": 4, "cells": []}', "this is a notebook"),
        ('{"a": 1}', "this is JSON, but not PROV-JSON"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_beside_the_upload(
    form: Any, page: Page, tmp_path: Path, content: str, told: str
) -> None:
    upload(page, written(tmp_path, "wrong.json", content))
    message = page.get_by_role("alert")
    expect(message).to_contain_text(f"wrong.json: {told}" if content else told)
    assert in_window(message)
    expect(page.locator(".mlprov-explorer")).to_have_count(0)


def cycle(count: int) -> dict[str, Any]:
    ring = {
        f"_:{k}": {"prov:generatedEntity": f"ex:e{k}", "prov:usedEntity": f"ex:e{(k + 1) % count}"}
        for k in range(count)
    }
    return {"entity": {f"ex:e{k}": {} for k in range(count)}, "wasDerivedFrom": ring}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"prefix": {}}, "The document is empty: it has no records."),
        ({"entity": {"ex:one": {"prov:label": "the only one"}}}, "The document has 1 record."),
        (cycle(5), "The document has 10 records."),
        ({"entity": {f"ex:{k}": {"prov:label": text} for k, text in enumerate(
            ("<img src=x onerror='document.title=1/0'>", "🧪🧬 " * 9, "\u202eאבגדה ثلاثة", LONG)
        )}}, "The document has 4 records."),
    ],
    ids=["empty", "one record", "a cycle", "odd texts"],
)  # fmt: skip
def test_an_odd_document_is_shown_safely_and_said_plainly(
    form: Any, page: Page, tmp_path: Path, document: dict[str, Any], told: str, screenshot: Any
) -> None:
    upload(page, written(tmp_path, "odd.json", document))
    expect(page.locator(".mlprov-details")).to_contain_text(told)
    if document.get("entity"):
        form.field("Find").fill("ex:")
        expect(page.locator(".mlprov-ask [role=status]")).to_contain_text("found for “ex:”")
        choose(form)
        form.button("Where does this come from").click()
        expect(page.locator(".mlprov-scene")).to_contain_text("comes from")
    assert page.locator(".mlprov-explorer img, .mlprov-explorer script").count() == 0
    assert form.is_within_window()
    screenshot("shown")


def test_how_far_the_reading_of_a_large_document_is_can_be_seen(form: Any, page: Page, tmp_path: Path) -> None:
    activity = {f"ex:a{k}": {"prov:startTime": "2026-01-01T00:00:00Z"} for k in range(60_000)}
    path = written(tmp_path, "large.json", {"activity": activity, "entity": {"ex:e": {}}})
    page.evaluate(
        """() => {
            window.seen = [];
            new MutationObserver(() => {
                const told = document.querySelector(".mlprov-field .mlprov-note");
                const box = told && told.getBoundingClientRect();
                if (box && box.height > 0 && box.top >= 0 && box.bottom <= innerHeight) seen.push(told.innerText);
            }).observe(document.body, { childList: true, subtree: true, characterData: true });
        }"""
    )
    upload(page, path)
    expect(page.locator(".mlprov-details")).to_contain_text("The document has 60,001 records.")
    seen = page.evaluate("[...new Set(seen)]")
    assert seen[0] == "Sending large.json (3.4 MB)…", seen
    assert any(re.fullmatch(r"Reading large\.json: [\d,]+ records…", text) for text in seen), seen
    expect(page.locator(".mlprov-field .mlprov-note")).to_have_count(0)
