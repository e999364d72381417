"""A document at a glance: a headline for every stage, how it ended, and what a step read and made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.provenance.overview import StageSummary, overview, shortened, size_in_words
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance
from mlprov_widgets.provenance.terms import group_of
from mlprov_widgets.provenance.view import View, view

FIELDS: dict[str, dict[str, Any]] = {
    "data_ingestion": {
        "dataset_id": "iris",
        "dataset_classes": 3,
        "training_samples": 1000,
        "testing_samples": 300,
        "validation_samples": 200,
    },
    "data_preparation": {"number_of_operations": 2, "operations": ["Imputer", "StandardScaler"]},
    "model_parameters": {"model_name": "Perceptron", "optimizer": "Adam", "pretrained": False},
    "model_training": {"epochs": 100, "training_loss": 0.123456, "batch_size": 16},
    "model_evaluation": {},
    "notebook": {"programming_language_version": "3.11.7"},
    "pruning": {"start_time": "2026-01-01T12:00:00+00:00", "removed_weights": 12, "kind": "l1", "threshold": 0.5},
}
METRICS = {"f1_macro": 0.5, "accuracy": 0.96666, "loss": 0.25}
PACKAGES = {"numpy": "2.4", "torch": "2.15.0"}
STAGES = ("", "data_ingestion", "data_preparation", "data_segregation", "model", "training", "evaluation", "pruning")


def step(
    name: str = "train", stage: str = "training", at: float = 0, seconds: float = 1, **more: Any
) -> dict[str, Any]:
    about = {"step": name, "stage": stage, "title": name.title(), "status": "ok", "code": "as planned"}
    times = {key: f"2026-01-01T12:00:{second:09.6f}+00:00" for key, second in (("start", at), ("end", at + seconds))}
    return {**about, **times, "record": f"run:exec-{name}-{at}", **more}


def seen(
    *steps: dict[str, Any],
    fields: dict[str, dict[str, Any]] | None = None,
    metrics: dict[str, Any] | None = None,
    packages: dict[str, str] | None = None,
) -> list[StageSummary]:
    table1 = {group: {n: {"value": v} for n, v in own.items()} for group, own in (fields or {}).items()}
    return overview(View({}, table1, metrics or {}, list(steps), packages or {}, {}))


def headline(stage: str, fields: dict[str, dict[str, Any]], **more: Any) -> str:
    return seen(step("x", stage), fields=fields, **more)[0].headline


# Stages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ("", "Python 3.11.7, torch 2.15.0"),
        ("data_ingestion", "iris, 1,500 samples, 3 classes"),
        ("data_preparation", "Imputer, StandardScaler"),
        ("data_segregation", "1,000 to learn, 200 to validate, 300 to test"),
        ("model", "Perceptron, Adam"),
        ("training", "100 epochs, loss 0.123"),
        ("evaluation", "accuracy 0.967"),
        ("pruning", "removed weights 12, kind l1"),
    ],
)
def test_every_stage_has_a_headline(stage: str, expected: str) -> None:
    assert headline(stage, FIELDS, metrics=METRICS, packages=PACKAGES) == expected


def without(group: str, field: str, absent: str) -> dict[str, dict[str, Any]]:
    own = {name: value for name, value in FIELDS[group].items() if name != field}
    return {**FIELDS, group: own if absent == "gone" else {**own, field: None}}


@pytest.mark.parametrize("absent", ["gone", "None"])
@pytest.mark.parametrize(("group", "field"), [(group, field) for group, own in FIELDS.items() for field in own])
def test_a_missing_field_leaves_no_gap(group: str, field: str, absent: str) -> None:
    homes = {stage for stage in STAGES if group_of(stage) == group} or {""}
    for stage in homes | {"data_segregation"}:
        whole = headline(stage, FIELDS, metrics=METRICS, packages=PACKAGES)
        told = headline(stage, without(group, field, absent), metrics=METRICS, packages=PACKAGES)
        parts = told.split(", ") if told else []
        assert "None" not in told
        assert all(part and part == part.strip(" ,") for part in parts), told
        assert len(parts) <= len(whole.split(", "))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_of_which_nothing_is_known_has_no_headline(stage: str) -> None:
    assert headline(stage, {}) == ""


def test_counts_of_nothing_are_not_told() -> None:
    fields = {"data_ingestion": {"training_samples": 120, "testing_samples": 30, "validation_samples": 0}}
    assert headline("data_segregation", fields) == "120 to learn, 30 to test"


def test_no_operation_is_said_plainly() -> None:
    assert headline("data_preparation", {"data_preparation": {"operations": []}}) == "nothing changed"


def test_without_an_accuracy_the_next_metric_stands_out() -> None:
    assert headline("evaluation", {}, metrics={"f1_macro": 0.5, "loss": 0.25, "accuracy": None}) == "loss 0.25"


def test_a_long_headline_is_cut() -> None:
    told = headline("model", {"model_parameters": {"model_name": "A " * 80}})
    assert (len(told), told[-1]) == (60, "…")


def test_stages_come_in_the_order_in_which_they_began() -> None:
    stages = seen(step("a", ""), step("b", "training"), step("c", ""), step("d", "model"))
    assert [(s.title, [x["step"] for x in s.steps]) for s in stages] == [
        ("Set-up", ["a", "c"]),
        ("Training", ["b"]),
        ("Model", ["d"]),
    ]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["ok", "ok"], "ok"),
        (["ok", "interrupted"], "interrupted"),
        (["interrupted", "error", "ok"], "error"),
        (["error", "died"], "died"),
        (["ok", "never heard of"], "unknown"),
        (["never heard of", "error"], "error"),
    ],
)
def test_a_stage_ended_as_the_worst_of_its_steps(statuses: list[str], expected: str) -> None:
    assert seen(*(step(f"s{k}", status=s) for k, s in enumerate(statuses)))[0].status == expected


@pytest.mark.parametrize(("first", "last"), [("error", "ok"), ("ok", "error")])
def test_a_cell_that_ran_twice_counts_as_it_ended(first: str, last: str) -> None:
    assert seen(step(status=first), step(at=5, status=last))[0].status == last


def test_a_stage_took_as_long_as_its_steps_together() -> None:
    assert seen(step("a", at=0, seconds=1.25), step("b", at=30, seconds=2.25))[0].took == "3.5 s"


def test_a_step_without_an_end_does_not_count_and_alone_takes_an_unknown_time() -> None:
    assert seen(step("a", seconds=2), step("b", at=5, end=None))[0].took == "2.0 s"
    assert seen(step("b", end=None))[0].took == "–"


def test_one_epoch_is_told_in_the_singular() -> None:
    assert headline("training", {"model_training": {"epochs": 1}}) == "1 epoch"


def test_a_text_is_shortened_to_one_line() -> None:
    assert shortened("a\n  b\tc") == "a b c"
    assert shortened("abcdef", 6) == "abcdef"
    assert shortened("abcdefg", 6) == "abcde…"


# Items -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tiny_run: dict[str, Any]) -> ProvenanceFile:
    """The document of a run of the tiny task."""
    return read_provenance(Path(tiny_run["provenance"]))


def test_a_real_run_has_a_headline_for_every_stage(tiny: ProvenanceFile) -> None:
    laid_out = view(tiny)
    stages = overview(laid_out)
    assert [s.stage for s in stages] == ["", "data_ingestion", "model", "training", "evaluation"]
    assert stages[0].headline.startswith("Python 3.")
    assert [s.headline for s in stages[1:]] == [
        "clouds",
        "Descent",
        "4 epochs",
        f"accuracy {laid_out.metrics['accuracy']:.3g}",
    ]
    assert {s.status for s in stages} == {"ok"}


@pytest.mark.parametrize(
    ("size", "told"),
    [(75_414_016, "72 MiB"), (2**30 - 1, "1024 MiB"), (2**30, "1.0 GiB"), (16_800_000_000, "15.6 GiB")],
)
def test_a_memory_has_a_size_in_words(size: int, told: str) -> None:
    assert size_in_words(size) == told
