"""Any provenance file, opened to be looked at; two of them, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.reading import LARGEST_FILE
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.scripts import script, style

if TYPE_CHECKING:
    from mlprov_widgets.ui.explorer import Explorer

# ipycytoscape is imported when the first graph is shown: the form is to be there at once.


class Look:
    """A provenance file in the explorer, by itself.

    Parameters
    ----------
    provenance
        A PROV-JSON file, of this package or of any other tool.
    other
        Another one to compare it with.

    Examples
    --------
    >>> from mlprov_widgets import explore  # doctest: +SKIP
    >>> explore("provenance.json")  # doctest: +SKIP
    """

    def __init__(self, provenance: str | Path, other: str | Path | None = None) -> None:
        self._sources = [provenance, *([other] if other is not None else [])]
        self.explorer: Explorer | None = None
        self._told = widgets.HTML("")
        self._box = widgets.VBox([])
        self.widget = widgets.VBox([widgets.HTML(style()), self._told, self._box])
        self.widget.add_class("mlprov")

    def read(self) -> None:
        """Read the files, with a message of how far that is, and show them.

        Raises
        ------
        ProvenanceError
            If a file cannot be read; the message is shown, too.
        """
        from mlprov_widgets.ui.explorer import Explorer, read_story

        stories = []
        try:
            for source in self._sources:
                name = Path(source).name
                self._told.value = parts.note(f"Reading {name}…")
                stories.append(read_story(source, lambda count, name=name: self._progress(name, count)))  # type: ignore[misc]
        except MlprovError as error:
            self._tell("error", str(error))
            raise
        self._told.value = ""
        self.explorer = Explorer(stories[0], self._tell, *stories[1:])
        self._box.children = (self.explorer.widget,)

    def _progress(self, name: str, count: int) -> None:
        self._told.value = parts.note(f"Reading {name}: {count:,} records…")

    def _tell(self, kind: str, text: str) -> None:
        self._told.value = parts.note(text, "bad") if text else ""


def explore(provenance: str | Path, other: str | Path | None = None) -> None:
    """Show a provenance file, or two side by side, in the notebook.

    Parameters
    ----------
    provenance
        A PROV-JSON file: a run's ``provenance.json``, or that of any other tool.
    other
        Another one to compare it with.

    Raises
    ------
    ProvenanceError
        If a file cannot be read.
    """
    from IPython.display import Javascript, display

    look = Look(provenance, other)
    display(look.widget)
    display(Javascript(script()))
    look.read()


class LookBox:
    """A place in the form where provenance files are uploaded to be looked at: one, or two to compare.

    Parameters
    ----------
    desk
        What the pages share.
    """

    def __init__(self, desk: Any) -> None:
        self._desk = desk
        label = "Upload one, or two to compare"
        self.upload = widgets.FileUpload(accept=".json", multiple=True, description=label, tooltip=label)
        self.upload.observe(desk.guard(self._on_upload), names="value")
        self._told = desk.html()
        self._shown = desk.box()
        told = parts.help_text("PROV-JSON of this or of any other tool. Nothing in it is executed.")
        self.widget = desk.box(
            desk.html("<h3>Look at provenance</h3>"),
            desk.box(self.upload, desk.html(told), self._told, css="mlprov-field"),
            self._shown,
        )

    def _on_upload(self, change: dict[str, Any]) -> None:
        from mlprov_widgets.ui.explorer import Explorer, read_story

        files = [(str(file["name"]), bytes(file["content"])) for file in change["new"]]
        if not files:
            return
        self.upload.value = ()
        self._desk.tell("", "")
        if len(files) > 2:
            raise MlprovError(f"{len(files)} files were given", fix="Choose one, or two to compare")
        stories = []
        for name, content in files:
            self._told.value = parts.note(f"Reading {name}…")
            try:
                path = self._desk.keep(name, content, LARGEST_FILE)
                stories.append(read_story(path, lambda count, name=name: self._progress(name, count)))  # type: ignore[misc]
            finally:
                self._told.value = ""
        self.explorer = Explorer(stories[0], self._desk.tell, *stories[1:])
        self._shown.children = (self.explorer.widget,)

    def _progress(self, name: str, count: int) -> None:
        self._told.value = parts.note(f"Reading {name}: {count:,} records…")
