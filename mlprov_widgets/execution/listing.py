"""The runs of a folder, newest first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.document import FILE_NAME as DOCUMENT
from mlprov_widgets.provenance.journal import FILE_NAME as JOURNAL
from mlprov_widgets.provenance.overview import seconds_between
from mlprov_widgets.provenance.reading import read_provenance, value_of
from mlprov_widgets.provenance.view import metrics_of, stale_metrics_of


def list_runs(folder: Path) -> list[dict[str, Any]]:
    """Return what is known of each run below a folder.

    A run whose document is missing or damaged is listed as ``incomplete``, with the reason.
    """
    if not folder.is_dir():
        return []
    places = [place for place in folder.iterdir() if (place / DOCUMENT).is_file() or (place / JOURNAL).is_file()]
    return sorted(_each(places), key=lambda run: str(run["started"]), reverse=True)


def _each(places: list[Path]) -> Iterator[dict[str, Any]]:
    for place in places:
        entry: dict[str, Any] = {
            "run": str(place),
            "task": None,
            "status": "incomplete",
            "started": "",
            "seconds": None,
            "metrics": {},
            "stale_metrics": {},
            "provenance": str(place / DOCUMENT),
            "problem": "",
        }
        try:
            file = read_provenance(place / DOCUMENT)
            run = file.activity("run:run")
            entry |= {
                "task": value_of(file.entity("plan:notebook").get("ml:task")),
                "status": value_of(run.get("ml:status")),
                "started": run.get("prov:startTime"),
                "seconds": seconds_between(run.get("prov:startTime"), run.get("prov:endTime")),
                "metrics": metrics_of(file),
                "stale_metrics": stale_metrics_of(file),
            }
        except ProvenanceError as error:
            entry["problem"] = str(error)
        yield entry
