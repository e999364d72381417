"""Every number of a result, and every term, is said in plain words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mlprov_widgets.provenance.terms import HEADLINES
from mlprov_widgets.ui.words import METRICS, metrics_html

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"


def test_every_number_that_stands_out_is_explained() -> None:
    assert list(METRICS) == list(HEADLINES)


def test_the_numbers_of_a_result_are_explained_and_no_others() -> None:
    told = metrics_html({"accuracy": 1.0, "confusion_matrix": []})
    assert METRICS["accuracy"] in told
    assert told.count("<dt>") == 1
    assert metrics_html({}) == ""


@pytest.mark.parametrize("label", HEADLINES.values())
def test_the_glossary_has_every_number_that_stands_out(label: str) -> None:
    assert re.search(rf"\b{re.escape(label.split(',')[0])}\b", GLOSSARY.read_text(encoding="utf-8"))


def test_the_terms_of_the_glossary_are_in_order_and_none_is_there_twice() -> None:
    for part in GLOSSARY.read_text(encoding="utf-8").split("\n## ")[1:]:
        terms = [term.lower() for term in re.findall(r"^- \*\*(.+?)\*\*:", part, re.MULTILINE)]
        assert terms == sorted(set(terms))
        assert terms
