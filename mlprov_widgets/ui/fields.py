"""One field: a widget for a parameter, with its label, its help and what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.tasks.model import Kind, Parameter, Value
from mlprov_widgets.tasks.plan import FOLDER_SUFFIX, TABLE_SUFFIXES
from mlprov_widgets.tasks.values import display
from mlprov_widgets.ui.parts import folded, note

Changed = Callable[[str, object], None]
"""Called with the parameter's name and what was entered."""

_DETECTED = ""
SOUGHT = "mlprov-sought"
"""The mark of a field that is looked for."""


class Field:
    """A parameter in the form.

    Parameters
    ----------
    parameter
        What is asked for.
    changed
        Called when a person enters something; not when the program fills the field.
    uploaded
        Called with the parameter's name, a file's name and its bytes.
    free_paths
        Whether a file may be named by its path on this machine.
    html
        Makes a widget of HTML that is always shown.
    """

    def __init__(
        self,
        parameter: Parameter,
        changed: Changed,
        uploaded: Callable[[str, str, bytes], None],
        free_paths: bool,
        html: Callable[[str], widgets.HTML] = widgets.HTML,
    ) -> None:
        self.parameter = parameter
        self._changed = changed
        self._uploaded = uploaded
        self._filling = False
        self._may_be_folder = free_paths and FOLDER_SUFFIX in parameter.suffixes
        self._options: tuple[tuple[str, str], ...] = ()
        self._help = html(f'<div class="mlprov-help">{self._help_text()}</div>')
        self._error = html("")
        self._upload: widgets.FileUpload | None = None
        self.control = self._make(free_paths)
        children = [self.control, self._help, self._error]
        if parameter.kind is Kind.CHOICE and any(choice.help for choice in parameter.choices):
            children.insert(2, html(_choices_html(parameter)))
        if self._upload is not None:
            children.insert(0, self._upload)
            if not free_paths:
                children.remove(self.control)
        self.widget = widgets.VBox(children)
        self.widget.add_class("mlprov-field")

    def _help_text(self) -> str:
        p = self.parameter
        text = escape(p.help)
        if p.detect:  # a list has an entry for it, so that nothing in it is empty
            text = text.replace(" Empty: detected in the file.", "").replace(" Empty:", " As detected:")
        if self._may_be_folder:
            text += " A path may lead to a folder with a folder for each class as well."
        if p.kind is Kind.NAMES and p.of:
            text += " Hold Ctrl (on a Mac, ⌘) to choose several, or to take one back."
        if p.optional and p.kind in (Kind.INTEGER, Kind.NUMBER, Kind.TEXT) and "empty" not in p.help.lower():
            text += " May stay empty."
        return text

    def _make(self, free_paths: bool) -> widgets.Widget:
        p = self.parameter
        label = f"{p.label} ({p.unit})" if p.unit else p.label
        common = {"description": label, "tooltip": ""}
        if p.kind is Kind.BOOLEAN and p.detect:
            control = widgets.Dropdown(options=self._choices({}), **common)
        elif p.kind is Kind.BOOLEAN:
            control = widgets.Checkbox(value=bool(p.default), indent=False, **common)
        elif p.kind is Kind.CHOICE or (p.kind is Kind.COLUMN and p.of):
            control = widgets.Dropdown(options=self._choices({}), **common)
        elif p.kind is Kind.NAMES and p.of:
            control = widgets.SelectMultiple(options=[], rows=5, **common)
        else:
            # Half a path may be a folder, and to look into all of a disk takes its time.
            at_once, hint = p.kind is not Kind.FILE, self._placeholder()
            control = widgets.Text(value=display(p.default), continuous_update=at_once, placeholder=hint, **common)
        if p.kind is Kind.FILE:
            told = f"Upload: {p.label}"
            accepted = ",".join(f".{suffix}" for suffix in p.suffixes or TABLE_SUFFIXES)
            self._upload = widgets.FileUpload(accept=accepted, multiple=False, description=told, tooltip=told)
            self._upload.observe(self._on_upload, names="value")
            control.description = f"{p.label}: path on this machine"
        # What is not shown still has its channel to the page, so it must not be listened to either.
        if p.kind is not Kind.FILE or free_paths:
            control.observe(self._on_change, names="value")
        control.add_class("mlprov-control")
        return control

    def _placeholder(self) -> str:
        p = self.parameter
        if p.kind is Kind.NAMES:
            return '["a", "b"]'
        return ""

    def _choices(self, impossible: Mapping[str, str], detected: str = "") -> tuple[tuple[str, str], ...]:
        p = self.parameter
        if p.kind is Kind.BOOLEAN:
            options = [("yes", "true"), ("no", "false")]
        else:
            options = [(choice.label, choice.value) for choice in p.choices if choice.value not in impossible]
        if p.detect:
            options.insert(0, (f"as detected{f' ({detected})' if detected else ''}", _DETECTED))
        return tuple(options)

    def _on_change(self, change: Mapping[str, Any]) -> None:
        if self._filling:
            return
        value = change["new"]
        if isinstance(value, tuple):
            value = list(value)
        self._changed(self.parameter.name, None if value == _DETECTED else value)

    def _on_upload(self, change: Mapping[str, Any]) -> None:
        if self._filling or not change["new"]:
            return
        file = change["new"][0]
        name, content = str(file["name"]), bytes(file["content"])
        change["owner"].value = ()  # so that the same file can be uploaded again
        self._uploaded(self.parameter.name, name, content)

    def fill(self, value: Value, given: bool) -> None:
        """Show a value without calling back.

        Parameters
        ----------
        value
            What the parameter is.
        given
            Whether a person chose it; a detected value is shown as such otherwise.
        """
        self._filling = True
        try:
            if isinstance(self.control, widgets.Checkbox):
                self.control.value = bool(value)
            elif isinstance(self.control, widgets.Dropdown):
                told = _DETECTED if self.parameter.detect and not given else display(value)
                if told in [option for _, option in self.control.options]:
                    self.control.value = told
            elif isinstance(self.control, widgets.SelectMultiple):
                wanted = value if isinstance(value, tuple) else ()
                self.control.value = tuple(name for name in wanted if name in self.control.options)
            elif self.control.value != display(value):
                self.control.value = display(value)
        finally:
            self._filling = False

    def offer(self, columns: Sequence[str], impossible: Mapping[str, str], value: Value, given: object) -> None:
        """Bring a list up to date: columns of the file, what cannot be taken now, and what is chosen.

        Parameters
        ----------
        columns
            What can be chosen where columns of a file are.
        impossible
            Choice to why it cannot be taken.
        value
            What the parameter is, or is taken for while something is wrong.
        given
            What a person chose, None if nothing. It stays in the list, whether the file has it or not.
        """
        self._filling = True
        try:
            if isinstance(self.control, widgets.SelectMultiple):
                names = tuple(dict.fromkeys([*columns, *(given if isinstance(given, list | tuple) else ())]))
                if names != tuple(self.control.options):
                    self.control.options = names
            elif isinstance(self.control, widgets.Dropdown):
                self._offer_list(columns, impossible, value, given)
        finally:
            self._filling = False
        if isinstance(self.control, widgets.SelectMultiple | widgets.Dropdown):
            self.fill(value, given is not None)
        self._tell_about(impossible)

    def _offer_list(
        self, columns: Sequence[str], impossible: Mapping[str, str], detected: Value, given: object
    ) -> None:
        p = self.parameter
        told = display(detected) if p.detect else ""
        options = self._choices(impossible, told)
        if p.kind is Kind.COLUMN:
            names = dict.fromkeys([*columns, *([given] if isinstance(given, str) else [])])
            options = ((f"as detected{f' ({told})' if told else ''}", _DETECTED), *((name, name) for name in names))
        if options != self._options:
            self._options = options
            value = self.control.value
            self.control.options = options
            values = [option for _, option in options]
            self.control.value = value if value in values else values[0] if values else None

    def _tell_about(self, impossible: Mapping[str, str]) -> None:
        """Show what the field is for, what the choice means, and what cannot be chosen now."""
        labels = {choice.value: choice.label for choice in self.parameter.choices}
        lines = [f"{escape(labels.get(v, v))} cannot be chosen now: {escape(why)}." for v, why in impossible.items()]
        chosen = self.parameter.choice(str(self.control.value)) if self.parameter.kind is Kind.CHOICE else None
        if chosen is not None and chosen.help:
            lines.insert(0, f"<b>{escape(chosen.label)}:</b> {escape(chosen.help)}")
        text = "<br>".join([self._help_text(), *lines])
        html = f'<div class="mlprov-help">{text}</div>'
        if self._help.value != html:
            self._help.value = html

    def tell(self, error: str, advice: str = "") -> None:
        """Show what is wrong, or why the value is discouraged, or that nothing is."""
        html = f'<div class="mlprov-error" role="alert">{escape(error)}</div>' if error else ""
        if advice and not error:
            html = note(advice, "warn")
        if self._error.value != html:
            self._error.value = html
            (self.widget.add_class if error else self.widget.remove_class)("mlprov-wrong")

    def seek(self) -> None:
        """Have the page scroll to the field and put the focus on it; the page's own script takes the mark away."""
        self.widget.remove_class(SOUGHT)
        self.widget.add_class(SOUGHT)

    def show(self, visible: bool) -> None:
        """Show or hide the field."""
        shown = None if visible else "none"
        if self.widget.layout.display != shown:
            self.widget.layout.display = shown


def _choices_html(parameter: Parameter) -> str:
    """Return what each choice means and when to prefer it, to be unfolded."""
    rows = (
        f"<dt>{escape(choice.label)}</dt><dd>{escape(choice.help)}</dd>" for choice in parameter.choices if choice.help
    )
    return folded(f"What the choices mean: {parameter.label}", f'<dl class="mlprov-choices">{"".join(rows)}</dl>')
