"""What came of a run: numbers, figures, the graph, the report and the downloads."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as widgets

from mlprov_widgets.provenance.export.report import figures_of
from mlprov_widgets.provenance.graph.story import Story
from mlprov_widgets.provenance.overview import duration
from mlprov_widgets.provenance.reading import read_provenance
from mlprov_widgets.provenance.view import plan_dict_of, view
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk, row
from mlprov_widgets.ui.downloads import Downloads
from mlprov_widgets.ui.explorer import Explorer, read_story, story_from
from mlprov_widgets.ui.words import metrics_html


class Results:
    """The results of one run.

    Parameters
    ----------
    provenance
        The run's document.
    desk
        What the pages share.
    expected
        The document that the run was to reproduce.
    """

    def __init__(self, provenance: Path, desk: Desk, expected: Path | None = None) -> None:
        self._desk, self._expected = desk, expected
        self.file = read_provenance(provenance)
        self.view = view(self.file)
        self.explorer = self._explorer()
        self._graph = desk.box(self.explorer.widget)
        beside = [row(desk.button("See both runs side by side", self.compare))] if expected is not None else []
        pictures = [(item["label"], item["raw"]) for item in figures_of(self.file)]
        self.widget = widgets.VBox(
            [
                widgets.HTML(self._headline()),
                widgets.HTML(parts.numbers(self.view.metrics) + metrics_html(self.view.metrics)),
                widgets.HTML("".join(parts.note(text, "warn") for text in self._stale())),
                widgets.HTML(parts.figures(pictures)),
                widgets.HTML("<h3>What ran</h3>"),
                *beside,
                self._graph,
                widgets.HTML("<h3>Take it with you</h3>"),
                Downloads(desk, self.file).widget,
            ]
        )

    def _explorer(self, other: Story | None = None) -> Explorer:
        desk = self._desk
        fields = {parameter.name: parameter.label for parameter in desk.task.parameters}
        return Explorer(story_from(self.file), desk.tell, other, fields=fields, to_field=desk.seek)

    def compare(self) -> None:
        """Show the run beside the one that it was to reproduce.

        Raises
        ------
        ProvenanceError
            If that one's document cannot be read.
        """
        if self._expected is not None:
            self.explorer = self._explorer(read_story(self._expected))
            self._graph.children = (self.explorer.widget,)

    def says(self, message: str) -> bool:
        """Return whether the record tells what ended the run."""
        return message in {*self.view.run["notes"], *(step["error"] for step in self.view.steps)}

    def _stale(self) -> list[str]:
        return [f"These numbers are stale: {reason}." for reason in list(self.view.stale_metrics.values())[:1]]

    def _headline(self) -> str:
        run = self.view.run
        spent = duration(run["started"], run["ended"])
        text = f"{str(run['status']).capitalize()} after {spent}."
        if run["failed_step"]:
            titles = {step["step"]: step["title"] for step in self.view.steps}
            text += f" It ended in the step {titles.get(run['failed_step'], run['failed_step'])}."
        plan = plan_dict_of(self.file)
        cancelled = run["status"] == "cancelled"  # by the person who reads this, to whom it is no fault
        if cancelled:
            text += " What had run until then is recorded below."
        errors = [
            parts.named(str(step["error"]), plan)
            for step in self.view.steps
            if step["error"] and not (cancelled and step["status"] == "interrupted")
        ]
        kind = "fine" if run["status"] == "completed" else "warn" if cancelled else "bad"
        known = [*errors, str(run["status"])]
        notes = [note for note in (parts.named(note, plan) for note in run["notes"]) if note not in known]
        return "".join([parts.note(" ".join([text, *errors[-1:]]), kind), *(parts.note(n, "warn") for n in notes)])
