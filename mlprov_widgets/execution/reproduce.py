"""A provenance file is run again, and the verdict says whether the result is the same."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ProvenanceError, ValueRefused, nearest
from mlprov_widgets.execution.compare import Comparison, Difference, compare, verdict_of
from mlprov_widgets.execution.run import Run, run_notebook
from mlprov_widgets.execution.same_environment import built, requirements_of
from mlprov_widgets.execution.session import Progress
from mlprov_widgets.execution.surroundings import changes_before_run, installed_changes, package_changes
from mlprov_widgets.execution.tolerance import bands
from mlprov_widgets.files import file_name, new_folder, runs_folder, sha256_of_text
from mlprov_widgets.notebook.readback import compare_cells, with_code
from mlprov_widgets.notebook.render import PARAMETERS_STEP, render_cells
from mlprov_widgets.notebook.write import find_data, missing_data, write_text
from mlprov_widgets.provenance.capture.seal import is_sealed
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance, value_of
from mlprov_widgets.provenance.replay import Code, Replay, replay
from mlprov_widgets.provenance.unpack import opened
from mlprov_widgets.provenance.view import metrics_of, packages_of, view
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.model import Kind, Sort, Task
from mlprov_widgets.tasks.plan import Draft, Plan, make_plan, recorded_digest

EDITS = ("refuse", "drop", "keep")
_WORST = ("failed", "not-comparable", "different", "within-tolerance", "identical")


@dataclass(frozen=True)
class Restored:
    """A notebook made from a provenance file.

    Attributes
    ----------
    task : Task
    draft : Draft
    text : str
        The notebook's file.
    edited : tuple of str
        Cells that ran otherwise than planned.
    missing, not_understood, notes : list of str
    replay : Replay
    """

    task: Task
    draft: Draft
    text: str
    edited: tuple[str, ...]
    missing: list[str]
    not_understood: list[str]
    notes: list[str]
    replay: Replay


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


def restore(
    source: str | Path,
    *,
    edits: str = "refuse",
    tasks: Sequence[Path] = (),
    data: Sequence[Path] = (),
    as_imported: bool = False,
) -> Restored:
    """Make the notebook of a provenance file again, without running it.

    Parameters
    ----------
    source
        A provenance file or a notebook.
    edits
        What to do with code that was edited by hand: ``refuse``, ``drop`` it for the template's, or
        ``keep`` it. Kept code is code from the file: look at it first.
    tasks
        More folders of tasks.
    data
        Where to look for the person's own data, besides the file's folder and the working folder.
    as_imported
        Whether values are marked as imported; else they keep their origins, and the notebook is the
        recorded one byte for byte.

    Raises
    ------
    ProvenanceError
        If the file cannot be used, or holds edited code and `edits` is ``refuse``.
    ValueRefused
        If a recorded value does not fit the task.
    DataFileError
        If the person's own data is nowhere to be found.
    """
    if edits not in EDITS:
        raise ValueRefused("this is not known", field=f"edits {edits}", fix=nearest(edits, EDITS))
    recorded = replay(source)
    task = find_task(recorded.task, tasks)
    missing, notes = list(recorded.missing), []
    values, code, not_understood = _changes(task, recorded)
    if code and edits == "refuse":
        names = ", ".join(item.step for item in code)
        raise ProvenanceError(
            f"the run used code that was edited by hand, in: {names}",
            field="edits",
            fix="Choose --edits drop to run the task's own code instead, or look at it and choose --edits keep",
        )
    if as_imported and edits != "keep":
        values, seen = _as_observed(task, recorded, values, code)
        notes += seen
    draft = _draft(task, recorded, values, [*data, Path(source).resolve().parent, Path.cwd()], as_imported)
    if recorded.plan is not None and recorded.plan.task_digest != task.digest:
        notes.append(
            f"the file was made with {task.id} {recorded.plan.version}; today's {task.version} is used, "
            f"which differs in: {', '.join(_changed_templates(task, draft.plan, recorded)) or 'no cell'}"
        )
    text = with_code(task, draft.plan, code if edits == "keep" else ())
    return Restored(task, draft, text, tuple(c.step for c in code), missing, not_understood, notes, recorded)


def _changes(task: Task, recorded: Replay) -> tuple[dict[str, Any], list[Code], list[str]]:
    """Tell values that were changed in the parameters cell from code that was edited."""
    if recorded.plan is None:
        return dict(recorded.values), [], list(recorded.not_understood)
    values, edited = dict(recorded.values), []
    not_understood = list(recorded.not_understood)
    for code in recorded.code:
        looks_like_parameters = code.step == PARAMETERS_STEP or (code.added and code.after == PARAMETERS_STEP)
        tags = ["injected-parameters"] if looks_like_parameters else []
        cell = {"step": code.step, "kind": "code", "source": code.source, "sha256": "", "tags": tags}
        back = compare_cells(task, recorded.plan, {}, [cell])
        if looks_like_parameters and not back.not_understood:
            values.update(back.changed)
        else:
            edited.append(code)
    return values, edited, not_understood


def _as_observed(
    task: Task, recorded: Replay, values: dict[str, Any], code: Sequence[Code]
) -> tuple[dict[str, Any], list[str]]:
    """Take the choices that edited cells made in place of the planned ones, as they were seen in the kernel."""
    stages = {task.stage_of_step(item.step) for item in code}
    notes, taken = [], dict(values)
    for parameter in task.parameters:
        seen, planned = recorded.observed.get(parameter.name), values.get(parameter.name)
        # `auto` is another name for what was seen, not another choice.
        if parameter.sort is not Sort.CHOICE or parameter.stage not in stages or planned in (None, "auto", seen):
            continue
        if isinstance(seen, str) and parameter.choice(seen) is not None:
            taken[parameter.name] = seen
            notes.append(f"{parameter.name}: an edited cell chose {seen} instead of {planned}; {seen} is taken")
    return taken, notes


def _draft(task: Task, recorded: Replay, values: Mapping[str, Any], places: list[Path], as_imported: bool) -> Draft:
    plan = recorded.plan
    if plan is None:
        return make_plan(task, values, origin="imported")
    allowed = {name.lower() for name in task.requirements}
    for requirement in plan.requirements:
        if requirement.partition("==")[0].lower() not in allowed:
            raise ProvenanceError(
                f"{requirement} is no requirement of the task {task.id}",
                field="requirements",
                fix="Use an unchanged file",
            )
    for parameter in task.parameters:
        value = plan.values.get(parameter.name)
        # A path from a file must not choose what is read here: only the content's digest counts.
        if parameter.kind is Kind.FILE and value and (parameter.name not in plan.files or not recorded_digest(value)):
            raise ProvenanceError(
                "a recorded data file is named by its digest", field=parameter.name, fix="Use an unchanged file"
            )
    found = find_data(plan, places)
    given = {name: value for name, value in values.items() if value not in (None, ())}
    draft = make_plan(
        task,
        {**given, **{n: None for n, v in values.items() if v is None and _may_be_empty(task, n)}},
        origin="imported",
        origins={} if as_imported else plan.origins,
        requirements=plan.requirements,
        files=plan.files,
        sources=found,
    )
    if not as_imported and dict(draft.plan.values) == dict(plan.values) and draft.plan.task_digest == plan.task_digest:
        return Draft(plan, draft.sources, draft.tables, draft.advice)
    return draft


def _may_be_empty(task: Task, name: str) -> bool:
    parameter = task.parameter(name)
    return parameter is not None and parameter.optional


def _changed_templates(task: Task, plan: Plan, recorded: Replay) -> list[str]:
    today = {cell.step: cell.source for cell in render_cells(task, plan) if cell.kind == "code"}
    before = {step: source for step, source in recorded.planned.items() if step != "recorder"}
    today.pop("recorder", None)
    return [step for step in dict.fromkeys([*before, *today]) if before.get(step) != today.get(step)]


def edits_diff(restored: Restored) -> str:
    """Return what a person should read before edited code runs: a unified diff, cell by cell."""
    planned = {cell.step: cell.source for cell in render_cells(restored.task, restored.draft.plan)}
    parts: list[str] = []
    for code in restored.replay.code:
        if code.step in restored.edited:
            before, after = planned.get(code.step, "").splitlines(), code.source.splitlines()
            parts += difflib.unified_diff(before, after, f"{code.step} (planned)", f"{code.step} (ran)", lineterm="")
    return "\n".join(parts)


def write_restored(restored: Restored, path: Path) -> Path:
    """Write a restored notebook and its data; see `mlprov_widgets.notebook.write.write_notebook`."""
    return write_text(restored.text, restored.draft, path)


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
    if run.status != "completed":
        message = run.message or run.status
        step = run.failed_step or ""
        difference = Difference("code", None, step, "completed", run.status, message, True)
        return "failed", Comparison("failed", [difference], [])
    actual = read_provenance(run.provenance)
    file = restored.replay.file
    if file is not None:
        comparison = compare(file, actual, measured)
        return comparison.verdict, comparison
    return against_values(restored.replay, actual, measured)


def against_values(
    recorded: Replay, actual: ProvenanceFile, measured: Sequence[Mapping[str, Any]] = ()
) -> tuple[str, Comparison]:
    """Compare with a file that holds metrics only, such as the original's."""
    metrics = metrics_of(actual)
    found = [
        Difference("metrics", None, name, value, metrics.get(name), "the recorded run did not seed its weights", True)
        for name, value in recorded.metrics.items()
        if value != metrics.get(name)
    ]
    known = packages_of(actual)
    changes = [c for c in package_changes(recorded.packages, known) if c["name"] in recorded.packages]
    verdict = verdict_of(recorded.metrics, metrics, found, measured)
    return verdict, Comparison(verdict, found, changes, list(recorded.missing))
