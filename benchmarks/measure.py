"""The measures of README.md in this folder: medians, with a floor or a peer in the same run.

    sh .ci/uv run python benchmarks/measure.py [generate] [import] [run] [capture] [reruns] [options]
                                             [wizard] [page] [keystroke] [busy] [clicks] [visitors] [clients]
                                             [cells] [records] [memory] [minute] [mlflow] [explorer]
                                             [pairs] [mnist] [throughput] [image_memory] [identical]
                                             [gpu_verdicts] [gpu_options] [gpu_throughput]

Without a name, all of them, in about an hour and a half on two cores. One JSON object a measure is printed.
Close other programs first: pairs are run alternately, so that a slow minute hits both sides, but
nothing makes a busy machine quiet.
"""

from __future__ import annotations

import itertools
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import clients
import explorer
import form
import gpu
import images
import loops
import nbformat
import records
import visitors
from records import spread

from mlprov_widgets import verbs
from mlprov_widgets.errors import ValueRefused
from mlprov_widgets.execution.session import Session
from mlprov_widgets.notebook.render import notebook_text, render_notebook
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.plan import make_plan

TASK = "multiclass_classification"
PAIRS = 10
HEAVY = ("torch", "pandas", "nbformat", "ipycytoscape", "sklearn", "matplotlib")

FLOOR = """
import sys
from jupyter_client.manager import start_new_kernel
manager, client = start_new_kernel(extra_arguments=["--IPKernelApp.log_level=40"])
reply = client.execute_interactive('''
import torch, sklearn, pandas
import sklearn.datasets, sklearn.metrics, sklearn.pipeline, sklearn.decomposition
import matplotlib.pyplot as plt
torch.optim.Adam(torch.nn.Linear(1, 1).parameters())
''', timeout=120)
client.stop_channels()
manager.shutdown_kernel(now=False)
sys.exit(reply["content"]["status"] != "ok")
"""


def timed(action: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def measure_generate(folder: Path) -> dict[str, Any]:
    """Values to the text of the notebook, once everything is loaded."""
    task = find_task(TASK)

    def render() -> None:
        notebook_text(render_notebook(find_task(TASK), make_plan(task, {"epochs": "50"}).plan))

    render()
    return {"limit_s": 0.015, "seconds": spread([timed(render) for _ in range(100)])}


def measure_import(folder: Path) -> dict[str, Any]:
    """`import mlprov_widgets` in a fresh interpreter, and what it loads."""
    code = (
        "import sys, time; began = time.perf_counter(); import mlprov_widgets; "
        f"print(time.perf_counter() - began, [n for n in {HEAVY!r} if n in sys.modules])"
    )
    seconds, loaded = [], set()
    for _ in range(20):
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
        number, _, names = out.partition(" ")
        seconds.append(float(number))
        loaded.add(names.strip())
    return {"limit_s": 0.15, "seconds": spread(seconds), "heavy_modules_loaded": sorted(loaded)}


def measure_run(folder: Path) -> dict[str, Any]:
    """`mlprov run` on Iris, 100 epochs, against a floor that only starts and imports."""
    notebook = verbs.generate(TASK, {}, out=folder / "iris.ipynb")["notebook"]
    command = [sys.executable, "-m", "mlprov_widgets.cli", "run", notebook, "--json", "--runs", str(folder / "runs")]

    def run() -> None:
        subprocess.run(command, check=True, capture_output=True)

    def floor() -> None:
        subprocess.run([sys.executable, "-c", FLOOR], check=True, capture_output=True)

    floor()
    run()
    pairs = [(timed(floor), timed(run)) for _ in range(PAIRS)]
    return {
        "limit_ratio": 1.3,
        "floor_s": spread([a for a, _ in pairs]),
        "run_s": spread([b for _, b in pairs]),
        "ratio": spread([b / a for a, b in pairs]),
    }


def measure_capture(folder: Path) -> dict[str, Any]:
    """The same notebook with and without its recorder line, in the same runner."""
    path = Path(verbs.generate(TASK, {}, out=folder / "capture.ipynb")["notebook"])

    def execute(recorded: bool) -> float:
        notebook = nbformat.read(path, as_version=4)
        place = Path(tempfile.mkdtemp(dir=folder))
        if not recorded:
            # The recorder spares the kernel its last collection; without that on both sides, the recorded
            # notebook would be the faster one.
            plain = "import atexit, gc; _ = atexit.register(gc.freeze)"
            next(cell for cell in notebook.cells if cell.id == "recorder").source = plain
        variables = {"MLPROV_NOTEBOOK": str(path), "MLPROV_RUN_DIR": str(place)}
        session = Session(lambda: notebook, "python3", place, variables)
        seconds = timed(session.run)
        assert (place / "journal.jsonl").exists() == recorded
        return seconds

    execute(True)
    pairs = [(execute(False), execute(True)) for _ in range(PAIRS)]
    without = statistics.median(a for a, _ in pairs)
    added = [b - a for a, b in pairs]
    return {
        "limit_s": round(0.3 + 0.01 * without, 3),
        "without_s": spread([a for a, _ in pairs]),
        "with_s": spread([b for _, b in pairs]),
        "added_s": spread(added),
    }


def measure_reruns(folder: Path) -> dict[str, Any]:
    """Iris, recorded once and reproduced 20 times."""
    notebook = verbs.generate(TASK, {}, out=folder / "rerun.ipynb")["notebook"]
    first = verbs.run(notebook, runs=folder / "reruns")
    done = verbs.reproduce(first["provenance"], repeat=20, runs=folder / "reruns")
    return {"limit": {"identical": 20}, "verdicts": done["verdicts"], "differences": len(done["differences"])}


def combinations() -> list[dict[str, object]]:
    """Every single option of the task, and random pairs of options."""
    single: list[dict[str, object]] = []
    for parameter in find_task(TASK).parameters:
        if parameter.name == "data_file" or parameter.of:
            continue
        values: list[object] = [choice.value for choice in parameter.choices]
        if str(parameter.kind) == "boolean":
            values = [True, False]
        values += _EXTREMES.get(parameter.name, [])
        for value in values:
            single.append({**_NEEDED.get(parameter.name, {}), parameter.name: value})
    single = [values for values in single if values.get("dataset_id") != "csv"]
    generator = random.Random(0)
    pairs = [{**a, **b} for a, b in itertools.combinations(single, 2) if set(a) != set(b)]
    return single + generator.sample(pairs, 30)


_EXTREMES: dict[str, list[object]] = {
    "split_seed": [0, 2**32 - 1],
    "testing_split": [0.05, 0.9],
    "validation_split": [0.2],
    "hidden_layers": [1, 5],
    "neurons": [1, 500],
    "optimizer_learning_rate": [0.0001, 0.5],
    "random_seed": [0, 2**31],
    "epochs": [1],
    "batch_size": [1, None, 100000],
    "early_stopping": [1],
    "print_progress": [1, 1000],
    "title": ['A title with "quotes", <b>tags</b> and émojis 🎉'],
    "author": ["Ada Lovelace"],
}
_NEEDED: dict[str, dict[str, object]] = {"early_stopping": {"validation_split": 0.2}}


def measure_options(folder: Path) -> dict[str, Any]:
    """Each combination runs to its end, or is refused before a notebook is written."""
    counts = {"completed": 0, "refused": 0}
    wrong: list[dict[str, object]] = []
    for number, values in enumerate(combinations()):
        try:
            notebook = verbs.generate(TASK, {"epochs": 3, **values}, out=folder / f"{number}.ipynb")["notebook"]
        except ValueRefused as error:
            counts["refused"] += 1
            assert error.fix, values
            continue
        done = verbs.run(notebook, runs=folder / "options")
        if done["status"] == "completed":
            counts["completed"] += 1
        else:
            wrong.append({"values": values, "message": done["message"]})
    return {"limit": "no other outcome", **counts, "wrong": wrong}


MEASURES: dict[str, Callable[[Path], dict[str, Any]]] = (
    {name.removeprefix("measure_"): value for name, value in list(globals().items()) if name.startswith("measure_")}
    | form.MEASURES
    | visitors.MEASURES
    | clients.MEASURES
    | records.MEASURES
    | explorer.MEASURES
    | images.MEASURES
    | gpu.MEASURES
    | loops.MEASURES
)


def main(names: list[str]) -> None:
    """Measure what is named, or everything."""
    print(json.dumps({"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}))
    for name in names or MEASURES:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps({"measure": name, **MEASURES[name](Path(folder))}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
