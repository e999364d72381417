"""The parts of the site that are derived: tasks from their `task.toml`, commands from argparse, files beside `docs/`.

A page names one as ``<!-- derived: tasks -->``; it is put there while the site is built, and lies in no file.
"""

from __future__ import annotations

import argparse
import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import mlprov_widgets
from mlprov_widgets import cli
from mlprov_widgets.tasks.load import find_tasks
from mlprov_widgets.tasks.model import Parameter, Sort, Stage, Task, Value

VERBS = {
    "tasks": "list_tasks",
    "import": "import_provenance",
    "runs": "list_runs",
    "check-task": "check_task",
    "app": "Wizard",
}
"""Commands whose Python function has another name than they."""

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = {
    "../README.md": "index.md",
    "../CHANGELOG.md": "project/changelog.md",
    "../CONTRIBUTING.md": "project/contributing.md",
    "../benchmarks/README.md": "project/benchmarks.md",
}
"""Where the site has a page that lies outside `docs/`: pages link to the file, which works on GitHub."""

_MARK = re.compile(r"<!-- derived: (\w+) -->")
_SORTS = {
    Sort.LITERAL: "an assignment in the cell *Parameters*",
    Sort.CHOICE: "code in the cell where it belongs",
}


def fill(source: list[str]) -> None:
    """Put what is derived in the places that a page names, and let its links lead to pages of the site.

    Parameters
    ----------
    source
        The page's text, as its only item.
    """
    text = source[0]
    for file, page in OUTSIDE.items():
        text = text.replace(f"]({file}", f"]({page}")
    source[0] = _MARK.sub(lambda found: DERIVED[found[1]](), text)


def _file(name: str) -> str:
    """Return a file beside `docs/` as a page of `docs/project/`."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.sub(r"\]\((?:\.\./)?docs/", "](../", text)


# Tasks ---------------------------------------------------------------------------------------------


def tasks() -> str:
    """Return every task that comes with the package: what can be chosen, and what is observed."""
    return "\n\n".join(_task(task) for task in find_tasks([]).values())


def _task(task: Task) -> str:
    facts = [
        ("id", _code(task.id)),
        ("version", _code(task.version)),
        ("packages", ", ".join(map(_code, task.requirements))),
    ]
    parts = [f"## {_text(task.title)}", _text(task.description), _table(("", ""), facts)]
    own = [parameter for parameter in task.parameters if not parameter.stage]
    parts += [f"### {_text(task.title)}: the notebook as a whole", *(_parameter(task, p) for p in own)] if own else []
    parts += [_stage(task, stage) for stage in task.stages]
    if task.rules:
        rules = [(_code(rule.field), _text(f"{rule.message}. {rule.fix}".removesuffix(" "))) for rule in task.rules]
        parts += [f"### {_text(task.title)}: what is refused", _table(("parameter", "why, and what to do"), rules)]
    if task.advice:
        advice = [(_code(one.field), _text(one.message)) for one in task.advice]
        parts += [f"### {_text(task.title)}: what is discouraged", _table(("parameter", "why"), advice)]
    return "\n\n".join(parts)


def _stage(task: Task, stage: Stage) -> str:
    parts = [f"### {_text(task.title)}: {_text(stage.title)}", _text(stage.help)]
    parts += [_parameter(task, parameter) for parameter in task.parameters if parameter.stage == stage.id]
    seen = [(_code(field), _code(expression)) for field, expression in stage.observe.items()]
    seen += [(_code(field), _text(f"not applicable: {reason}")) for field, reason in stage.not_applicable.items()]
    if seen:
        parts += [f"**Observed after this stage of {_text(task.id)}**", _table(("field", "read by"), seen)]
    return "\n\n".join(parts)


def _parameter(task: Task, parameter: Parameter) -> str:
    facts = [
        ("kind", str(parameter.kind)),
        ("default", _value(parameter.default)),
        ("bounds", _bounds(parameter)),
        ("unit", _text(parameter.unit)),
        ("may be left empty", "yes" if parameter.optional else ""),
        ("applies when", _code(parameter.when)),
        ("in the notebook", _SORTS[parameter.sort]),
        ("in the provenance", _code(parameter.term)),
        ("file endings", ", ".join(map(_code, parameter.suffixes))),
        ("detected in", _code(parameter.of)),
        ("in the form", "under *More settings*" if parameter.advanced else ""),
    ]
    parts = [
        f"({task.id}-{parameter.name})=\n\n#### {_code(parameter.name)}: {_text(parameter.label)}",
        _text(parameter.help),
        _table(("", ""), [(name, told) for name, told in facts if told]),
    ]
    if parameter.choices:
        rows = [(_code(one.value), _text(one.label), _text(one.help)) for one in parameter.choices]
        parts.append(_table(("value", "name", "what it means"), rows))
    return "\n\n".join(parts)


def _bounds(parameter: Parameter) -> str:
    low, high = parameter.minimum, parameter.maximum
    told = []
    if low is not None:
        told.append(f"{'above' if parameter.exclusive_minimum else 'at least'} {low:,g}")
    if high is not None:
        told.append(f"{'below' if parameter.exclusive_maximum else 'at most'} {high:,g}")
    return ", ".join(told)


def _value(value: Value) -> str:
    if value is None or value in ("", ()):
        return "empty"
    if isinstance(value, tuple):
        return ", ".join(map(_code, value))
    return _code({True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value)


# Commands ------------------------------------------------------------------------------------------


def commands() -> str:
    """Return every command of ``mlprov`` with its options, as argparse knows them."""
    parser = cli._parser()
    found = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return "\n\n".join(_command(name, one) for name, one in found.choices.items())


def _command(name: str, parser: argparse.ArgumentParser) -> str:
    usage = " ".join(parser.format_usage().removeprefix("usage: ").split())
    rows = [row for action in parser._actions if (row := _option(action)) is not None]
    verb = VERBS.get(name, name)
    told = str(parser.description)
    parts = [
        f"## `mlprov {name}`",
        _text(f"{told[0].upper()}{told[1:]}."),
        "```text\n" + textwrap.fill(usage, 100, subsequent_indent="    ", break_on_hyphens=False) + "\n```",
        _table(("argument", "what it is"), rows),
    ]
    if verb in mlprov_widgets.__all__:
        parts.append(f"In Python: [`mlprov_widgets.{verb}`](#mlprov_widgets.{verb}).")
    return "\n\n".join(parts)


def _option(action: argparse.Action) -> tuple[str, str] | None:
    if isinstance(action, argparse._HelpAction):
        return None
    value = f" {action.metavar}" if action.metavar and action.option_strings else ""
    name = ", ".join(f"{option}{value}" for option in action.option_strings) or str(action.metavar)
    told = [action.help or "", "needed" if action.required and action.option_strings else ""]
    told.append("may be given more than once" if isinstance(action, argparse._AppendAction) else "")
    return _code(name), _text("; ".join(part for part in told if part))


# Markdown ------------------------------------------------------------------------------------------


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines: Iterator[str] = (f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])
    return "\n".join(lines)


def _code(value: object) -> str:
    """Return a value as code; in a table a bar would end the cell."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    ticks = "``" if "`" in text else "`"
    return f"{ticks}{text}{ticks}" if text else ""


def _text(value: str) -> str:
    """Return a text such that Markdown takes no character of it for its own."""
    return re.sub(r"([\\`*_{}\[\]<>|#$~])", r"\\\1", " ".join(value.split()))


DERIVED: dict[str, Callable[[], str]] = {
    "tasks": tasks,
    "commands": commands,
    "changelog": lambda: _file("CHANGELOG.md"),
    "contributing": lambda: _file("CONTRIBUTING.md"),
    "benchmarks": lambda: _file("benchmarks/README.md"),
}
"""By the name that a page uses."""
