"""The graph of a run with its search and the details of what is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.provenance.overview import Item, StageSummary, duration, items_of, overview, shortened
from mlprov_widgets.provenance.reading import ProvenanceFile, value_of
from mlprov_widgets.provenance.view import View
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.graph import RunGraph, stage_node
from mlprov_widgets.ui.guard import Tell, guarded
from mlprov_widgets.ui.preview import highlighted

_MOST_HITS = 50
_KINDS = {"parameter": "Parameters", "data": "Data", "metric": "Metrics", "file": "Files"}


class Explorer:
    """Search, graph and details of one document.

    Parameters
    ----------
    file
        The document.
    laid_out
        The same, laid out.
    tell
        Shows a message.
    """

    def __init__(self, file: ProvenanceFile, laid_out: View, tell: Tell) -> None:
        self.file = file
        self.stages = overview(laid_out)
        self._items: dict[str, list[Item]] = {}
        self._index: list[tuple[str, str]] = []
        self.graph = RunGraph(self.stages, self.items_of, guarded(tell, self.open))
        self.search = widgets.Text(description="Find", placeholder="a step, a variable, a value", tooltip="")
        self.search.observe(guarded(tell, self._on_search), names="value")
        self.hits = widgets.Select(options=[], rows=6, description="Found", tooltip="")
        self.hits.observe(guarded(tell, self._on_hit), names="value")
        self.hits.layout.display = "none"
        self._found = widgets.HTML("")
        search = widgets.VBox([self.search, self._found, self.hits])
        search.add_class("mlprov-field")
        self.details = widgets.HTML(_stages_html(self.stages))
        self.details.add_class("mlprov-details")
        side = widgets.VBox([search, self.details])
        self.widget = widgets.Box([self.graph.widget, side])
        self.widget.add_class("mlprov-explorer")
        # As the record has it: a cell that failed and then ran well has ended well.
        failed = next((s for s in reversed(laid_out.steps) if s["step"] == laid_out.run.get("failed_step")), None)
        if failed is not None:
            self.open(str(failed["record"]))

    def items_of(self, step: str) -> Sequence[Item]:
        """Return what a step read and made."""
        if step not in self._items:
            self._items[step] = items_of(self.file, step)
        return self._items[step]

    def open(self, meant: str) -> None:
        """Open a stage or a step in the graph, and show the details of whatever it is."""
        self.graph.open(meant)
        stage = next((stage for stage in self.stages if stage_node(stage.stage) == meant), None)
        if stage is not None:
            self.details.value = _stage_html(stage)
            return
        step = next((s for stage in self.stages for s in stage.steps if s["record"] == meant), None)
        told = _record_html(self.file, meant) if step is None else self._step_html(step)
        self.details.value = told or self.details.value  # the hint in the graph stands for nothing

    def _on_search(self, change: dict[str, Any]) -> None:
        wanted = str(change["new"]).strip().lower()
        found = [(label, meant) for label, meant in self._searchable() if wanted in label.lower()] if wanted else []
        told = "" if not wanted else "nothing found" if not found else f"{len(found)} found"
        if len(found) > _MOST_HITS:
            told += f", the first {_MOST_HITS} are listed"
        self._found.value = f'<div class="mlprov-help" role="status">{told}</div>'
        self.hits.options = [("choose one to open it", ""), *found[:_MOST_HITS]] if found else []
        self.hits.layout.display = None if found else "none"

    def _on_hit(self, change: dict[str, Any]) -> None:
        if change["new"]:
            self.open(change["new"])

    def _searchable(self) -> list[tuple[str, str]]:
        """Return what can be found: a text, and what is opened for it."""
        if not self._index:
            for stage in self.stages:
                self._index.append((f"{stage.title}: {stage.headline}", stage_node(stage.stage)))
                for step in stage.steps:
                    record = str(step["record"])
                    self._index.append((str(step["title"]), record))
                    for item in self.items_of(record):
                        verb = "made" if item.made else "read"
                        told = f"{item.name} = {item.value}" if item.value else item.name
                        self._index.append((f"{step['title']} {verb} {item.kind} {told}", record))
        return self._index

    def _step_html(self, step: dict[str, Any]) -> str:
        record = str(step["record"])
        rows: list[tuple[str, str]] = [
            ("Outcome", f"{step['status']} after {duration(step['start'], step['end'])}"),
            ("Code", str(step["code"])),
        ]
        if step["error"]:
            rows.append(("Error", str(step["error"])))
        if step.get("stale"):
            rows.append(("Stale", str(step["stale"])))
        for made, verb in ((False, "read"), (True, "made")):
            for kind, title in _KINDS.items():
                own = [item for item in self.items_of(record) if item.made is made and item.kind == kind]
                if own:
                    rows.append((f"{title} {verb}", _told(kind, own)))
        source = str(value_of(self.file.entity(self.file.code_run().get(record, "")).get("ml:source")) or "")
        return (
            f"<h3>{escape(str(step['title']))}</h3>{parts.table(rows)}"
            f'<div class="mlprov-code-box" tabindex="0">{highlighted(source, "code") if source else ""}</div>'
        )


def _told(kind: str, items: Sequence[Item]) -> str:
    between = " = " if kind in ("parameter", "metric") else " "
    return ", ".join(f"{item.name}{between}{item.value}" if item.value else item.name for item in items)


def _stages_html(stages: Sequence[StageSummary]) -> str:
    rows = [(stage.title, stage.headline, stage.took) for stage in stages]
    return "<h3>The run in time</h3>" + parts.table(rows, ("Stage", "In short", "Took"))


def _stage_html(stage: StageSummary) -> str:
    rows = [(s["title"], _outcome(s), duration(s["start"], s["end"]), s["code"]) for s in stage.steps]
    lead = f'<p class="mlprov-lead">{escape(stage.headline)}</p>' if stage.headline else ""
    return f"<h3>{escape(stage.title)}</h3>{lead}{parts.table(rows, ('Step', 'Outcome', 'Took', 'Code'))}"


def _outcome(step: dict[str, Any]) -> str:
    return f"{step['status']}, stale" if step.get("stale") else str(step["status"])


def _record_html(file: ProvenanceFile, identifier: str) -> str:
    record = file.entity(identifier)
    if not record:
        return ""
    rows = [(name, shortened(str(value_of(value)), 400)) for name, value in record.items()]
    return f"<h3>{escape(identifier)}</h3>{parts.table(rows)}"
