"""The page before the run: every choice with where it came from, and what is made of them."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from urllib.parse import quote

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.files import new_folder, sha256_of_text
from mlprov_widgets.notebook.readback import with_code
from mlprov_widgets.notebook.write import write_notebook, write_text
from mlprov_widgets.provenance.replay import Code
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import REVIEW, Desk, row
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
        self.summary, self.made = desk.html(), desk.html()
        self.generate_button = desk.button("Make the notebook", self.generate)
        self.run_button = desk.button("Make and run it", self.run, primary=True)
        self.preflight = Preflight(desk)
        self.widget = desk.box(
            desk.html(parts.heading("Review", "What the notebook is going to do.")),
            row(self.run_button, self.generate_button),
            self.made,
            self.preflight.widget,
            self.summary,
        )

    def refresh(self, checked: Checked) -> None:
        """Show what holds now."""
        desk, ready = self._desk, checked.draft is not None
        if desk.page == REVIEW:
            self.preflight.refresh(checked)
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
        if self.made.value and self._made_from != self._version(plan.digest):
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
        made_from = self._version(draft.plan.digest)
        if self.notebook is not None and self._made_from == made_from and self.notebook.exists():
            return self.notebook
        folder = new_folder(desk.folder / "experiments", desk.task.id)
        path = folder / f"{desk.task.id}.ipynb"
        if self._kept():
            self.notebook = write_text(with_code(desk.task, draft.plan, self._kept()), draft, path)
        else:
            self.notebook = write_notebook(desk.task, draft, path).path
        self._made_from = made_from
        self.made.value = self._made_html(self.notebook)
        return self.notebook

    def _kept(self) -> tuple[Code, ...]:
        """Return the edited code that goes into the notebook; none of a stranger's."""
        form = self._desk.form
        return form.code if form.keep_code and not self._desk.served else ()

    def _version(self, digest: str) -> str:
        return digest + "".join(sha256_of_text(code.source) for code in self._kept())

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
