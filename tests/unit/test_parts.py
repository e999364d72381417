"""Pieces of HTML that the pages share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.plan import Plan, make_plan
from mlprov_widgets.ui import parts

TASK = find_task("multiclass_classification")
ROWS = "length,kind\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Return a Plan with a person's own file."""
    path = tmp_path / "rows.csv"
    path.write_text(ROWS)
    return make_plan(TASK, {"dataset_id": "csv", "data_file": str(path), "validation_split": 0}).plan


def test_a_persons_file_is_told_by_its_name(plan: Plan) -> None:
    assert str(plan.values["data_file"]).startswith("data/")
    assert ("Data file", "rows.csv", "user") in parts.plan_rows(TASK, plan)


def test_a_cells_words_name_a_persons_file_and_not_its_copy(plan: Plan) -> None:
    told = f"ValueError: {plan.values['data_file']} holds no rows"
    assert parts.named(told, plan.as_dict()) == "ValueError: rows.csv holds no rows"


@pytest.mark.parametrize("plan", [None, {}, {"values": {}, "files": {"a": {"name": "x"}}}, {"values": None}])
def test_what_is_not_known_of_a_plan_changes_no_words(plan: Any) -> None:
    assert parts.named("as it is", plan) == "as it is"


def test_a_figure_can_be_made_larger_by_the_keyboard() -> None:
    assert 'alt="Loss" tabindex="0"' in parts.figures([("Loss", b"\x89PNG")])
