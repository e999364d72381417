"""What the last cell of a notebook shows."""

from __future__ import annotations

from html import escape
from typing import Any

from mlprov_widgets.provenance.pipeline import pipeline_svg
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.recorder import active
from mlprov_widgets.provenance.view import View, view


class Summary:
    """The record of a running notebook, as Jupyter shows it."""

    def __init__(self, laid_out: View, place: str) -> None:
        self.view = laid_out
        self.place = place

    def _rows(self) -> list[tuple[str, str]]:
        run, table1 = self.view.run, self.view.table1
        fields = [item for group in table1.values() for item in group.values()]
        observed = sum(item["status"] == "observed" for item in fields)
        edited = [step["title"] for step in self.view.steps if step["code"] in ("edited", "added")]
        return [
            ("Saved in", self.place),
            ("Cells recorded", str(len(self.view.steps))),
            ("Changed by hand", ", ".join(edited) or "none"),
            ("Fields observed", f"{observed} of {len(fields)}"),
            ("Cost of recording", f"{run['capture_seconds']:.2f} s"),
            *((name, number(value)) for name, value in self.view.metrics.items() if isinstance(value, int | float)),
        ]

    def __repr__(self) -> str:
        rows = self._rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)

    def _repr_html_(self) -> str:
        cells = "".join(
            f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(value)}</td></tr>'
            for name, value in self._rows()
        )
        return f'<div style="max-width:1300px;overflow-x:auto">{pipeline_svg(self.view)}</div><table>{cells}</table>'


def number(value: Any) -> str:
    """Return a metric as a person reads it."""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def show_provenance() -> None:
    """Save the record of this notebook and show its summary; the last line of a generated notebook.

    From here on the document is written again after every cell, so that later edits are in it too.
    """
    recorder = active()
    if recorder is None:
        print("Nothing was recorded: run the cell with record(…) first, then the cells below it.")
        return
    recorder.journal_packages()
    recorder.publish = True
    built = recorder.save()
    from IPython.display import display

    display(Summary(view(ProvenanceFile(built.document)), recorder.shown_place()))
