"""The page of one stage: a field for each of its parameters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ipywidgets as widgets

from mlprov_widgets.errors import ValueRefused
from mlprov_widgets.tasks.model import FRAME_STAGE, Kind, Parameter
from mlprov_widgets.tasks.tables import MOST_BYTES
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.app import LARGEST_UPLOAD
from mlprov_widgets.ui.data_seen import seen_html, table_html
from mlprov_widgets.ui.desk import ABOUT, Desk, row
from mlprov_widgets.ui.fields import Field
from mlprov_widgets.ui.form import Checked
from mlprov_widgets.ui.in_words import Mend


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
        advanced: list[widgets.Widget] = []
        for parameter in self._parameters:
            name = parameter.name
            place = advanced if parameter.advanced else children
            place.append(self.fields[name].widget)
            if name in self.tables:
                self.tables[name].add_class("mlprov-table-seen")
                place.append(self.tables[name])
        # What can be left alone is folded away: a button, because a fold of HTML holds no fields.
        self.is_unfolded = False
        self.fold_button = widgets.Button(tooltip="", layout=widgets.Layout(display="none"))
        self.fold_button.add_class("mlprov-fold")
        fold = desk.guard(self._on_fold)
        self.fold_button.on_click(lambda _: fold())
        self._folded = widgets.VBox(advanced)
        self.mend_buttons: dict[str, widgets.Button] = {}  # each made when it is needed first
        if advanced:
            children += [self.fold_button, self._folded]
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
            columns = _columns_for(parameter, checked)
            of_a_file = parameter.kind in (Kind.COLUMN, Kind.NAMES) and bool(parameter.of)
            field.show(name in checked.applies and (not of_a_file or bool(columns) or name in given))
            impossible = checked.impossible.get(name, {})
            field.offer(columns, impossible, checked.values.get(name), given.get(name))
            field.tell(checked.errors.get(name, ""), checked.advice.get(name, ""))
            self._offer_to_mend(name, checked.mends.get(name))
        for name, html in self.tables.items():
            shown = self._uploaded(name) + self._seen(name, checked) if name in checked.applies else ""
            if html.value != shown:
                html.value = shown
        self._show_fold(checked, fill)

    def _offer_to_mend(self, name: str, mend: Mend | None) -> None:
        button = self.mend_buttons.get(name)
        if button is None and mend is not None:
            button = self._desk.button("", lambda: self._mend(name))
            button.layout = widgets.Layout()
            button.add_class("mlprov-mend")
            self.mend_buttons[name] = button
            self.fields[name].widget.children += (button,)
        if button is not None:
            button.description = mend.label if mend is not None else ""
            button.layout.display = None if mend is not None else "none"

    def _mend(self, name: str) -> None:
        mend = self._desk.checked.mends[name]
        self._desk.form.set(mend.parameter, mend.value)
        self._is_another(mend.parameter)
        self._desk.changed(fill=True)
        self._desk.seek(mend.parameter)  # the button is gone, and the focus with it

    def _show_fold(self, checked: Checked, fill: bool) -> None:
        given = self._desk.form.given
        own = [p.name for p in self._parameters if p.advanced and p.name in checked.applies]
        changed = sum(name in given for name in own)
        # Nothing that is wrong, and nothing that came from a file, stays out of sight.
        if (fill and changed) or any(name in checked.errors for name in own):
            self.is_unfolded = True
        more = f"More settings ({len(own)}{f', {changed} changed' if changed else ''})"
        told = "Fewer settings" if self.is_unfolded else more
        if self.fold_button.description != told:
            self.fold_button.description = told
        self.fold_button.layout.display = None if own else "none"
        self._folded.layout.display = None if self.is_unfolded else "none"

    def seek(self, name: str) -> None:
        """Put the focus on a field, which is unfolded for it."""
        parameter = self.fields[name].parameter
        if parameter.advanced and not self.is_unfolded:
            self._on_fold()
        self.fields[name].seek()

    def _on_fold(self) -> None:
        self.is_unfolded = not self.is_unfolded
        self._show_fold(self._desk.checked, fill=False)

    def _seen(self, name: str, checked: Checked) -> str:
        """Return what was seen in a file, or how large one may be."""
        table, seen = checked.tables.get(name), checked.seen.get(name)
        if table is not None:
            return table_html(table)
        if seen is not None:
            return seen_html(seen)
        return self._limits(name) if self._path(name) is None else ""

    def _path(self, name: str) -> Path | None:
        """Return where the file of a parameter lies, None for what is no file or not given."""
        form, parameter = self._desk.form, self._desk.task.parameter(name)
        given = form.sources.get(name) or form.given.get(name)
        return Path(str(given)) if given and parameter is not None and parameter.kind is Kind.FILE else None

    def _uploaded(self, name: str) -> str:
        """Return which file is taken, where no field says it."""
        path = self._path(name) if self._desk.served else None
        return parts.help_text(f"Uploaded: {path.name}") if path is not None else ""

    def _limits(self, name: str) -> str:
        desk = self._desk
        parameter = desk.task.parameter(name)
        table = parameter is None or not parameter.suffixes
        most = LARGEST_UPLOAD // 10**6 if desk.served else MOST_BYTES // 10**6
        told = f"An upload has at most {most} MB{'; one row a sample, UTF-8' if table else ''}."
        if not desk.served:
            told += " A path is looked at once you press Enter."
        if not desk.in_voila:
            # Jupyter's own server closes the page's connection over more, without a word.
            told += " Jupyter takes up to 10 MB; give the path of a larger file."
        return f'<div class="mlprov-help">{told}</div>'

    def _on_change(self, name: str, raw: object) -> None:
        desk = self._desk
        desk.tell("", "")  # what was said is of what was done before
        parameter = desk.task.parameter(name)
        if desk.served and parameter is not None and parameter.kind is Kind.FILE:
            raise ValueRefused("a path cannot be given here", field=name, fix="Upload the file")
        desk.form.set(name, raw)
        self._is_another(name)
        desk.changed()

    def _is_another(self, name: str) -> None:
        """Note that the form says something else than the file that filled it, unless this is the data it names."""
        if name not in self._desk.form.files:
            self._desk.form.recorded_in = None

    def _on_file(self, name: str, file: str, content: bytes) -> None:
        desk = self._desk
        desk.tell("", "")
        path = desk.keep(file, content, LARGEST_UPLOAD if desk.served else MOST_BYTES)
        desk.uploads.append(path)
        desk.form.set(name, str(path))
        self._is_another(name)
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
