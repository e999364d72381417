"""A Plan becomes a notebook: equal Plan, equal task, equal bytes."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from mlprov_widgets.errors import TaskError
from mlprov_widgets.files import canonical_json, sha256_of_text
from mlprov_widgets.notebook.literals import Source, assignment, literal, markdown
from mlprov_widgets.provenance.capture.locate import METADATA
from mlprov_widgets.tasks.load import frame_folder
from mlprov_widgets.tasks.model import FRAME_STAGE, CellTemplate, Kind, Sort, Task, Value
from mlprov_widgets.tasks.pictures import PARTS
from mlprov_widgets.tasks.plan import Plan

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment
    from nbformat import NotebookNode

RECORDER_STEP = "recorder"
PARAMETERS_STEP = "parameters"

GLOBALS: Mapping[str, Any] = {"folders_of_parts": PARTS}
"""What every template sees beside its task's parameters."""
KERNELSPEC = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


@dataclass(frozen=True)
class RenderedCell:
    """One cell, ready to be put into a notebook.

    Attributes
    ----------
    step : str
        The cell's id.
    stage : str
        Empty for the notebook's frame.
    kind : str
        ``code`` or ``markdown``.
    title, source : str
    """

    step: str
    stage: str
    kind: str
    title: str
    source: str

    @property
    def digest(self) -> str:
        """The SHA-256 of the source."""
        return sha256_of_text(self.source)


class Chosen(str):
    """A chosen value inside a template: compares as its name and carries the code it stands for."""

    code: Source
    label: Source

    def __new__(cls, value: str, code: str, label: str) -> Chosen:
        """Make the name and attach the task author's code and label."""
        self = super().__new__(cls, value)
        self.code, self.label = Source(code), Source(label)
        return self


@functools.lru_cache(maxsize=32)
def _environment(folder: Path) -> SandboxedEnvironment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    environment = SandboxedEnvironment(
        loader=FileSystemLoader([folder, frame_folder()]),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_only_source,
    )
    environment.filters["literal"] = literal
    environment.filters["markdown"] = markdown
    environment.globals |= GLOBALS
    return environment


def _only_source(value: object) -> object:
    # What keeps an imported value out of the code: only text that went through `literal` or
    # `markdown`, or that a task's author wrote, can be put into a cell.
    if isinstance(value, Source):
        return value
    raise TypeError("a template may output only `value | literal`, `value | markdown` or `choice.code`")


def render_template(folder: Path, template: str, context: Mapping[str, Any]) -> str:
    """Render one template.

    Raises
    ------
    TaskError
        If the template is missing or fails.
    """
    from jinja2 import TemplateError

    try:
        return _environment(folder).get_template(template).render(context).strip()
    except (TemplateError, ArithmeticError, TypeError, ValueError) as error:
        detail = getattr(error, "message", None) or str(error)
        raise TaskError(f"the template fails: {detail}", field=template, fix="Correct the template") from error


def template_context(task: Task, values: Mapping[str, Value]) -> dict[str, Any]:
    """Return what a task's templates see: every parameter, None where it does not apply."""
    context: dict[str, Any] = {parameter.name: values.get(parameter.name) for parameter in task.parameters}
    for parameter in task.parameters:
        value = values.get(parameter.name)
        chosen = parameter.choice(value) if parameter.kind is Kind.CHOICE and isinstance(value, str) else None
        if chosen is not None:
            context[parameter.name] = Chosen(chosen.value, chosen.code, chosen.label)
    return context


def parameters_source(task: Task, plan: Plan) -> str:
    """Return the parameters cell: every literal that applies and is not empty, stage by stage."""
    blocks = []
    for stage in task.stages:
        lines = [
            assignment(p.name, plan.values[p.name], f"{p.label} ({p.unit})" if p.unit else p.label)
            for p in task.parameters
            if p.stage == stage.id and p.sort is Sort.LITERAL and plan.values.get(p.name) is not None
        ]
        if lines:
            blocks.append("\n".join([f"# {stage.title}", *lines]))
    return "\n\n".join(blocks) or "# This task has no numbers to set."


def _frame(task: Task, plan: Plan, step: str, kind: str, title: str) -> RenderedCell:
    context = {
        "title": plan.values.get("title") or task.title,
        "author": plan.values.get("author"),
        "description": Source(task.description),
        "requirements": [Source(line) for line in wrap(" ".join(plan.requirements), 72, break_on_hyphens=False)],
        "task": task.id,
        "version": task.version,
        "plan": plan.digest,
    }
    suffix = "md" if kind == "markdown" else "py"
    return RenderedCell(
        step, FRAME_STAGE, kind, title, render_template(frame_folder(), f"{step}.{suffix}.jinja", context)
    )


def render_cells(task: Task, plan: Plan) -> Iterator[RenderedCell]:
    """Render a Plan's cells in notebook order.

    Raises
    ------
    TaskError
        If a template is missing or fails.
    """
    context = template_context(task, plan.values)

    def own(cell: CellTemplate) -> RenderedCell:
        source = render_template(task.folder, cell.template, context)
        return RenderedCell(cell.step, cell.stage, cell.kind, cell.title, source)

    frame_cells = [cell for cell in task.cells if cell.stage == FRAME_STAGE]
    yield _frame(task, plan, "title", "markdown", "Title")
    yield _frame(task, plan, "installs", "code", "Packages")
    yield _frame(task, plan, RECORDER_STEP, "code", "Recorder")
    yield from (own(cell) for cell in frame_cells if not cell.after_parameters)
    yield RenderedCell(PARAMETERS_STEP, FRAME_STAGE, "code", "Parameters", parameters_source(task, plan))
    yield from (own(cell) for cell in frame_cells if cell.after_parameters)
    for stage in task.stages:
        heading = f"## {stage.title}\n\n{stage.help}".strip()
        cells = [own(cell) for cell in task.cells if cell.stage == stage.id]
        # A template that renders to nothing for these values is a cell that is not there.
        cells = [cell for cell in cells if cell.source]
        if cells:
            yield RenderedCell(f"about-{stage.id.replace('_', '-')}", stage.id, "markdown", stage.title, heading)
        yield from cells
    yield _frame(task, plan, "about-provenance", "markdown", "Provenance")
    yield _frame(task, plan, "provenance", "code", "Provenance")


def render_notebook(task: Task, plan: Plan) -> NotebookNode:
    """Render a Plan as a notebook.

    Raises
    ------
    TaskError
        If a template is missing or fails.
    """
    from mlprov_widgets.notebook_format import nbformat

    rendered = list(render_cells(task, plan))
    digests = {cell.step: cell.digest for cell in rendered}
    # Made whole rather than by nbformat's new_code_cell, which validates each cell: 20 ms a notebook.
    # nbformat.writes validates it once.
    notebook: NotebookNode = nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": nbformat.v4.nbformat_minor,
            "cells": [_node(cell) for cell in rendered],
            "metadata": {
                "kernelspec": KERNELSPEC,
                "language_info": {"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
                METADATA: {
                    **plan.as_dict(),
                    "cells": digests,
                    "cells_digest": sha256_of_text(canonical_json(digests)),
                },
            },
        }
    )
    return notebook


def _node(cell: RenderedCell) -> dict[str, Any]:
    metadata: dict[str, Any] = {METADATA: {"stage": cell.stage, "title": cell.title}}
    if cell.step == PARAMETERS_STEP:
        metadata["tags"] = ["parameters"]
    node = {"id": cell.step, "cell_type": cell.kind, "metadata": metadata, "source": cell.source}
    return {**node, "execution_count": None, "outputs": []} if cell.kind == "code" else node


def notebook_text(notebook: NotebookNode) -> str:
    """Return a notebook as the text of its file."""
    from mlprov_widgets.notebook_format import nbformat

    return str(nbformat.writes(notebook, version=4)) + "\n"
