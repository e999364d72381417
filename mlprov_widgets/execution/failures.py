"""Why a run that was to reproduce another did not come to its end, in words that a person can act on."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlprov_widgets.execution.causes import environment_cause
from mlprov_widgets.execution.compare import Comparison
from mlprov_widgets.execution.differences import Difference
from mlprov_widgets.execution.surroundings import environment_changes, installed_changes, is_software
from mlprov_widgets.provenance.reading import ProvenanceFile, value_of
from mlprov_widgets.provenance.replay import Replay
from mlprov_widgets.provenance.view import view

_NO_MODULE: Final = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
_TOLD_BY_THE_MESSAGE: Final = (
    (
        re.compile(r"URLError|HTTPError|ConnectionError|gaierror|RemoteDisconnected|SSLError"),
        "what the notebook downloads could not be had: look at the connection, and try again",
    ),
    (
        re.compile(r"the GPU's memory is too small"),
        "this GPU has less memory than the recorded one, or other programs use it: end those, or use a larger GPU",
    ),
    (
        re.compile(r"out of memory|memory is too small|MemoryError|kernel died", re.IGNORECASE),
        "the memory was probably too small for it: close other programs, or use a larger machine",
    ),
    (
        re.compile(r"ended without a word"),
        "nothing in the experiment; start it again, and if it ends so again, the memory is too small for it",
    ),
    (re.compile(r"No space left on device"), "the disk is full"),
    (re.compile(r"time limit"), "it took longer than it was given: allow it more time"),
    (re.compile(r"FileNotFoundError"), "a file that the notebook reads is not here"),
)
_UNEXPLAINED: Final = "nothing that was recorded explains it: look at the cell in the notebook that ran"


def failed(
    recorded: Replay,
    *,
    status: str,
    message: str,
    step: str | None,
    stage: str = "",
    actual: ProvenanceFile | None = None,
) -> Comparison:
    """Return the comparison with a run that did not complete: one difference, where and why it ended.

    Parameters
    ----------
    recorded
        What was to be reproduced.
    status, message, step
        Of the new run, as in `mlprov_widgets.execution.run.Run`.
    stage
        That of the step, empty for a cell of the frame.
    actual
        The new run's document, if it left one.
    """
    changes = _changes(recorded, actual)
    cause = _cause(recorded, actual, status, message, step or "", changes)
    difference = Difference(stage or "code", None, step or "", "completed", status, cause, decides=True)
    return Comparison("failed", [difference], changes, happened=message or status)


def _changes(recorded: Replay, actual: ProvenanceFile | None) -> list[dict[str, Any]]:
    """Return what was another, of what both runs know: one that ended early has not loaded everything."""
    if recorded.file is None or actual is None:
        return installed_changes(recorded.packages)
    changes = environment_changes(recorded.file, actual)
    return [change for change in changes if change["expected"] is not None and change["actual"] is not None]


def _cause(
    recorded: Replay,
    actual: ProvenanceFile | None,
    status: str,
    message: str,
    step: str,
    changes: Sequence[Mapping[str, Any]],
) -> str:
    if status == "cancelled":
        return "somebody cancelled it; start it again"
    if missing := _NO_MODULE.search(message):
        return f"the package of the module {missing[1]} is not installed here, or not in the recorded version"
    if step and step == _ended_in(recorded.file):
        return "the recorded run ended in this step too"
    if step and actual is not None and _is_edited(actual, step):
        return "the code of this cell was edited by hand; without the edit, the task's own code runs"
    for pattern, cause in _TOLD_BY_THE_MESSAGE:
        if pattern.search(message):
            return cause
    return environment_cause([change for change in changes if is_software(change)]) or _UNEXPLAINED


def _is_edited(file: ProvenanceFile, step: str) -> bool:
    return any(told["step"] == step and told["code"] in ("edited", "added") for told in view(file).steps)


def _ended_in(file: ProvenanceFile | None) -> str:
    """Return the step in which a recorded run failed; empty if it did not."""
    if file is None or value_of(file.activity("run:run").get("ml:status")) == "completed":
        return ""
    return str(view(file).run["failed_step"] or "")
