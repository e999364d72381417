"""What the last cell of a notebook shows.

This runs in the kernel of a person's notebook: ipywidgets and ipycytoscape take a second to be imported,
so they are only where somebody is looking at a page that can show a graph.
"""

from __future__ import annotations

import os
from html import escape
from typing import Any

from mlprov_widgets.execution.summary import keep
from mlprov_widgets.provenance.capture.document import FILE_NAME
from mlprov_widgets.provenance.capture.recorder import active
from mlprov_widgets.provenance.export.pipeline import pipeline_svg, pipeline_table
from mlprov_widgets.provenance.overview import cost_of
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.view import View, view


class Summary:
    """The record of a running notebook, as Jupyter shows it."""

    def __init__(self, laid_out: View, place: str, *, folded: bool = False) -> None:
        self.view = laid_out
        self.place = place
        self.folded = folded

    def _rows(self) -> list[tuple[str, str]]:
        run, table1 = self.view.run, self.view.table1
        fields = [item for group in table1.values() for item in group.values()]
        observed = sum(item["status"] == "observed" for item in fields)
        edited = [step["title"] for step in self.view.steps if step["code"] in ("edited", "added")]
        return [
            ("Saved in", self.place),
            ("Cells recorded", str(len(self.view.steps))),
            ("Changed by hand", ", ".join(edited) or "none"),
            ("Stale", ", ".join(str(step["title"]) for step in self.view.steps if step.get("stale")) or "none"),
            ("Fields observed", f"{observed} of {len(fields)}"),
            ("Cost of recording", cost_of(run)),
            *(
                (name, f"{number(value)}{' (stale)' if name in self.view.stale_metrics else ''}")
                for name, value in self.view.metrics.items()
                if isinstance(value, int | float)
            ),
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
        picture = f'<div style="max-width:1300px;overflow-x:auto">{pipeline_svg(self.view)}</div>'
        picture += f"<details><summary>The steps as a table</summary>{pipeline_table(self.view)}</details>"
        if self.folded:  # the graph stands above it; where it cannot be shown any more, this still can
            picture = f"<details><summary>As a picture</summary>{picture}</details>"
        return f"{picture}<table>{cells}</table>"


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
    recorder.saved = lambda built: keep(ProvenanceFile(built.document, recorder.folder / FILE_NAME))
    built = recorder.save()
    from IPython.display import display

    file = ProvenanceFile(built.document)
    laid_out = view(file)
    graph = None if recorder.under_runner or not _is_looked_at(recorder.namespace) else _graph(file)
    if graph is not None:
        display(*graph)
    display(Summary(laid_out, recorder.shown_place(), folded=graph is not None))


def _is_looked_at(namespace: dict[str, Any]) -> bool:
    # JupyterLab and Notebook name their session, VS Code its file; papermill and nbconvert do neither.
    return bool(os.environ.get("JPY_SESSION_NAME")) or "__vsc_ipynb_file__" in namespace


def _graph(file: ProvenanceFile) -> tuple[Any, ...] | None:
    """Return what is displayed for the graph, None where its packages are missing."""
    try:
        import ipywidgets as widgets

        from mlprov_widgets.ui.explorer import Explorer, story_from
    except ModuleNotFoundError:
        return None
    from mlprov_widgets.ui.parts import note
    from mlprov_widgets.ui.scripts import PageScript, style

    told = widgets.HTML("")

    def tell(kind: str, text: str) -> None:
        told.value = note(text, "bad")

    root = widgets.VBox([widgets.HTML(style()), told, Explorer(story_from(file), tell).widget])
    root.add_class("mlprov")
    return root, PageScript()
