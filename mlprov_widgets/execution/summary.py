"""What is shown of a run beside others: made when its document is written, and kept beside it.

A kept summary counts only for the document that it was made of: of the same size, and not newer or at least of the
same digest. Without one, the document is read. Reading writes nothing: the folder may be somebody else's.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, Final

from mlprov_widgets.errors import MlprovError, ProvenanceError
from mlprov_widgets.execution.surroundings import PYTHON, numerics_of
from mlprov_widgets.files import sha256_of_file, write_atomically
from mlprov_widgets.provenance.capture.document import FILE_NAME as DOCUMENT
from mlprov_widgets.provenance.overview import seconds_between
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance, value_of
from mlprov_widgets.provenance.view import metrics_of, packages_of, plan_dict_of, series_of, stale_metrics_of

FILE_NAME: Final = ".summary.json"
LONGEST_CURVE: Final = 200
"""Points that are kept of a training series: as many as a small chart can show."""

_VERSION: Final = 2
_LARGEST: Final = 2**20
_PARTS: Final[dict[str, type | tuple[type, ...]]] = {
    "task": (str, type(None)),
    "status": (str, type(None)),
    "started": (str, type(None)),
    "seconds": (int, float, type(None)),
    "title": str,
    "metrics": dict,
    "stale_metrics": dict,
    "parameters": dict,
    "environment": dict,
    "series": dict,
}


def summary_of(provenance: Path) -> dict[str, Any]:
    """Return the summary of a run.

    Returns
    -------
    dict
        ``task``, ``title``, ``status``, ``started``, ``seconds``, ``metrics``, ``stale_metrics``, ``parameters``,
        ``environment``, ``series`` (of each, `LONGEST_CURVE` points at most, as pairs of epoch and value).

    Raises
    ------
    ProvenanceError
        If the document cannot be read.
    """
    return _kept(provenance) or summarise(read_provenance(provenance))


def keep(file: ProvenanceFile) -> None:
    """Write the summary of a document that has just been written, beside it.

    Where that fails, a list of runs reads the document instead.
    """
    path = file.path
    if path is None:
        return
    with contextlib.suppress(MlprovError, OSError):
        told = {
            "version": _VERSION,
            "bytes": path.stat().st_size,
            "sha256": sha256_of_file(path),
            "summary": summarise(file),
        }
        write_atomically(path.with_name(FILE_NAME), json.dumps(told), replace=True)


def _kept(provenance: Path) -> dict[str, Any] | None:
    if provenance.name != DOCUMENT:
        return None
    try:
        path = provenance.with_name(FILE_NAME)
        there, document = path.stat(), provenance.stat()
        if there.st_size > _LARGEST:
            return None
        told = json.loads(path.read_bytes())
        if told["version"] != _VERSION or told["bytes"] != document.st_size:
            return None
        # Whoever copies a folder may copy the summary before the document.
        if there.st_mtime_ns < document.st_mtime_ns and told["sha256"] != sha256_of_file(provenance):
            return None
        summary = told["summary"]
        return summary if all(isinstance(summary[name], kind) for name, kind in _PARTS.items()) else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def summarise(file: ProvenanceFile) -> dict[str, Any]:
    """Return the summary of a document; see `summary_of`."""
    run = file.activity("run:run")
    try:
        series = series_of(file)
    except ProvenanceError:  # of a file that was changed: verify says so
        series = {}
    return {
        "task": value_of(file.entity("plan:notebook").get("ml:task")),
        "title": _title(file),
        "status": value_of(run.get("ml:status")),
        "started": run.get("prov:startTime"),
        "seconds": seconds_between(run.get("prov:startTime"), run.get("prov:endTime")),
        "metrics": metrics_of(file),
        "stale_metrics": stale_metrics_of(file),
        "parameters": _parameters(file),
        "environment": _environment(file),
        "series": {name: _thinned(values) for name, values in series.items()},
    }


def _title(file: ProvenanceFile) -> str:
    values = (plan_dict_of(file) or {}).get("values")
    return str(values.get("title") or "") if isinstance(values, dict) else ""


def _parameters(file: ProvenanceFile) -> dict[str, Any]:
    return {
        key.removeprefix("run:hp-"): value_of(record.get("mls:hasValue"))
        for key, record in file.of_type("mls:HyperParameterSetting")
    }


def _environment(file: ProvenanceFile) -> dict[str, Any]:
    hardware = file.entity("run:hardware_info")
    machine = {name: value_of(hardware.get(f"ml:{name}")) for name in ("CPU", "GPUs", "Operating_System")}
    python = value_of(file.entity("run:notebook").get(f"ml:{PYTHON}"))
    return {"Python": python, **machine, **numerics_of(file), **packages_of(file)}


def _thinned(values: list[Any]) -> list[list[Any]]:
    step = max(1, -(-len(values) // LONGEST_CURVE))
    last = len(values) - 1
    return [[k + 1, value] for k, value in enumerate(values) if k % step == 0 or k == last]
