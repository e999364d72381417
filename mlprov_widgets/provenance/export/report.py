"""The report: one HTML file that says what ran, on which data, with which result."""

from __future__ import annotations

import base64
import functools
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlprov_widgets.files import sha256_of_bytes
from mlprov_widgets.provenance.capture.seal import SEAL
from mlprov_widgets.provenance.export.pipeline import pipeline_svg, pipeline_table
from mlprov_widgets.provenance.overview import cost_of, duration, size_in_words, stale_groups
from mlprov_widgets.provenance.reading import ProvenanceFile, reference_of, value_of
from mlprov_widgets.provenance.terms import DATE_AND_DURATION, GROUP_TITLES, HEADLINES
from mlprov_widgets.provenance.view import View, beside, plan_dict_of, view

if TYPE_CHECKING:
    from jinja2 import Template

_LARGEST_FIGURE = 4 * 2**20
_DATES = ("start_time", "end_time", "creation_date", "modification_date")
_FIGURE_ORDER = ("data", "training", "confusion", "roc")


def report(file: ProvenanceFile) -> str:
    """Return the report of a document as the text of one HTML file.

    Figures that lie beside the document and are what it says are put into the file; everything that
    came from a run is escaped.
    """
    laid_out = view(file)
    values = (plan_dict_of(file) or {}).get("values")
    values = values if isinstance(values, dict) else {}
    table1, figures = laid_out.table1, figures_of(file)
    title = table1["experiment_info"].get("title", {}).get("value") or laid_out.run["task"] or "Experiment"
    return str(
        _template().render(
            title=str(title),
            author=values.get("author"),
            run=laid_out.run,
            status=str(laid_out.run["status"] or "unknown"),
            when=_moment(laid_out.run["started"]),
            duration=duration(laid_out.run["started"], laid_out.run["ended"]),
            headlines=[(label, _shown(laid_out.metrics[k])) for k, label in HEADLINES.items() if k in laid_out.metrics],
            story=_story(laid_out),
            confusion=None if any("onfusion" in figure["label"] for figure in figures) else _matrix(laid_out),
            svg=pipeline_svg(laid_out),
            table=pipeline_table(laid_out),
            figures=[(item["label"], base64.b64encode(item["raw"]).decode()) for item in figures],
            groups=_groups(laid_out),
            settings=_settings(file, list(values)),
            steps=_steps(file, laid_out),
            packages=laid_out.packages,
            stale=[(step["title"], step["stale"]) for step in laid_out.steps if step["stale"]],
            stale_metrics=next(iter(laid_out.stale_metrics.values()), ""),
            cost=cost_of(laid_out.run),
            head=str(file.entity(SEAL).get("ml:head", "")),
        )
    )


@functools.cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("report.html.jinja")


def _moment(raw: Any, form: str = "%Y-%m-%d %H:%M") -> str:
    try:
        return f"{datetime.fromisoformat(str(raw)).astimezone(UTC).strftime(form)[:23]} UTC"
    except (OverflowError, ValueError):
        return "unknown"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1e5 else f"{value:,.0f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return "–" if value is None else str(value)


def _story(laid_out: View) -> str:
    """Return one sentence that says what this was."""

    def told(group: str, field: str) -> Any:
        return laid_out.table1.get(group, {}).get(field, {}).get("value")

    training, testing = told("data_ingestion", "training_samples"), told("data_ingestion", "testing_samples")
    parts = []
    if told("model_parameters", "model_name"):
        on = f" with {told('model_parameters', 'optimizer')}" if told("model_parameters", "optimizer") else ""
        parts.append(f"{told('model_parameters', 'model_name')}, trained{on}")
    if told("model_training", "epochs"):
        parts.append(f"for {_shown(told('model_training', 'epochs'))} epochs")
    if told("data_ingestion", "dataset_id"):
        parts.append(f"on {told('data_ingestion', 'dataset_id')}")
    if isinstance(training, int) and isinstance(testing, int):
        parts.append(f"({training:,} samples to learn from, {testing:,} to test)")
    return " ".join(str(part) for part in parts)


def _matrix(laid_out: View) -> dict[str, Any] | None:
    rows = laid_out.metrics.get("confusion_matrix")
    if not isinstance(rows, list) or not 0 < len(rows) <= 30 or not all(isinstance(row, list) for row in rows):
        return None
    names = laid_out.table1.get("data_ingestion", {}).get("class_names", {}).get("value")
    labels = names if isinstance(names, list) and len(names) == len(rows) else list(range(len(rows)))
    numbers = [cell for row in rows for cell in row if isinstance(cell, int | float)]
    most = max([*numbers, 1])
    shaded = [
        [(cell, cell / most if isinstance(cell, int | float) else 0.0, i == j) for j, cell in enumerate(row)]
        for i, row in enumerate(rows)
    ]
    return {"labels": [str(label) for label in labels], "rows": shaded}


def figures_of(file: ProvenanceFile) -> list[dict[str, Any]]:
    """Return the figures that lie beside a document and are what it says: ``label`` and ``raw`` PNG bytes."""
    found = {}
    for _, record in file.of_type("ml:Artifact"):
        name = str(value_of(record.get("schema:name")) or "")
        path = beside(file, name) if name.endswith(".png") else None
        if path is None or not path.is_file() or path.stat().st_size > _LARGEST_FIGURE:
            continue
        raw = path.read_bytes()
        if sha256_of_bytes(raw) == record.get("schema:sha256"):
            words = path.stem.replace("-", " ").replace("_", " ")
            label = words.replace("roc ", "ROC ") if words.startswith("roc") else words.capitalize()
            found[name] = {"label": label, "raw": raw}
    return [found[name] for name in sorted(found, key=_figure_rank)]


def _figure_rank(name: str) -> tuple[int, str]:
    rank = next((i for i, word in enumerate(_FIGURE_ORDER) if word in name), len(_FIGURE_ORDER))
    return rank, name


def _groups(laid_out: View) -> list[dict[str, Any]]:
    groups, stale = [], stale_groups(laid_out)
    for name, fields in laid_out.table1.items():
        if name == "packages":
            continue
        rows = [
            {"name": field, "value": _field(field, item["value"]), "status": item["status"], "reason": item["reason"]}
            for field, item in fields.items()
        ]
        rows.sort(key=lambda row: row["name"] in DATE_AND_DURATION)
        groups.append(
            {
                "title": GROUP_TITLES.get(name, name.replace("_", " ").capitalize()),
                "rows": rows,
                "stale": name in stale,
            }
        )
    return groups


def _field(name: str, value: Any) -> str:
    if name in _DATES and isinstance(value, str):
        return _moment(value, "%Y-%m-%d %H:%M:%S.%f")
    if name == "GPUs" and value == []:
        return "none"
    if name in ("RAM", "gpu_memory_peak") and isinstance(value, int):
        return size_in_words(value)
    if name == "file_size" and isinstance(value, int):
        return f"{value:,} bytes"
    if name == "execution_time" and isinstance(value, int | float):
        return f"{value:.3f} s"
    return _shown(value)


def _settings(file: ProvenanceFile, order: list[str]) -> list[dict[str, str]]:
    rows = []
    for _, record in file.of_type("mls:HyperParameterSetting"):
        name = value_of(file.entity(reference_of(record.get("mls:specifiedBy"))).get("schema:name"))
        value, planned = value_of(record.get("mls:hasValue")), value_of(record.get("ml:planned"))
        rows.append(
            {
                "name": str(name),
                "value": _shown(value),
                "planned": _shown(planned),
                "origin": str(value_of(record.get("ml:origin")) or ""),
            }
        )
    rows = [row for row in rows if row["value"] != "–" or row["planned"] != "–"]
    return sorted(rows, key=lambda row: order.index(row["name"]) if row["name"] in order else len(order))


def _steps(file: ProvenanceFile, laid_out: View) -> list[dict[str, Any]]:
    code = file.code_run()
    return [
        {
            **step,
            "source": str(value_of(file.entity(code.get(step["record"], "")).get("ml:source")) or ""),
            "duration": duration(step["start"], step["end"]),
        }
        for step in laid_out.steps
    ]
