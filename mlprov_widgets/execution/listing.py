"""The runs of a folder, newest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from mlprov_widgets.errors import ProvenanceError, ValueRefused, nearest
from mlprov_widgets.execution.summary import summary_of
from mlprov_widgets.provenance.capture.document import FILE_NAME as DOCUMENT
from mlprov_widgets.provenance.capture.journal import FILE_NAME as JOURNAL

SORTABLE: Final = ("started", "task", "status", "seconds")
"""By what runs are sorted, beside the name of any metric."""

UNFINISHED: Final = "it is still going on, or was cut off: mlprov recover finishes its record"

_SHOWN: Final = ("task", "title", "status", "started", "seconds", "metrics", "stale_metrics")


def list_runs(folder: Path, *, search: str = "", sort: str = "started") -> list[dict[str, Any]]:
    """Return what is known of each run below a folder.

    A run whose document is missing or damaged is listed as ``incomplete``, with the reason.

    Parameters
    ----------
    folder
        The folder of the runs.
    search
        Words that all have to stand in a run's folder, task, title, status or parameters; ``name=value`` asks for the
        value of a parameter.
    sort
        One of `SORTABLE`, or a metric; times and metrics with the largest first. A ``-`` before it turns the order.

    Raises
    ------
    ValueRefused
        If runs cannot be sorted by this.
    """
    runs = searched(read_runs(folder), search)
    return [{key: value for key, value in run.items() if key != "parameters"} for run in sorted_runs(runs, sort)]


def read_runs(folder: Path) -> list[dict[str, Any]]:
    """Return what is known of each run below a folder, with its parameters, in no order; see `list_runs`."""
    if not folder.is_dir():
        return []
    places = [place for place in folder.iterdir() if (place / DOCUMENT).is_file() or (place / JOURNAL).is_file()]
    return list(_each(places))


def searched(runs: Iterable[Mapping[str, Any]], search: str) -> list[Mapping[str, Any]]:
    """Return the runs that a search finds; see `list_runs`."""
    return [run for run in runs if _matches(run, search)]


def sorted_runs(runs: Iterable[Mapping[str, Any]], sort: str) -> list[dict[str, Any]]:
    """Return runs in an order; those that have no such value come last."""
    listed = [dict(run) for run in runs]
    turned, name = sort.startswith("-"), sort.removeprefix("-")
    metrics = sorted({metric for run in listed for metric in run["metrics"]})
    if name not in SORTABLE and name not in metrics and listed:
        raise ValueRefused("runs cannot be sorted by this", field=name, fix=nearest(name, [*SORTABLE, *metrics]))
    largest_first = (name not in ("task", "status")) is not turned

    def value(run: Mapping[str, Any]) -> Any:
        return run[name] if name in SORTABLE else run["metrics"].get(name)

    known: list[dict[str, Any]] = [run for run in listed if _sortable(value(run))]
    others = [run for run in listed if not _sortable(value(run))]
    newest = sorted(known, key=lambda run: str(run["started"]), reverse=True)
    return [*sorted(newest, key=lambda run: (isinstance(value(run), str), value(run)), reverse=largest_first), *others]


def _sortable(value: Any) -> bool:
    return isinstance(value, str | int | float) and value == value


def _matches(run: Mapping[str, Any], search: str) -> bool:
    parameters = {name.lower(): str(value).lower() for name, value in run["parameters"].items()}
    texts = [Path(run["run"]).name, run["task"], run.get("title"), run["status"], *parameters.values()]
    everything = " ".join(str(text).lower() for text in texts if text)
    for word in search.lower().split():
        name, equals, wanted = word.partition("=")
        if equals and name in parameters:
            if parameters[name] != wanted:
                return False
        elif word not in everything:
            return False
    return True


def _each(places: list[Path]) -> Iterator[dict[str, Any]]:
    for place in places:
        entry: dict[str, Any] = {
            "run": str(place),
            "task": None,
            "title": "",
            "status": "incomplete",
            "started": "",
            "seconds": None,
            "metrics": {},
            "stale_metrics": {},
            "provenance": str(place / DOCUMENT),
            "problem": "",
            "parameters": {},
        }
        try:
            if (place / DOCUMENT).is_file():
                summary = summary_of(place / DOCUMENT)
                entry |= {name: summary[name] for name in (*_SHOWN, "parameters")}
            else:
                entry["problem"] = UNFINISHED
        except ProvenanceError as error:
            entry["problem"] = str(error)
        yield entry
