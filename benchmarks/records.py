"""The measures of the record: what capture costs in time and memory, beside nothing, `prov` and MLflow."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import nbformat

from mlprov_widgets import verbs
from mlprov_widgets.execution.session import Session

TASK = "multiclass_classification"
PAIRS = 10
# About a minute of training on two cores: 8,000 took 35 s.
EPOCHS_OF_A_MINUTE = 14000

# A shell of IPython without a kernel around it: nothing but the cells and what listens to them.
_CELLS = """
import json, statistics, sys, time
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.run_cell("import math")
if sys.argv[1] == "recorded":
    shell.run_cell("from mlprov_widgets import record")
    shell.run_cell("outputs = record('multiclass_classification', '1.0.0', plan='0' * 64)")
seconds = []
for number in range(int(sys.argv[2])):
    source = f"value_{number} = math.sqrt({number})" + (f" + value_{number - 1}" if number else "")
    began = time.perf_counter()
    shell.run_cell(source)
    seconds.append(time.perf_counter() - began)
print(json.dumps(statistics.median(seconds)))
"""

_RECORDS = """
import json, sys, time
from pathlib import Path
from mlprov_widgets.provenance.capture.document import save_document
from mlprov_widgets.provenance.capture.journal import read_journal
from mlprov_widgets.provenance.reading import read_provenance
import mlprov_widgets.provenance.export.report
from prov.model import ProvDocument

folder = Path(sys.argv[1])
events = read_journal(folder / "journal.jsonl").events
told = []
for _ in range(3):
    began = time.perf_counter()
    save_document(folder, events)
    read_provenance(folder / "provenance.json")
    own = time.perf_counter() - began
    text = (folder / "provenance.json").read_text()
    known = ProvDocument.deserialize(content=text, format="json")
    began = time.perf_counter()
    again = ProvDocument()
    for space in known.namespaces:
        again.add_namespace(space)
    for record in known.get_records():
        again.new_record(record.get_type(), record.identifier, record.formal_attributes, record.extra_attributes)
    (folder / "prov.json").write_text(again.serialize(format="json"))
    ProvDocument.deserialize(content=(folder / "prov.json").read_text(), format="json")
    told.append((own, time.perf_counter() - began, len(known.get_records())))
print(json.dumps(told))
"""


def spread(values: list[float]) -> dict[str, float]:
    ordered = (min(values), statistics.median(values), max(values))
    return dict(zip(("min", "median", "max"), (round(v, 5) for v in ordered), strict=True))


def _python(code: str, *arguments: str, folder: Path) -> Any:
    environment = {**os.environ, "MLPROV_RUNS": str(folder / "runs")}
    command = [sys.executable, "-c", code, *arguments]
    out = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True).stdout
    return json.loads(out.splitlines()[-1])


def measure_cells(folder: Path) -> dict[str, Any]:
    """One cell of IPython with the recorder, over the same without it: the median of 1,000 cells."""
    pairs = []
    for number in range(PAIRS):
        place = folder / str(number)
        place.mkdir()
        pairs.append(tuple(_python(_CELLS, mode, "1000", folder=place) for mode in ("plain", "recorded")))
    return {
        "limit_s": 0.002,
        "plain_s": spread([a for a, _ in pairs]),
        "recorded_s": spread([b for _, b in pairs]),
        "added_s": spread([b - a for a, b in pairs]),
    }


def measure_records(folder: Path) -> dict[str, Any]:
    """A document of 10,000 records: built, written and read, over `prov` doing the same with the same records."""
    _python(_CELLS, "recorded", "1000", folder=folder)
    (journal,) = (folder / "runs").glob("*/journal.jsonl")
    rounds = _python(_RECORDS, str(journal.parent), folder=folder)
    return {
        "limit_ratio": 1.5,
        "records": rounds[0][2],
        "own_s": spread([own for own, _, _ in rounds]),
        "prov_s": spread([prov for _, prov, _ in rounds]),
        "ratio": spread([own / prov for own, prov, _ in rounds]),
    }


def _notebook(path: Path, change: Callable[[Any], None] = lambda notebook: None) -> Any:
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    return notebook


def _cell(notebook: Any, step: str) -> Any:
    return next(cell for cell in notebook.cells if cell.id == step)


def _without_recorder(notebook: Any) -> None:
    # The recorder spares the kernel its last collection, so the other side is spared it too.
    _cell(notebook, "recorder").source = "import atexit, gc; _ = atexit.register(gc.freeze)\noutputs = __OUTPUTS__"


def _with_mlflow(notebook: Any) -> None:
    _without_recorder(notebook)
    _cell(
        notebook, "recorder"
    ).source += "\nimport mlflow\nmlflow.set_tracking_uri('sqlite:///mlflow.db')\nmlflow.set_experiment('iris')"
    train = _cell(notebook, "train")
    logged = '    mlflow.log_metric("loss", history["loss"][-1], step=epoch)\n'
    before, found, after = train.source.partition("    if n_validation:\n")
    assert found, "the training cell has changed"
    train.source = f"mlflow.start_run()\n{before}{logged}{found}{after}\nmlflow.end_run()"


def _execute(path: Path, folder: Path, change: Callable[[Any], None]) -> tuple[float, int]:
    """Return the seconds of a notebook in a kernel of its own, and the most memory that it held, in bytes."""
    place = Path(tempfile.mkdtemp(dir=folder))
    (place / "outputs").mkdir()

    def read() -> Any:
        notebook = _notebook(path, change)
        start = _cell(notebook, "recorder")
        start.source = start.source.replace("__OUTPUTS__", f"__import__('pathlib').Path({str(place / 'outputs')!r})")
        held = "import resource\nprint('most', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
        notebook.cells.append(nbformat.v4.new_code_cell(held, id="held"))
        return notebook

    session = Session(read, "python3", place, {"MLPROV_NOTEBOOK": str(path), "MLPROV_RUN_DIR": str(place)})
    began = time.perf_counter()
    session.run()
    seconds = time.perf_counter() - began
    assert session.notebook is not None
    told = "".join(output.get("text", "") for output in session.notebook.cells[-1].outputs)
    return seconds, int(told.split()[1]) * 1024


def _kept(notebook: Any) -> None:
    """Leave the notebook as it is."""


def _iris(folder: Path, **values: Any) -> Path:
    return Path(verbs.generate(TASK, values, out=folder / "iris.ipynb")["notebook"])


def measure_memory(folder: Path) -> dict[str, Any]:
    """The most memory of the kernel on Iris, with the recorder line over without it."""
    path = _iris(folder)
    pairs = [(_execute(path, folder, _without_recorder)[1], _execute(path, folder, _kept)[1]) for _ in range(3)]
    return {
        "limit_mb": 50,
        "added_mb": spread([(b - a) / 2**20 for a, b in pairs]),
        "without_mb": spread([a / 2**20 for a, _ in pairs]),
    }


def measure_minute(folder: Path) -> dict[str, Any]:
    """A training of a minute, with the recorder line over without it; the two of a pair side by side, a core each."""
    path = _iris(folder, epochs=EPOCHS_OF_A_MINUTE, print_progress=1000)
    pairs = []
    with ProcessPoolExecutor(2) as pool:
        for number in range(PAIRS):
            # The first of the two has the other one's start beside it, so they take turns.
            changes = [_without_recorder, _kept] if number % 2 else [_kept, _without_recorder]
            started = {change: pool.submit(_execute, path, folder, change) for change in changes}
            pairs.append((started[_without_recorder].result()[0], started[_kept].result()[0]))
    without = statistics.median(a for a, _ in pairs)
    return {
        "limit_s": round(0.3 + 0.01 * without, 3),
        "without_s": spread([a for a, _ in pairs]),
        "added_s": spread([b - a for a, b in pairs]),
    }


def measure_mlflow(folder: Path) -> dict[str, Any]:
    """What the recorder adds to Iris, over what MLflow adds with one metric an epoch in SQLite."""
    if importlib.util.find_spec("mlflow") is None:
        return {"skipped": "mlflow is not installed: sh .ci/uv run --with mlflow python benchmarks/measure.py mlflow"}
    path = _iris(folder)
    changes = (_without_recorder, _kept, _with_mlflow)
    for change in changes:
        _execute(path, folder, change)
    rounds = [[_execute(path, folder, change)[0] for change in changes] for _ in range(PAIRS)]
    own, other = [b - a for a, b, _ in rounds], [c - a for a, _, c in rounds]
    return {
        "limit_ratio": 0.1,
        "added_s": spread(own),
        "mlflow_added_s": spread(other),
        "ratio_of_medians": round(statistics.median(own) / statistics.median(other), 4),
    }


MEASURES = {
    name.removeprefix("measure_"): value for name, value in list(globals().items()) if name.startswith("measure_")
}
