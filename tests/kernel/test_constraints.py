"""What really ran satisfies W3C PROV-CONSTRAINTS, and its times the order of events."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlprov_widgets import verbs


def test_a_run_of_a_shipped_task_is_consistent(iris_run: dict[str, Any]) -> None:
    assert verbs.verify(iris_run["provenance"])["problems"] == []


def test_a_cell_that_runs_another_is_consistent(
    notebook: Callable[..., Path], run: Callable[..., dict[str, Any]], document: Callable[..., dict[str, Any]]
) -> None:
    done = run(notebook(add={"parameters": "%%capture\nfresh = 1\nother = fresh + 1", "model": "third = other + 1"}))
    assert done["status"] == "completed"
    used = [usage["prov:entity"] for usage in document(done["run"])["used"].values()]
    assert any(entity.startswith("run:var-other-") for entity in used)
    assert verbs.verify(done["provenance"])["problems"] == []


def test_the_order_of_times_starts_with_the_run(
    notebook: Callable[..., Path], run: Callable[..., dict[str, Any]], document: Callable[..., dict[str, Any]]
) -> None:
    activities = document(run(notebook())["run"])["activity"]
    starts = {name: found["prov:startTime"] for name, found in activities.items() if "prov:startTime" in found}
    assert starts["run:run"] == min(starts.values()) == starts["run:exec-recorder-1"]
