"""Checking a task before anybody uses it: what ``mlprov check-task`` says."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mlprov_widgets.errors import MlprovError, TaskError
from mlprov_widgets.notebook.literals import literal, markdown
from mlprov_widgets.notebook.render import GLOBALS, render_cells
from mlprov_widgets.tasks.expressions import names_in
from mlprov_widgets.tasks.load import frame_folder, load_task
from mlprov_widgets.tasks.model import Kind, Task
from mlprov_widgets.tasks.plan import make_plan
from mlprov_widgets.tasks.values import read_value

_KNOWN_TO_RULES, _KNOWN_TO_VARIES = {"facts"}, {"machine"}


def check_task(folder: Path) -> list[str]:
    """Return what is wrong with the task in a folder, one sentence each; empty when all is well.

    Checked are: the description and its types; that every expression compiles and speaks of declared
    parameters; that every variable of a template is a declared parameter and every parameter is used;
    that defaults fit; and that the notebook of the defaults renders to code that compiles.
    """
    try:
        task = load_task(folder)
    except TaskError as error:
        return [str(error)]
    problems = [*_defaults(task), *_expressions(task), *_templates(task), *_observed(task)]
    return problems or _rendered(task)


def _defaults(task: Task) -> list[str]:
    problems = []
    for parameter in task.parameters:
        if parameter.default is None:
            needs = not (parameter.optional or parameter.detect or parameter.kind in (Kind.FILE, Kind.NAMES))
            if needs and not parameter.when:
                problems.append(f"{parameter.name}: it needs a default, or optional = true")
            continue
        try:
            read_value(parameter, parameter.default)
        except MlprovError as error:
            problems.append(f"the default does not fit: {error}")
    return problems


def _expressions(task: Task) -> list[str]:
    names = {parameter.name for parameter in task.parameters}
    told = [(p.name, p.when) for p in task.parameters if p.when]
    told += [(f"rule on {rule.field}", rule.require) for rule in task.rules]
    told += [(f"advice on {advice.field}", advice.when) for advice in task.advice]
    known = dict.fromkeys((where for where, _ in told), _KNOWN_TO_RULES)
    varying = [(f"varies on {item.field}", text) for item in task.varies for text in (item.when, item.value)]
    problems = []
    for where, expression in [*told, *varying]:
        try:
            unknown = names_in(expression) - names - known.get(where, _KNOWN_TO_VARIES)
        except TaskError as error:
            problems.append(f"{where}: {error}")
            continue
        problems += [f"{where}: there is no parameter {name!r}" for name in sorted(unknown)]
    fields = [*(rule.field for rule in task.rules), *(advice.field for advice in task.advice)]
    problems += [
        f"varies names {item.field!r}, which is no parameter" for item in task.varies if item.field not in names
    ]
    return problems + [
        f"a rule or advice names {name!r}, which is no parameter" for name in fields if name not in names
    ]


def _templates(task: Task) -> list[str]:
    from jinja2 import Environment, TemplateSyntaxError, meta

    environment = Environment(autoescape=False)  # only parses
    environment.filters |= {"literal": literal, "markdown": markdown}
    names = {parameter.name for parameter in task.parameters}
    problems: list[str] = []
    used: set[str] = set()
    for place in [*(task.folder / cell.template for cell in task.cells), *sorted(frame_folder().glob("*.jinja"))]:
        try:
            text = place.read_text(encoding="utf-8")
            found = meta.find_undeclared_variables(environment.parse(text))
        except FileNotFoundError:
            problems.append(f"{place.name}: the template is missing")
            continue
        except (TemplateSyntaxError, UnicodeDecodeError, OSError) as error:
            problems.append(f"{place.name}: {error}")
            continue
        if place.parent == task.folder:
            problems += [f"{place.name}: {name!r} is no parameter" for name in sorted(found - names - GLOBALS.keys())]
        used |= found | _words(text)
    used |= {name for p in task.parameters if p.when for name in _safe_names(p.when)}
    return problems + [f"{p.name}: no template uses it" for p in task.parameters if p.name not in used]


def _words(text: str) -> set[str]:
    # A literal is assigned in the parameters cell; a template uses it as a name of Python's.
    return set(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", text))


def _safe_names(expression: str) -> set[str]:
    try:
        return names_in(expression)
    except TaskError:
        return set()


def _observed(task: Task) -> list[str]:
    problems = []
    for stage in task.stages:
        for field, expression in stage.observe.items():
            try:
                ast.parse(expression, mode="eval")
            except SyntaxError as error:
                problems.append(f"{stage.id}.observe.{field}: {error.msg}")
    return problems


def _rendered(task: Task) -> list[str]:
    needed = [p.name for p in task.parameters if p.kind is Kind.FILE and not p.when and not p.optional]
    if needed:
        return []  # without a file of the user's there is nothing to render
    try:
        draft = make_plan(task, {})
        cells = list(render_cells(task, draft.plan))
    except MlprovError as error:
        return [f"the notebook of the defaults: {error}"]
    problems = []
    for cell in cells:
        if cell.kind == "code":
            try:
                compile(cell.source, cell.step, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            except SyntaxError as error:
                problems.append(f"the cell {cell.step} does not compile: {error.msg} in line {error.lineno}")
    return problems
