"""What has been filled in, without a widget: values, what is wrong with them, and the Plan they make."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from mlprov_widgets.errors import DataFileError, MlprovError
from mlprov_widgets.provenance.replay import Code
from mlprov_widgets.tasks.model import Kind, Parameter, Task, Value
from mlprov_widgets.tasks.plan import DataFile, Draft, applicable, file_at, impossible_choices, make_plan
from mlprov_widgets.tasks.seen import Seen, seen_in
from mlprov_widgets.tasks.tables import Table, column_names
from mlprov_widgets.tasks.values import display, read_value
from mlprov_widgets.ui.in_words import Mend, in_words, mend_of


@dataclass(frozen=True)
class Checked:
    """What a form's content amounts to.

    Attributes
    ----------
    values : Mapping of str to Value
        What each parameter is: as given, or its default, or what was detected.
    applies : frozenset of str
        The parameters that apply.
    errors : Mapping of str to str
        Parameter to what is wrong with it; the empty name holds what concerns no single one.
    impossible : Mapping of str to Mapping of str to str
        Parameter to choice to why it cannot be taken now.
    tables : Mapping of str to Table
        What was seen in the data files.
    columns : Mapping of str to tuple of str
        The columns of data files that are refused: one of them may have to be left out.
    seen : Mapping of str to Seen
        What was seen in data files that are no tables.
    draft : Draft or None
        None while something is wrong.
    mends : Mapping of str to Mend
        Parameter to what would set right what is wrong with it.
    advice : Mapping of str to str
        Parameter to why its value is discouraged.
    """

    values: Mapping[str, Value]
    applies: frozenset[str]
    errors: Mapping[str, str]
    impossible: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seen: Mapping[str, Seen] = field(default_factory=dict)
    draft: Draft | None = None
    mends: Mapping[str, Mend] = field(default_factory=dict)
    advice: Mapping[str, str] = field(default_factory=dict)


class Form:
    """The content of a form for one task.

    Parameters
    ----------
    task
        What can be chosen.

    Attributes
    ----------
    given : dict of str to object
        What was entered, by parameter.
    recorded_in : pathlib.Path or None
        The provenance file that the form still says the same as.
    code : tuple of Code
        Cells that were edited by hand in what the form was filled from.
    keep_code : bool
        Whether they go into the notebook in place of the task's own.
    kernel : str
        The kernel that the notebook asks for; empty for the usual one.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.given: dict[str, object] = {}
        self.origins: dict[str, str] = {}
        self.requirements: tuple[str, ...] | None = None
        self.files: dict[str, DataFile] = {}
        self.sources: dict[str, Path] = {}
        self.recorded_in: Path | None = None
        self.code: tuple[Code, ...] = ()
        self.keep_code = False
        self.kernel = ""
        self._seen: dict[str, Table] = {}

    def set(self, name: str, raw: object) -> None:
        """Take over what a person entered; the parameter's default counts as not given.

        Another data file has other columns: those that were chosen in the one before are forgotten,
        and so is what came with a recorded one, unless this is that file.
        """
        parameter = self.task.parameter(name)
        if parameter is not None and parameter.kind is Kind.FILE:
            self._seen.pop(name, None)
            recorded = self.files.get(name)
            if recorded is None or not isinstance(raw, str) or not recorded.matches(_file_at(raw, parameter)):
                self._forget_file(name)
        if parameter is not None and _is_default(parameter, raw):
            self.given.pop(name, None)
        else:
            self.given[name] = raw
        self.origins.pop(name, None)

    def fill(self, draft: Draft) -> None:
        """Take over the values of a Plan, as from a provenance file."""
        plan = draft.plan
        self.given = {name: value for name, value in plan.values.items() if self.task.parameter(name) is not None}
        self.origins = {name: plan.origins.get(name, "imported") for name in self.given}
        self.requirements = plan.requirements
        self.files, self.sources, self._seen = dict(plan.files), dict(draft.sources), {}

    def copy(self) -> Form:
        """Return a form of its own that says the same."""
        other = Form(self.task)
        other.given, other.origins, other.requirements = dict(self.given), dict(self.origins), self.requirements
        other.files, other.sources, other._seen = dict(self.files), dict(self.sources), dict(self._seen)
        other.recorded_in, other.code, other.keep_code = self.recorded_in, self.code, self.keep_code
        other.kernel = self.kernel
        return other

    def says_the_same_as(self, other: Form) -> bool:
        """Return whether nothing that a person could see is different."""
        return self.task is other.task and self._said() == other._said()

    def _said(self) -> tuple[object, ...]:
        return (
            self.given,
            self.origins,
            self.requirements,
            self.files,
            self.sources,
            self.recorded_in,
            self.code,
            self.keep_code,
            self.kernel,
        )

    def _forget_file(self, file: str) -> None:
        self.files.pop(file, None)
        self.sources.pop(file, None)
        for p in self.task.parameters:
            if p.of == file and (p.kind in (Kind.COLUMN, Kind.NAMES) or p.name in self.origins):
                self.given.pop(p.name, None)
                self.origins.pop(p.name, None)

    def check(self) -> Checked:
        """Return what the content amounts to; never raises for what a person entered."""
        errors: dict[str, str] = {}
        values: dict[str, Value] = {}
        for parameter in self.task.parameters:
            try:
                values[parameter.name] = self._value(parameter)
            except MlprovError as error:
                errors[parameter.name] = self._sentence(error)
                values[parameter.name] = parameter.default
        applies = frozenset(applicable(self.task, values))
        errors = {name: text for name, text in errors.items() if name in applies}
        given = {name: value for name, value in self.given.items() if name in applies and name not in errors}
        try:
            draft = make_plan(
                self.task,
                given,
                origins=self.origins,
                requirements=self.requirements,
                files=self.files,
                sources=self.sources,
            )
            impossible = {
                name: {value: in_words(self.task, why) for value, why in reasons.items()}
                for name, reasons in impossible_choices(self.task, draft).items()
            }
        except MlprovError as error:
            # Beside a wrong value stands its default, so only what is said of a file is sure to hold.
            mends = {}
            if not errors or isinstance(error, DataFileError):
                place = self._place_of(error, applies)
                mend = mend_of(self.task, error, self.given.get(self._names_of(place)))
                if mend is not None and place not in errors:
                    mends[place] = mend
                errors.setdefault(place, self._sentence(error))
            # What was seen in the data stays in view while something is corrected.
            columns, seen = self._columns(values, applies), seen_in(self.task, applies, values, self._paths(applies))
            return Checked(values, applies, errors, tables=self._seen, columns=columns, seen=seen, mends=mends)
        self._seen = dict(draft.tables)
        values |= draft.plan.values
        # Here a folder has become an archive.
        seen = seen_in(self.task, applies, values, draft.sources)
        errors |= {name: f"{look.refusal}." for name, look in seen.items() if look.refusal and name not in errors}
        for name, file in draft.plan.files.items():
            if name not in draft.sources:  # of a provenance file that came without its data
                errors.setdefault(name, f"The data file {file.name} is not here. Upload it, or another one.")
        if errors:
            return Checked(values, applies, errors, tables=draft.tables, seen=seen)
        plan = frozenset(draft.plan.values)
        return Checked(values, plan, {}, impossible, draft.tables, seen=seen, draft=draft, advice=self._advice(draft))

    def _advice(self, draft: Draft) -> dict[str, str]:
        split = (text.partition(": ") for text in draft.advice)
        return {name: f"{in_words(self.task, text[:1].upper() + text[1:], name)}." for name, _, text in split}

    def _names_of(self, file: str) -> str:
        """Return the parameter that lists columns of a file."""
        return next((p.name for p in self.task.parameters if p.of == file and p.kind is Kind.NAMES), "")

    def _paths(self, applies: frozenset[str]) -> dict[str, Path]:
        """Return where the data files lie, as far as they are given."""
        files = [p.name for p in self.task.parameters if p.kind is Kind.FILE and p.name in applies]
        given = {name: self.sources.get(name) or self.given.get(name) for name in files}
        return {name: Path(str(path)) for name, path in given.items() if path}

    def _columns(self, values: Mapping[str, Value], applies: frozenset[str]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for file in self.task.parameters:
            if file.kind is not Kind.FILE or file.suffixes or file.name not in applies or not values[file.name]:
                continue
            options = {p.detect: values[p.name] for p in self.task.parameters if p.of == file.name and p.detect}
            separator, header = options.get("separator"), options.get("header")
            found[file.name] = column_names(
                self.sources.get(file.name) or Path(str(values[file.name])),
                separator if isinstance(separator, str) else None,
                header if isinstance(header, bool) else None,
            )
        return found

    def _value(self, parameter: Parameter) -> Value:
        if parameter.name not in self.given:
            return parameter.default
        raw = self.given[parameter.name]
        if raw is None and parameter.kind is Kind.FILE:
            return None
        return read_value(parameter, raw)

    def _sentence(self, error: MlprovError) -> str:
        text = error.message[:1].upper() + error.message[1:]
        parameter = self.task.parameter(error.field)
        if parameter is not None and parameter.kind is Kind.FILE and not self.given.get(parameter.name):
            return f"{text}: upload it here."
        if isinstance(error, DataFileError):  # it quotes what is in the file, which is nobody's name for a field
            return f"{text}. {in_words(self.task, error.fix)}." if error.fix else f"{text}."
        fix = in_words(self.task, error.fix, error.field)
        return f"{in_words(self.task, text)}. {fix}." if fix else f"{in_words(self.task, text)}."

    def _place_of(self, error: MlprovError, applies: frozenset[str]) -> str:
        """Return the parameter beside which an error is shown."""
        if error.field in applies:
            return error.field
        if isinstance(error, DataFileError):
            return next((p.name for p in self.task.parameters if p.kind is Kind.FILE and p.name in applies), "")
        return ""


def _is_default(parameter: Parameter, raw: object) -> bool:
    if raw is None or raw in ("", (), []):
        return parameter.default is None
    if isinstance(raw, str) and not isinstance(parameter.default, str | None):
        return raw.strip() == display(parameter.default)
    return type(raw) is type(parameter.default) and raw == parameter.default


def _file_at(raw: str, parameter: Parameter) -> Path:
    """Return the file to which a path leads, or the path of what cannot be read as one."""
    with contextlib.suppress(DataFileError, OSError):
        return file_at(Path(raw), parameter)
    return Path(raw)
