"""Every option of the tabular task runs to its end, or is refused before a notebook is written."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import ValueRefused

TASK = "multiclass_classification"
MEASURE = Path(__file__).parents[2] / "benchmarks" / "measure.py"


def combinations(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.syspath_prepend(str(MEASURE.parent))  # it has modules beside it
    spec = importlib.util.spec_from_file_location("measure", MEASURE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[dict[str, Any]] = module.combinations()
    return found


@pytest.mark.slow
def test_every_option_runs_or_is_refused_with_a_fix(
    tmp_path: Path, failures_of: Callable[..., dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths: dict[str, dict[str, Any]] = {}
    refused = []
    for number, values in enumerate(combinations(monkeypatch)):
        try:
            made = verbs.generate(TASK, {"epochs": 2, **values}, out=tmp_path / str(number) / "n.ipynb")
        except ValueRefused as error:
            assert error.field
            assert error.fix
            refused.append(values)
            continue
        paths[made["notebook"]] = values
    failures = failures_of(*paths)
    assert {json.dumps(paths[path]): why for path, why in failures.items()} == {}
    assert len(paths) > 80
    assert len(refused) < 10, refused
