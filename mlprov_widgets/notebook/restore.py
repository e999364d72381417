"""A recorded experiment becomes its notebook again: the same values, the same code, or the task's own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ProvenanceError, ValueRefused, nearest, quoted
from mlprov_widgets.notebook.kernels import USUAL, Kernel, asking_for, installed
from mlprov_widgets.notebook.readback import compare_cells, with_code
from mlprov_widgets.notebook.render import PARAMETERS_STEP, render_cells
from mlprov_widgets.notebook.write import find_data, write_text
from mlprov_widgets.provenance.reading import value_of
from mlprov_widgets.provenance.replay import Code, Replay, replay
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.model import Kind, Sort, Task
from mlprov_widgets.tasks.plan import Draft, Plan, make_plan, recorded_digest

EDITS = ("refuse", "drop", "keep")


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
    kernel : Kernel or None
        The recorded kernel, if it is another than the usual one and this machine has it.
    """

    task: Task
    draft: Draft
    text: str
    edited: tuple[str, ...]
    missing: list[str]
    not_understood: list[str]
    notes: list[str]
    replay: Replay
    kernel: Kernel | None = None


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
        notes.append(_another_task(task, recorded.plan.version, _changed_templates(task, draft.plan, recorded)))
    kernel, told = _kernel(recorded)
    text = asking_for(with_code(task, draft.plan, code if edits == "keep" else ()), kernel)
    steps = tuple(c.step for c in code)
    return Restored(task, draft, text, steps, missing, not_understood, [*notes, *told], recorded, kernel)


def _kernel(recorded: Replay) -> tuple[Kernel | None, list[str]]:
    """Return the recorded kernel if this machine has it, and what is to be said if it has not."""
    record = recorded.file.entity("plan:notebook") if recorded.file is not None else {}
    name = str(value_of(record.get("ml:kernel")) or USUAL)
    if name == USUAL:
        return None, []
    kernel = installed(name)
    told = [] if kernel else [f"the kernel {quoted(name)} is not installed here; {USUAL} is taken"]
    return kernel, told


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


def _another_task(task: Task, version: str, changed: Sequence[str]) -> str:
    """Return how the task is another than the recorded one, for a person."""
    then = "another description of it" if version == task.version else f"its version {version}"
    told = f"the task {task.id} is in version {task.version} here, and the file was made with {then}"
    return f"{told}: the code differs in {', '.join(changed)}" if changed else f"{told}; the code is the same"


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
