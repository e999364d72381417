"""What a task says of its values, in the words of the form: labels in place of what is typed on a command line."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from mlprov_widgets.errors import MlprovError, some
from mlprov_widgets.tasks.model import Kind, Parameter, Task, Value

_TYPED = re.compile(r"with --set (\w+)=('.*?'(?=, or |$)|\S+)")
_SET_TO = re.compile(r"(?<![\w.])(\w+) (to|is) ([\w.]*\w)")
_WORD = re.compile(r"(?<![\w.])\w+")


@dataclass(frozen=True)
class Mend:
    """What one click sets right.

    Attributes
    ----------
    parameter : str
        What is set.
    value : Value
        To what.
    label : str
        The same for a person.
    """

    parameter: str
    value: Value
    label: str


def in_words(task: Task, text: str, field: str = "") -> str:
    """Return what a task says with the labels of parameters and choices in place of their names.

    Parameters
    ----------
    task
        The task.
    text
        The message of a rule, an advice or an error.
    field
        The parameter that it is about: a sentence with "Choose" names choices of this one.
    """
    text = _TYPED.sub(lambda found: f"under {_label(task, found[1])}", text)
    text = _SET_TO.sub(lambda found: _set_to(task, found), text)
    text = _WORD.sub(lambda found: _label(task, found[0]) if "_" in found[0] else found[0], text)
    parameter = task.parameter(field)
    before, choose, after = text.partition("Choose ")
    if parameter is None or not parameter.choices or not choose:
        return text
    return before + choose + _WORD.sub(lambda found: _choice(parameter, found[0]), after)


def mend_of(task: Task, error: MlprovError, given: object = ()) -> Mend | None:
    """Return what an error proposes to set, None if it proposes nothing that one click could do.

    Parameters
    ----------
    task
        The task.
    error
        What is wrong.
    given
        The names that a list holds already: the label leaves them out.
    """
    found = _TYPED.search(error.fix)
    parameter = task.parameter(found[1]) if found else None
    if found is None or parameter is None:
        return None
    raw = found[2].strip("'")
    if parameter.kind is not Kind.NAMES:
        return Mend(parameter.name, raw, f"Set “{parameter.label}” to {_choice(parameter, raw)}")
    try:
        names = tuple(str(name) for name in json.loads(raw))
    except ValueError:
        return None
    known = set(given) if isinstance(given, list | tuple) else set()
    more = some([name for name in names if name not in known])
    return Mend(parameter.name, names, f"Add to “{parameter.label}”: {more}")


def _label(task: Task, name: str) -> str:
    parameter = task.parameter(name)
    return f"“{parameter.label}”" if parameter is not None else name


def _choice(parameter: Parameter, value: str) -> str:
    chosen = parameter.choice(value)
    return f"“{chosen.label}”" if chosen is not None else value


def _set_to(task: Task, found: re.Match[str]) -> str:
    name, verb, value = found.groups()
    parameter = task.parameter(name)
    if parameter is None:
        return found[0]
    told = {"true": "yes", "false": "no"}.get(value, value) if parameter.kind is Kind.BOOLEAN else value
    return f"“{parameter.label}” {verb} {_choice(parameter, told)}"
