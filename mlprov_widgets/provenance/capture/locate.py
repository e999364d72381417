"""Which notebook file is running in this kernel: found by its Plan's digest, never guessed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlprov_widgets.files import sha256_of_bytes, sha256_of_text

NOTEBOOK = "MLPROV_NOTEBOOK"
"""Set by our runner: the notebook that runs."""

METADATA = "mlprov"
"""The key of the Plan in a notebook's metadata."""

LARGEST_NOTEBOOK = 64 * 2**20
_LARGEST_LOOKED_INTO, _MOST_LOOKED_INTO = 8 * 2**20, 50


@dataclass(frozen=True)
class FoundNotebook:
    """A notebook that carries a Plan.

    Attributes
    ----------
    plan : dict
        The Plan, with the digests of its cells under ``cells``.
    cells : list of dict
        ``step``, ``stage``, ``kind``, ``title``, ``source`` and ``sha256`` of each cell, in order.
    facts : dict
        Name, size, digest and dates of the file, and its kernel.
    path : pathlib.Path or None
        Where the file lies; no part of any record.
    """

    plan: dict[str, Any]
    cells: list[dict[str, Any]]
    facts: dict[str, Any]
    path: Path | None = None


def find_notebook(digest: str, namespace: Mapping[str, Any], environment: Mapping[str, str]) -> FoundNotebook | None:
    """Return the running notebook, or None when no candidate carries the Plan of this digest.

    A kernel that was started from another notebook inherits that notebook's ``JPY_SESSION_NAME``:
    the digest is what tells them apart.
    """
    candidates = list(_candidates(namespace, environment))
    for candidate in candidates:
        found = read_notebook_file(candidate)
        if found is not None and found.plan.get("digest") == digest:
            return found
    # The front end said which file it is, and it has another name by now.
    return _renamed(digest) if candidates and not any(map(os.path.exists, candidates)) else None


def _renamed(digest: str) -> FoundNotebook | None:
    """Return the notebook in this folder that carries the Plan of this digest, None unless it is the only one."""
    try:
        here = [path for path in Path.cwd().glob("*.ipynb") if path.stat().st_size <= _LARGEST_LOOKED_INTO]
    except OSError:
        return None
    if len(here) > _MOST_LOOKED_INTO:
        return None
    found = [notebook for path in here if (notebook := read_notebook_file(path)) is not None]
    same = [notebook for notebook in found if notebook.plan.get("digest") == digest]
    return same[0] if len(same) == 1 else None


def _candidates(namespace: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Path]:
    for name in (
        environment.get(NOTEBOOK),
        namespace.get("__vsc_ipynb_file__"),
        environment.get("JPY_SESSION_NAME"),
    ):
        if isinstance(name, str) and name.endswith(".ipynb"):
            yield Path(name)
            yield Path(Path(name).name)  # the session's name is relative to the server's root


def read_notebook_file(path: Path, *, after: str = "") -> FoundNotebook | None:
    """Read the Plan and the cells of a notebook file.

    Parameters
    ----------
    path
    after
        A time, as in the facts of a notebook: a file that was not changed after it is not read.

    Returns
    -------
    FoundNotebook or None
        None when the file has no Plan or cannot be read.
    """
    try:
        if path.stat().st_size > LARGEST_NOTEBOOK or _time(path.stat().st_mtime) <= after:
            return None
        raw = path.read_bytes()
        notebook = json.loads(raw)
        plan = notebook["metadata"][METADATA]
        cells = [_cell(cell) for cell in notebook["cells"]]
        kernel = str(notebook["metadata"].get("kernelspec", {}).get("name", ""))
        if not isinstance(plan, dict):
            return None
        status = path.stat()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    created = getattr(status, "st_birthtime", None)
    facts = {
        "name": path.name,
        "bytes": len(raw),
        "sha256": sha256_of_bytes(raw),
        "created": _time(created if created is not None else min(status.st_ctime, status.st_mtime)),
        "created_by": "os.stat st_birthtime" if created is not None else "os.stat st_ctime",
        "modified": _time(status.st_mtime),
        "format": f"nbformat {notebook.get('nbformat')}.{notebook.get('nbformat_minor')}",
        "kernel": kernel,
    }
    return FoundNotebook(plan, cells, facts, path.absolute())


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def _cell(cell: Mapping[str, Any]) -> dict[str, Any]:
    source = cell["source"] if isinstance(cell["source"], str) else "".join(cell["source"])
    about = cell.get("metadata", {}).get(METADATA, {})
    return {
        "step": str(cell.get("id", "")),
        "stage": str(about.get("stage", "")),
        "title": str(about.get("title", "")),
        "kind": str(cell.get("cell_type", "")),
        "source": source,
        "sha256": sha256_of_text(source),
        "tags": [str(tag) for tag in cell.get("metadata", {}).get("tags", []) if isinstance(tag, str)],
    }
