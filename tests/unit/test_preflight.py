"""Before a run: what should hold, what to do about it, and what a click can set."""

from __future__ import annotations

from typing import Any

import pytest

from mlprov_widgets.execution import preflight
from mlprov_widgets.execution.preflight import Check
from mlprov_widgets.tasks.load import find_task, find_tasks
from mlprov_widgets.tasks.plan import make_plan

TABULAR, IMAGES = "multiclass_classification", "image_classification"


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of four cores without a GPU."""
    monkeypatch.setattr(preflight, "cores", lambda: 4)
    monkeypatch.setattr(preflight.gpu, "seems_here", lambda: False)


def deterministic(task: str, **values: Any) -> list[Check]:
    found = find_task(task)
    checks = preflight.preflight(found, make_plan(found, values).plan)
    return [check for check in checks if check.name == "deterministic"]


@pytest.mark.parametrize("task", [TABULAR, IMAGES])
def test_every_task_says_whether_it_is_deterministic(task: str) -> None:
    (check,) = deterministic(task)
    assert (check.fine, check.parameter) == (True, "")
    assert "nothing that was chosen depends on this machine" in check.told


@pytest.mark.parametrize("task", [TABULAR, IMAGES])
def test_a_gpu_is_told_and_can_be_left_alone_by_a_click(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.gpu, "seems_here", lambda: True)
    (check,) = deterministic(task)
    assert (check.fine, check.parameter, check.value) == (False, "gpu_enable", False)
    assert check.told.startswith("Use a GPU if there is one: a GPU rounds otherwise")
    assert deterministic(task, gpu_enable=False)[0].fine


def test_all_cores_are_told_and_their_number_is_set_by_a_click() -> None:
    (check,) = deterministic(IMAGES, dataset_id="FakeData", model_name="resnet18")
    assert (check.parameter, check.value, check.action) == ("threads", 4, "Set them to 4")
    assert deterministic(IMAGES, dataset_id="FakeData", model_name="resnet18", threads=4)[0].fine


@pytest.mark.parametrize(
    ("precision", "told"), [("none", False), ("tf32", False), ("bfloat16", True), ("float16", False)]
)
def test_numbers_of_16_bits_are_told_where_they_are_used(precision: str, told: bool) -> None:
    checks = deterministic(IMAGES, mixed_precision=precision)
    assert [check.parameter for check in checks] == (["mixed_precision"] if told else [""])


@pytest.mark.parametrize(
    ("precision", "told"),
    [
        ("tf32", "Mixed precision: factors are rounded to 19 bits"),
        ("float16", "Mixed precision: numbers of 16 bits are rounded coarsely"),
    ],
)
def test_what_is_for_gpus_alone_is_told_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, precision: str, told: str
) -> None:
    monkeypatch.setattr(preflight.gpu, "seems_here", lambda: True)
    (check,) = deterministic(IMAGES, mixed_precision=precision)
    assert check.told.startswith(told)


@pytest.mark.parametrize("precision", ["none", "tf32", "bfloat16", "float16"])
@pytest.mark.parametrize("task", find_tasks([]))
def test_what_a_click_sets_is_what_the_task_takes(task: str, precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.gpu, "seems_here", lambda: True)
    values: dict[str, Any] = {"mixed_precision": precision} if task == IMAGES else {}
    found = find_task(task)
    while any(not check.fine for check in deterministic(task, **values)):
        check = next(check for check in deterministic(task, **values) if not check.fine)
        assert check.action
        assert check.parameter not in values or values[check.parameter] != check.value
        values[check.parameter] = check.value
        make_plan(found, values)


def test_a_task_that_says_nothing_of_it_has_no_such_check(tiny_task: Any) -> None:
    task = find_task("tiny", [tiny_task])
    assert "deterministic" not in [check.name for check in preflight.preflight(task, make_plan(task, {}).plan)]
