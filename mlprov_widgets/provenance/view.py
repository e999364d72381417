"""What a document says, for people and for ``mlprov show``: Table 1, metrics, steps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import sha256_of_bytes
from mlprov_widgets.provenance.capture.document import field_name, local_name
from mlprov_widgets.provenance.reading import LARGEST_FILE, ProvenanceFile, parse_json, reference_of, value_of
from mlprov_widgets.provenance.terms import TABLE1


@dataclass(frozen=True)
class View:
    """A document, laid out.

    Attributes
    ----------
    run : dict
        ``id``, ``status``, ``started``, ``ended``, ``seconds``, ``task`` and the like.
    table1 : dict
        Group to field to ``value``, ``status``, ``reason``, ``record``.
    metrics : dict
    steps : list of dict
        The executions in order.
    packages : dict
    series : dict of str to list
        Empty when they lie in a file that is not there.
    stale_metrics : dict of str to str
        The metrics that a run from top to bottom would not give, each with the reason.
    """

    run: dict[str, Any]
    table1: dict[str, dict[str, dict[str, Any]]]
    metrics: dict[str, Any]
    steps: list[dict[str, Any]]
    packages: dict[str, str]
    series: dict[str, list[Any]]
    stale_metrics: dict[str, str] = field(default_factory=dict)


def view(file: ProvenanceFile) -> View:
    """Lay a document out.

    Raises
    ------
    ProvenanceError
        If a record does not hold what its type says.
    """
    return View(
        _run(file),
        _table1(file),
        metrics_of(file),
        _steps(file),
        packages_of(file),
        series_of(file),
        stale_metrics_of(file),
    )


def plan_dict_of(file: ProvenanceFile) -> Mapping[str, Any] | None:
    """Return the Plan inside a document as JSON data, None when the run did not know it."""
    plan = value_of(file.entity("plan:form").get("ml:plan"))
    return plan if isinstance(plan, dict) else None


def _run(file: ProvenanceFile) -> dict[str, Any]:
    run, notebook = file.activity("run:run"), file.entity("plan:notebook")
    notes = value_of(run.get("ml:note"))
    return {
        "id": str(file.document.get("prefix", {}).get("run", "")).removeprefix("urn:uuid:").removesuffix("#"),
        "status": value_of(run.get("ml:status")),
        "in_progress": bool(value_of(run.get("ml:inProgress"))),
        "started": run.get("prov:startTime"),
        "ended": run.get("prov:endTime"),
        "failed_step": value_of(run.get("ml:failedStep")),
        "recorded_by": value_of(run.get("ml:recordedBy")),
        "capture_seconds": value_of(run.get("ml:captureSeconds")),
        "journal_bytes": value_of(run.get("ml:journalBytes")),
        "document_bytes": value_of(run.get("ml:documentBytes")),
        "notes": notes if isinstance(notes, list) else [notes] if notes else [],
        "task": value_of(notebook.get("ml:task")),
        "task_version": value_of(notebook.get("ml:taskVersion")),
        "plan_digest": value_of(notebook.get("ml:planDigest")),
        "notebook": value_of(notebook.get("schema:name")),
    }


def packages_of(file: ProvenanceFile) -> dict[str, str]:
    """Return the recorded packages and their versions."""
    found = file.entity("run:packages")
    return {_package(key): str(value_of(number)) for key, number in found.items() if key.startswith("pypi:")}


def _package(attribute: str) -> str:
    # A name that begins with a digit is no local name: see `local_name`.
    return re.sub("^_x(3[0-9])_", lambda match: chr(int(match[1], 16)), attribute.removeprefix("pypi:"))


def metrics_of(file: ProvenanceFile) -> dict[str, Any]:
    """Return the recorded metrics by name."""
    return {name: value_of(record.get("mls:hasValue")) for name, record in _metric_records(file)}


def stale_metrics_of(file: ProvenanceFile) -> dict[str, str]:
    """Return why metrics are stale, by name, of the stale ones alone."""
    told = {name: _why_stale(record) for name, record in _metric_records(file)}
    return {name: reason for name, reason in told.items() if reason}


def _why_stale(record: Mapping[str, Any]) -> str | None:
    reason = value_of(record.get("ml:stale"))
    return str(reason) if reason else None


def _metric_records(file: ProvenanceFile) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for identifier, record in file.of_type("mls:ModelEvaluation"):
        if identifier.startswith("run:metric-"):
            measure = file.entity(reference_of(record.get("mls:specifiedBy")))
            yield str(value_of(measure.get("schema:name")) or identifier.removeprefix("run:metric-")), record


def _table1(file: ProvenanceFile) -> dict[str, dict[str, dict[str, Any]]]:
    groups = list(TABLE1)
    for identifier, _ in file.of_type("ml:FieldGroup"):
        name = identifier.removeprefix("run:")
        if name not in groups:
            groups.append(name)
    return {group: _group(file, group) for group in groups}


def _group(file: ProvenanceFile, group: str) -> dict[str, dict[str, Any]]:
    record = f"run:{local_name(group)}"
    entity = file.entity(record)
    if group == "packages":
        return {
            name: {"value": number, "status": "observed", "reason": "", "record": record}
            for name, number in packages_of(file).items()
        }
    statuses = value_of(entity.get("ml:fieldStatus"))
    statuses = statuses if isinstance(statuses, dict) else {}
    names = list(TABLE1.get(group, ()))
    spelled = {attribute_of(name): name for name in [*names, *statuses]}
    for attribute in entity:
        if attribute.startswith("ml:") and attribute != "ml:fieldStatus" and attribute not in spelled:
            spelled[attribute] = attribute.removeprefix("ml:")
    found = {}
    for attribute, name in spelled.items():
        there = attribute in entity
        told = statuses.get(name)
        told = told if isinstance(told, dict) else {}
        found[name] = {
            "value": value_of(entity[attribute]) if there else None,
            "status": str(told.get("status") or ("observed" if there else "not_observed")),
            "reason": str(told.get("reason") or ("" if there else "the document does not say")),
            "record": record,
        }
    return found


def attribute_of(field: str) -> str:
    """Return the attribute that carries a field of Table 1, such as ``ml:confusion_matrix``."""
    return f"ml:{field_name(field)}"


def _steps(file: ProvenanceFile) -> list[dict[str, Any]]:
    titles = {str(value_of(r.get("ml:step"))): value_of(r.get("schema:name")) for _, r in file.of_type("p-plan:Step")}
    code = file.code_run()
    found = []
    for identifier, record in file.of_type("p-plan:Activity", "activity"):
        entity = code.get(identifier, "")
        step = str(
            value_of(file.entity(entity).get("ml:step")) or identifier.removeprefix("run:exec-").rpartition("-")[0]
        )
        found.append(
            {
                "step": step,
                "title": titles.get(step) or step,
                "stage": value_of(record.get("ml:stage")) or "",
                "status": value_of(record.get("ml:status")),
                "start": record.get("prov:startTime"),
                "end": record.get("prov:endTime"),
                "error": value_of(record.get("ml:error")),
                "stale": _why_stale(record),
                "code": "as planned" if entity.startswith("plan:") else _what_code(file, entity),
                "record": identifier,
            }
        )
    return sorted(found, key=lambda step: str(step["start"]))


def _what_code(file: ProvenanceFile, entity: str) -> str:
    types = str(file.entity(entity).get("prov:type"))
    return "edited" if "ml:EditedCell" in types else "added" if "ml:AddedCell" in types else "unknown"


def series_of(file: ProvenanceFile) -> dict[str, list[Any]]:
    """Return the training series, read from the file beside the document when they are long.

    Raises
    ------
    ProvenanceError
        If that file is there and is not what the document says.
    """
    entity = file.entity("run:history")
    values = value_of(entity.get("ml:values"))
    if values is None and isinstance(entity.get("schema:name"), str) and file.path is not None:
        path = beside(file, entity["schema:name"])
        if path is None or not path.is_file():
            return {}
        if path.stat().st_size > LARGEST_FILE:
            raise ProvenanceError(
                f"the file has more than {LARGEST_FILE:,} bytes", field=path.name, fix="Use an unchanged file"
            )
        raw = path.read_bytes()
        if sha256_of_bytes(raw) != entity.get("schema:sha256"):
            raise ProvenanceError(
                "the file is not what the document says: its digest differs",
                field=path.name,
                fix="Put the file back that the run wrote",
            )
        values = parse_json(raw, path.name)
    if not isinstance(values, dict):
        return {}
    return {str(name): list(items) for name, items in values.items() if isinstance(items, list)}


def beside(file: ProvenanceFile, name: str) -> Path | None:
    """Return the path of an artifact beside a document, or None when the name leads out of its folder."""
    if file.path is None:
        return None
    folder = file.path.resolve().parent
    try:
        path = (folder / name).resolve()
        path.exists()  # fails for a name that no file can have
    except (OSError, RuntimeError, ValueError):  # before Python 3.13, a loop of links is a RuntimeError
        return None
    return path if path.is_relative_to(folder) else None
