"""The process that runs one notebook for the form: ``python -m mlprov_widgets.execution.worker NOTEBOOK FOLDER``.

It writes ``progress.json`` after every cell and ``result.json`` at the end into the run's folder, both
atomically, so that whoever started it can look, leave and come back.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.background import PACKAGES_VARIABLE, PROGRESS, RESULT, TIMEOUT_VARIABLE
from mlprov_widgets.execution.priority import lower
from mlprov_widgets.execution.queue import queue_folder, slots, turn
from mlprov_widgets.execution.run import run_notebook, without_record
from mlprov_widgets.execution.same_environment import BuiltEnvironment, built
from mlprov_widgets.execution.session import Progress
from mlprov_widgets.files import write_atomically


def main(arguments: list[str]) -> int:
    """Run a notebook in a folder and leave the result there."""
    # A process that a Jupyter kernel starts inherits its ignored Ctrl-C, which is how a run is cancelled.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    lower()
    notebook, folder, *tasks = (Path(argument) for argument in arguments)

    def progress(event: Mapping[str, Any]) -> None:
        write_atomically(folder / PROGRESS, json.dumps(dict(event)), replace=True)

    try:
        timeout = os.environ.get(TIMEOUT_VARIABLE)
        waiting = turn(
            queue_folder(folder.parent), slots(), lambda before: progress({"event": "waiting", "before": before})
        )
        with waiting, _environment(progress) as environment:
            done = run_notebook(
                notebook,
                folder=folder,
                timeout=float(timeout) if timeout else None,
                tasks=tasks,
                progress=progress,
                kernels=environment.kernels if environment else None,
            )
            result = done.as_dict() | {"not_had": environment.not_had if environment else None}
    except KeyboardInterrupt:  # while it waited: a run that goes on takes it itself
        result = without_record("cancelled", "it was cancelled before it started") | {"run": str(folder)}
    except MlprovError as error:
        result = without_record("failed", str(error)) | {"run": str(folder), "error": error.as_dict()}
    write_atomically(folder / RESULT, json.dumps(result, allow_nan=False, default=str), replace=True)
    return 0 if result["status"] == "completed" else 1


def _environment(progress: Progress) -> AbstractContextManager[BuiltEnvironment | None]:
    """Return the environment that the run is to have, built when it is entered; None if it was asked for none."""
    wanted = os.environ.get(PACKAGES_VARIABLE)
    if not wanted:
        return nullcontext()
    progress({"event": "building", "title": "Building the recorded environment"})
    return built(json.loads(wanted))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
