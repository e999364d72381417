"""Finding task folders and reading ``task.toml``."""

from __future__ import annotations

import functools
import os
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from mlprov_widgets.errors import TaskError, nearest, quoted
from mlprov_widgets.files import canonical_json, sha256_of_text
from mlprov_widgets.tasks.model import (
    FRAME_STAGE,
    Advice,
    CellTemplate,
    Choice,
    Kind,
    Parameter,
    Rule,
    Sort,
    Stage,
    Task,
    Varying,
)

ENTRY_POINTS = "mlprov_widgets.tasks"
"""The entry point group. An entry point names a package (or a path) whose folder holds ``task.toml``."""

ENVIRONMENT_VARIABLE = "MLPROV_TASKS"
"""More folders of tasks, separated as in ``PATH``; how a run tells its kernel of ``--tasks``."""

DESCRIPTION = "task.toml"
_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,59}")
_STEP = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_SUFFIX = re.compile(r"[a-z0-9]{1,8}")
_CELL_KINDS = ("code", "markdown")
_TAKEN = {
    "stage": (),
    "parameter": ("facts", "history", "metrics", "outputs"),
    "step": ("title", "installs", "recorder", "parameters", "about-provenance", "provenance"),
}
"""Names that a task cannot give: the frame's cells, and the variables that every notebook fills."""
_TYPES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "str": (lambda value: isinstance(value, str), "a text"),
    "bool": (lambda value: isinstance(value, bool), "true or false"),
    "float | None": (lambda value: isinstance(value, int | float) and not isinstance(value, bool), "a number"),
    "Value": (lambda value: _is_value(value), "a value or a list of texts"),
    "tuple[str, ...]": (lambda value: _is_endings(value), "a list of endings such as zip, without the dot"),
    "Mapping[str, str]": (lambda value: _is_table(value, str), "a table of texts"),
    "Mapping[str, int]": (lambda value: _is_table(value, int), "a table of whole numbers"),
}
"""What an entry may hold, by the annotation in `mlprov_widgets.tasks.model`."""
_T = TypeVar("_T")


def templates_folder() -> Path:
    """Return the folder of the tasks that come with the package."""
    package = Path(__file__).resolve().parents[1]
    shipped = package / "templates"
    # An editable install and a checkout keep the templates beside the package.
    return shipped if shipped.is_dir() else package.parent / "templates"


def frame_folder() -> Path:
    """Return the folder of the cells that every notebook has."""
    return templates_folder() / "_frame"


def find_tasks(more: Iterable[Path] = ()) -> dict[str, Task]:
    """Load every task that can be found, by id.

    Parameters
    ----------
    more
        Task folders, or folders of task folders, besides those of the package, of
        ``MLPROV_TASKS`` and of the installed entry points.

    Raises
    ------
    TaskError
        If a task in a named folder is wrong, or two have the same id. An installed package whose
        task is wrong does not stand in the way of the others; see `broken_packages`.
    """
    tasks: dict[str, Task] = {}
    for folder in _named_folders(more):
        _add(tasks, load_task(folder))
    for entry_point in _installed(installed_stamp()):
        with suppress(TaskError):
            _add(tasks, load_task(_folder_of(entry_point)))
    return tasks


def _add(tasks: dict[str, Task], task: Task) -> None:
    other = tasks.setdefault(task.id, task)
    if other.folder.resolve() != task.folder.resolve():
        raise TaskError(
            f"two folders hold a task of this id: {other.folder} and {task.folder}",
            field=task.id,
            fix="Rename or remove one of them",
        )


def broken_packages(more: Iterable[Path] = ()) -> list[TaskError]:
    """Return what is wrong with the tasks that installed packages offer."""
    broken: list[TaskError] = []
    tasks = {task.id: task for task in map(load_task, _named_folders(more))}
    for entry_point in _installed(installed_stamp()):
        try:
            _add(tasks, load_task(_folder_of(entry_point)))
        except TaskError as error:
            broken.append(error)
    return broken


def find_task(task_id: str, more: Iterable[Path] = ()) -> Task:
    """Load one task by its id; see `find_tasks`.

    Raises
    ------
    TaskError
        If there is none, or it is wrong.
    """
    tasks = find_tasks(more)
    if task_id not in tasks:
        for error in broken_packages(more):  # it may be one of these
            raise error
        raise TaskError("there is no such task", field=quoted(task_id), fix=nearest(task_id, sorted(tasks)))
    return tasks[task_id]


def _named_folders(more: Iterable[Path]) -> Iterator[Path]:
    yield from _folders_in(templates_folder())
    named = [Path(item) for item in os.environ.get(ENVIRONMENT_VARIABLE, "").split(os.pathsep) if item]
    for place in [*more, *named]:
        found = list(_folders_in(place))
        if not found:
            raise TaskError(
                f"no {DESCRIPTION} in this folder or directly below it",
                field=str(place),
                fix="Name a task's folder, or a folder that holds task folders",
            )
        yield from found


def installed_stamp() -> tuple[int, ...]:
    """Return what changes when a package is installed or removed: the times of the folders of ``sys.path``."""
    stamp = []
    for place in sys.path:
        with suppress(OSError):
            stamp.append(Path(place or ".").stat().st_mtime_ns)
    return tuple(stamp)


@functools.lru_cache(maxsize=4)
def _installed(stamp: tuple[int, ...]) -> tuple[EntryPoint, ...]:
    # Looking through all installed packages takes 10 ms and more.
    del stamp  # part of the key only
    return tuple(entry_points(group=ENTRY_POINTS))


def _folders_in(place: Path) -> Iterator[Path]:
    if (place / DESCRIPTION).is_file():
        yield place
    elif place.is_dir():
        yield from sorted(folder for folder in place.iterdir() if (folder / DESCRIPTION).is_file())


def _folder_of(entry_point: EntryPoint) -> Path:
    try:
        target = entry_point.load()
    except Exception as error:
        raise TaskError(
            f"the installed task cannot be loaded: {error}",
            field=entry_point.name,
            fix="Repair or uninstall the package that offers it",
        ) from error
    if isinstance(target, ModuleType):
        return Path(next(iter(target.__path__)) if hasattr(target, "__path__") else str(target.__file__)).resolve()
    return Path(target)


def load_task(folder: Path) -> Task:
    """Read a task from its folder.

    The result is kept for as long as none of the folder's files changes.

    Raises
    ------
    TaskError
        If the description is missing or wrong; the message names the entry.
    """
    folder = folder.resolve()
    stamps = tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in _task_files(folder))
    return _load_task(folder, stamps)


@functools.lru_cache(maxsize=128)
def _load_task(folder: Path, stamps: tuple[tuple[str, int, int], ...]) -> Task:
    del stamps  # part of the key only
    path = folder / DESCRIPTION
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TaskError(f"there is no {DESCRIPTION}", field=str(folder), fix="Name a task's folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise TaskError(f"{DESCRIPTION} cannot be read: {error}", field=str(folder), fix="Correct the file") from error
    reader = _Reader(str(path))
    stages = tuple(reader.make(Stage, entry, "stages") for entry in reader.tables(raw, "stages"))
    parameters = (*(_parameter(reader, entry) for entry in reader.tables(raw, "parameters")), *_frame_parameters())
    cells = tuple(_cell(reader, entry) for entry in reader.tables(raw, "cells"))
    requirements = raw.get("requirements", [])
    if not isinstance(requirements, list) or not _is_value(tuple(requirements)):
        raise reader.error("'requirements' must be a list of texts")
    task = Task(
        id=reader.text(raw, "id"),
        title=reader.text(raw, "title"),
        version=reader.text(raw, "version"),
        description=reader.text(raw, "description"),
        requirements=tuple(requirements),
        stages=stages,
        parameters=parameters,
        cells=cells,
        rules=tuple(reader.make(Rule, entry, "rules") for entry in reader.tables(raw, "rules")),
        advice=tuple(reader.make(Advice, entry, "advice") for entry in reader.tables(raw, "advice")),
        varies=tuple(reader.make(Varying, entry, "varies") for entry in reader.tables(raw, "varies")),
        folder=folder,
        digest=_digest(folder),
    )
    _check_names(reader, task)
    return task


@functools.cache
def _frame_parameters() -> tuple[Parameter, ...]:
    path = frame_folder() / "frame.toml"
    reader = _Reader(str(path))
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    return tuple(_parameter(reader, entry) for entry in reader.tables(raw, "parameters"))


def _task_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.is_file() and not path.name.startswith("."))


def _digest(folder: Path) -> str:
    # The frame renders part of every notebook, so it is part of what a task's digest stands for.
    # Line ends do not count: git may change them on some systems.
    listing = [
        [place, path.name, sha256_of_text(path.read_text(encoding="utf-8", errors="surrogateescape"))]
        for place, root in (("task", folder), ("frame", frame_folder()))
        for path in _task_files(root)
    ]
    return sha256_of_text(canonical_json(listing))


class _Reader:
    """Turns TOML tables into dataclasses and names the entry that is wrong."""

    def __init__(self, path: str) -> None:
        self.path = path

    def error(self, message: str, fix: str = "Correct the file") -> TaskError:
        return TaskError(message, field=self.path, fix=fix)

    def text(self, raw: Mapping[str, Any], key: str) -> str:
        value = raw.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key!r} is missing or is not a text")
        return value

    def tables(self, raw: Mapping[str, Any], key: str) -> Sequence[dict[str, Any]]:
        value = raw.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(f"{key!r} must be written as [[{key}]] tables")
        return value

    def make(self, kind: type[_T], entry: Mapping[str, Any], where: str) -> _T:
        name = entry.get("name") or entry.get("id") or entry.get("step") or entry.get("value") or "?"
        types = {item.name: str(item.type) for item in fields(kind)}  # type: ignore[arg-type]
        for key, value in entry.items():
            if key not in types:
                raise self.error(f"[[{where}]] {name}: unknown key {key!r}", fix=nearest(key, types))
            fits, what = _TYPES.get(types[key], (None, ""))
            if fits is not None and not fits(value):
                raise self.error(f"[[{where}]] {name}: {key} = {quoted(value)} must be {what}")
        try:
            return kind(**entry)
        except TypeError as error:
            missing = str(error).split(":", 1)[-1].strip()
            raise self.error(f"[[{where}]] {name}: missing {missing}") from None


def _is_value(value: object) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, bool | int | float | str)


def _is_endings(value: object) -> bool:
    return isinstance(value, tuple) and all(isinstance(item, str) and _SUFFIX.fullmatch(item) for item in value)


def _is_table(value: object, kind: type) -> bool:
    return isinstance(value, dict) and all(type(item) is kind for item in value.values())


def _parameter(reader: _Reader, entry: Mapping[str, Any]) -> Parameter:
    name = entry.get("name", "?")
    prepared = dict(entry)
    for key, kind in (("sort", Sort), ("kind", Kind)):
        try:
            prepared[key] = kind(entry.get(key, ""))
        except ValueError:
            valid = [member.value for member in kind]
            raise reader.error(
                f"[[parameters]] {name}: {key} = {quoted(entry.get(key))} is not known",
                fix=nearest(entry.get(key), valid),
            ) from None
    prepared["choices"] = tuple(
        reader.make(Choice, choice, f"parameters.{name}.choices") for choice in reader.tables(entry, "choices")
    )
    for key in ("default", "suffixes"):
        if isinstance(prepared.get(key), list):
            prepared[key] = tuple(prepared[key])
    parameter = reader.make(Parameter, prepared, "parameters")
    if parameter.kind is Kind.CHOICE and not parameter.choices:
        raise reader.error(f"[[parameters]] {name}: a choice needs [[parameters.choices]]")
    if parameter.suffixes and parameter.kind is not Kind.FILE:
        raise reader.error(f"[[parameters]] {name}: only a file has suffixes")
    return parameter


def _cell(reader: _Reader, entry: Mapping[str, Any]) -> CellTemplate:
    cell = reader.make(CellTemplate, entry, "cells")
    if not _STEP.fullmatch(cell.step):
        raise reader.error(f"[[cells]] {quoted(cell.step)}: a step is made of a-z, 0-9, _ and -")
    if cell.kind not in _CELL_KINDS:
        raise reader.error(f"[[cells]] {cell.step}: kind must be one of {', '.join(_CELL_KINDS)}")
    if "/" in cell.template or "\\" in cell.template:
        raise reader.error(f"[[cells]] {cell.step}: the template must lie in the task's own folder")
    return cell


def _check_names(reader: _Reader, task: Task) -> None:
    if not _IDENTIFIER.fullmatch(task.id):
        raise reader.error(f"id {quoted(task.id)} must be made of a-z, 0-9 and _")
    stages = [stage.id for stage in task.stages]
    for what, names in (
        ("stage", stages),
        ("parameter", [parameter.name for parameter in task.parameters]),
        ("step", [cell.step for cell in task.cells]),
    ):
        for name in names:
            if names.count(name) > 1:
                raise reader.error(f"the {what} {name!r} is there twice")
            if name in _TAKEN[what]:
                raise reader.error(f"the {what} {name!r} is made by every notebook itself", fix="Choose another name")
            if what != "step" and not _IDENTIFIER.fullmatch(name):
                raise reader.error(f"the {what} {quoted(name)} must be made of a-z, 0-9 and _")
    used = [*(p.stage for p in task.parameters), *(c.stage for c in task.cells)]
    for stage in used:
        if stage not in (FRAME_STAGE, *stages):
            raise reader.error(f"the stage {quoted(stage)} is used but not described", fix=nearest(stage, stages))
