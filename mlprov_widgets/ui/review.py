"""The page before the run: every choice with where it came from, and what is made of them."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.files import new_folder
from mlprov_widgets.notebook.write import write_notebook
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk, row
from mlprov_widgets.ui.form import Checked
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
        self.summary, self.made = desk.html(), desk.html()
        self.generate_button = desk.button("Make the notebook", self.generate)
        self.run_button = desk.button("Make and run it", self.run, primary=True)
        self.widget = desk.box(
            desk.html(parts.heading("Review", "What the notebook is going to do.")),
            row(self.run_button, self.generate_button),
            self.made,
            self.summary,
        )

    def refresh(self, checked: Checked) -> None:
        """Show what holds now."""
        desk, ready = self._desk, checked.draft is not None
        self.generate_button.disabled = not ready
        self.run_button.disabled = not ready or self._runs.is_running
        if checked.draft is None:
            rows = [
                f"<li>{escape(desk.title_of(desk.page_of(name)))}: {escape(text)}</li>"
                for name, text in checked.errors.items()
            ]
            told = parts.note("Something has to be corrected first.", "warn")
            self.summary.value = f"{told}<ul>{''.join(rows)}</ul>"
            return
        plan = checked.draft.plan
        if self.made.value and self._made_from != plan.digest:
            self.made.value = ""
        labels = {parameter.name: parameter.label for parameter in desk.task.parameters}
        advice = "".join(parts.note(f"{labels.get(n, n)}: {text}", "warn") for n, text in checked.advice.items())
        groups: dict[str, list[tuple[str, str, str]]] = {}
        for name, shown in zip(plan.values, parts.plan_rows(desk.task, plan), strict=True):
            groups.setdefault(desk.title_of(desk.page_of(name)), []).append(shown)
        self.summary.value = advice + parts.grouped_table(groups, ("Choice", "Value", "From"))

    def generate(self) -> Path:
        """Make the notebook in a new folder, unless this very one has been made already."""
        desk = self._desk
        draft = desk.checked.draft
        if draft is None:
            raise MlprovError("something has to be corrected first", fix="See the steps in red")
        if self.notebook is not None and self._made_from == draft.plan.digest and self.notebook.exists():
            return self.notebook
        folder = new_folder(desk.folder / "experiments", desk.task.id)
        self.notebook = write_notebook(desk.task, draft, folder / f"{desk.task.id}.ipynb").path
        self._made_from = draft.plan.digest
        self.made.value = self._made_html(self.notebook)
        return self.notebook

    def _made_html(self, notebook: Path) -> str:
        told = notebook.relative_to(self._desk.folder).as_posix()
        # JupyterLab and Notebook open what is named relative to the notebook's own address; Voilà serves no notebook.
        place = Path(os.path.relpath(notebook)).as_posix()
        link = "" if self._desk.in_voila else f'<a href="{quote(place)}" target="_blank">Open it</a>'
        if (notebook.parent / "data").is_dir():
            load = parts.archive(notebook.parent, "Download the notebook with its data (zip)")
        else:
            load = parts.download(notebook, "Download the notebook")
        return parts.note(f"Made {told}", "fine") + f'<div class="mlprov-links">{link}{load}</div>'

    def run(self) -> None:
        """Make the notebook and run it in a process of its own."""
        self._runs.refuse_second()
        notebook = self.generate()
        draft = self._desk.checked.draft
        self._runs.start(notebook, draft.plan.values if draft is not None else {})

    def forget(self) -> None:
        """Forget what was made; it stays on disk."""
        self.notebook, self._made_from, self.made.value = None, "", ""
