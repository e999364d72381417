"""Every option of the tabular task runs to its end, or is refused before a notebook is written."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import ValueRefused

TASK = "multiclass_classification"
MEASURE = Path(__file__).parents[2] / "benchmarks" / "measure.py"

# One process for all: torch is imported once. Each notebook gets a namespace and a folder of its own.
DRIVER = """
import contextlib, io, json, os, sys, traceback, warnings
import matplotlib
matplotlib.use("Agg")
import matplotlib.pyplot as plt
warnings.simplefilter("error")
warnings.filterwarnings("ignore", message="FigureCanvasAgg is non-interactive")
failures = {}
for path in sys.argv[1:]:
    folder = os.path.splitext(path)[0] + "-run"
    os.mkdir(folder)
    os.chdir(folder)
    namespace = {"__name__": "__main__", "print": lambda *a, **k: None}
    try:
        for cell in json.load(open(path))["cells"]:
            if cell["cell_type"] == "code" and cell["id"] not in ("recorder", "provenance", "installs"):
                with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                    exec(compile("".join(cell["source"]), cell["id"], "exec"), namespace)
        if not 0 <= namespace["metrics"]["accuracy"] <= 1:
            failures[path] = "no accuracy"
    except Exception:
        failures[path] = traceback.format_exc()
    plt.close("all")
json.dump(failures, sys.stdout)
"""


def combinations() -> list[dict[str, Any]]:
    spec = importlib.util.spec_from_file_location("measure", MEASURE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: list[dict[str, Any]] = module.combinations()
    return found


@pytest.mark.slow
def test_every_option_runs_or_is_refused_with_a_fix(tmp_path: Path) -> None:
    paths: dict[str, dict[str, Any]] = {}
    refused = []
    for number, values in enumerate(combinations()):
        try:
            made = verbs.generate(TASK, {"epochs": 2, **values}, out=tmp_path / f"{number}.ipynb")
        except ValueRefused as error:
            assert error.field
            assert error.fix
            refused.append(values)
            continue
        paths[made["notebook"]] = values
    done = subprocess.run([sys.executable, "-c", DRIVER, *paths], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    failures = json.loads(done.stdout)
    assert {json.dumps(paths[path]): why for path, why in failures.items()} == {}
    assert len(paths) > 80
    assert len(refused) < 10, refused
