"""The page before the run: every choice with where it came from, and what is made of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from html import escape
from pathlib import Path
from urllib.parse import quote

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.files import new_folder, sha256_of_text
from mlprov_widgets.notebook.kernels import USUAL, asking_for, installed, kernels
from mlprov_widgets.notebook.readback import with_code
from mlprov_widgets.notebook.write import write_text
from mlprov_widgets.provenance.replay import Code
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import RESULT, REVIEW, Desk, row
from mlprov_widgets.ui.form import Checked
from mlprov_widgets.ui.preflight import Preflight
from mlprov_widgets.ui.running import RunPage


class ReviewPage:
    """Review, generate, run.

    Parameters
    ----------
    desk
        What the pages share.
    runs
        Where a run is shown.
    """

    def __init__(self, desk: Desk, runs: RunPage) -> None:
        self._desk, self._runs = desk, runs
        self.notebook: Path | None = None
        self._made_from = ""
        self.summary, self.made, self._waits = desk.html(), desk.html(), desk.html()
        self.generate_button = desk.button("Make the notebook", self.generate)
        self.run_button = desk.button("Make and run it", self.run, primary=True)
        self.open_button = desk.button("Open the notebook", self._open)
        self._open_row = row(self.open_button)
        self.kernel = widgets.Dropdown(options=[("", "")], description="Kernel", tooltip="")
        self.kernel.observe(desk.guard(self._on_kernel), names="value")
        told = "The Python that runs the notebook. It is recorded, and asked for again by a reproduction."
        self._kernel_box = widgets.VBox([self.kernel, desk.html(parts.help_text(told))])
        self._kernel_box.add_class("mlprov-field")
        self._kernel_box.layout.display = "none"
        self.preflight = Preflight(desk)
        self.wrong = desk.box()
        self._listed: Mapping[str, str] = {}
        self.widget = desk.box(
            desk.html(parts.heading("Review", "What the notebook is going to do.")),
            self._kernel_box,
            row(self.run_button, self.generate_button),
            self._waits,
            self.made,
            self._open_row,
            self.preflight.widget,
            self.summary,
            self.wrong,
        )

    def refresh(self, checked: Checked) -> None:
        """Show what holds now."""
        desk, ready = self._desk, checked.draft is not None
        if desk.page == REVIEW:
            self.preflight.refresh(checked)
            self._show_kernels()
        self.generate_button.disabled = not ready
        self.run_button.disabled = not ready
        going = self._runs.going_on
        told = "A run is" if going == 1 else f"{going} runs are"
        self._waits.value = parts.help_text(f"{told} going on; this one waits for its turn.") if going else ""
        self._show_open()
        if checked.draft is None:
            self.summary.value = parts.note("Something has to be corrected first.", "warn")
            self._list_errors(checked)
            return
        self.wrong.children = ()
        plan = checked.draft.plan
        if self.made.value and self._made_from != self._version(plan.digest):
            self.made.value = ""
            self._show_open()
        labels = {parameter.name: parameter.label for parameter in desk.task.parameters}
        advice = "".join(parts.note(f"{labels.get(n, n)}: {text}", "warn") for n, text in checked.advice.items())
        groups: dict[str, list[tuple[str, str, str]]] = {}
        for name, shown in zip(plan.values, parts.plan_rows(desk.task, plan), strict=True):
            groups.setdefault(desk.title_of(desk.page_of(name)), []).append(shown)
        self.summary.value = f"{advice}<h3>All choices</h3>" + parts.grouped_table(groups, ("Choice", "Value", "From"))

    def _list_errors(self, checked: Checked) -> None:
        """Tell what has to be corrected, each with the way to its field."""
        desk = self._desk
        if desk.page != REVIEW or (self.wrong.children and self._listed == checked.errors):
            return
        self._listed = dict(checked.errors)
        rows = []
        for name, text in checked.errors.items():
            told = desk.html(f'<div class="mlprov-check">{escape(self._place(name))}: {escape(text)}</div>')
            to_field = desk.button("Correct it", lambda name=name: desk.seek(name))  # type: ignore[misc]
            line = widgets.HBox([told, to_field] if desk.task.parameter(name) is not None else [told])
            line.add_class("mlprov-check-row")
            rows.append(line)
        self.wrong.children = tuple(rows)

    def _place(self, name: str) -> str:
        parameter = self._desk.task.parameter(name)
        title = self._desk.title_of(self._desk.page_of(name))
        return f"{title}, {parameter.label}" if parameter is not None else title

    def generate(self) -> Path:
        """Make the notebook in a new folder, unless this very one has been made already."""
        desk = self._desk
        draft = desk.checked.draft
        if draft is None:
            raise MlprovError("something has to be corrected first", fix="See the steps in red")
        made_from = self._version(draft.plan.digest)
        if self.notebook is not None and self._made_from == made_from and self.notebook.exists():
            return self.notebook
        folder = new_folder(desk.folder / "experiments", desk.task.id)
        path = folder / f"{desk.task.id}.ipynb"
        text = with_code(desk.task, draft.plan, self._kept())
        self.notebook = write_text(asking_for(text, installed(desk.form.kernel)), draft, path)
        self._made_from = made_from
        self.made.value = self._made_html(self.notebook)
        self._show_open()
        return self.notebook

    def _kept(self) -> tuple[Code, ...]:
        """Return the edited code that goes into the notebook; none of a stranger's."""
        form = self._desk.form
        return form.code if form.keep_code and not self._desk.served else ()

    def _version(self, digest: str) -> str:
        return digest + self._desk.form.kernel + "".join(sha256_of_text(code.source) for code in self._kept())

    def _made_html(self, notebook: Path) -> str:
        told = notebook.relative_to(self._desk.folder).as_posix()
        # JupyterLab and Notebook open what is named relative to the notebook's own address; Voilà serves no notebook.
        place = Path(os.path.relpath(notebook)).as_posix()
        link = (
            ""
            if self._desk.in_voila or self._desk.open_file
            else f'<a href="{quote(place)}" target="_blank">Open it</a>'
        )
        if (notebook.parent / "data").is_dir():
            load = parts.archive(notebook.parent, "Download the notebook with its data (zip)")
        else:
            load = parts.download(notebook, "Download the notebook")
        return parts.note(f"Made {told}", "fine") + f'<div class="mlprov-links">{link}{load}</div>'

    def _show_kernels(self) -> None:
        """Offer the kernels of this machine; where there is but one, or a stranger, there is nothing to choose."""
        found = [] if self._desk.served else kernels()
        options = [(f"{kernel.title} ({kernel.name})", kernel.name) for kernel in found] or [("", "")]
        wanted = self._desk.form.kernel or USUAL
        value = wanted if wanted in [name for _, name in options] else options[0][1]
        self._kernel_box.layout.display = "none"  # what happens to a list while it is filled is nobody's choice
        if tuple(self.kernel.options) != tuple(options):
            self.kernel.options = options
        self.kernel.value = value
        self._kernel_box.layout.display = None if len(options) > 1 else "none"

    def _on_kernel(self, change: dict[str, str]) -> None:
        chosen = "" if change["new"] == USUAL else change["new"]
        if chosen != self._desk.form.kernel and self._kernel_box.layout.display is None:
            self._desk.form.kernel = chosen
            self._desk.form.recorded_in = None
            self._desk.changed()

    def _show_open(self) -> None:
        shown = self._desk.open_file is not None and bool(self.made.value)
        self._open_row.layout.display = None if shown else "none"

    def _open(self) -> None:
        if self._desk.open_file is not None:
            self._desk.open_file(self.generate())

    def run(self) -> None:
        """Make the notebook and run it in a process of its own."""
        draft = self._desk.checked.draft
        if self._desk.page == RESULT or draft is None:  # a double click: the first one has opened the run's page
            return
        self._runs.start(self.generate(), draft.plan)

    def forget(self) -> None:
        """Forget what was made; it stays on disk."""
        self.notebook, self._made_from, self.made.value = None, "", ""
        self._show_open()
