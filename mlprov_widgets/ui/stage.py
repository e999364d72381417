"""The page of one stage: a field for each of its parameters."""

from __future__ import annotations

from collections.abc import Callable

import ipywidgets as widgets

from mlprov_widgets.errors import ValueRefused
from mlprov_widgets.tasks.model import FRAME_STAGE, Kind, Parameter
from mlprov_widgets.tasks.tables import MOST_BYTES, Table
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.app import LARGEST_UPLOAD
from mlprov_widgets.ui.desk import ABOUT, Desk, row
from mlprov_widgets.ui.fields import Field
from mlprov_widgets.ui.form import Checked

_MOST_COLUMNS = 8
_MOST_CLASSES = 12


class StagePage:
    """The fields of one stage.

    Parameters
    ----------
    desk
        What the pages share.
    page
        A stage's id, or `ABOUT`.
    turn
        Called with -1 or 1 to open the page before or after this one.
    """

    def __init__(self, desk: Desk, page: str, turn: Callable[[int], None]) -> None:
        self._desk = desk
        stage = desk.task.stage(page)
        lead = stage.help if stage else "Who made it, and what it is called."
        changed, uploaded = desk.guard(self._on_change), desk.guard(self._on_file)
        self._parameters = parameters_of(desk, page)
        self.fields = {p.name: Field(p, changed, uploaded, not desk.served, desk.html) for p in self._parameters}
        self.tables = {p.name: desk.html() for p in self._parameters if p.kind is Kind.FILE}
        children: list[widgets.Widget] = [desk.html(parts.heading(desk.title_of(page), lead))]
        for name, field in self.fields.items():
            children.append(field.widget)
            if name in self.tables:
                self.tables[name].add_class("mlprov-table-seen")
                children.append(self.tables[name])
        # Each leads from this very page: a double click on Next is one step.
        back = desk.button("Back", lambda: turn(-1))
        forward = desk.button("Next", lambda: turn(1), primary=True)
        self.widget = desk.box(*children, row(back, forward))

    def refresh(self, checked: Checked, *, fill: bool) -> None:
        """Show what holds now; with `fill` also in the fields, where a person may be typing otherwise."""
        given = self._desk.form.given
        for parameter in self._parameters:
            name = parameter.name
            field = self.fields[name]
            if fill:
                value = checked.values.get(name)
                raw = given.get(name, value)
                field.fill(raw if isinstance(raw, str) else value, name in given)
            field.show(name in checked.applies)
            impossible = checked.impossible.get(name, {})
            field.offer(_columns_for(parameter, checked), impossible, checked.values.get(name), given.get(name))
            field.tell(checked.errors.get(name, ""))
        for name, html in self.tables.items():
            seen = checked.tables.get(name)
            value = self._limits(name) if seen is None else _table_html(seen)
            shown = value if name in checked.applies else ""
            if html.value != shown:
                html.value = shown

    def _limits(self, name: str) -> str:
        desk = self._desk
        parameter = desk.task.parameter(name)
        table = parameter is None or not parameter.suffixes
        most = LARGEST_UPLOAD // 2**20 if desk.served else MOST_BYTES // 10**6
        told = f"At most {most} MB{'; one row a sample, UTF-8' if table else ''}."
        if not desk.in_voila:
            # Jupyter's own server closes the page's connection over more, without a word.
            told += " Jupyter takes uploads of up to 10 MB; give the path of a larger file."
        return f'<div class="mlprov-help">{told}</div>'

    def _on_change(self, name: str, raw: object) -> None:
        desk = self._desk
        parameter = desk.task.parameter(name)
        if desk.served and parameter is not None and parameter.kind is Kind.FILE:
            raise ValueRefused("a path cannot be given here", field=name, fix="Upload the file")
        desk.form.set(name, raw)
        desk.form.recorded_in = None
        desk.changed()

    def _on_file(self, name: str, file: str, content: bytes) -> None:
        desk = self._desk
        path = desk.keep(file, content, LARGEST_UPLOAD if desk.served else MOST_BYTES)
        desk.uploads.append(path)
        desk.form.set(name, str(path))
        if name not in desk.form.files:  # not the data that was recorded
            desk.form.recorded_in = None
        self.fields[name].fill(str(path), True)
        desk.changed()


def parameters_of(desk: Desk, page: str) -> list[Parameter]:
    """Return the parameters that a page asks for."""
    stage = FRAME_STAGE if page == ABOUT else page
    return [p for p in desk.task.parameters if p.stage == stage]


def _columns_for(parameter: Parameter, checked: Checked) -> tuple[str, ...]:
    table = checked.tables.get(parameter.of)
    if table is None:
        return checked.columns.get(parameter.of, ())
    # What is to be predicted is not left out.
    return tuple(n for n in table.columns if parameter.kind is not Kind.NAMES or n != table.target_column)


def _table_html(table: Table) -> str:
    classes = ", ".join(f"{label} ({count})" for label, count in list(table.classes.items())[:_MOST_CLASSES])
    more = "" if len(table.classes) <= _MOST_CLASSES else ", …"
    told = (
        f"{table.rows:,} rows, {len(table.columns) - 1} features, separator {table.separator}, "
        f"target {table.target_column} with {len(table.classes)} classes: {classes}{more}. "
        f"Missing cells: {sum(table.missing.values())}."
    )
    rows = [row[:_MOST_COLUMNS] for row in table.preview]
    return parts.note(told, "fine") + parts.table(rows, table.columns[:_MOST_COLUMNS])
