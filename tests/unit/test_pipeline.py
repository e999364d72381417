"""The drawing of what ran: every step in its stage, every text escaped."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from mlprov_widgets.provenance.export.pipeline import pipeline_svg, pipeline_table
from mlprov_widgets.provenance.overview import duration, seconds_between
from mlprov_widgets.provenance.view import View

START, END = "2026-01-01T12:00:00+00:00", "2026-01-01T12:00:01.500000+00:00"
HOSTILE = "<script>alert(1)</script> & \"x\" 'y'"


def step(name: str, stage: str = "training", **more: Any) -> dict[str, Any]:
    about = {"step": name, "stage": stage, "title": name.title(), "status": "ok", "code": "as planned"}
    return {**about, "start": START, "end": END, **more}


def drawn(*steps: dict[str, Any], observed: dict[str, Any] | None = None) -> str:
    """Return the drawing of some steps; fields of the stage Training were observed."""
    group = {name: {"value": value} for name, value in (observed or {}).items()}
    return pipeline_svg(View({}, {"model_training": group}, {}, list(steps), {}, {}))


def texts(svg: str) -> list[str]:
    """Return what a person reads in a drawing, in order; a stage's second text is its headline."""
    return [element.text or "" for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("}text")]


def test_every_step_stands_under_its_stage() -> None:
    assert texts(drawn(step("load", "data_ingestion"), step("train"))) == [
        "Data ingestion",
        "",
        "Load",
        "ok · 1.5 s",
        "Training",
        "",
        "Train",
        "ok · 1.5 s",
    ]


def test_a_cell_of_no_stage_is_set_up() -> None:
    assert texts(drawn(step("imports", "")))[0] == "Set-up"


def test_a_stages_headline_stands_under_its_title() -> None:
    assert texts(drawn(step("train"), observed={"epochs": 30}))[:2] == ["Training", "30 epochs"]


def test_a_long_headline_is_cut_and_told_in_full_on_hover() -> None:
    svg = drawn(step("train"), observed={"epochs": 1234567890, "training_loss": 0.125})
    assert "1,234,567,890 epochs, loss …" in texts(svg)
    assert "<title>Training: 1,234,567,890 epochs, loss 0.125</title>" in svg


def test_a_step_that_ran_twice_is_drawn_once_as_it_ended() -> None:
    assert texts(drawn(step("train", status="error"), step("train")))[2:] == ["Train", "ok · 1.5 s"]


def test_a_step_that_was_edited_says_so() -> None:
    assert "ok · 1.5 s · edited" in texts(drawn(step("train", code="edited")))


@pytest.mark.parametrize("status", ["ok", "error", "died", "interrupted", "never heard of"])
def test_a_step_says_how_it_ended(status: str) -> None:
    assert f"{status} · 1.5 s" in texts(drawn(step("train", status=status)))


def test_a_long_title_is_cut_and_told_in_full_on_hover() -> None:
    svg = drawn(step("train", title="A very long title of a single cell"))
    assert "A very long title of a…" in texts(svg)
    assert "<title>A very long title of a single cell: ok" in svg


@pytest.mark.parametrize("part", ["title", "stage", "status", "code"])
def test_no_text_becomes_markup(part: str) -> None:
    svg = drawn(step("train", **{part: HOSTILE}))
    assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert "<script" not in svg.lower()


def test_a_headline_becomes_no_markup() -> None:
    table1 = {"model_parameters": {"model_name": {"value": HOSTILE}}}
    svg = pipeline_svg(View({}, table1, {}, [step("net", "model")], {}, {}))
    assert "<title>Model: &lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;x&quot; &#x27;y&#x27;</title>" in svg
    assert "<script" not in svg.lower()


def test_nothing_that_ran_is_no_drawing() -> None:
    assert drawn() == ""


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("2026-01-01T12:00:00.001400+00:00", "1 ms"),
        ("2026-01-01T12:00:00.940000+00:00", "940 ms"),
        ("2026-01-01T12:00:00.960000+00:00", "1.0 s"),
        ("2026-01-01T12:00:59.900000+00:00", "59.9 s"),
        ("2026-01-01T12:00:59.970000+00:00", "1 min 0 s"),
        ("2026-01-01T12:01:00+00:00", "1 min 0 s"),
        ("2026-01-01T12:01:59.700000+00:00", "2 min 0 s"),
        ("2026-01-01T14:00:05+00:00", "120 min 5 s"),
        (None, "–"),
        ("soon", "–"),
        ("2026-01-01T12:00:01", "–"),
    ],
)
def test_a_time_is_told_as_a_person_would(end: str | None, told: str) -> None:
    assert duration(START, end) == told


def test_the_seconds_between_two_times_are_exact() -> None:
    assert seconds_between(START, END) == 1.5


def test_the_table_says_what_the_picture_says_and_no_text_becomes_markup() -> None:
    steps = [step("net", "model", title="<b>Net</b>"), step("fit", "training", title="Fit")]
    told = pipeline_table(View({}, {}, {}, steps, {}, {}))
    assert "<b>" not in told
    assert "<td>&lt;b&gt;Net&lt;/b&gt;</td><td>ok</td>" in told
    assert told.count('scope="rowgroup"') == 2


def test_without_steps_there_is_no_table() -> None:
    assert pipeline_table(View({}, {}, {}, [], {}, {})) == ""
