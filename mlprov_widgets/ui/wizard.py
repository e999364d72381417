"""The wizard: from choices to a notebook, a run, its provenance, and back."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import ipywidgets as widgets

from mlprov_widgets.errors import ExecutionError, MlprovError, ValueRefused
from mlprov_widgets.execution.background import BackgroundRun
from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.notebook.render import PARAMETERS_STEP, render_cells
from mlprov_widgets.ui.desk import ABOUT, RESULT, REVIEW, RUNS, START, Desk, row
from mlprov_widgets.ui.draft import MOST_STEPS, Draft, DraftStore, is_token
from mlprov_widgets.ui.fields import Field
from mlprov_widgets.ui.form import Checked, Form
from mlprov_widgets.ui.history import History, changed_names
from mlprov_widgets.ui.preview import preview_box, preview_html
from mlprov_widgets.ui.refused import Refused
from mlprov_widgets.ui.review import ReviewPage
from mlprov_widgets.ui.running import RunPage
from mlprov_widgets.ui.scripts import PageScript, script, style
from mlprov_widgets.ui.stage import StagePage, parameters_of
from mlprov_widgets.ui.start import StartPage

if TYPE_CHECKING:
    from mlprov_widgets.ui.past_runs import PastRuns


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
        self.desk = desk = Desk(folder, tasks)
        desk.changed, desk.go, desk.take, desk.ended = self._refresh, self.go, self._take, self._show_progress
        desk.seek = self.seek
        self.runs = RunPage(desk)
        self.start = StartPage(desk, self.runs, self.forward)
        self.review = ReviewPage(desk, self.runs)
        self._drafts = DraftStore(desk.folder)
        self._stages: dict[str, StagePage] = {}
        self._history = History(desk.form)
        # Two versions of the notebook, step to source: the one that can be made now and the one before it.
        self._cells: dict[str, str] = {}
        self._cells_before: dict[str, str] = {}
        self._previewed = ""
        self._make_frame()
        self._make_steps()
        self._refresh()

    def show(self, page: str = "") -> None:
        """Display the form.

        Parameters
        ----------
        page
            The page to open, as ``"runs"`` for all runs; by default the first, or the one on which it was left.

        Raises
        ------
        ValueRefused
            If there is no such page.
        """
        from IPython.display import display

        if page and page not in self.pages():
            fix = f"Choose one of {', '.join(self.pages())}"
            raise ValueRefused(f"there is no page {page!r}", field="page", fix=fix)
        in_vs_code = _notebook_in_vs_code()
        session = in_vs_code or os.environ.get("JPY_SESSION_NAME")
        if session:
            # The same notebook, so the same form: after its cell ran again, or its kernel was started again.
            self._come_back(sha256_of_text(session)[:32])
        if page:
            self.go(page)
        display(self.widget)
        display(PageScript(largest=self.desk.largest, remembered=self.desk.in_voila))
        if session and not in_vs_code:  # which would look for ipylab's scripts on the internet
            self._join_lab()

    def _join_lab(self) -> None:
        """Give JupyterLab, if this is one, its commands."""
        from mlprov_widgets.ui.lab import COMPARE, NEW, OPEN, lab

        def another(page: str = START) -> tuple[widgets.Widget, str]:
            form = Wizard(folder=self.desk.folder, tasks=self.desk.task_folders)
            form.desk.open_file = self.desk.open_file
            form.go(page)
            return form.widget, script(largest=form.desk.largest)

        def provenance() -> tuple[widgets.Widget, str]:
            from mlprov_widgets.ui.open_provenance import OpenProvenance

            return OpenProvenance(Desk(self.desk.folder)).widget, script(largest=self.desk.largest)

        lab().serve(self.desk, {NEW: another, COMPARE: lambda: another(RUNS), OPEN: provenance})

    # Layout -----------------------------------------------------------------------------------------

    def _make_frame(self) -> None:
        desk = self.desk
        self._steps = desk.box(css="mlprov-steps")
        self._body = desk.box()
        card = desk.box(desk.message, self._body, css="mlprov-card")
        self._preview = desk.html()
        self._side = widgets.VBox([self._preview])
        self._side.add_class("mlprov-side")
        self._grid = widgets.Box([self._steps, card, self._side], layout=desk.layout)
        self._grid.add_class("mlprov-grid")
        self.undo_button = desk.button("Undo", self.undo)
        self.redo_button = desk.button("Redo", self.redo)
        self._tools = row(self.undo_button, self.redo_button, desk.button("Reset everything", self.reset))
        self._tools.add_class("mlprov-tools")
        head = desk.html(
            f"{style()}"
            '<h1 class="mlprov-title">Machine-learning experiment</h1>'
            '<p class="mlprov-subtitle">Choose, run, and keep a record that makes the same experiment again.</p>'
        )
        # How the page's own script hands over the token in its address.
        self.token = widgets.Text(tooltip="")
        self.token.add_class("mlprov-token")
        self.token.layout.display = "none"
        self.token.observe(self.desk.guard(lambda change: self._come_back(change["new"])), names="value")
        self.refused = Refused(desk)
        self.widget = desk.box(head, self._tools, self._grid, self.token, self.refused.widget, css="mlprov")

    def _make_steps(self) -> None:
        """Make the way through the chosen task; its pages are made when they are opened."""
        self._stages = {}
        self._step_buttons: dict[str, widgets.Button] = {}
        for page in self.pages():
            button = self.desk.button("", lambda page=page: self.go(page))  # type: ignore[misc]
            button.add_class("mlprov-step")
            self._step_buttons[page] = button
        self._steps.children = tuple(self._step_buttons.values())
        self._cells, self._cells_before = {}, {}

    # Pages ------------------------------------------------------------------------------------------

    def pages(self) -> list[str]:
        """Return the pages in order."""
        stages = [*(stage.id for stage in self.desk.task.stages), ABOUT]
        return [START, *(page for page in stages if parameters_of(self.desk, page)), REVIEW, RESULT, RUNS]

    @property
    def page(self) -> str:
        """The page that is open."""
        return self.desk.page

    def go(self, page: str) -> None:
        """Open a page."""
        self.desk.page = page
        if page == RUNS:
            self.past_runs.refresh()
        self._refresh()

    def turn(self, page: str, by: int) -> None:
        """Open the page that lies so many after `page`; the results open by a run alone."""
        pages = self.pages()
        self.go(pages[min(max(pages.index(page) + by, 0), pages.index(REVIEW))])

    def forward(self) -> None:
        """Open the page after the one that is open."""
        self.turn(self.page, 1)

    def back(self) -> None:
        """Open the page before the one that is open."""
        self.turn(self.page, -1)

    @functools.cached_property
    def past_runs(self) -> PastRuns:
        """The page of all runs, made when it is opened first: many never do."""
        from mlprov_widgets.ui.past_runs import PastRuns

        def fill(path: Path) -> None:
            self.start.fill_from(path)
            self.go(START)

        return PastRuns(self.desk, fill)

    def stage_page(self, page: str) -> StagePage:
        """Return the page of a stage, made now if it was never open."""
        if page not in self._stages:
            self._stages[page] = StagePage(self.desk, page, lambda by: self.turn(page, by))
            self._stages[page].refresh(self.desk.checked, fill=True)
        return self._stages[page]

    def field(self, name: str) -> Field:
        """Return the field of a parameter."""
        return self.stage_page(self.desk.page_of(name)).fields[name]

    def seek(self, name: str) -> None:
        """Open the page of a parameter and put the focus on its field.

        Raises
        ------
        MlprovError
            If the form has no such field now; the page is opened all the same, where there is one.
        """
        desk = self.desk
        parameter = desk.task.parameter(name)
        if parameter is None or desk.page_of(name) not in self.pages():
            raise MlprovError(f"{desk.task.title} has no field of this name", field=name, fix="Choose the run's task")
        self.go(desk.page_of(name))
        if name not in desk.checked.applies:
            fix = "Fill the form from the run's file on the page Start"
            raise MlprovError("with what is chosen now, this is not asked for", field=parameter.label, fix=fix)
        self.stage_page(self.page).seek(name)

    def undo(self) -> None:
        """Take the last change back."""
        self._travel(self._history.undo(), "Undone")

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        self._travel(self._history.redo(), "Done again")

    def _travel(self, form: Form, verb: str) -> None:
        desk = self.desk
        before = desk.form
        self._take(form)
        changed = changed_names(before, form) if form.task is before.task else []
        if not changed:
            self.go(START)
            desk.tell("", f"{verb}: now the task is {form.task.title}." if form.task is not before.task else f"{verb}.")
            return
        # Where a person sees what came of it.
        if desk.page_of(changed[0]) in self.pages():
            self.go(desk.page_of(changed[0]))
        labels = [parameter.label for parameter in form.task.parameters if parameter.name in changed]
        desk.tell("", f"{verb}: {', '.join(labels[:4])}{' and more' if len(labels) > 4 else ''}.")

    def reset(self) -> None:
        """Go back to the defaults of the task; what was made stays on disk, and Undo brings the values back."""
        self._take(Form(self.desk.task))
        self.go(START)
        self.desk.tell("", "Everything is at its default again. Undo brings your values back.")

    def _come_back(self, token: str) -> None:
        """Take over what was kept for this page before it was loaded again."""
        if is_token(token) and not self.desk.form.given and not self.desk.uploads:
            self.desk.settle(token)
            self._drafts.folder = self.desk.folder
        draft = self._drafts.open(token, self.desk.tasks)
        if draft is None:
            return
        if self.desk.form.given:  # somebody was faster than the page
            return
        self._history = History(draft.form, draft.past, draft.future)
        self._take(draft.form)
        for started in draft.runs:
            with contextlib.suppress(ExecutionError):  # somebody has tidied up
                self.runs.follow(BackgroundRun.attach(started.folder), started)
        if 0 < draft.shown <= len(self.runs.watched):
            self.runs.show(self.runs.watched[-draft.shown])
        self.go(draft.page if draft.page in self.pages() and (self.runs.watched or draft.page != RESULT) else START)
        if draft.form.given or draft.runs:
            self.desk.tell("", "This is as you left it. Reset everything begins anew.")

    # Everything that is shown follows from the form's content -----------------------------------------

    def _take(self, form: Form) -> None:
        another = form.task is not self.desk.task
        self.desk.form = form
        self.review.forget()
        if another:
            self._make_steps()
        self._refresh(fill=True)

    def _refresh(self, *, fill: bool = False) -> None:
        """Bring everything up to date; with `fill`, also what stands in the fields, which a person did not type."""
        self.desk.checked = checked = self.desk.form.check()
        self._history.note(self.desk.form, typed=not fill)
        self.undo_button.disabled, self.redo_button.disabled = not self._history.can_undo, not self._history.can_redo
        for page in self._stages.values():
            page.refresh(checked, fill=fill)
        self.start.refresh()
        self.review.refresh(checked)
        self._show_steps(checked)
        self._show_page()
        self._show_preview(checked)
        self._drafts.keep(self._draft())

    def _draft(self) -> Draft:
        watched = self.runs.watched
        shown = next((n for n, item in enumerate(reversed(watched), 1) if item is self.runs.shown), 0)
        runs = tuple(item.started for item in watched)
        return Draft(self.desk.form, self.page, runs, shown, *self._history.near(MOST_STEPS))

    def _show_progress(self) -> None:
        # Not the fields: a run ends in a thread of its own.
        self.start.refresh()
        self.review.refresh(self.desk.checked)
        self._show_steps(self.desk.checked)

    def _show_page(self) -> None:
        page = self.page
        fixed = {START: self.start.widget, REVIEW: self.review.widget, RESULT: self.runs.widget}
        opened = self.past_runs.widget if page == RUNS else fixed.get(page) or self.stage_page(page).widget
        if self._body.children != (opened,):
            self._body.children = (opened,)
        # There is nothing to choose beside results or a graph, so the notebook-to-be leaves them the room.
        wide = page in (RESULT, RUNS) or (page == START and self.start.look.is_open)
        (self._grid.add_class if wide else self._grid.remove_class)("mlprov-wide")
        self._side.layout.display = "none" if wide else None
        if page == RESULT:
            self.runs.open()

    def _show_steps(self, checked: Checked) -> None:
        wrong: dict[str, int] = {}
        for name in checked.errors:
            page = self.desk.page_of(name)
            wrong[page] = wrong.get(page, 0) + 1
        for number, (page, button) in enumerate(self._step_buttons.items(), 1):
            count = wrong.get(page, 0)
            told = f"{number}. {self.desk.title_of(page)}" + (f" ({count} to correct)" if count else "")
            if page == RESULT and self.runs.going_on > 1:
                told += f" ({self.runs.going_on} runs going on)"
            if button.description != told:
                button.description = told
            (button.add_class if count else button.remove_class)("mlprov-bad")
            (button.add_class if page == self.page else button.remove_class)("mlprov-current")
            button.disabled = page == RESULT and not self.runs.watched

    def _show_preview(self, checked: Checked) -> None:
        if self.page in (RESULT, RUNS):
            return
        page = self.page
        if checked.draft is None:
            told = (
                "the last version that could be made" if self._cells else "nothing yet: something has to be corrected"
            )
            self._preview.value = preview_box(self._previewed if self._cells else "", told, page)
            return
        cells = list(render_cells(self.desk.task, checked.draft.plan))
        now = {cell.step: cell.source for cell in cells}
        if now != self._cells:
            self._cells, self._cells_before = now, self._cells
        # A stage's page shows what the stage decides: the numbers and its own cells.
        here = [cell for cell in cells if cell.stage == page or cell.step == PARAMETERS_STEP]
        one_stage = self.desk.task.stage(page) is not None and len(here) > 1
        told = "the cells of this step" if one_stage else f"{sum(c.kind == 'code' for c in cells)} code cells"
        self._previewed, count = preview_html(here if one_stage else cells, self._cells_before)
        if count:
            told += f", {count} {'line' if count == 1 else 'lines'} changed"
        html = preview_box(self._previewed, told, page)
        if self._preview.value != html:
            self._preview.value = html


def _notebook_in_vs_code() -> str:
    """Return the notebook's file where VS Code runs it, which tells the kernel by a variable; empty elsewhere."""
    from IPython import get_ipython

    shell = get_ipython()
    return str(shell.user_ns.get("__vsc_ipynb_file__") or "") if shell is not None else ""
