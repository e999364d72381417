"""A notebook becomes a Plan again: literals from the parameters cell, edits by digest."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import NotebookError, ProvenanceError
from mlprov_widgets.notebook.render import PARAMETERS_STEP, notebook_text, render_notebook
from mlprov_widgets.provenance.capture.locate import FoundNotebook, read_notebook_file
from mlprov_widgets.provenance.replay import Code
from mlprov_widgets.tasks.model import Sort, Task
from mlprov_widgets.tasks.plan import Plan, plan_from_dict

INJECTED_TAG = "injected-parameters"
"""The tag of the cell that papermill adds behind the parameters cell."""


@dataclass(frozen=True)
class ReadBack:
    """What a notebook says.

    Attributes
    ----------
    plan : Plan
        As it was generated.
    changed : dict of str to object
        Literal parameters whose value in the notebook is another, by name.
    edited : tuple of str
        Cells whose code is not the planned code, and cells that were added, by step.
    not_understood : tuple of str
        What stands in the parameters cell and is no literal of a known parameter.
    """

    plan: Plan
    changed: dict[str, Any]
    edited: tuple[str, ...]
    not_understood: tuple[str, ...]


def load_notebook(path: Path) -> FoundNotebook:
    """Read a notebook that carries a Plan.

    Raises
    ------
    NotebookError
        If there is no such file, it is no notebook, or it carries no Plan.
    """
    if not path.is_file():
        what = "this is a folder" if path.is_dir() else "there is no such file"
        raise NotebookError(what, field=str(path), fix="Give the path of a notebook that mlprov generate wrote")
    found = read_notebook_file(path)
    if found is None:
        raise NotebookError(
            "this is not a notebook that carries a Plan",
            field=path.name,
            fix="Give a notebook that mlprov generate wrote, saved as .ipynb",
        )
    return found


def plan_of(found: FoundNotebook) -> Plan:
    """Return the Plan that a notebook carries, after checking its digest.

    Raises
    ------
    NotebookError
        If it is damaged.
    """
    try:
        plan = plan_from_dict(found.plan)
    except ProvenanceError as error:
        raise NotebookError(
            f"its Plan is damaged: {error.message}", field=error.field, fix="Generate it again"
        ) from None
    if plan.digest != found.plan.get("digest"):
        raise NotebookError("its Plan is damaged: the digest differs", field="metadata.mlprov", fix="Generate it again")
    return plan


def read_back(task: Task, found: FoundNotebook) -> ReadBack:
    """Compare a notebook with the Plan it carries.

    Raises
    ------
    NotebookError
        If the Plan inside is damaged.
    """
    plan = plan_of(found)
    digests = found.plan.get("cells")
    return compare_cells(task, plan, digests if isinstance(digests, dict) else {}, found.cells)


def compare_cells(task: Task, plan: Plan, digests: Mapping[str, Any], cells: Sequence[Mapping[str, Any]]) -> ReadBack:
    """Tell changed parameters from edited cells.

    A parameters cell in which only literals changed is a change of values, not of code.

    Parameters
    ----------
    task, plan
        What the notebook was generated from.
    digests
        The SHA-256 of each planned cell by step.
    cells
        The cells as they are: ``step``, ``kind``, ``source``, ``sha256`` and ``tags``.
    """
    changed: dict[str, Any] = {}
    edited: list[str] = []
    not_understood: list[str] = []
    for cell in cells:
        step, source = str(cell["step"]), str(cell["source"])
        if cell.get("kind") != "code" or cell["sha256"] == digests.get(step):
            continue
        injected = INJECTED_TAG in cell.get("tags", ())
        if step == PARAMETERS_STEP or injected:
            values, unknown = literals_of(source)
            names = {p.name for p in task.parameters if p.sort is Sort.LITERAL}
            unknown += [name for name in values if name not in names]
            if not unknown and step == PARAMETERS_STEP:
                unknown = [
                    f"{n} is not assigned" for n in sorted(names - values.keys()) if plan.values.get(n) is not None
                ]
            if not unknown:
                changed |= values  # papermill's cell comes last
                continue
            not_understood += unknown
        if source.strip():
            edited.append(step)
    changed = {name: value for name, value in changed.items() if value != _comparable(plan.values.get(name))}
    return ReadBack(plan, changed, tuple(edited), tuple(not_understood))


def _comparable(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def literals_of(source: str) -> tuple[dict[str, Any], list[str]]:
    """Return the literal assignments of a cell, and the text of whatever else stands there.

    Nothing is executed: ``ast.literal_eval`` reads the values.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return {}, ["code that cannot be parsed"]
    values: dict[str, Any] = {}
    unknown: list[str] = []
    for statement in tree.body:
        target = statement.targets[0] if isinstance(statement, ast.Assign) and len(statement.targets) == 1 else None
        if isinstance(statement, ast.Assign) and isinstance(target, ast.Name):
            try:
                values[target.id] = ast.literal_eval(statement.value)
                continue
            except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
                pass
        unknown.append((ast.get_source_segment(source, statement) or "?")[:80])
    return values, unknown


def with_code(task: Task, plan: Plan, code: Sequence[Code]) -> str:
    """Return the text of a Plan's notebook in which some cells hold code that was edited by hand."""
    from mlprov_widgets.notebook_format import nbformat

    notebook = render_notebook(task, plan)
    for item in code:
        steps = [cell.id for cell in notebook.cells]
        if item.step in steps:
            notebook.cells[steps.index(item.step)].source = item.source
        elif item.added:
            place = steps.index(item.after) + 1 if item.after in steps else len(steps)
            notebook.cells.insert(place, nbformat.v4.new_code_cell(item.source, id=item.step))
    return notebook_text(notebook)
