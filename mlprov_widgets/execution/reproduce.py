"""A provenance file is run again, and the verdict says whether the result is the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ValueRefused
from mlprov_widgets.execution.compare import Comparison, against_values, compare
from mlprov_widgets.execution.failures import failed
from mlprov_widgets.execution.run import Run, run_notebook
from mlprov_widgets.execution.same_environment import built, requirements_of
from mlprov_widgets.execution.session import Progress
from mlprov_widgets.execution.surroundings import changes_before_run, installed_changes
from mlprov_widgets.execution.tolerance import bands
from mlprov_widgets.files import file_name, new_folder, runs_folder, sha256_of_text
from mlprov_widgets.notebook.restore import Restored, restore, write_restored
from mlprov_widgets.notebook.write import missing_data
from mlprov_widgets.provenance.capture.seal import is_sealed
from mlprov_widgets.provenance.reading import read_provenance, value_of
from mlprov_widgets.provenance.replay import Replay
from mlprov_widgets.provenance.unpack import opened
from mlprov_widgets.provenance.view import metrics_of, view

_WORST = ("failed", "not-comparable", "different", "within-tolerance", "identical")


@dataclass(frozen=True)
class Reproduction:
    """The answer of `reproduce`.

    Attributes
    ----------
    verdict : str
    comparison : Comparison
    run : Run
        The last of the new runs.
    verdicts : dict of str to int
        How often each verdict was given.
    restored : Restored
    notes : list of str
    tolerance : dict or None
        The band that the reruns measured for each metric, see `mlprov_widgets.execution.tolerance.bands`; None
        after a single run.
    not_had : list of dict or None
        ``name``, ``expected``, ``actual`` of what an environment that was built for it could not have in the recorded
        version; None without such an environment.
    """

    verdict: str
    comparison: Comparison
    run: Run
    verdicts: dict[str, int]
    restored: Restored
    notes: list[str] = field(default_factory=list)
    tolerance: dict[str, dict[str, Any]] | None = None
    not_had: list[dict[str, Any]] | None = None


BeforeRun = Callable[["Restored", list[dict[str, Any]]], None]
"""Called once before anything runs, with what is another here than in the recorded run; may raise to stop."""


def reproduce(source: str | Path, **options: Any) -> Reproduction:
    """Run a recorded experiment again and compare; see `reproduce_file`.

    Parameters
    ----------
    source
        A provenance file, a notebook, or a crate, which is unpacked for as long as this takes.
    options
        As for `reproduce_file`.
    """
    with opened(source) as path:
        return reproduce_file(path, **options)


def reproduce_file(
    source: str | Path,
    *,
    edits: str = "refuse",
    repeat: int = 1,
    runs: Path | None = None,
    tasks: Sequence[Path] = (),
    data: Sequence[Path] = (),
    timeout: float | None = None,
    progress: Progress | None = None,
    before: BeforeRun | None = None,
    same_environment: bool = False,
) -> Reproduction:
    """Run a recorded experiment again and compare.

    Parameters
    ----------
    source, edits, tasks, data
        See `restore`.
    repeat
        How many times; the verdict is the worst of all, and from two on, their spread is the tolerance.
    runs, timeout, progress
        See `mlprov_widgets.execution.run.run_notebook`.
    before
        See `BeforeRun`.
    same_environment
        Whether to run in an environment that is built for it, with the task's requirements at the recorded versions;
        see `mlprov_widgets.execution.same_environment`.
    """
    if not 1 <= repeat <= 1000:
        raise ValueRefused(f"{repeat} is out of range", field="repeat", fix="Give a number from 1 to 1000")
    restored = restore(source, edits=edits, tasks=tasks, data=data)
    _check_before_run(restored)
    if before is not None:
        before(restored, environment_before(restored.replay))
    with ExitStack() as stack:
        environment = stack.enter_context(built(wanted_of(restored))) if same_environment else None
        kernels = environment.kernels if environment else None
        done = _runs(restored, repeat, runs or runs_folder(), tasks, timeout, progress, kernels)
    completed = [read_provenance(run.provenance) for run in done if run.status == "completed"]
    measured = [metrics_of(file) for file in completed]
    judged = [(*_verdict(restored, run, measured), run) for run in done]
    worst = min(judged, key=lambda item: _WORST.index(item[0]))
    return Reproduction(
        worst[0],
        worst[1],
        worst[2],
        dict(Counter(item[0] for item in judged)),
        restored,
        _notes(restored),
        bands(measured) if len(measured) > 1 else None,
        environment.not_had if environment else None,
    )


def _runs(
    restored: Restored,
    repeat: int,
    runs: Path,
    tasks: Sequence[Path],
    timeout: float | None,
    progress: Progress | None,
    kernels: Path | None,
) -> list[Run]:
    done: list[Run] = []
    for _ in range(repeat):
        folder = new_folder(runs, f"reproduce-{restored.task.id}").resolve()
        notebook = write_restored(restored, folder / "source" / _name_of(restored))
        done.append(
            run_notebook(notebook, folder=folder, timeout=timeout, tasks=tasks, progress=progress, kernels=kernels)
        )
        if done[-1].status == "cancelled":
            break
    return done


def wanted_of(restored: Restored) -> dict[str, str]:
    """Return what the recorded environment needs: the task's requirements, each with its recorded version."""
    plan = restored.replay.plan
    pinned = dict(item.split("==", 1) for item in (plan.requirements if plan else ()) if "==" in item)
    recorded = {name.lower(): number for name, number in {**pinned, **restored.replay.packages}.items()}
    return requirements_of(restored.task.requirements, recorded)


def environment_before(recorded: Replay) -> list[dict[str, Any]]:
    """Return what is another here than in a recorded run, as far as it can be told before running."""
    if recorded.file is not None:
        return changes_before_run(recorded.file)
    return installed_changes(recorded.packages)


def _check_before_run(restored: Restored) -> None:
    """Meet now what could not be compared or copied later."""
    if restored.replay.file is not None:
        view(restored.replay.file)
    for name, file in restored.draft.plan.files.items():
        if name not in restored.draft.sources:
            raise missing_data(name, file.name, file.sha256)


def _name_of(restored: Restored) -> str:
    file = restored.replay.file
    told = value_of(file.entity("plan:notebook").get("schema:name")) if file else None
    name = file_name(str(told or "")).removesuffix(".ipynb")
    return f"{name if told else restored.task.id}.ipynb"


def _notes(restored: Restored) -> list[str]:
    notes = list(restored.notes)
    file = restored.replay.file
    if file is not None and not is_sealed(file.document):
        notes.append("the file was changed after the run wrote it; mlprov verify names what")
    told = file.entity("plan:notebook").get("schema:sha256") if file else None
    if told and told != sha256_of_text(restored.text) and not restored.edited and not restored.notes:
        notes.append(
            "the notebook is not the recorded file byte for byte: it had been saved or run before it was recorded"
        )
    return notes


def _verdict(restored: Restored, run: Run, measured: Sequence[Mapping[str, Any]]) -> tuple[str, Comparison]:
    recorded, actual = restored.replay, read_provenance(run.provenance)
    if run.status != "completed":
        step = run.failed_step or ""
        comparison = failed(
            recorded,
            status=run.status,
            message=run.message,
            step=step,
            stage=restored.task.stage_of_step(step),
            actual=actual,
        )
    elif recorded.file is not None:
        comparison = compare(recorded.file, actual, measured)
    else:
        comparison = against_values(recorded, actual, measured)
    return comparison.verdict, comparison
