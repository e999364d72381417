"""A Plan: one task with every value settled. It alone decides what the notebook looks like."""

from __future__ import annotations

import contextlib
import functools
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from mlprov_widgets.errors import DataFileError, ProvenanceError, ValueRefused, nearest, quoted
from mlprov_widgets.files import canonical_json, file_name, sha256_of_file, sha256_of_text
from mlprov_widgets.tasks.archives import packed
from mlprov_widgets.tasks.expressions import holds
from mlprov_widgets.tasks.load import installed_stamp
from mlprov_widgets.tasks.model import SCHEMA_VERSION, Choice, Kind, Parameter, Rule, Task, Value
from mlprov_widgets.tasks.pictures import look_into
from mlprov_widgets.tasks.tables import Table, check_file, inspect_table
from mlprov_widgets.tasks.values import read_value

ORIGINS: Final = ("default", "user", "imported", "derived")

TABLE_SUFFIXES: Final = ("csv", "tsv", "txt", "data")
"""How the name of a table may end."""

FOLDER_SUFFIX: Final = "zip"
"""Where a file may end so, a folder may stand in its place: it is packed."""

_RECORDED_FILE = re.compile(r"data/([0-9a-f]{64})\.([a-z0-9]{1,8})")
_REQUIREMENT = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]{0,80})(==[A-Za-z0-9.!+_-]{1,60})?")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class DataFile:
    """A person's own data file, known by its content.

    Attributes
    ----------
    name : str
        The file's name as the person had it, made safe.
    sha256 : str
    bytes : int
        Its size.
    """

    name: str
    sha256: str
    bytes: int

    def matches(self, path: Path) -> bool:
        """Return whether a file is there and holds this content."""
        try:
            return path.is_file() and path.stat().st_size == self.bytes and sha256_of_file(path) == self.sha256
        except (OSError, ValueError):
            return False


@dataclass(frozen=True)
class Plan:
    """A task with every value settled.

    Attributes
    ----------
    task, version, task_digest : str
        Which description of which task.
    values : Mapping of str to Value
        The parameters that apply, in the task's order.
    origins : Mapping of str to str
        Where each value came from: one of `ORIGINS`.
    requirements : tuple of str
        What the notebook needs, as ``name==version``.
    files : Mapping of str to DataFile
        The person's own data files, by parameter.
    """

    task: str
    version: str
    task_digest: str
    values: Mapping[str, Value]
    origins: Mapping[str, str]
    requirements: tuple[str, ...]
    files: Mapping[str, DataFile] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """The SHA-256 of everything that decides the notebook's code."""
        return sha256_of_text(
            canonical_json(
                {
                    "task": self.task,
                    "version": self.version,
                    "task_digest": self.task_digest,
                    "values": _as_json(self.values),
                    "requirements": list(self.requirements),
                }
            )
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the Plan as plain JSON data; `plan_from_dict` reads it."""
        return {
            "schema_version": SCHEMA_VERSION,
            "task": self.task,
            "version": self.version,
            "task_digest": self.task_digest,
            "digest": self.digest,
            "values": _as_json(self.values),
            "origins": dict(self.origins),
            "requirements": list(self.requirements),
            "files": {name: vars(file) for name, file in self.files.items()},
        }


@dataclass(frozen=True)
class Draft:
    """A Plan with what is needed to act on it.

    Attributes
    ----------
    plan : Plan
    sources : Mapping of str to pathlib.Path
        Where each of the Plan's own data files was found.
    tables : Mapping of str to Table
        What was seen in them.
    advice : tuple of str
        What is discouraged about the values, with the reason.
    """

    plan: Plan
    sources: Mapping[str, Path]
    tables: Mapping[str, Table]
    advice: tuple[str, ...]


def make_plan(
    task: Task,
    given: Mapping[str, object],
    *,
    origin: str = "user",
    origins: Mapping[str, str] | None = None,
    requirements: Iterable[str] | None = None,
    files: Mapping[str, DataFile] | None = None,
    sources: Mapping[str, Path] | None = None,
) -> Draft:
    """Settle every value of a task.

    Parameters
    ----------
    task
        The task.
    given
        Values by parameter name, typed or as text; the others take their default, or are detected
        in the data file.
    origin, origins
        Where the given values came from: for all, and for some by name.
    requirements
        Pinned requirements to take over; by default the installed versions.
    files
        Data files that are already known by content, for values such as ``data/<sha256>.csv``.
    sources
        Where such files can be found now.

    Raises
    ------
    ValueRefused
        If a value is unknown, does not fit, does not apply, or values do not fit each other.
    DataFileError
        If a data file cannot be used.
    """
    names = [parameter.name for parameter in task.parameters]
    for name in given:
        if name not in names:
            raise ValueRefused(
                f"the task {task.id} has no such parameter", field=quoted(name), fix=nearest(name, names)
            )
    values = {p.name: _first_value(p, given) for p in task.parameters}
    settled_origins = {name: (origins or {}).get(name, origin) if name in given else "default" for name in names}
    applies = _applicable(task, values, given)
    known = dict(files or {})
    found = dict(sources or {})
    tables: dict[str, Table] = {}
    for parameter in task.parameters:
        if parameter.kind is Kind.FILE and parameter.name in applies:
            table = _settle_file(task, parameter, values, known, found)
            if table is not None:
                tables[parameter.name] = table
                _detect(task, parameter, table, values, settled_origins)
    applies = _applicable(task, values, given)
    for parameter in task.parameters:
        if parameter.name in applies and values[parameter.name] is None and not parameter.optional:
            raise ValueRefused(
                "this is needed and could not be detected",
                field=parameter.name,
                fix=f"Give it: {parameter.help}",
            )
    context = {**values, "facts": _facts(task, values, applies, tables, found)}
    rule = _broken_rule(task, context)
    if rule is not None:
        raise ValueRefused(rule.message, field=rule.field, fix=rule.fix)
    own = [parameter.name for parameter in task.parameters if parameter.kind is Kind.FILE]
    plan = Plan(
        task=task.id,
        version=task.version,
        task_digest=task.digest,
        values={name: values[name] for name in names if name in applies},
        origins={name: settled_origins[name] for name in names if name in applies},
        requirements=tuple(requirements) if requirements is not None else installed_requirements(task),
        files={name: known[name] for name in own if name in applies and name in known},
    )
    advice = tuple(f"{item.field}: {item.message}" for item in task.advice if holds(item.when, context))
    return Draft(plan, {name: found[name] for name in plan.files if name in found}, tables, advice)


def _told(raw: object) -> object:
    """Return a given value, None for a blank text."""
    return None if isinstance(raw, str) and not raw.strip() else raw


def _first_value(parameter: Parameter, given: Mapping[str, object]) -> Value:
    raw = _told(given.get(parameter.name))
    if raw is not None or (parameter.name in given and parameter.default is not None):
        return read_value(parameter, raw)
    # Left empty, with no default: whether it is needed is known once it is known whether it applies.
    return () if parameter.default is None and parameter.kind is Kind.NAMES else parameter.default


def _applicable(task: Task, values: dict[str, Value], given: Mapping[str, object]) -> set[str]:
    """Return the names of the parameters that apply, and empty the others' values."""
    applies = {parameter.name for parameter in task.parameters}
    changed = True
    while changed:
        changed = False
        for parameter in task.parameters:
            if parameter.name in applies and not holds(parameter.when, values):
                if _told(given.get(parameter.name)) not in (None, (), []):
                    raise ValueRefused(
                        f"this applies only when {parameter.when}",
                        field=parameter.name,
                        fix="Leave it out, or change the other value",
                    )
                applies.discard(parameter.name)
                values[parameter.name] = None
                changed = True
    return applies


def file_at(path: Path, parameter: Parameter) -> Path:
    """Return the file to which a path leads: for a folder that stands in the place of an archive, that archive.

    Raises
    ------
    DataFileError
        If the folder cannot be packed.
    """
    with contextlib.suppress(RuntimeError):  # ~ of somebody who is not known here
        path = path.expanduser()
    return packed(path) if FOLDER_SUFFIX in parameter.suffixes and path.is_dir() else path


def _settle_file(
    task: Task,
    parameter: Parameter,
    values: dict[str, Value],
    known: dict[str, DataFile],
    found: dict[str, Path],
) -> Table | None:
    """Look at a data file and replace its path by its place under ``data/``; None for what is no table."""
    raw = str(values[parameter.name] or "")
    if not raw and parameter.optional:
        return None
    if not raw:
        raise ValueRefused("a data file is needed", field=parameter.name, fix=f"Give its path: {parameter.help}")
    recorded = _RECORDED_FILE.fullmatch(raw)
    if recorded and parameter.name in known:
        if known[parameter.name].sha256 != recorded[1]:
            raise DataFileError(
                "the recorded name and digest differ", field=parameter.name, fix="Use an unchanged file"
            )
        endings = parameter.suffixes or TABLE_SUFFIXES
        if recorded[2] not in endings:
            raise DataFileError(
                f"a recorded file cannot end in .{recorded[2]} here",
                field=parameter.name,
                fix=f"It ends in {' or '.join(f'.{suffix}' for suffix in endings)}",
            )
        path = found.get(parameter.name)
        if path is None:
            return None
    else:
        path = Path(raw)
    path = file_at(path, parameter)
    if parameter.suffixes:
        _settle_other_file(parameter, path, recorded[1] if recorded else "", values, known)
        found[parameter.name] = path
        return None
    options = {p.detect: values[p.name] for p in task.parameters if p.of == parameter.name and p.detect}
    header = options.get("header")
    ignored = next((values[p.name] for p in task.parameters if p.of == parameter.name and p.kind is Kind.NAMES), ())
    table = _inspected(
        path,
        _stamp(path),
        _text_or_none(options.get("separator")),
        header if isinstance(header, bool) else None,
        _text_or_none(options.get("target_column")),
        ignored if isinstance(ignored, tuple) else (),
    )
    if recorded and table.sha256 != recorded[1]:
        raise _not_the_recorded(path)
    suffix = _suffix_of(path) if _suffix_of(path) in TABLE_SUFFIXES else "csv"
    values[parameter.name] = raw if recorded else f"data/{table.sha256}.{suffix}"
    known[parameter.name] = known.get(parameter.name) or DataFile(file_name(path.name), table.sha256, table.bytes)
    found[parameter.name] = path
    return table


def _settle_other_file(
    parameter: Parameter, path: Path, recorded: str, values: dict[str, Value], known: dict[str, DataFile]
) -> None:
    """Do the same for a file that is no table: it is known by its content, which only the notebook looks into."""
    size = check_file(path)
    if not recorded and _suffix_of(path) not in parameter.suffixes:
        endings = " or ".join(f".{suffix}" for suffix in parameter.suffixes)
        raise DataFileError(f"its name does not end in {endings}", field=path.name, fix=parameter.help)
    digest = _digest_of(path, _stamp(path))
    if recorded and digest != recorded:
        raise _not_the_recorded(path)
    if not recorded:
        values[parameter.name] = f"data/{digest}.{_suffix_of(path)}"
    known[parameter.name] = known.get(parameter.name) or DataFile(file_name(path.name), digest, size)


def _not_the_recorded(path: Path) -> DataFileError:
    told = "this is not the recorded file: its digest differs"
    return DataFileError(told, field=path.name, fix="Give the file that was recorded")


def _suffix_of(path: Path) -> str:
    return path.suffix.lower().removeprefix(".")


@functools.lru_cache(maxsize=8)
def _digest_of(path: Path, stamp: tuple[int, int]) -> str:
    del stamp  # part of the key only
    return sha256_of_file(path)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        return path.stat().st_mtime_ns, path.stat().st_size
    except (OSError, ValueError):
        return 0, 0  # inspect_table says what is wrong with it


@functools.lru_cache(maxsize=8)
def _inspected(
    path: Path,
    stamp: tuple[int, int],
    separator: str | None,
    header: bool | None,
    target_column: str | None,
    ignored_columns: tuple[str, ...],
) -> Table:
    # A form asks again at every keystroke; a look at a large file takes seconds.
    del stamp  # part of the key only
    return inspect_table(
        path, separator=separator, header=header, target_column=target_column, ignored_columns=ignored_columns
    )


def _text_or_none(value: Value) -> str | None:
    return value if isinstance(value, str) else None


def _detect(task: Task, file: Parameter, table: Table, values: dict[str, Value], origins: dict[str, str]) -> None:
    """Fill the empty parameters that a look at the file can fill."""
    seen: dict[str, Value] = {
        "separator": table.separator,
        "header": table.header,
        "target_column": table.target_column,
        "missing_values": "drop_rows" if table.missing else "none",
    }
    for parameter in task.parameters:
        if parameter.of != file.name or parameter.detect not in seen:
            continue
        if parameter.detect == "target_column":
            values[parameter.name] = table.target_column  # a position becomes a name
        if values[parameter.name] is None:
            values[parameter.name] = seen[parameter.detect]
        if origins[parameter.name] == "default":
            origins[parameter.name] = "derived"


def applicable(task: Task, values: Mapping[str, Value]) -> set[str]:
    """Return the names of the parameters that apply, given these values."""
    return _applicable(task, dict(values), {})


def impossible_choices(task: Task, draft: Draft) -> dict[str, dict[str, str]]:
    """Return the choices that the task's rules would refuse beside all other values of a Plan.

    Returns
    -------
    dict
        Parameter to choice to the reason.
    """
    values = {parameter.name: draft.plan.values.get(parameter.name) for parameter in task.parameters}
    applies = set(draft.plan.values)
    found: dict[str, dict[str, str]] = {}
    for parameter in task.parameters:
        if parameter.name not in applies:
            continue
        for choice in parameter.choices:
            changed = {**values, parameter.name: choice.value}
            # A choice that brings other parameters with it cannot be judged by today's values.
            if choice.value == values[parameter.name] or applicable(task, changed) != applies:
                continue
            try:
                rule = _broken_rule(
                    task, {**changed, "facts": _facts(task, changed, applies, draft.tables, draft.sources)}
                )
                reason = rule.message if rule is not None else ""
            except DataFileError as error:
                reason = error.message
            if reason:
                found.setdefault(parameter.name, {})[choice.value] = reason
    return found


def _broken_rule(task: Task, context: Mapping[str, Any]) -> Rule | None:
    return next((rule for rule in task.rules if not holds(rule.require, context)), None)


def _facts(
    task: Task,
    values: Mapping[str, Value],
    applies: set[str],
    tables: Mapping[str, Table],
    sources: Mapping[str, Path],
) -> dict[str, int]:
    facts = {"samples": 0, "classes": 0, "smallest_class": 0, "features": 0, "missing": 0, "picture_sizes": 0}
    for name, path in sources.items():
        pictures = look_into(path) if name in applies and _suffix_of(path) == FOLDER_SUFFIX else None
        facts["picture_sizes"] += len(pictures.sizes) if pictures is not None else 0
    for parameter in task.parameters:
        if parameter.name in applies and parameter.kind is Kind.CHOICE:
            chosen: Choice | None = parameter.choice(str(values[parameter.name]))
            facts.update(chosen.facts if chosen else {})
    for name, table in tables.items():
        filling = next((p.name for p in task.parameters if p.of == name and p.detect == "missing_values"), "")
        dropped = filling and values[filling] == "drop_rows"
        classes = table.complete if dropped else table.classes
        if len(classes) < 2:
            raise DataFileError(
                f"without the rows in which a cell is missing, {len(classes)} classes are left",
                field=table.path.name,
                fix=f"Fill the missing cells instead, with --set {filling}=mean",
            )
        facts.update(
            samples=sum(classes.values()),
            classes=len(classes),
            smallest_class=min(classes.values()),
            features=len(table.columns) - 1,
            missing=sum(table.missing.values()),
        )
    return facts


def installed_requirements(task: Task) -> tuple[str, ...]:
    """Return the task's requirements pinned to the versions that are installed here."""
    return _pinned(task.requirements, installed_stamp())


@functools.lru_cache(maxsize=32)
def _pinned(names: tuple[str, ...], stamp: tuple[int, ...]) -> tuple[str, ...]:
    del stamp  # part of the key only
    pinned = []
    for name in names:
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            pinned.append(name)
    return tuple(pinned)


def recorded_digest(value: object) -> str:
    """Return the SHA-256 in a recorded data file's path, empty if it is not one."""
    match = _RECORDED_FILE.fullmatch(value) if isinstance(value, str) else None
    return match[1] if match else ""


def plan_from_dict(raw: object) -> Plan:
    """Read a Plan that was written by `Plan.as_dict`, trusting nothing in it.

    The types, names and sizes are checked here; whether the values fit the task is checked by
    `make_plan`, through which every imported Plan goes before anything is rendered.

    Raises
    ------
    ProvenanceError
        If it is not a Plan; the message names the part.
    """
    plan = _expect(raw, dict, "the Plan")
    version_read = plan.get("schema_version")
    if version_read != SCHEMA_VERSION:
        raise ProvenanceError(
            f"the Plan has schema version {quoted(version_read)}; this package reads {SCHEMA_VERSION}",
            field="schema_version",
            fix="Install a newer mlprov_widgets",
        )
    values = {name: _value(name, value) for name, value in _expect(plan.get("values"), dict, "values").items()}
    origins = {
        name: origin if origin in ORIGINS else "imported"
        for name, origin in _expect(plan.get("origins"), dict, "origins").items()
    }
    requirements = _expect(plan.get("requirements"), list, "requirements")
    for item in requirements:
        if not isinstance(item, str) or not _REQUIREMENT.fullmatch(item):
            raise ProvenanceError(
                f"{quoted(item)} is not a name==version", field="requirements", fix="Use an unchanged file"
            )
    files = {name: _data_file(name, file) for name, file in _expect(plan.get("files", {}), dict, "files").items()}
    for name, file in files.items():
        # The value is a path that files are copied to: nothing but a place under data/.
        if recorded_digest(values.get(name)) != file.sha256:
            raise ProvenanceError("a data file is named by its digest", field=name, fix="Use an unchanged file")
    digest = _expect(plan.get("task_digest"), str, "task_digest")
    if not _DIGEST.fullmatch(digest):
        raise ProvenanceError("this is not a SHA-256", field="task_digest", fix="Use an unchanged file")
    return Plan(
        task=_expect(plan.get("task"), str, "task"),
        version=_expect(plan.get("version"), str, "version"),
        task_digest=digest,
        values=values,
        origins=origins,
        requirements=tuple(requirements),
        files=files,
    )


def _expect(value: Any, kind: type, name: str) -> Any:
    if not isinstance(value, kind):
        raise ProvenanceError(f"{quoted(value)} is not what belongs here", field=name, fix="Use an unchanged file")
    return value


def _value(name: str, value: object) -> Value:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ProvenanceError(f"{quoted(value)} is not a value", field=name, fix="Use an unchanged file")


def _data_file(name: str, raw: object) -> DataFile:
    file = _expect(raw, dict, f"files.{name}")
    digest = _expect(file.get("sha256"), str, f"files.{name}.sha256")
    if not _DIGEST.fullmatch(digest):
        raise ProvenanceError("this is not a SHA-256", field=f"files.{name}.sha256", fix="Use an unchanged file")
    return DataFile(
        file_name(_expect(file.get("name"), str, f"files.{name}.name")),
        digest,
        _expect(file.get("bytes"), int, f"files.{name}.bytes"),
    )


def _as_json(values: Mapping[str, Value]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
