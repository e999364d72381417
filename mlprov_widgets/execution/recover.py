"""A journal whose run was killed, or did not know its notebook, becomes a document."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import MlprovError, NotebookError
from mlprov_widgets.execution.run import Run, run_of, without_record, write_results
from mlprov_widgets.notebook.readback import load_notebook
from mlprov_widgets.provenance.capture.journal import Event, read_journal


def recover(journal: Path, notebook: Path | None = None) -> Run:
    """Finish the record of a run from its journal.

    Parameters
    ----------
    journal
        The ``journal.jsonl`` of a run, or the run's folder.
    notebook
        The notebook that ran, for a journal that does not know it.

    Returns
    -------
    Run
        The document and the report are written beside the journal; the journal stays as it is.

    Raises
    ------
    ProvenanceError
        If this is not a journal.
    NotebookError
        If the notebook is not the one that the journal names.
    """
    if journal.is_dir():
        journal = journal / "journal.jsonl"
    read = read_journal(journal)
    events = list(read.events)
    found = load_notebook(notebook) if notebook else None
    if found is not None and found.plan.get("digest") != events[0].get("plan_digest"):
        raise NotebookError(
            "the journal is of another notebook: the digests of their Plans differ",
            field=str(notebook),
            fix="Give the notebook that ran",
        )
    events += _ending(events, read.truncated)
    folder = journal.parent.resolve()
    built = write_results(folder, events, found)
    executed = next(iter(sorted(folder.glob("*.ipynb"))), notebook)
    ended = built.account.ended or built.account.started
    seconds = (ended - built.account.started).total_seconds()
    return run_of(folder, executed, built, "; ".join(built.account.notes), seconds)


def result_of_killed(folder: Path, status: str, message: str) -> dict[str, Any]:
    """Return what came of a run whose process left no result: with the record of what had run, if it left a journal.

    Parameters
    ----------
    folder
        The run's.
    status, message
        How it ended, as far as it is known from outside.
    """
    told = without_record(status, message) | {"run": str(folder)}
    with suppress(MlprovError, OSError):  # it ended before it had a journal, or there is no room for a record
        told = recover(folder).as_dict() | {"status": status, "message": message}
    return told


def _ending(events: list[Event], truncated: bool) -> list[Event]:
    added: list[Event] = []
    last = events[-1]["time"]
    if truncated:
        message = "The last line of the journal was cut off: the run was killed while it was written."
        added.append({"event": "note", "time": last, "message": message})
    if not any(event["event"] == "end" for event in events):
        message = "The run did not end by itself; its record was recovered from the journal."
        # A cell that was cut off did not fail, nobody knows how it would have ended; one that failed before did.
        tries = {str(event.get("step")): event.get("status") for event in events if event["event"] == "cell"}
        status = "failed" if "error" in tries.values() else "incomplete"
        added.append({"event": "end", "time": last, "message": message, "status": status})
    return added
