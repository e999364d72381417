"""The wizard: from choices to a notebook, a run, its provenance, and back."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import ipywidgets as widgets

from mlprov_widgets.errors import DataFileError, MlprovError, ValueRefused
from mlprov_widgets.execution.background import BackgroundRun, Glance
from mlprov_widgets.files import file_name, new_folder, runs_folder, sha256_of_bytes, write_atomically
from mlprov_widgets.notebook.render import PARAMETERS_STEP, render_cells
from mlprov_widgets.notebook.write import write_notebook
from mlprov_widgets.provenance.reading import LARGEST_FILE
from mlprov_widgets.tasks.load import find_tasks
from mlprov_widgets.tasks.model import FRAME_STAGE, Kind, Parameter, Task
from mlprov_widgets.tasks.tables import MOST_BYTES
from mlprov_widgets.tasks.values import display
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.app import LARGEST_UPLOAD
from mlprov_widgets.ui.fields import Field
from mlprov_widgets.ui.form import Checked, Form
from mlprov_widgets.ui.guard import guarded
from mlprov_widgets.ui.preview import preview_html

if TYPE_CHECKING:
    from mlprov_widgets.execution.reproduce import Restored
    from mlprov_widgets.ui.results import Results

# What only a run or an uploaded file needs is imported then: the form is to be there at once.
_START, _REVIEW, _RESULT = "start", "review", "result"
_SECONDS_BETWEEN_LOOKS = 0.5
# In JupyterLab a letter typed while a button has the focus would be a command of the notebook: "dd"
# deletes the cell. The form may be drawn after this runs, hence the repeated look.
_NO_SHORTCUTS = """
let looks = 0;
const timer = setInterval(() => {
  const forms = document.querySelectorAll(".mlprov");
  forms.forEach((form) => {
    if (form.dataset.mlprovKeys) return;
    form.dataset.mlprovKeys = "own";
    form.setAttribute("data-lm-suppress-shortcuts", "true");
    form.addEventListener("keydown", (event) => event.stopPropagation());
  });
  if (forms.length || ++looks > 100) clearInterval(timer);
}, 100);
"""
_CSS = Path(__file__).with_name("style.css")


def is_served() -> bool:
    """Return whether strangers may be at the form: under Voilà, unless the person who serves it says otherwise."""
    return bool(os.environ.get("VOILA_REQUEST_URL")) and os.environ.get("MLPROV_TRUSTED") != "1"


class Wizard:
    """A form that makes an ML notebook, runs it and shows its provenance.

    Parameters
    ----------
    folder
        Where experiments are made; by default the working directory.
    tasks
        More folders of tasks.

    Examples
    --------
    >>> from mlprov_widgets import Wizard  # doctest: +SKIP
    >>> Wizard().show()  # doctest: +SKIP
    """

    def __init__(self, *, folder: str | Path | None = None, tasks: Sequence[str | Path] = ()) -> None:
        self.folder = Path(folder or os.environ.get("MLPROV_HOME") or Path.cwd())
        self.served = is_served()
        self._in_voila = bool(os.environ.get("VOILA_REQUEST_URL"))
        self._task_folders = [] if self.served else [Path(path) for path in tasks]
        self.tasks = find_tasks(self._task_folders)
        self.form = Form(next(iter(self.tasks.values())))
        self.page = _START
        self.notebook: Path | None = None
        self.results: Results | None = None
        self._generated_from = ""
        self._run: BackgroundRun | None = None
        self._expected: Path | None = None
        self._shown: frozenset[str] = frozenset()
        self._previewed = ""
        self._uploads: list[Path] = []
        self._busy = threading.Lock()
        self._message = widgets.HTML("")
        self._make_frame()
        self._make_task()
        self._refresh()

    def show(self) -> None:
        """Display the form."""
        from IPython.display import Javascript
        from IPython.display import display as show

        show(self.widget)
        if not self._in_voila:
            show(Javascript(_NO_SHORTCUTS))

    def _guard(self, action: Callable[..., Any]) -> Callable[..., None]:
        return guarded(self._tell, action)

    def _tell(self, kind: str, text: str) -> None:
        self._message.value = parts.note(text, "bad" if kind in ("error", "fault") else kind) if text else ""

    # Layout -----------------------------------------------------------------------------------------

    def _make_frame(self) -> None:
        self._steps = widgets.VBox([])
        self._steps.add_class("mlprov-steps")
        self._body = widgets.VBox([])
        card = widgets.VBox([self._message, self._body])
        card.add_class("mlprov-card")
        self._preview = widgets.HTML("")
        self._side = widgets.VBox([self._preview])
        self._side.add_class("mlprov-side")
        self._grid = widgets.Box([self._steps, card, self._side])
        self._grid.add_class("mlprov-grid")
        style = widgets.HTML(f"<style>{_CSS.read_text(encoding='utf-8')}</style>")
        head = widgets.HTML(
            '<h1 class="mlprov-title">Machine-learning experiment</h1>'
            '<p class="mlprov-subtitle">Choose, run, and keep a record that makes the same experiment again.</p>'
        )
        self.widget = widgets.VBox([style, head, self._grid])
        self.widget.add_class("mlprov")
        self._make_start()
        self._make_review()
        self._make_result()

    def _button(self, label: str, action: Callable[[], Any], primary: bool = False) -> widgets.Button:
        button = widgets.Button(description=label, tooltip="", button_style="primary" if primary else "")

        def once() -> None:
            # A double click arrives as two calls; the second one finds the button disabled or the lock taken.
            if button.disabled or not self._busy.acquire(blocking=False):
                return
            try:
                self._tell("", "")
                action()
            finally:
                self._busy.release()

        guard = self._guard(once)
        button.on_click(lambda _: guard())
        return button

    def _make_start(self) -> None:
        self._task_choice = widgets.Dropdown(
            options=[(task.title, task.id) for task in self.tasks.values()],
            value=self.form.task.id,
            description="Task",
            tooltip="",
        )
        self._task_choice.observe(self._guard(self._on_task), names="value")
        self._task_help = widgets.HTML("")
        choice = widgets.VBox([self._task_choice, self._task_help])
        choice.add_class("mlprov-field")
        self._upload = widgets.FileUpload(
            accept=".json", multiple=False, description="Upload a provenance file", tooltip=""
        )
        self._upload.observe(self._guard(self._on_provenance), names="value")
        upload_help = widgets.HTML(
            '<div class="mlprov-help">A provenance.json of this tool or of MLProvCodeGen, '
            f"at most {LARGEST_FILE // 2**20} MB. It fills the form; nothing in it is executed.</div>"
        )
        upload = widgets.VBox([self._upload, upload_help])
        upload.add_class("mlprov-field")
        self._imported = widgets.HTML("")
        self._reproduce = self._button("Reproduce it now", self._start_reproduction, primary=True)
        self._reproduce_row = self._row(self._reproduce)
        self._reproduce_row.layout.display = "none"
        start = self._row(self._button("Choose the data", lambda: self.go(self._pages()[1]), primary=True))
        self._start_page = widgets.VBox(
            [
                widgets.HTML(parts.heading("Start", "A new experiment, or one that has been recorded.")),
                choice,
                start,
                widgets.HTML("<h3>From a provenance file</h3>"),
                upload,
                self._imported,
                self._reproduce_row,
            ]
        )

    @staticmethod
    def _row(*children: widgets.Widget) -> widgets.HBox:
        row = widgets.HBox(list(children))
        row.add_class("mlprov-buttons")
        return row

    def _make_review(self) -> None:
        self._summary = widgets.HTML("")
        self._generate = self._button("Make the notebook", self.generate)
        self._run_button = self._button("Make and run it", self.run, primary=True)
        self._reset = self._button("Reset everything", self.reset)
        self._made = widgets.HTML("")
        self._review_page = widgets.VBox(
            [
                widgets.HTML(parts.heading("Review", "What the notebook is going to do.")),
                self._summary,
                self._row(self._run_button, self._generate, self._reset),
                self._made,
            ]
        )

    def _make_result(self) -> None:
        self._progress = widgets.HTML("")
        self._cancel = self._button("Cancel", self.cancel)
        self._cancel_row = self._row(self._cancel)
        self._result_box = widgets.VBox([])
        self._result_page = widgets.VBox(
            [widgets.HTML(parts.heading("Run")), self._progress, self._cancel_row, self._result_box]
        )

    def _make_task(self) -> None:
        """Make the fields and pages of the chosen task."""
        task = self.form.task
        changed, uploaded = self._guard(self._on_change), self._guard(self._on_file)
        self.fields = {p.name: Field(p, changed, uploaded, not self.served) for p in task.parameters}
        self._file_notes = {p.name: widgets.HTML("") for p in task.parameters if p.kind is Kind.FILE}
        self._stage_pages: dict[str, widgets.VBox] = {}
        stages = [(stage.id, stage.title, stage.help) for stage in task.stages]
        for stage_id, title, lead in [
            *stages,
            (FRAME_STAGE, "Title and author", "Who made it, and what it is called."),
        ]:
            own = [p for p in task.parameters if p.stage == stage_id]
            if not own:
                continue
            children: list[widgets.Widget] = [widgets.HTML(parts.heading(title, lead))]
            for parameter in own:
                children.append(self.fields[parameter.name].widget)
                if parameter.name in self._file_notes:
                    children.append(self._file_notes[parameter.name])
            page = stage_id or "about"
            # Each leads from its own page: a double click on Next is one step.
            back = self._button("Back", lambda page=page: self.back(page))  # type: ignore[misc]
            forward = self._button("Next", lambda page=page: self.forward(page), primary=True)  # type: ignore[misc]
            children.append(self._row(back, forward))
            self._stage_pages[page] = widgets.VBox(children)
        self._step_buttons: dict[str, widgets.Button] = {}
        for page in self._pages():
            button = self._button("", lambda page=page: self.go(page))  # type: ignore[misc]
            button.add_class("mlprov-step")
            self._step_buttons[page] = button
        self._steps.children = tuple(self._step_buttons.values())
        self._task_help.value = f'<div class="mlprov-help">{escape(task.description)}</div>'
        self._shown = frozenset()

    # Pages ------------------------------------------------------------------------------------------

    def _pages(self) -> list[str]:
        return [_START, *self._stage_pages, _REVIEW, _RESULT]

    def _title_of(self, page: str) -> str:
        named = {_START: "Start", _REVIEW: "Review", _RESULT: "Result", "about": "Title and author"}
        stage = self.form.task.stage(page)
        return stage.title if stage else named[page]

    def go(self, page: str) -> None:
        """Open a page."""
        self.page = page
        self._refresh()

    def back(self, page: str = "") -> None:
        """Open the page before `page`, by default before the one that is open."""
        pages = self._pages()
        self.go(pages[max(pages.index(page or self.page) - 1, 0)])

    def forward(self, page: str = "") -> None:
        """Open the page after `page`, by default after the one that is open."""
        pages = self._pages()
        self.go(pages[min(pages.index(page or self.page) + 1, len(pages) - 2)])

    def _page_of(self, name: str) -> str:
        parameter = self.form.task.parameter(name)
        return (parameter.stage or "about") if parameter else _REVIEW

    # Everything that is shown follows from the form's content -----------------------------------------

    def _refresh(self, *, fill: bool = False) -> None:
        """Bring everything up to date; with `fill`, also what stands in the fields, which a person did not type."""
        self.checked = checked = self.form.check()
        if fill:
            self._fill_fields()
        for parameter in self.form.task.parameters:
            name = parameter.name
            field = self.fields[name]
            field.show(name in checked.applies)
            columns = _columns_for(parameter, checked)
            impossible = checked.impossible.get(name, {})
            field.offer(columns, impossible, checked.values.get(name), self.form.given.get(name))
            field.tell(checked.errors.get(name, ""))
        # A form that was changed since is not what was recorded.
        self._reproduce_row.layout.display = None if self._expected else "none"
        self._show_files(checked)
        self._show_steps(checked)
        self._show_preview(checked)
        self._show_review(checked)
        pages = {_START: self._start_page, _REVIEW: self._review_page, _RESULT: self._result_page, **self._stage_pages}
        if self._body.children != (pages[self.page],):
            self._body.children = (pages[self.page],)
            # Results need the width more than the code does.
            self._side.layout.display = "none" if self.page == _RESULT else None
            (self._grid.add_class if self.page == _RESULT else self._grid.remove_class)("mlprov-wide")

    def _fill_fields(self) -> None:
        for parameter in self.form.task.parameters:
            value = self.checked.values.get(parameter.name)
            raw = self.form.given.get(parameter.name, value)
            shown = raw if isinstance(raw, str) else value
            self.fields[parameter.name].fill(shown, parameter.name in self.form.given)

    def _show_files(self, checked: Checked) -> None:
        for name, html in self._file_notes.items():
            table = checked.tables.get(name)
            if table is None:
                limit = (
                    f"At most {MOST_BYTES // 10**6} MB" if not self.served else f"At most {LARGEST_UPLOAD // 2**20} MB"
                )
                value = (
                    f'<div class="mlprov-help">{limit}; one row a sample, UTF-8.</div>'
                    if name in checked.applies
                    else ""
                )
            else:
                classes = ", ".join(f"{label} ({count})" for label, count in list(table.classes.items())[:12])
                value = parts.note(
                    f"{table.rows:,} rows, {len(table.columns) - 1} features, separator {table.separator}, "
                    f"target {table.target_column} with {len(table.classes)} classes: {classes}. "
                    f"Missing cells: {sum(table.missing.values())}.",
                    "fine",
                ) + parts.table([row[:8] for row in table.preview], table.columns[:8])
            if html.value != value:
                html.value = value

    def _show_steps(self, checked: Checked) -> None:
        wrong: dict[str, int] = {}
        for name in checked.errors:
            wrong[self._page_of(name)] = wrong.get(self._page_of(name), 0) + 1
        for number, (page, button) in enumerate(self._step_buttons.items(), 1):
            count = wrong.get(page, 0)
            told = f"{number}. {self._title_of(page)}" + (f" ({count} to correct)" if count else "")
            if button.description != told:
                button.description = told
            (button.add_class if count else button.remove_class)("mlprov-bad")
            (button.add_class if page == self.page else button.remove_class)("mlprov-current")
            button.disabled = page == _RESULT and self._run is None and self.results is None

    def _show_preview(self, checked: Checked) -> None:
        if checked.draft is None:
            told = (
                "the last version that could be made" if self._shown else "nothing yet: something has to be corrected"
            )
            self._preview.value = _preview_box(self._previewed if self._shown else "", told)
            return
        cells = list(render_cells(self.form.task, checked.draft.plan))
        # A stage's page shows what the stage decides: the numbers and its own cells.
        here = [cell for cell in cells if cell.stage == self.page or cell.step == PARAMETERS_STEP]
        one_stage = self.page in self._stage_pages and len(here) > 1
        told = "the cells of this step" if one_stage else f"{sum(c.kind == 'code' for c in cells)} code cells"
        self._previewed = preview_html(here if one_stage else cells, self._shown)
        html = _preview_box(self._previewed, told)
        self._shown = frozenset(cell.digest for cell in cells)
        if self._preview.value != html:
            self._preview.value = html

    def _show_review(self, checked: Checked) -> None:
        ready = checked.draft is not None
        running = self._run is not None
        self._generate.disabled = not ready
        self._run_button.disabled = not ready or running
        self._reproduce.disabled = running
        if checked.draft is None:
            rows = [
                f"<li>{escape(self._title_of(self._page_of(name)))}: {escape(text)}</li>"
                for name, text in checked.errors.items()
            ]
            self._summary.value = (
                f"{parts.note('Something has to be corrected first.', 'warn')}<ul>{''.join(rows)}</ul>"
            )
            return
        labels = {p.name: (f"{p.label} ({p.unit})" if p.unit else p.label) for p in self.form.task.parameters}
        plan = checked.draft.plan
        rows_shown = [
            (labels[name], _shown_value(self.form.task, name, value), plan.origins.get(name, ""))
            for name, value in plan.values.items()
        ]
        advice = "".join(parts.note(text, "warn") for text in checked.draft.advice)
        self._summary.value = advice + parts.table(rows_shown, ("Choice", "Value", "From"))

    # What a person does -------------------------------------------------------------------------------

    def _on_task(self, change: dict[str, Any]) -> None:
        self.form = Form(self.tasks[change["new"]])
        self.notebook, self._expected = None, None
        self._imported.value = self._made.value = ""
        self._make_task()
        self._refresh(fill=True)

    def _on_change(self, name: str, raw: object) -> None:
        parameter = self.form.task.parameter(name)
        if self.served and parameter is not None and parameter.kind is Kind.FILE:
            raise ValueRefused("a path cannot be given here", field=name, fix="Upload the file")
        self.form.set(name, raw)
        self._expected = None
        self._refresh()

    def _on_file(self, name: str, file: str, content: bytes) -> None:
        path = self._keep(file, content, LARGEST_UPLOAD if self.served else MOST_BYTES)
        self._uploads.append(path)
        self.form.set(name, str(path))
        if name not in self.form.files:  # not the data that was recorded
            self._expected = None
        self.fields[name].fill(str(path), True)
        self._refresh()

    def _keep(self, name: str, content: bytes, largest: int) -> Path:
        if len(content) > largest:
            raise DataFileError(
                f"the file has {len(content):,} bytes", field=file_name(name), fix=f"Here it may have {largest:,}"
            )
        path = self.folder / "experiments" / "uploads" / sha256_of_bytes(content)[:16] / file_name(name)
        if not path.exists():
            write_atomically(path, content)
        return path

    def _on_provenance(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        file = change["new"][0]
        name, content = str(file["name"]), bytes(file["content"])
        self._upload.value = ()  # so that the same file can be uploaded again
        self._tell("", "")
        self.import_file(name, content)

    def import_file(self, name: str, content: bytes) -> None:
        """Fill the form from a provenance file.

        Raises
        ------
        MlprovError
            If the file cannot be used; the form stays as it was.
        """
        from mlprov_widgets.execution.reproduce import restore

        path = self._keep(name, content, LARGEST_FILE)
        restored = restore(path, edits="drop", tasks=self._task_folders, data=self._data_places(), as_imported=True)
        self._task_choice.value = restored.task.id  # which empties the form if it is another
        self.form = Form(restored.task)
        self.form.fill(restored.draft)
        self._make_task()
        self._expected = path
        self._imported.value = _imported_html(restored)
        self._refresh(fill=True)

    def _data_places(self) -> list[Path]:
        return [*self._uploads, self.folder]

    def reset(self) -> None:
        """Go back to the defaults of the task; what was made stays on disk."""
        self.form.clear()
        self.notebook, self._expected = None, None
        self._imported.value = self._made.value = ""
        self.page = _START
        self._refresh(fill=True)

    def generate(self) -> Path:
        """Make the notebook in a new folder, unless this very one has been made already."""
        draft = self.checked.draft
        if draft is None:
            raise MlprovError("something has to be corrected first", fix="See the steps in red")
        if self.notebook is not None and self._generated_from == draft.plan.digest and self.notebook.exists():
            return self.notebook
        task = self.form.task
        folder = new_folder(self.folder / "experiments", task.id)
        self.notebook = write_notebook(task, draft, folder / f"{task.id}.ipynb").path
        self._generated_from = draft.plan.digest
        self._made.value = self._made_html(self.notebook)
        return self.notebook

    def _made_html(self, notebook: Path) -> str:
        told = notebook.relative_to(self.folder).as_posix()
        # JupyterLab and Notebook open what is named relative to the notebook's own address; Voilà serves no notebook.
        place = Path(os.path.relpath(notebook)).as_posix()
        link = "" if self._in_voila else f'<a href="{quote(place)}" target="_blank">Open it</a>'
        if (notebook.parent / "data").is_dir():
            load = parts.archive(notebook.parent, "Download the notebook with its data (zip)")
        else:
            load = parts.download(notebook, "Download the notebook")
        return parts.note(f"Made {told}", "fine") + f'<div class="mlprov-links">{link}{load}</div>'

    def run(self) -> None:
        """Make the notebook and run it in a process of its own."""
        self._start(self.generate())

    def _start_reproduction(self) -> None:
        from mlprov_widgets.execution.reproduce import restore, write_restored

        source = self._expected
        if source is None:
            raise MlprovError("the form was changed since the file was read", fix="Upload the file again")
        self._refuse_second_run()
        restored = restore(source, edits="drop", tasks=self._task_folders, data=self._data_places())
        plan, found = restored.draft.plan, restored.draft.sources
        for absent in (file.name for name, file in plan.files.items() if name not in found):
            raise DataFileError("this data file is not here", field=absent, fix="Upload it in its field first")
        folder = new_folder(self.folder / "experiments", f"reproduce-{restored.task.id}")
        self._start(write_restored(restored, folder / f"{restored.task.id}.ipynb"), expected=source)

    def _start(self, notebook: Path, expected: Path | None = None) -> None:
        self._refuse_second_run()
        runs = self.folder / runs_folder()
        self._run = BackgroundRun(notebook, runs, self.form.task.id, self._task_folders)
        self.results = None
        self._result_box.children = ()
        self._cancel_row.layout.display = None
        self._cancel.disabled = False
        self._progress.value = _progress_html(Glance(title="Starting"))
        self.go(_RESULT)
        watch = self._guard(lambda: self._watch(expected))
        threading.Thread(target=watch, name="mlprov watch", daemon=True).start()

    def _refuse_second_run(self) -> None:
        if self._run is not None:
            raise MlprovError("a run is going on", fix="Wait for it, or cancel it")

    def _watch(self, expected: Path | None) -> None:
        run = self._run
        if run is None:
            return
        pause = threading.Event()
        try:
            while True:
                glance = run.look()
                self._progress.value = _progress_html(glance)
                if glance.result is not None:
                    break
                pause.wait(_SECONDS_BETWEEN_LOOKS)
        finally:
            self._run = None
            self._cancel_row.layout.display = "none"
        self._show_result(glance.result, expected)

    def _show_result(self, result: dict[str, Any], expected: Path | None) -> None:
        from mlprov_widgets.ui.results import Results

        provenance = Path(str(result.get("provenance") or ""))
        told = parts.note(str(result["message"]), "bad") if result.get("message") else ""
        verdict = ""
        if provenance.is_file() and result["status"] == "completed" and expected is not None:
            verdict = _verdict_html(expected, provenance)
        if provenance.is_file():
            self.results = Results(provenance, self._tell)
            self._result_box.children = (widgets.HTML(verdict), self.results.widget)
        self._progress.value = told if result["status"] != "completed" else ""
        # Not the fields: this is the watching thread, and a person may be typing.
        self._show_steps(self.checked)
        self._show_review(self.checked)

    def cancel(self) -> None:
        """Stop the run that is going on."""
        run = self._run  # the watching thread may end it at any moment
        if run is not None:
            self._cancel.disabled = True
            run.cancel()


def _columns_for(parameter: Parameter, checked: Checked) -> tuple[str, ...]:
    table = checked.tables.get(parameter.of)
    if table is None:
        return checked.columns.get(parameter.of, ())
    # What is to be predicted is not left out.
    return tuple(n for n in table.columns if parameter.kind is not Kind.NAMES or n != table.target_column)


def _preview_box(inner: str, told: str) -> str:
    return (
        '<div class="mlprov-preview"><div class="mlprov-preview-head">The notebook'
        f'<span>{escape(told)}</span></div><div class="mlprov-cells" tabindex="0">{inner}</div></div>'
    )


def _progress_html(glance: Glance) -> str:
    share = glance.done / glance.total if glance.total else 0.0
    epochs = max((len(values) for values in glance.series.values()), default=0)
    told = (
        f"{glance.title} ({glance.done} of {glance.total} cells)" if glance.total else f"{glance.title or 'Starting'}…"
    )
    if epochs and share < 1:
        told += f", epoch {epochs}"
    return (
        f'<div role="status">{escape(told)}</div><div class="mlprov-bar"><i style="width:{share:.1%}"></i></div>'
        + parts.curves(glance.series)
    )


def _shown_value(task: Task, name: str, value: Any) -> str:
    parameter = task.parameter(name)
    chosen = parameter.choice(value) if parameter and isinstance(value, str) else None
    if isinstance(value, bool):
        return "yes" if value else "no"
    return chosen.label if chosen else display(value) or "empty"


def _imported_html(restored: Restored) -> str:
    origins = restored.draft.plan.origins
    filled = sum(origin == "imported" for origin in origins.values())
    lines = [parts.note(f"{filled} of {len(origins)} fields were filled from the file.", "fine")]
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
    return "".join(lines)


def _verdict_html(expected: Path, actual: Path) -> str:
    from mlprov_widgets.execution.compare import compare
    from mlprov_widgets.provenance.reading import read_provenance

    with contextlib.suppress(MlprovError):
        comparison = compare(read_provenance(expected), read_provenance(actual))
        text = {
            "identical": "Identical: metrics, every epoch and the model are the same, bit for bit.",
            "within-tolerance": "Within tolerance: the metrics agree closely, but not bit for bit.",
            "different": "Different: the result is not the recorded one.",
        }.get(comparison.verdict, "Not comparable: the file holds no metrics.")
        first = comparison.first
        rows = []
        if first is not None:
            where = f"{first.stage}, epoch {first.epoch}" if first.epoch else first.stage
            rows.append(("First difference", f"{where}: {first.item}: {first.expected} → {first.actual} {first.cause}"))
        changes = comparison.environment_changes[:8]
        rows += [("Environment", f"{c['name']}: {c['expected']} → {c['actual']}") for c in changes]
        kind = {"identical": "fine", "within-tolerance": "warn"}.get(comparison.verdict, "bad")
        return parts.note(text, kind) + (parts.table(rows) if rows else "")
    return parts.note("The file is of another tool: compare the metrics below with those it names.", "warn")
