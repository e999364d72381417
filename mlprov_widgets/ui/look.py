"""Any provenance file, opened to be looked at; two of them, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.reading import LARGEST_FILE
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.guard import Tell
from mlprov_widgets.ui.scripts import PageScript, style

if TYPE_CHECKING:
    from mlprov_widgets.provenance.graph.story import Story
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
        try:
            self.explorer = opened(self._sources, self._say, self._tell)
        except MlprovError as error:
            self._tell("error", str(error))
            raise
        self._box.children = (self.explorer.widget,)

    def _say(self, text: str) -> None:
        self._told.value = parts.note(text) if text else ""

    def _tell(self, kind: str, text: str) -> None:
        self._told.value = parts.note(text, "bad") if text else ""


def opened(sources: Sequence[str | Path], say: Callable[[str], None], tell: Tell, **more: Any) -> Explorer:
    """Read one file, or two to compare, and return the explorer of them.

    Parameters
    ----------
    sources
        The files.
    say
        Called with how far it is, and with nothing when it is done.
    tell
        Shows a message.
    **more
        What else `Explorer` takes.

    Raises
    ------
    ProvenanceError
        If a file cannot be read.
    """
    from mlprov_widgets.ui.explorer import Explorer, read_story

    stories: list[Story] = []
    try:
        for source in sources:
            name = Path(source).name
            say(f"Reading {name}…")
            stories.append(read_story(source, lambda count, name=name: say(f"Reading {name}: {count:,} records…")))  # type: ignore[misc]
        if len(stories) > 1:
            say("Comparing…")
        return Explorer(stories[0], tell, *stories[1:], **more)
    finally:
        say("")


def explore(provenance: str | Path | None = None, other: str | Path | None = None) -> None:
    """Show a provenance file, or two side by side, in the notebook.

    Parameters
    ----------
    provenance
        A PROV-JSON file: a run's ``provenance.json``, or that of any other tool. Without one, a run of this folder or
        an upload is chosen on the page.
    other
        Another one to compare it with.

    Raises
    ------
    ProvenanceError
        If a file cannot be read.
    """
    from IPython.display import display

    if provenance is None:
        from mlprov_widgets.ui.desk import Desk
        from mlprov_widgets.ui.open_provenance import OpenProvenance

        desk = Desk()
        display(OpenProvenance(desk).widget)
        display(PageScript(largest=desk.largest))
        return
    look = Look(provenance, other)
    display(look.widget)
    display(PageScript())
    look.read()


class LookBox:
    """A place in the form where provenance files are uploaded to be looked at: one, or two to compare.

    Parameters
    ----------
    desk
        What the pages share.
    beside_form
        Whether there are fields to which a parameter can lead.
    """

    def __init__(self, desk: Any, *, beside_form: bool = True) -> None:
        self._desk, self._beside_form = desk, beside_form
        label = "Upload one, or two to compare"
        self.upload = widgets.FileUpload(accept=".json", multiple=True, description=label, tooltip=label)
        self.upload.observe(desk.guard(self._on_upload), names="value")
        self._told = desk.html()
        self._shown = desk.box()
        told = parts.help_text("PROV-JSON of this or of any other tool. Nothing in it is executed.")
        self.widget = desk.box(
            desk.html(f"<h3>{'Look at provenance' if beside_form else 'A file from elsewhere'}</h3>"),
            desk.box(self.upload, desk.html(told), self._told, css="mlprov-field"),
            self._shown,
        )

    def _on_upload(self, change: dict[str, Any]) -> None:
        files = [(str(file["name"]), bytes(file["content"])) for file in change["new"]]
        if not files:
            return
        self.upload.value = ()

        def kept() -> list[Path]:
            if len(files) > 2:
                raise MlprovError(f"{len(files)} files were given", fix="Choose one, or two to compare")
            return [self._desk.keep(name, content, LARGEST_FILE) for name, content in files]

        self._look_at(kept)

    def look_at(self, *paths: Path) -> None:
        """Show a provenance file, or two side by side; what is wrong with one is told here."""
        self._look_at(lambda: list(paths))

    def _look_at(self, find: Callable[[], list[Path]]) -> None:
        desk = self._desk
        self._shown.children = ()  # or a message about this file would stand beside the graph of another
        desk.tell("", "")
        try:
            self.explorer = opened(find(), self._say, desk.tell, **self._to_fields())
        except MlprovError as error:  # told here, where the person looks, and not at the top of the page
            self._told.value = parts.note(str(error), "bad")
        else:
            self._shown.children = (self.explorer.widget,)
        desk.go(desk.page)  # which makes room for it, or takes it back

    def forget(self) -> None:
        """Take back what was said of a file that could not be looked at."""
        self._told.value = ""

    @property
    def is_open(self) -> bool:
        """Whether something is looked at."""
        return bool(self._shown.children)

    def _to_fields(self) -> dict[str, Any]:
        if not self._beside_form:
            return {}
        fields = {parameter.name: parameter.label for parameter in self._desk.task.parameters}
        return {"fields": fields, "to_field": self._desk.seek}

    def _say(self, text: str) -> None:
        self._told.value = parts.note(text) if text else ""
