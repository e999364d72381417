"""What came of a run: numbers, figures, the graph, the report and the downloads."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as widgets

from mlprov_widgets.provenance.overview import duration
from mlprov_widgets.provenance.reading import read_provenance
from mlprov_widgets.provenance.report import figures_of
from mlprov_widgets.provenance.view import view
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.downloads import Downloads
from mlprov_widgets.ui.explorer import Explorer


class Results:
    """The results of one run.

    Parameters
    ----------
    provenance
        The run's document.
    desk
        What the pages share.
    """

    def __init__(self, provenance: Path, desk: Desk) -> None:
        self.file = read_provenance(provenance)
        self.view = view(self.file)
        self.explorer = Explorer(self.file, self.view, desk.tell)
        pictures = [(item["label"], item["raw"]) for item in figures_of(self.file)]
        self.widget = widgets.VBox(
            [
                widgets.HTML(self._headline()),
                widgets.HTML(parts.numbers(self.view.metrics)),
                widgets.HTML("".join(parts.note(text, "warn") for text in self._stale())),
                widgets.HTML(parts.figures(pictures)),
                widgets.HTML("<h3>What ran</h3>"),
                self.explorer.widget,
                widgets.HTML("<h3>Take it with you</h3>"),
                Downloads(desk, self.file).widget,
            ]
        )

    def _stale(self) -> list[str]:
        return [f"These numbers are stale: {reason}." for reason in list(self.view.stale_metrics.values())[:1]]

    def _headline(self) -> str:
        run = self.view.run
        spent = duration(run["started"], run["ended"])
        text = f"{str(run['status']).capitalize()} after {spent}."
        if run["failed_step"]:
            text += f" It ended in the step {run['failed_step']}."
        errors = [str(step["error"]) for step in self.view.steps if step["error"]]
        kind = "fine" if run["status"] == "completed" else "bad"
        return "".join(
            [parts.note(" ".join([text, *errors[-1:]]), kind), *(parts.note(n, "warn") for n in run["notes"])]
        )
