"""The first page: a new experiment, or one that has been recorded."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from mlprov_widgets.errors import DataFileError, MlprovError, some
from mlprov_widgets.files import file_name, new_folder
from mlprov_widgets.provenance.reading import LARGEST_FILE
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.app import LARGEST_UPLOAD
from mlprov_widgets.ui.desk import RESULT, Desk, row
from mlprov_widgets.ui.form import Form
from mlprov_widgets.ui.in_words import in_words
from mlprov_widgets.ui.look import LookBox
from mlprov_widgets.ui.recorded_versions import RecordedVersions
from mlprov_widgets.ui.running import RunPage

if TYPE_CHECKING:
    from mlprov_widgets.notebook.restore import Restored


class StartPage:
    """The choice of the task, and the way in from a provenance file.

    Parameters
    ----------
    desk
        What the pages share.
    runs
        Where a reproduction is shown.
    forward
        Called to open the first stage.
    """

    def __init__(self, desk: Desk, runs: RunPage, forward: Any) -> None:
        self._desk, self._runs = desk, runs
        self.task = widgets.Dropdown(
            options=[(task.title, task.id) for task in desk.tasks.values()],
            value=desk.task.id,
            description="Task",
            tooltip="",
        )
        self.task.observe(desk.guard(self._on_task), names="value")
        self._help = desk.html()
        label = "Upload a file"
        self.upload = widgets.FileUpload(accept=".json,.ipynb,.zip", multiple=False, description=label, tooltip=label)
        self.upload.observe(desk.guard(self._on_upload), names="value")
        largest = min(LARGEST_FILE, desk.largest) // 10**6
        told = desk.html(
            '<div class="mlprov-help">The record of a run (provenance.json, also of MLProvCodeGen), a notebook made '
            f"here, or a research crate (zip): at most {largest} MB. It fills the form, from which the same experiment "
            "can be run again; nothing in the file is executed.</div>"
        )
        self.edits = widgets.Checkbox(
            value=False,
            description="Keep the code that was edited by hand, and run it (else the task's own code is taken)",
            indent=False,
            tooltip="",
        )
        self.edits.observe(desk.guard(self._on_edits), names="value")
        self._edits_box = widgets.VBox([self.edits])  # with a layout of its own, since it is hidden at times
        self._edits_box.add_class("mlprov-field")
        self._diff = desk.html()
        self.imported = desk.html()
        self.reproduce = desk.button("Reproduce it now", self._reproduce, primary=True)
        self._change = desk.button("Look at the form", forward)
        self.versions = RecordedVersions(desk, self._reproduce)
        offered = [] if desk.served else [self.versions.button]
        self.reproduce_row = row(self.reproduce, *offered, self._change)
        self.look = LookBox(desk)
        self.widget = desk.box(
            desk.html(parts.heading("Start", "A new experiment, or one that has been recorded.")),
            desk.box(self.task, self._help, css="mlprov-field"),
            row(desk.button("Choose the data", forward, primary=True)),
            desk.html("<h3>From a recorded run</h3>"),
            desk.box(self.upload, told, css="mlprov-field"),
            self.imported,
            self._edits_box,
            self._diff,
            self.reproduce_row,
            self.versions.consent,
            self.look.widget,
            desk.html(parts.help_text(desk.quota.told()) if desk.quota else ""),
        )

    def refresh(self) -> None:
        """Show what holds now."""
        form = self._desk.form
        if self.task.value != form.task.id:
            self.task.value = form.task.id
        self._help.value = parts.help_text(form.task.description)
        self.reproduce_row.layout.display = None if form.recorded_in else "none"
        self.versions.refresh()
        # A stranger's code is not run, so there is nothing to choose.
        self._edits_box.layout.display = None if form.code and not self._desk.served else "none"
        if self.edits.value != form.keep_code:
            self.edits.value = form.keep_code
        if not form.code:
            self._diff.value = ""
        if not form.origins:
            self.imported.value = ""

    def _on_task(self, change: dict[str, Any]) -> None:
        if change["new"] != self._desk.task.id:
            self.imported.value = ""
            self._desk.take(Form(self._desk.tasks[change["new"]]))

    def _on_edits(self, change: dict[str, Any]) -> None:
        form = self._desk.form
        if change["new"] != form.keep_code:
            form.keep_code = bool(change["new"]) and not self._desk.served
            self._desk.changed(fill=True)

    def _on_upload(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        name, content = str(file["name"]), bytes(file["content"])
        self.upload.value = ()  # so that the same file can be uploaded again
        self.look.forget()
        self._desk.tell("", f"Reading {file_name(name)}…")  # the first file takes seconds: what reads it is loaded
        self.import_file(name, content)
        self._desk.tell("", "")

    def import_file(self, name: str, content: bytes) -> None:
        """Fill the form from a provenance file, a notebook or a crate.

        Raises
        ------
        MlprovError
            If the file cannot be used; the form stays as it was.
        """
        packed = content.startswith(b"PK")
        path = self._desk.keep(name, content, LARGEST_UPLOAD if packed else LARGEST_FILE)
        try:
            if packed:
                path = _unpacked(path)
            self.fill_from(path, name)
        except MlprovError:
            path.unlink(missing_ok=True)
            raise

    def fill_from(self, path: Path, name: str = "") -> None:
        """Fill the form from a file that is here: an upload, or the document of a run of this folder.

        Parameters
        ----------
        path
            The file.
        name
            What a person calls it; by default the folder of the run in which it lies.

        Raises
        ------
        MlprovError
            If the file cannot be used; the form stays as it was.
        """
        from mlprov_widgets.execution.reproduce import environment_before
        from mlprov_widgets.notebook.restore import edits_diff, restore

        desk = self._desk
        restored = restore(path, edits="drop", tasks=desk.task_folders, data=desk.data_places(), as_imported=True)
        form = Form(restored.task)
        form.fill(restored.draft)
        form.recorded_in = path
        form.kernel = "" if restored.kernel is None else restored.kernel.name
        form.code = tuple(code for code in restored.replay.code if code.step in restored.edited)
        self.versions.offer(restored)
        desk.take(form)
        told = _imported_html(restored, name or path.parent.name, desk.served)
        self.imported.value = told + _environment_html(environment_before(restored.replay))
        self._diff.value = parts.diff(edits_diff(restored)) if form.code else ""

    def _reproduce(self, packages: Mapping[str, str] | None = None) -> None:
        from mlprov_widgets.notebook.restore import restore, write_restored

        desk = self._desk
        source = desk.form.recorded_in
        if source is None:
            raise MlprovError("the form was changed since the file was read", fix="Upload the file again")
        if desk.page == RESULT:  # a double click: the first one has opened the run's page
            return
        edits = "keep" if desk.form.keep_code and not desk.served else "drop"
        restored = restore(source, edits=edits, tasks=desk.task_folders, data=desk.data_places())
        plan, found = restored.draft.plan, restored.draft.sources
        for absent in (file.name for name, file in plan.files.items() if name not in found):
            raise DataFileError("this data file is not here", field=absent, fix="Upload it in its field first")
        folder = new_folder(desk.folder / "experiments", f"reproduce-{restored.task.id}")
        notebook: Path = write_restored(restored, folder / f"{restored.task.id}.ipynb")
        self._runs.start(notebook, plan, source, packages)


def _imported_html(restored: Restored, name: str, served: bool) -> str:
    plan = restored.draft.plan
    filled = sum(origin == "imported" for origin in plan.origins.values())
    lines = [parts.note(f"{filled} of {len(plan.origins)} fields were filled from the file {name}.", "fine")]
    lines += [parts.note(text, "warn") for text in _changed(restored)]
    if restored.edited:
        choice = "; code of strangers is not run here" if served else ", unless it is kept"
        told = (
            f"Code was edited by hand in: {', '.join(restored.edited)}. The task's own code is taken instead{choice}."
        )
        lines.append(parts.note(told, "warn"))
    lines += [parts.note(text, "warn") for text in _absent(restored)]
    lines += [parts.note(f"Missing: {in_words(restored.task, item)}.", "warn") for item in restored.missing]
    lines += [parts.note(f"Not understood: {item}.", "warn") for item in restored.not_understood]
    lines += [parts.note(f"{item[:1].upper()}{item[1:]}.") for item in restored.notes]
    rows = parts.plan_rows(restored.task, plan)
    return "".join(lines) + parts.folded("What fills which field", parts.table(rows, ("Field", "Value", "From")))


def _absent(restored: Restored) -> Iterator[str]:
    """Yield which of the recorded data files are not here, and where they can be given."""
    for name, file in restored.draft.plan.files.items():
        parameter = restored.task.parameter(name)
        if name not in restored.draft.sources and parameter is not None:
            stage = restored.task.stage(parameter.stage)
            where = f"on the page {stage.title}" if stage is not None else "in its field"
            yield f"The data file {file.name} is not here. Give it {where}, then reproduce."


def _changed(restored: Restored) -> Iterator[str]:
    """Yield what of the file is not as its run wrote it."""
    from mlprov_widgets.provenance.verify import changes_since_sealed

    file = restored.replay.file
    records = [problem["record"] for problem in changes_since_sealed(file)] if file is not None else []
    if records:
        yield f"The file was changed after the run wrote it, so it may not tell what ran. Changed: {some(records)}."


def _unpacked(archive: Path) -> Path:
    """Return the provenance of a crate, unpacked beside it."""
    from mlprov_widgets.provenance.unpack import unpack

    folder = archive.parent / "crate"
    shutil.rmtree(folder, ignore_errors=True)
    return unpack(archive, folder)


def _environment_html(changes: list[dict[str, Any]]) -> str:
    if not changes:
        return ""
    from mlprov_widgets.execution.causes import row_in_words

    rows = [row_in_words(change) for change in changes]
    told = f"Another environment than the recorded one, in {len(rows)} thing{'s' if len(rows) > 1 else ''}"
    return parts.folded(told, parts.table(rows, ("What", "Recorded", "Here")))
