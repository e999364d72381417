"""The first page: a new experiment, or one that has been recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets

from mlprov_widgets.errors import DataFileError, MlprovError
from mlprov_widgets.files import new_folder
from mlprov_widgets.provenance.reading import LARGEST_FILE
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk, row
from mlprov_widgets.ui.form import Form
from mlprov_widgets.ui.look import LookBox
from mlprov_widgets.ui.running import RunPage

if TYPE_CHECKING:
    from mlprov_widgets.execution.reproduce import Restored


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
        label = "Upload a provenance file"
        self.upload = widgets.FileUpload(accept=".json", multiple=False, description=label, tooltip=label)
        self.upload.observe(desk.guard(self._on_upload), names="value")
        told = desk.html(
            '<div class="mlprov-help">A provenance.json of this tool or of MLProvCodeGen, '
            f"at most {LARGEST_FILE // 2**20} MB. It fills the form; nothing in it is executed.</div>"
        )
        self.imported = desk.html()
        self.reproduce = desk.button("Reproduce it now", self._reproduce, primary=True)
        self._change = desk.button("Look at the form", forward)
        self.reproduce_row = row(self.reproduce, self._change)
        self.widget = desk.box(
            desk.html(parts.heading("Start", "A new experiment, or one that has been recorded.")),
            desk.box(self.task, self._help, css="mlprov-field"),
            row(desk.button("Choose the data", forward, primary=True)),
            desk.html("<h3>From a provenance file</h3>"),
            desk.box(self.upload, told, css="mlprov-field"),
            self.imported,
            self.reproduce_row,
            LookBox(desk).widget,
        )

    def refresh(self) -> None:
        """Show what holds now."""
        form = self._desk.form
        if self.task.value != form.task.id:
            self.task.value = form.task.id
        self._help.value = parts.help_text(form.task.description)
        self.reproduce_row.layout.display = None if form.recorded_in else "none"
        self.reproduce.disabled = self._runs.is_running
        if not form.origins:
            self.imported.value = ""

    def _on_task(self, change: dict[str, Any]) -> None:
        if change["new"] != self._desk.task.id:
            self.imported.value = ""
            self._desk.take(Form(self._desk.tasks[change["new"]]))

    def _on_upload(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        name, content = str(file["name"]), bytes(file["content"])
        self.upload.value = ()  # so that the same file can be uploaded again
        self._desk.tell("", "")
        self.import_file(name, content)

    def import_file(self, name: str, content: bytes) -> None:
        """Fill the form from a provenance file.

        Raises
        ------
        MlprovError
            If the file cannot be used; the form stays as it was.
        """
        from mlprov_widgets.execution.reproduce import restore

        desk = self._desk
        path = desk.keep(name, content, LARGEST_FILE)
        try:
            restored = restore(path, edits="drop", tasks=desk.task_folders, data=desk.data_places(), as_imported=True)
        except MlprovError:
            path.unlink(missing_ok=True)
            raise
        form = Form(restored.task)
        form.fill(restored.draft)
        form.recorded_in = path
        desk.take(form)
        self.imported.value = _imported_html(restored)

    def _reproduce(self) -> None:
        from mlprov_widgets.execution.reproduce import restore, write_restored

        desk = self._desk
        source = desk.form.recorded_in
        if source is None:
            raise MlprovError("the form was changed since the file was read", fix="Upload the file again")
        self._runs.refuse_second()
        restored = restore(source, edits="drop", tasks=desk.task_folders, data=desk.data_places())
        plan, found = restored.draft.plan, restored.draft.sources
        for absent in (file.name for name, file in plan.files.items() if name not in found):
            raise DataFileError("this data file is not here", field=absent, fix="Upload it in its field first")
        folder = new_folder(desk.folder / "experiments", f"reproduce-{restored.task.id}")
        notebook: Path = write_restored(restored, folder / f"{restored.task.id}.ipynb")
        self._runs.start(notebook, plan.values, expected=source)


def _imported_html(restored: Restored) -> str:
    plan = restored.draft.plan
    filled = sum(origin == "imported" for origin in plan.origins.values())
    lines = [parts.note(f"{filled} of {len(plan.origins)} fields were filled from the file.", "fine")]
    if restored.edited:
        lines.append(
            parts.note(
                f"Its run used code that was edited by hand in: {', '.join(restored.edited)}. "
                "The form takes the task's own code instead.",
                "warn",
            )
        )
    lines += [parts.note(f"Missing: {item}", "warn") for item in restored.missing]
    lines += [parts.note(f"Not understood: {item}", "warn") for item in restored.not_understood]
    lines += [parts.note(item) for item in restored.notes]
    rows = parts.plan_rows(restored.task, plan)
    return "".join(lines) + parts.folded("What fills which field", parts.table(rows, ("Field", "Value", "From")))
