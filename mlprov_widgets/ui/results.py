"""What came of a run: numbers, figures, the graph, the report and the downloads."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from mlprov_widgets.provenance.export import export_text
from mlprov_widgets.provenance.pipeline import duration
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance, value_of
from mlprov_widgets.provenance.report import figures_of
from mlprov_widgets.provenance.view import View, view
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.graph import RunGraph, stage_node, stage_title
from mlprov_widgets.ui.guard import Tell, guarded


class Results:
    """The results of one run.

    Parameters
    ----------
    provenance
        The run's document.
    tell
        Shows a message.
    """

    def __init__(self, provenance: Path, tell: Tell) -> None:
        self.file = read_provenance(provenance)
        self.view = view(self.file)
        self._details = widgets.HTML('<p class="mlprov-lead">Click a step to see what it read, made and measured.</p>')
        self._details.add_class("mlprov-details")
        self.graph = RunGraph(self.view, guarded(tell, self.show_step))
        self.search = widgets.Text(description="Find a step", placeholder="for example: train", tooltip="")
        self.search.observe(guarded(tell, self._on_search), names="value")
        self._found = widgets.HTML("")
        search = widgets.VBox([self.search, self._found])
        search.add_class("mlprov-field")
        pictures = [(item["label"], item["raw"]) for item in figures_of(self.file)]
        self.widget = widgets.VBox(
            [
                widgets.HTML(self._headline()),
                widgets.HTML(parts.numbers(self.view.metrics)),
                widgets.HTML(parts.figures(pictures)),
                widgets.HTML("<h3>What ran</h3>"),
                search,
                self.graph.widget,
                self._details,
                widgets.HTML(f"<h3>Take it with you</h3>{downloads(self.file)}"),
            ]
        )

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

    def _on_search(self, change: dict[str, Any]) -> None:
        found = self.graph.search(change["new"])
        told = f"{found} found" if change["new"].strip() else ""
        self._found.value = f'<div class="mlprov-help" role="status">{told}</div>'

    def show_step(self, record: str) -> None:
        """Show what a step read, made and measured; a stage shows its steps."""
        self._details.value = _step_html(self.file, self.view, record)


def _step_html(file: ProvenanceFile, laid_out: View, record: str) -> str:
    step = next((step for step in laid_out.steps if step["record"] == record), None)
    if step is None:
        return _stage_html(laid_out, record)
    used = [str(r.get("prov:entity")) for r in file.records("used").values() if r.get("prov:activity") == record]
    made = [e for e, activity in file.generated().items() if activity == record]
    html = [
        f"<h3>{escape(str(step['title']))}</h3>",
        parts.table(
            [
                ("Outcome", f"{step['status']}, {duration(step['start'], step['end'])}"),
                ("Code", step["code"]),
                ("Read", ", ".join(_told(file, e) for e in used if "var-" in e) or "nothing"),
                ("Made", ", ".join(_told(file, e) for e in made if "var-" in e) or "nothing"),
                ("Parameters", ", ".join(_setting(file, e) for e in used if e.startswith("run:hp-")) or "none"),
                ("Measured", ", ".join(_metric(file, e) for e in made if e.startswith("run:metric-")) or "nothing"),
                ("Files", ", ".join(str(file.entity(e).get("schema:name")) for e in made if "file-" in e) or "none"),
            ]
        ),
    ]
    code = value_of(file.entity(file.code_run().get(record, "")).get("ml:source"))
    return "".join([*html, f"<pre>{escape(str(code or ''))}</pre>"])


def _stage_html(laid_out: View, node: str) -> str:
    steps = [step for step in laid_out.steps if node == stage_node(str(step["stage"]))]
    if not steps:
        return ""
    rows = [(step["title"], step["status"], duration(step["start"], step["end"]), step["code"]) for step in steps]
    title = escape(stage_title(str(steps[0]["stage"])))
    return f"<h3>{title}</h3>{parts.table(rows, ('Step', 'Outcome', 'Took', 'Code'))}"


def _told(file: ProvenanceFile, entity: str) -> str:
    record = file.entity(entity)
    name, shape, value = (value_of(record.get(f"ml:{key}")) for key in ("variable", "shape", "value"))
    extra = f" {tuple(shape)}" if isinstance(shape, list) else f" = {value}" if value is not None else ""
    return f"{name}{extra}"


def _setting(file: ProvenanceFile, entity: str) -> str:
    return f"{entity.removeprefix('run:hp-')} = {value_of(file.entity(entity).get('mls:hasValue'))}"


def _metric(file: ProvenanceFile, entity: str) -> str:
    value = value_of(file.entity(entity).get("mls:hasValue"))
    return f"{entity.removeprefix('run:metric-')} {value:.4g}" if isinstance(value, float) else entity[11:]


def downloads(file: ProvenanceFile) -> str:
    """Return links to a run's files; each carries its file."""
    if file.path is None:
        return ""
    folder = file.path.parent
    links = [parts.download(path, "Executed notebook") for path in sorted(folder.glob("*.ipynb"))[:1]]
    links.append(parts.download(file.path, "Provenance (PROV-JSON)"))
    if (folder / "report.html").is_file():
        links.append(parts.download(folder / "report.html", "Report"))
    links.append(parts.data_link("provenance.provn", "text/plain", export_text(file, "provn").encode(), "PROV-N"))
    links.append(parts.archive(folder, "Everything (zip)"))
    return f'<div class="mlprov-links">{"".join(links)}</div>'
