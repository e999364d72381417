"""The description of a task, as ``task.toml`` gives it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

SCHEMA_VERSION: Final = 1
"""The version of every object that this package writes: Plan, journal, document, ``--json``."""

Value: TypeAlias = bool | int | float | str | tuple[str, ...] | None
"""What a parameter can hold. ``None`` is "left empty"."""

FRAME_STAGE = ""
"""The stage of a cell that belongs to the notebook as a whole (imports, set-up)."""


class Sort(StrEnum):
    """How a value reaches the notebook.

    A ``literal`` is an assignment in the parameters cell and stands nowhere else; a ``choice`` is
    code where it belongs and stands nowhere else. So no two places can disagree.
    """

    LITERAL = "literal"
    CHOICE = "choice"


class Kind(StrEnum):
    """The type of a parameter's value, from which its field in a form and its checks derive."""

    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    TEXT = "text"
    CHOICE = "choice"
    FILE = "file"
    COLUMN = "column"
    NAMES = "names"


@dataclass(frozen=True)
class Choice:
    """One entry of a closed list.

    Attributes
    ----------
    value : str
        The name that is stored, typed and compared.
    label, help : str
        What a person reads: the name and when to prefer it.
    code : str
        The Python source that this choice stands for, written by the task's author.
    facts : Mapping of str to int
        Numbers that the task's rules may use, such as the samples of a dataset.
    """

    value: str
    label: str
    help: str = ""
    code: str = ""
    facts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Parameter:
    """One thing that can be chosen.

    Attributes
    ----------
    name : str
        A Python identifier; for a literal, the variable in the parameters cell.
    stage : str
        The stage that it belongs to.
    label, help, unit : str
        What a person reads.
    sort : Sort
    kind : Kind
    default : Value
    choices : tuple of Choice
        The closed list, for ``kind = "choice"``.
    minimum, maximum : float or None
        Bounds of a number, inclusive unless the next two say otherwise.
    exclusive_minimum, exclusive_maximum : bool
    optional : bool
        Whether it may be left empty.
    when : str
        A Jinja expression over the other parameters: whether this one applies. Empty means always.
    advanced : bool
        Whether a form folds it away.
    term : str
        Its name in the provenance.
    of, detect : str
        For a value that is detected in a data file: the file's parameter, and what to detect.
    suffixes : tuple of str
        For a file that is no table: how its name may end. The notebook looks into it; a form shows some of it.
    shows : str
        For a form that looks into arrays of the file `of`: ``images`` or ``labels``, if this names them.
    """

    name: str
    stage: str
    label: str
    help: str
    sort: Sort
    kind: Kind
    default: Value = None
    choices: tuple[Choice, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    optional: bool = False
    unit: str = ""
    when: str = ""
    advanced: bool = False
    term: str = ""
    of: str = ""
    detect: str = ""
    suffixes: tuple[str, ...] = ()
    shows: str = ""

    def choice(self, value: str) -> Choice | None:
        """Return the entry of the closed list that has this value."""
        return next((choice for choice in self.choices if choice.value == value), None)


@dataclass(frozen=True)
class Stage:
    """A part of the pipeline.

    Attributes
    ----------
    id, title, help : str
    observe : Mapping of str to str
        Provenance field to the Python expression that reads it from live objects.
    not_applicable : Mapping of str to str
        Provenance field to the reason why this task has no such thing.
    """

    id: str
    title: str
    help: str = ""
    observe: Mapping[str, str] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CellTemplate:
    """One cell of the notebook: where it stands and the template that renders it."""

    step: str
    stage: str
    kind: str
    title: str
    template: str
    after_parameters: bool = False


@dataclass(frozen=True)
class Rule:
    """Values that cannot run together: refused, with the reason, when `require` is false."""

    require: str
    field: str
    message: str
    fix: str = ""


@dataclass(frozen=True)
class Advice:
    """Values that run but are discouraged, with the reason, when `when` is true."""

    when: str
    field: str
    message: str


@dataclass(frozen=True)
class Varying:
    """Values with which another machine may give other digits, and what to choose instead.

    Attributes
    ----------
    when : str
        An expression over the parameters and the `machine`.
    field, message : str
        The parameter, and why.
    fix, value : str
        What to choose instead: as a button says it, and as an expression.
    """

    when: str
    field: str
    message: str
    fix: str
    value: str


@dataclass(frozen=True)
class Task:
    """A task as loaded from its folder.

    Attributes
    ----------
    id, title, version, description : str
    requirements : tuple of str
        Names of the distributions that the notebook needs.
    stages : tuple of Stage
        In pipeline order.
    parameters : tuple of Parameter
    cells : tuple of CellTemplate
        In notebook order.
    rules : tuple of Rule
    advice : tuple of Advice
    varies : tuple of Varying
    folder : pathlib.Path
        Where the templates are.
    digest : str
        SHA-256 over everything that decides what a notebook looks like.
    """

    id: str
    title: str
    version: str
    description: str
    requirements: tuple[str, ...]
    stages: tuple[Stage, ...]
    parameters: tuple[Parameter, ...]
    cells: tuple[CellTemplate, ...]
    rules: tuple[Rule, ...]
    advice: tuple[Advice, ...]
    varies: tuple[Varying, ...]
    folder: Path
    digest: str

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of this name."""
        return next((parameter for parameter in self.parameters if parameter.name == name), None)

    def stage(self, stage_id: str) -> Stage | None:
        """Return the stage of this id."""
        return next((stage for stage in self.stages if stage.id == stage_id), None)

    def stage_of_step(self, step: str) -> str:
        """Return the stage of a cell, empty for a cell of the notebook's frame or an unknown one."""
        return next((cell.stage for cell in self.cells if cell.step == step), FRAME_STAGE)
