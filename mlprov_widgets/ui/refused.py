"""How a page says that it did not send a file: the connection would drop over it, and then nobody could."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from mlprov_widgets.errors import DataFileError
from mlprov_widgets.files import file_name, megabytes
from mlprov_widgets.ui.desk import Desk

_RECORD = '; open a larger one by its path, as explore("provenance.json"), or make its notebook with mlprov import'
_DATA = "; give the path of a larger data file instead"


class Refused:
    """A field that nobody sees, in which the page's own script writes of a file that is too large.

    Parameters
    ----------
    desk
        What the pages share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.widget = widgets.Text(tooltip="")
        self.widget.add_class("mlprov-refused")
        self.widget.layout.display = "none"
        self.widget.observe(desk.guard(self._on_refused), names="value")

    def _on_refused(self, change: dict[str, Any]) -> None:
        size, _, name = change["new"].partition(" ")
        name = name.partition(" ")[2]  # between them stands the time: the same file may be refused again
        fix = f"Here a file may have at most {megabytes(self._desk.largest)}"
        if not self._desk.in_voila:
            fix += _RECORD if name.lower().endswith((".json", ".ipynb")) else _DATA
        raise DataFileError(f"the file has {megabytes(int(size))}", field=file_name(name), fix=fix)
