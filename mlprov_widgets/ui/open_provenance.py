"""Provenance by itself, without the form: of a run in this folder, or of any file."""

from __future__ import annotations

from pathlib import Path

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.listing import list_runs
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk, row
from mlprov_widgets.ui.look import LookBox
from mlprov_widgets.ui.refused import Refused
from mlprov_widgets.ui.scripts import style

_MOST_RUNS = 200


class OpenProvenance:
    """The choice of a run, or of a file from elsewhere, and the explorer below it.

    Parameters
    ----------
    desk
        Where runs are, and how errors are told.
    """

    def __init__(self, desk: Desk) -> None:
        self._look = LookBox(desk, beside_form=False)
        runs = [run for run in list_runs(desk.runs) if not run["problem"]][:_MOST_RUNS]
        options = [(_named(run), str(run["provenance"])) for run in runs]
        told = "Choose a run" if options else "No run is in this folder yet"
        self.run = widgets.Dropdown(options=[(told, ""), *options], description="A run in this folder", tooltip="")
        self.open_button = desk.button("Look at it", self.open, primary=True)
        self.refused = Refused(desk)
        lead = "See what a run did and with what, ask where a value comes from, or put two runs side by side."
        self.widget = desk.box(
            desk.html(style() + parts.heading("Open provenance", lead)),
            desk.message,
            desk.box(self.run, css="mlprov-field"),
            row(self.open_button),
            self._look.widget,
            self.refused.widget,
            css="mlprov",
        )

    def open(self) -> None:
        """Show the chosen run.

        Raises
        ------
        MlprovError
            If none is chosen.
        """
        if not self.run.value:
            raise MlprovError("no run is chosen", fix="Choose one, or upload a file below")
        self._look.look_at(Path(self.run.value))


def _named(run: dict[str, object]) -> str:
    started = str(run["started"] or "")[:16].replace("T", " ")
    return f"{started or 'unknown time'}  {run['title'] or run['task']} ({run['status']})"
