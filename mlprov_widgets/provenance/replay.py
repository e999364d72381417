"""A provenance file becomes values again: what the form needs to make the same notebook."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ProvenanceError, quoted
from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.provenance.capture.document import FILE_NAME
from mlprov_widgets.provenance.capture.locate import FoundNotebook, read_notebook_file
from mlprov_widgets.provenance.legacy import importer as legacy
from mlprov_widgets.provenance.reading import (
    ProvenanceFile,
    from_json,
    parse_json,
    read_bytes,
    read_provenance,
    value_of,
)
from mlprov_widgets.provenance.view import metrics_of, packages_of, plan_dict_of
from mlprov_widgets.tasks.plan import Plan, plan_from_dict


@dataclass(frozen=True)
class Code:
    """A cell's code that ran and is not the planned one.

    Attributes
    ----------
    step, source : str
    after : str
        The step that ran before it: where an added cell belongs.
    added : bool
        Whether the plan has no such cell.
    """

    step: str
    source: str
    after: str
    added: bool


@dataclass(frozen=True)
class Replay:
    """What a provenance file says about how to run it again.

    Attributes
    ----------
    task : str
    plan : Plan or None
        As recorded; None for a file that has values only.
    values : dict
        The recorded values by parameter.
    code : tuple of Code
        Edited and added cells, in the order in which they ran.
    planned : dict of str to str
        Source of each planned cell by step.
    metrics : dict
    packages : dict
    missing : list of str
        What the file lacks.
    not_understood : list of str
    file : ProvenanceFile or None
        None for a file of the original, and for a notebook that does not lie in its run's folder.
    observed : dict
        What the parameters were in the kernel, where that could be seen.
    """

    task: str
    plan: Plan | None
    values: dict[str, Any]
    code: tuple[Code, ...] = ()
    planned: dict[str, str] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)
    file: ProvenanceFile | None = None
    observed: dict[str, Any] = field(default_factory=dict)


def replay(source: str | Path) -> Replay:
    """Read what is needed to run a recorded experiment again.

    Parameters
    ----------
    source
        A provenance file of this package or of MLProvCodeGen, or a notebook that carries a Plan.

    Raises
    ------
    ProvenanceError
        If it is none of these, or does not hold the Plan.
    """
    raw, path = read_bytes(source)
    document = parse_json(raw, path.name)
    if "cells" in document and "nbformat" in document:
        return _of_notebook(path)
    if legacy.is_legacy(document):
        return _of_legacy(legacy.read_legacy(document))
    return replay_of(from_json(document, path))


def _of_legacy(record: legacy.LegacyRecord) -> Replay:
    return Replay(
        task=record.task,
        plan=None,
        values=record.values,
        metrics=record.metrics,
        packages=record.packages,
        missing=record.missing,
        not_understood=record.not_understood,
    )


def _of_notebook(path: Path) -> Replay:
    """Return the replay of a notebook, as a person left it.

    Beside its run's provenance, it is compared with that run.
    """
    found = read_notebook_file(path)
    if found is None:
        raise ProvenanceError(
            "this notebook was not made here: it carries no Plan, which says what was chosen",
            field=path.name,
            fix="Give a notebook that this form or mlprov generate made",
        )
    plan = plan_from_dict(found.plan)
    if plan.digest != found.plan.get("digest"):
        raise ProvenanceError(
            "the Plan in the notebook was changed: its digest differs", field="plan", fix="Generate it again"
        )
    digests = found.plan.get("cells")
    planned = {str(k): str(v) for k, v in digests.items()} if isinstance(digests, dict) else {}
    there = [cell for cell in found.cells if cell["kind"] == "code"]
    gone = [step for step in planned if step not in {str(cell["step"]) for cell in found.cells}]
    missing = [f"the cell {step} was taken out of the notebook; it is made again" for step in gone]
    file = _run_beside(path, plan.digest)
    if file is None:
        missing.append("metrics: a notebook holds no recorded results, so nothing can be compared")
    return Replay(
        task=plan.task,
        plan=plan,
        values=dict(plan.values),
        code=_code_in(found, planned),
        planned={str(c["step"]): str(c["source"]) for c in there if c["sha256"] == planned.get(str(c["step"]))},
        metrics=metrics_of(file) if file else {},
        packages=packages_of(file) if file else {},
        missing=[*missing, *(_missing(file) if file else [])],
        file=file,
        observed=_observed(file) if file else {},
    )


def _code_in(found: FoundNotebook, planned: Mapping[str, str]) -> tuple[Code, ...]:
    code, previous = [], ""
    for number, cell in enumerate(found.cells):
        step = str(cell["step"]) or f"cell-{number}"
        if cell["kind"] == "code" and cell["source"].strip() and cell["sha256"] != planned.get(step):
            _check_step(step)
            code.append(Code(step, str(cell["source"]), previous, step not in planned))
        previous = step
    return tuple(code)


def _run_beside(notebook: Path, digest: str) -> ProvenanceFile | None:
    path = notebook.parent / FILE_NAME
    if not path.is_file():
        return None
    file = read_provenance(path)
    return file if value_of(file.entity("plan:notebook").get("ml:planDigest")) == digest else None


def _observed(file: ProvenanceFile) -> dict[str, Any]:
    return {
        name.removeprefix("run:hp-"): value_of(record.get("mls:hasValue"))
        for name, record in file.of_type("mls:HyperParameterSetting")
        if value_of(record.get("ml:status")) == "observed"
    }


def replay_of(file: ProvenanceFile) -> Replay:
    """Return the replay of a document; see `replay`."""
    raw = plan_dict_of(file)
    if raw is None:
        raise ProvenanceError(
            "the run did not know its Plan: its notebook's file was not found",
            field="plan",
            fix="Attach the notebook with: mlprov recover JOURNAL --notebook FILE",
        )
    plan = plan_from_dict(raw)
    recorded = value_of(file.entity("plan:notebook").get("ml:planDigest"))
    if plan.digest != raw.get("digest") or plan.digest != recorded:
        raise ProvenanceError(
            "the Plan in the document, which says what was chosen, was changed: its digest differs",
            field="plan",
            fix="Use an unchanged file",
        )
    return Replay(
        task=plan.task,
        plan=plan,
        values=dict(plan.values),
        code=_code_that_ran(file),
        planned=_planned(file),
        metrics=metrics_of(file),
        packages=packages_of(file),
        missing=_missing(file),
        file=file,
        observed=_observed(file),
    )


def _planned(file: ProvenanceFile) -> dict[str, str]:
    return {
        str(value_of(record.get("ml:step"))): str(value_of(record.get("ml:source")) or "")
        for _, record in file.of_type("p-plan:Step")
    }


def _code_that_ran(file: ProvenanceFile) -> tuple[Code, ...]:
    """Return the last code of every cell that ran otherwise than planned."""
    used = file.code_run()
    executions = sorted(
        file.of_type("p-plan:Activity", "activity"), key=lambda item: str(item[1].get("prov:startTime"))
    )
    found: dict[str, Code] = {}
    previous = ""
    for identifier, _ in executions:
        entity = file.entity(used.get(identifier, ""))
        step = str(value_of(entity.get("ml:step")) or "")
        types = str(entity.get("prov:type"))
        if "ml:EditedCell" in types or "ml:AddedCell" in types:
            source = str(value_of(entity.get("ml:source")) or "")
            _check_step(step)
            _check_digest(step, source, entity)
            after = found[step].after if step in found else previous
            found[step] = Code(step, source, after, "ml:AddedCell" in types)
        else:
            found.pop(step, None)  # edited, then set back
        previous = step or previous
    return tuple(found.values())


def _check_step(step: str) -> None:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", step):
        raise ProvenanceError(f"{quoted(step)} is no cell's name", field="step", fix="Use an unchanged file")


def _check_digest(step: str, source: str, entity: Mapping[str, Any]) -> None:
    if sha256_of_text(source) != entity.get("schema:sha256"):
        raise ProvenanceError(
            "the recorded code of this cell was changed: its digest differs", field=step, fix="Use an unchanged file"
        )


def _missing(file: ProvenanceFile) -> list[str]:
    run = file.activity("run:run")
    status = value_of(run.get("ml:status"))
    missing = []
    if status != "completed":
        missing.append(f"the recorded run is {status}")
    if not metrics_of(file):
        missing.append("metrics: none were recorded, so nothing can be compared")
    return missing
