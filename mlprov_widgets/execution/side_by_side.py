"""Any number of runs side by side: parameters, environment and metrics, and what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mlprov_widgets.errors import ValueRefused
from mlprov_widgets.execution.summary import summary_of
from mlprov_widgets.provenance.capture.document import FILE_NAME as DOCUMENT

GROUPS: Final = ("parameters", "environment", "metrics")
MOST: Final = 1_000
_ITEMS: Final = 5


def side_by_side(sources: Sequence[Path]) -> dict[str, Any]:
    """Return runs side by side.

    Parameters
    ----------
    sources
        Provenance files, or the folders of runs.

    Returns
    -------
    dict
        ``runs``: each with ``run``, ``task``, ``title``, ``status``, ``started``, ``seconds``, ``provenance``;
        ``parameters``, ``environment``, ``metrics``: name to the value in each run, None where it has none;
        ``differences``: those that are not the same in all, with ``group``, ``name``, ``values``;
        ``series``: name to the curve of each run, as pairs of epoch and value.

    Raises
    ------
    ValueRefused
        If there are fewer than two runs, or too many.
    ProvenanceError
        If one of them cannot be read.
    """
    if not 2 <= len(sources) <= MOST:
        raise ValueRefused(
            f"{len(sources)} cannot be compared", field="provenance", fix=f"Give two runs or more, at most {MOST:,}"
        )
    paths = [path / DOCUMENT if path.is_dir() else path for path in sources]
    summaries = [summary_of(path) for path in paths]
    groups = {group: _columns([summary[group] for summary in summaries]) for group in GROUPS}
    shown = ("task", "title", "status", "started", "seconds")
    return {
        "runs": [
            {"run": str(path.parent), **{name: summary[name] for name in shown}, "provenance": str(path)}
            for path, summary in zip(paths, summaries, strict=True)
        ],
        **groups,
        "differences": [
            {"group": group, "name": name, "values": values}
            for group, columns in groups.items()
            for name, values in columns.items()
            if differs(values)
        ],
        "series": _columns([summary["series"] for summary in summaries]),
    }


def differs(values: Sequence[Any]) -> bool:
    """Return whether values are not all the same; a NaN is the same as another, and True is not 1."""
    return len({repr(value) for value in values}) > 1


def in_short(value: Any) -> str:
    """Return a value as a cell of a table shows it: a list by its first items, a confusion matrix by its diagonal."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if not isinstance(value, list):
        return "" if value is None else str(value)
    if value and all(isinstance(row, list) and len(row) == len(value) for row in value):
        numbers = [item for row in value for item in row if isinstance(item, int)]
        right = sum(row[k] for k, row in enumerate(value) if isinstance(row[k], int))
        return f"{len(value)} x {len(value)}, {right} of {sum(numbers)} on the diagonal"
    first = ", ".join(f"{item:.3g}" if isinstance(item, float) else str(item) for item in value[:_ITEMS])
    return f"{first}, … ({len(value)})" if len(value) > _ITEMS else first


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}
