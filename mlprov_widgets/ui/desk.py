"""What all pages of the form share: the content, the folder it works in, and how it speaks to a person."""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.errors import DataFileError
from mlprov_widgets.files import UPLOADS, file_name, megabytes, runs_folder, sha256_of_bytes, write_atomically
from mlprov_widgets.tasks.load import find_tasks
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.ui import parts, visitors
from mlprov_widgets.ui.app import LARGEST_IN_JUPYTER, LARGEST_UPLOAD
from mlprov_widgets.ui.form import Checked, Form
from mlprov_widgets.ui.guard import guarded
from mlprov_widgets.ui.quota import quota_of_visitors
from mlprov_widgets.verbs import DEMO_TASK

START, ABOUT, REVIEW, RESULT, RUNS = "start", "about", "review", "result", "runs"
"""The pages beside those of the task's stages."""


def is_in_voila() -> bool:
    """Return whether this kernel belongs to a Voilà page; one that was started before its visitor knows no request."""
    return bool(os.environ.get("VOILA_REQUEST_URL") or os.environ.get("VOILA_PREHEAT"))


def is_served() -> bool:
    """Return whether strangers may be at the form: under Voilà, unless the person who serves it says otherwise."""
    return is_in_voila() and os.environ.get("MLPROV_TRUSTED") != "1"


class Desk:
    """What the pages work on and with.

    Parameters
    ----------
    folder
        Where experiments are made; by default ``MLPROV_HOME``, else the working directory.
    tasks
        More folders of tasks; none of them when strangers are served.

    Attributes
    ----------
    largest : int
        The most bytes of a file that the page can send.
    form : Form
        What has been filled in.
    checked : Checked
        What that amounts to; the wizard brings it up to date before the pages.
    changed : callable
        Called after the form's content changed, with ``fill=True`` when a person did not type it.
    go : callable
        Called with the page to open.
    seek : callable
        Called with the parameter whose field is to be opened and to have the focus.
    take : callable
        Called with another form, perhaps of another task.
    ended : callable
        Called when a run has ended, in a thread of its own, while a person may be typing.
    open_file : callable or None
        Called with a notebook to open in a tab; None where there are no tabs.
    """

    def __init__(self, folder: str | Path | None = None, tasks: Sequence[str | Path] = ()) -> None:
        self.folder = Path(folder or os.environ.get("MLPROV_HOME") or Path.cwd())
        self.in_voila, self.served = is_in_voila(), is_served()
        self.largest = LARGEST_UPLOAD if self.in_voila else LARGEST_IN_JUPYTER
        self.quota = quota_of_visitors() if self.served else None
        if self.served:
            # Until the page says who is there; see `settle`.
            self.home = self.folder
            self.folder = visitors.folder_of(self.home, secrets.token_hex(16))
        self.task_folders = [] if self.served else [Path(path) for path in tasks]
        self.tasks = find_tasks(self.task_folders)
        self.form = Form(self.tasks.get(DEMO_TASK) or next(iter(self.tasks.values())))
        self.checked: Checked
        self.page = START
        self.uploads: list[Path] = []
        # Every model costs the page time, so what never changes its layout shares one.
        self.layout, self._html_style = widgets.Layout(), widgets.HTML().style
        self._button_style = widgets.ButtonStyle()
        self.message = self.html()
        self.message.add_class("mlprov-message")
        self.changed: Callable[..., None] = lambda **_: None
        self.go: Callable[[str], None] = lambda page: None
        self.seek: Callable[[str], None] = lambda parameter: None
        self.take: Callable[[Form], None] = lambda form: None
        self.ended: Callable[[], None] = lambda: None
        self.open_file: Callable[[Path], None] | None = None
        self._busy = threading.Lock()

    @property
    def task(self) -> Task:
        """The task that is filled in."""
        return self.form.task

    def tell(self, kind: str, text: str) -> None:
        """Show a message above the page; an empty one takes the last away."""
        if kind == "fault" and self.served:
            text = "Something went wrong here, and it was written down. Try again, or reload the page."
        said = parts.note(text, "bad" if kind in ("error", "fault") else kind) if text else ""
        if self.message.value != said:
            self.message.value = said

    def guard(self, action: Callable[..., Any]) -> Callable[..., None]:
        """Return a callback whose errors are told."""
        return guarded(self.tell, action)

    def button(self, label: str, action: Callable[[], Any], *, primary: bool = False) -> widgets.Button:
        """Return a button; one action at a time, and none twice by a double click."""
        button = widgets.Button(
            description=label,
            tooltip="",
            button_style="primary" if primary else "",
            layout=self.layout,
            style=self._button_style,
        )

        def once() -> None:
            # A double click arrives as two calls; the second one finds the button disabled or the lock taken.
            if button.disabled or not self._busy.acquire(blocking=False):
                return
            try:
                self.tell("", "")
                action()
            finally:
                self._busy.release()

        guard = self.guard(once)
        button.on_click(lambda _: guard())
        return button

    def html(self, value: str = "") -> widgets.HTML:
        """Return HTML that is always shown; empty, it takes no room."""
        return widgets.HTML(value, layout=self.layout, style=self._html_style)

    def box(self, *children: widgets.Widget, css: str = "") -> widgets.VBox:
        """Return widgets below each other, which the class `css` may lay out otherwise."""
        box = widgets.VBox(list(children), layout=self.layout)
        if css:
            box.add_class(css)
        return box

    def keep(self, name: str, content: bytes, largest: int) -> Path:
        """Write an upload under its digest and return where it lies.

        Raises
        ------
        DataFileError
            If it is larger than `largest` bytes; nothing is written.
        """
        if len(content) > largest:
            raise DataFileError(
                f"the file has {megabytes(len(content))}",
                field=file_name(name),
                fix=f"Here it may have at most {megabytes(largest)}",
            )
        if self.quota is not None:
            self.quota.check_space(self.folder, len(content))
        path = self.folder / "experiments" / UPLOADS / sha256_of_bytes(content)[:16] / file_name(name)
        if not path.exists():
            write_atomically(path, content)
        return path

    def settle(self, token: str) -> None:
        """Work in the folder of the visitor whose page has this token; a person's own machine has one for all."""
        if self.quota is not None:
            self.folder = visitors.enter(self.home, token, self.quota.days)

    @property
    def runs(self) -> Path:
        """Where runs are kept."""
        # MLPROV_RUNS may name one folder for everybody.
        return self.folder / (runs_folder() if not self.served else "mlprov_runs")

    def data_places(self) -> list[Path]:
        """Return where a recorded data file may lie."""
        given = self.checked.draft.sources.values() if self.checked.draft is not None else ()
        return [*self.uploads, *given, self.folder]

    def page_of(self, parameter: str) -> str:
        """Return the page where a parameter is asked for."""
        found = self.task.parameter(parameter)
        return (found.stage or ABOUT) if found else REVIEW

    def title_of(self, page: str) -> str:
        """Return what a page is called."""
        named = {START: "Start", ABOUT: "Title and author", REVIEW: "Review", RESULT: "Result", RUNS: "All runs"}
        stage = self.task.stage(page)
        return stage.title if stage else named[page]


def row(*children: widgets.Widget) -> widgets.HBox:
    """Return buttons beside each other."""
    box = widgets.HBox(list(children))
    box.add_class("mlprov-buttons")
    return box
