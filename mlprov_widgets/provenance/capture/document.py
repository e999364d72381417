"""The document of a run: W3C PROV and P-Plan, a pure function of the journal.

The mapping is in docs/provenance.md; every identifier made here is named there.
"""

from __future__ import annotations

import io
import json
import math
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import prov
import prov.model as pm
from prov.serializers.provjson import ProvJSONSerializer

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import canonical_json, sha256_of_text, write_atomically
from mlprov_widgets.provenance.capture.account import Account, Execution, account_of
from mlprov_widgets.provenance.capture.gpu import SOFTWARE
from mlprov_widgets.provenance.capture.journal import Event
from mlprov_widgets.provenance.capture.lineage import Value, lineage_of
from mlprov_widgets.provenance.capture.locate import FoundNotebook
from mlprov_widgets.provenance.capture.names import names_in
from mlprov_widgets.provenance.capture.seal import seal
from mlprov_widgets.provenance.capture.stale import Staleness
from mlprov_widgets.provenance.terms import DATE_AND_DURATION, NAMESPACES, TABLE1, group_of, home_of
from mlprov_widgets.tasks.model import SCHEMA_VERSION

FILE_NAME = "provenance.json"
LONGEST_SERIES = 16_000
"""Characters of JSON above which the training series go to a file beside the document."""

_LONGEST_TEXT = 100_000
_PLAN_SPACE = uuid.UUID("6a0b3d4e-2f4c-5c0e-9d0a-6d6c70726f76")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NOT_LOCAL = re.compile(r"[^A-Za-z0-9_.-]|^[0-9.-]|_(?=x[0-9a-f]*_)")
_TYPES = {"model": "mls:Model", "data": "mls:Dataset", "value": "mls:Data"}


@dataclass
class Built:
    """A document and what lies beside it.

    Attributes
    ----------
    document : dict
        PROV-JSON.
    files : dict of str to str
        Further files by relative path.
    account : Account
    """

    document: dict[str, Any]
    files: dict[str, str]
    account: Account

    @property
    def text(self) -> str:
        """The document as the text of its file."""
        return _text(self.document)


def build(events: Sequence[Event], notebook: FoundNotebook | None = None) -> Built:
    """Build the document of a journal.

    Parameters
    ----------
    events
        In the order of the journal.
    notebook
        The notebook that ran, when the journal does not know it.

    Raises
    ------
    ProvenanceError
        If the events are not those of a journal.
    """
    account = account_of(events, notebook)
    try:
        writer = _Writer(account)
        return Built(_sized(_prov_json(writer.write())), writer.files, account)
    except (prov.Error, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ProvenanceError(
            f"the journal does not make a document: {type(error).__name__}: {error}",
            field="journal",
            fix="Use the journal as the run wrote it",
        ) from error


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _sized(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document sealed, with the size of its own file in it."""
    told = document["activity"]["run:run"]["ml:documentBytes"]
    bytes_there = len(_text(seal(document)).encode()) - len(told["$"])
    # The number counts its own digits.
    told["$"] = next(str(size) for n in range(1, 20) if len(str(size := bytes_there + n)) == n)
    return seal(document)


def _prov_json(document: pm.ProvDocument) -> dict[str, Any]:
    # Not document.serialize(), which loads prov's RDF and XML serialisers too: 0.3 s in the user's kernel.
    stream = io.StringIO()
    ProvJSONSerializer(document).serialize(stream)
    found: dict[str, Any] = json.loads(stream.getvalue())
    return found


def save_document(
    folder: Path, events: Sequence[Event], notebook: FoundNotebook | None = None, *, incomplete: bool = False
) -> Built:
    """Build the document and write it, with what lies beside it, into the run's folder; see `build`."""
    note: list[Event] = []
    if incomplete:
        note = [
            {"event": "note", "time": events[-1]["time"], "incomplete": True, "message": "the journal was not written"}
        ]
    built = build([*events, *note], notebook)
    for name, content in built.files.items():
        write_atomically(folder / name, content, replace=True)
    write_atomically(folder / FILE_NAME, built.text, replace=True)
    return built


def local_name(text: str) -> str:
    """Return a text as the local part of an identifier, legal in every PROV serialisation.

    Two texts never become the same name: what is not allowed is written as its code point.
    """
    return _NOT_LOCAL.sub(lambda match: f"_x{ord(match[0]):x}_", text) or "_x_"


def field_name(field: str) -> str:
    """Return a field of Table 1 as the local part of its attribute: ``confusion_matrix``, ``prov_type``."""
    return local_name(field.replace(" ", "_").replace(":", "_"))


@dataclass
class _Group:
    """A group of Table 1 while it is being filled."""

    fields: dict[str, Any] = field(default_factory=dict)
    status: dict[str, dict[str, str]] = field(default_factory=dict)

    def observed(self, name: str, value: Any, reason: str = "") -> None:
        self.status.pop(name, None)
        if value is None:
            self.status[name] = {"status": "not_observed", "reason": reason or "there was nothing to see"}
        else:
            self.fields[name] = value

    def declared(self, name: str, value: Any, reason: str) -> None:
        self.fields[name] = value
        self.status[name] = {"status": "declared", "reason": reason}

    def missing(self, name: str, status: str, reason: str) -> None:
        if name not in self.fields:
            self.status.setdefault(name, {"status": status, "reason": reason})


class _Writer:
    def __init__(self, account: Account) -> None:
        self.account = account
        self.plan: Mapping[str, Any] = account.plan or {}
        self.files: dict[str, str] = {}
        self.doc = pm.ProvDocument()
        for prefix, uri in NAMESPACES.items():
            self.doc.add_namespace(prefix, uri)
        self.doc.add_namespace("run", f"urn:uuid:{account.run}#")
        self.doc.add_namespace("plan", f"urn:uuid:{uuid.uuid5(_PLAN_SPACE, account.plan_digest)}#")
        self.traces = lineage_of(account.executions)
        self.stale = Staleness(account, self.traces)
        self.why_stale = self.stale.reasons()
        self.why_stale_of: dict[str, str] = {}
        self.made: dict[str, datetime] = {}
        self.variables: set[str] = set()
        planned = self.plan.get("cells")
        # A cell that the notebook's file has and its Plan has not was added by a person.
        self.steps = [
            cell
            for cell in account.cells
            if cell.get("kind") == "code" and (not isinstance(planned, dict) or cell["step"] in planned)
        ]
        self.previous = ""
        self.exec_of: dict[str, str] = {}
        self.code_of: dict[tuple[str, str], str] = {}

    def write(self) -> pm.ProvDocument:
        """Write all records."""
        self._agents()
        self._plan_records()
        self._run()
        for place in range(len(self.account.executions)):
            self._execution(place)
        self._groups()
        self._numerics()
        self._hyperparameters()
        self._metrics()
        self._series()
        return self.doc

    # Values and identifiers -----------------------------------------------------------------------

    def name(self, text: str) -> pm.QualifiedName:
        found = self.doc.valid_qualified_name(text)
        if found is None:  # every identifier is made here, of a known prefix and `local_name`
            raise ValueError(f"{text!r} is not a qualified name")
        return found

    def value(self, value: Any) -> Any:
        """Return a value as PROV can hold it: cast, stripped of control characters, bounded."""
        if isinstance(value, pm.QualifiedName | pm.Literal | bool):
            return value
        if isinstance(value, int):
            return pm.Literal(str(value), pm.XSD["integer"])
        if isinstance(value, float):
            return value if math.isfinite(value) else pm.Literal(_lexical(value), pm.XSD["double"])
        if isinstance(value, datetime):
            return pm.Literal(value.isoformat(), pm.XSD["dateTime"])
        if isinstance(value, str):
            return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", value)[:_LONGEST_TEXT]
        return pm.Literal(_CONTROL.sub("", canonical_json(value)), self.name("rdf:JSON"))

    def source(self, code: str) -> Any:
        """Return code whole, since its digest stands beside it: as JSON when it is no text that PROV can hold."""
        if len(code) > _LONGEST_TEXT or _CONTROL.search(code):
            return pm.Literal(json.dumps(code), self.name("rdf:JSON"))
        return code

    def or_null(self, value: Any) -> Any:
        """Return a value such that an empty one stays visible; None as an attribute would vanish."""
        return pm.Literal("null", self.name("rdf:JSON")) if value is None else value

    def attributes(self, types: Iterable[str], attributes: Mapping[str, Any]) -> list[tuple[Any, Any]]:
        pairs: list[tuple[Any, Any]] = [("prov:type", self.name(kind)) for kind in types]
        for key, value in attributes.items():
            pairs += [
                (key, self.value(item)) for item in (value if isinstance(value, set) else [value]) if item is not None
            ]
        return pairs

    def entity(self, identifier: str, *types: str, **attributes: Any) -> str:
        self.doc.entity(identifier, self.attributes(types, _keys(attributes)))
        return identifier

    def activity(
        self, identifier: str, start: datetime | None, end: datetime | None, *types: str, **attributes: Any
    ) -> str:
        self.doc.activity(identifier, start, end, self.attributes(types, _keys(attributes)))
        return identifier

    # Who and what was planned -----------------------------------------------------------------------

    def _agents(self) -> None:
        self.doc.agent(
            "run:generator",
            self.attributes(
                ["prov:SoftwareAgent"],
                {"schema:name": "mlprov_widgets", "schema:softwareVersion": self.account.generator},
            ),
        )
        self.doc.agent(
            "run:kernel",
            self.attributes(
                ["prov:SoftwareAgent"],
                {
                    "schema:name": self._fact("programming_language") or "Python",
                    "schema:softwareVersion": self._fact("programming_language_version"),
                },
            ),
        )
        author = self._value_of("author")
        self.person = ""
        if author:
            self.person = "run:author"
            self.doc.agent(self.person, self.attributes(["prov:Person"], {"schema:name": author}))
            self.doc.actedOnBehalfOf("run:kernel", self.person)

    def _editor(self) -> str:
        """Return the person who changed a cell: the author, or somebody who is not named."""
        if not self.person:
            self.person = "run:person"
            self.doc.agent(self.person, self.attributes(["prov:Person"], {"ml:unnamed": True}))
        return self.person

    def _value_of(self, name: str) -> Any:
        values = self.plan.get("values")
        return values.get(name) if isinstance(values, dict) else None

    def _fact(self, name: str) -> Any:
        return self.account.facts.get(name, {}).get("value")

    def _plan_records(self) -> None:
        account, notebook = self.account, self.account.notebook or {}
        self.entity(
            "plan:notebook",
            "p-plan:Plan",
            "prov:Plan",
            "prov:Collection",
            schema_name=notebook.get("name"),
            schema_sha256=notebook.get("sha256"),
            ml_kernel=notebook.get("kernel"),
            ml_task=account.task,
            ml_taskVersion=account.version,
            ml_planDigest=account.plan_digest,
            ml_planKnown=account.plan is not None,
        )
        if account.plan is not None:
            plan = {key: value for key, value in account.plan.items() if key not in ("cells", "cells_digest")}
            self.entity("plan:form", "ml:Form", ml_plan=plan)
            self.activity("plan:generation", None, None, "ml:Generation")
            self.doc.wasGeneratedBy("plan:notebook", "plan:generation")
            self.doc.used("plan:generation", "plan:form")
            self.doc.wasAssociatedWith("plan:generation", "run:generator")
        if self.person:
            self.doc.wasAttributedTo("plan:notebook", self.person)
        previous = ""
        inputs, outputs = self._step_variables()
        for index, cell in enumerate(self.steps):
            identifier = f"plan:cell-{local_name(cell['step'])}"
            planned = self._planned_digest(cell)
            self.entity(
                identifier,
                "p-plan:Step",
                p_plan_isStepOfPlan=self.name("plan:notebook"),
                p_plan_isPrecededBy=self.name(previous) if previous else None,
                p_plan_hasInputVar={self.name(f"plan:var-{local_name(v)}") for v in inputs.get(cell["step"], ())},
                p_plan_hasOutputVar={self.name(f"plan:var-{local_name(v)}") for v in outputs.get(cell["step"], ())},
                ml_step=cell["step"],
                ml_stage=cell.get("stage") or None,
                schema_name=cell.get("title") or None,
                ml_index=index,
                schema_sha256=planned,
                ml_source=self.source(cell["source"]) if cell["sha256"] == planned else None,
            )
            self.doc.hadMember("plan:notebook", identifier)
            previous = identifier
        for name in sorted({v for names in (*inputs.values(), *outputs.values()) for v in names}):
            self.entity(
                f"plan:var-{local_name(name)}",
                "p-plan:Variable",
                p_plan_isVariableOfPlan=self.name("plan:notebook"),
                schema_name=name,
            )
            self.variables.add(name)

    def _planned_digest(self, cell: Mapping[str, Any]) -> str:
        digests = self.plan.get("cells")
        planned = digests.get(cell["step"]) if isinstance(digests, dict) else None
        return str(planned or cell["sha256"])

    def _step_variables(self) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        planned = {cell["step"] for cell in self.steps}
        inputs: dict[str, set[str]] = {}
        outputs: dict[str, set[str]] = {}
        for execution, trace in zip(self.account.executions, self.traces, strict=True):
            if execution.step in planned:
                read = (value.name for value in trace.used.values() if not value.is_file)
                inputs.setdefault(execution.step, set()).update(read)
                outputs.setdefault(execution.step, set()).update(value.name for value in trace.made)
        return inputs, outputs

    # What ran ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        account = self.account
        # The recorder's own cell begins before the recorder does, and with it the run.
        start = min([account.started, *(execution.start for execution in account.executions)])
        ends = [account.ended, *(execution.end for execution in account.executions)]
        self.activity(
            "run:run",
            start,
            max((end for end in ends if end is not None), default=None),
            "mls:Run",
            ml_schemaVersion=SCHEMA_VERSION,
            ml_status=account.status,
            ml_inProgress=account.in_progress or None,
            ml_failedStep=account.failed_step,
            ml_recordedBy=account.recorded_by,
            ml_captureSeconds=round(account.capture_seconds, 6),
            ml_journalBytes=account.journal_bytes,
            ml_documentBytes=0,
            ml_note=set(account.notes) or None,
            ml_notObservedBecause=account.not_observed_because or None,
        )
        self.doc.wasAssociatedWith("run:run", "run:kernel", "plan:notebook")

    def _execution(self, place: int) -> None:
        execution, trace = self.account.executions[place], self.traces[place]
        step = local_name(execution.step)
        identifier = f"run:exec-{step}-{execution.number}"
        error = execution.error or {}
        planned = next((cell for cell in self.steps if cell["step"] == execution.step), None)
        self.activity(
            identifier,
            execution.start,
            execution.end,
            "p-plan:Activity",
            p_plan_correspondsToStep=self.name(f"plan:cell-{step}") if planned else None,
            ml_status=execution.status,
            ml_stage=execution.stage or None,
            ml_error=f"{error.get('type')}: {error.get('message')}" if error else None,
            ml_stale=self.why_stale[place] or None,
            ml_derivationsLeftOut=trace.left_out or None,
        )
        self.why_stale_of[identifier] = self.why_stale[place]
        self.doc.wasStartedBy(identifier, starter="run:run", time=execution.start)
        if self.previous:
            self.doc.wasInformedBy(identifier, self.previous)
        self.doc.used(identifier, self._cell_run(execution, planned), time=execution.start)
        for value in trace.used.values():
            # A cell that this one ran, as %%capture does, made it after this one had started.
            used = _entity_of(value)
            self.doc.used(identifier, used, time=max(execution.start, self.made[used]))
        for value in trace.made:
            self._variable(execution, identifier, value)
        for value in trace.files:
            self._file(execution, identifier, value)
        for value, source in trace.derived:
            self.doc.wasDerivedFrom(_entity_of(value), _entity_of(source), identifier)
        self.previous = self.exec_of[execution.step] = identifier

    def _cell_run(self, execution: Execution, planned: Mapping[str, Any] | None) -> str:
        """Return the entity of the code that ran: the step, or its revision, or a new cell."""
        step = local_name(execution.step)
        if planned is not None and self._planned_digest(planned) == execution.sha256:
            return f"plan:cell-{step}"
        known = self.code_of.get((step, execution.sha256))
        if known:
            return known
        identifier = f"run:cell-{step}-{execution.number}"
        self.code_of[step, execution.sha256] = identifier
        self.entity(
            identifier,
            "ml:EditedCell" if planned else "ml:AddedCell",
            ml_step=execution.step,
            ml_source=self.source(execution.source),
            schema_sha256=execution.sha256,
        )
        if planned is not None:
            self.doc.wasRevisionOf(identifier, f"plan:cell-{step}")
        self.doc.wasAttributedTo(identifier, self._editor())
        return identifier

    def _variable(self, execution: Execution, activity: str, value: Value) -> None:
        name, seen, identifier = value.name, value.seen, _entity_of(value)
        self.made[identifier] = execution.end or execution.start
        self.entity(
            identifier,
            "p-plan:Entity",
            _TYPES.get(str(seen.get("kind")), "mls:Data"),
            p_plan_correspondsToVariable=self.name(f"plan:var-{local_name(name)}") if name in self.variables else None,
            ml_variable=name,
            ml_class=seen.get("type"),
            schema_sha256=seen.get("sha256"),
            ml_sampledDigest=seen.get("sampled"),
            ml_shape=seen.get("shape"),
            ml_dtype=seen.get("dtype"),
            ml_items=seen.get("items"),
            ml_value=seen.get("value"),
            ml_stale=self.stale.of_value(value) or None,
        )
        self.doc.wasGeneratedBy(identifier, activity, time=execution.end)

    def _file(self, execution: Execution, activity: str, value: Value) -> None:
        path, identifier = str(value.seen["path"]), _entity_of(value)
        self.made[identifier] = execution.end or execution.start
        self.entity(
            identifier,
            "ml:Artifact",
            *(["mls:Model"] if path.endswith((".pt", ".pth", ".safetensors")) else []),
            schema_name=path,
            schema_sha256=value.seen["sha256"],
            ml_bytes=value.seen["bytes"],
            ml_stale=self.stale.of_value(value) or None,
        )
        self.doc.wasGeneratedBy(identifier, activity, time=execution.end)

    # Table 1 ----------------------------------------------------------------------------------------

    def _groups(self) -> None:
        groups = {name: _Group() for name in TABLE1}
        self._experiment(groups)
        self._stage_groups(groups)
        stage_of: dict[str, str] = {}
        for execution in self.account.executions:
            stage_of.setdefault(execution.step, execution.stage)
        last_step = {group_of(stage_of[step]): step for step in self.exec_of}
        for name, group in groups.items():
            identifier = f"run:{local_name(name)}"
            if name == "packages":
                self.entity(
                    identifier,
                    "ml:Packages",
                    **{f"pypi_{local_name(key)}": v for key, v in self.account.packages.items()},
                )
                self.doc.used("run:run", identifier)
                continue
            for known in TABLE1.get(name, ()):
                group.missing(known, "not_observed", self._why_not(name))
            types = ["ml:FieldGroup"]
            if name == "model_evaluation":
                types += ["mls:ModelEvaluation", "prov:Collection"]
            if name == "data_ingestion":
                types += ["mls:Dataset", "schema:Dataset"]
            attributes = {f"ml_{field_name(key)}": v for key, v in group.fields.items()}
            self.entity(identifier, *types, **attributes, ml_fieldStatus=group.status or None)
            if name == "hardware_info":
                self.doc.used("run:run", identifier)
            if name in last_step and name not in ("experiment_info", "hardware_info", "notebook"):
                self.doc.wasGeneratedBy(identifier, self.exec_of[last_step[name]])

    def _numerics(self) -> None:
        if self.account.numerics:
            settings = {f"ml_{local_name(name)}": value for name, value in self.account.numerics.items()}
            self.entity("run:numerics", "ml:Numerics", **settings)
            self.doc.used("run:run", "run:numerics")

    def _why_not(self, group: str) -> str:
        if self.account.not_observed_because:
            return self.account.not_observed_because
        if self.account.recorded_by != "kernel":
            return "the recorder was not running in the kernel; the run was recorded from outside"
        ran = {group_of(execution.stage) for execution in self.account.executions}
        return "no cell of this stage ran" if group in TABLE1 and group not in ran else "no cell showed it"

    def _experiment(self, groups: dict[str, _Group]) -> None:
        account, notebook = self.account, self.account.notebook or {}
        unknown = "the notebook's file was not found"
        info, about = groups["experiment_info"], groups["notebook"]
        info.observed("creation_date", notebook.get("created"), unknown)
        info.observed("file_size", notebook.get("bytes"), unknown)
        info.observed("modification_date", notebook.get("modified"), unknown)
        info.declared("task_type", account.task, "said by the recorder line")
        if self._value_of("title"):
            info.declared("title", self._value_of("title"), "chosen in the form")
        elif account.plan is not None:
            info.declared("title", account.task.replace("_", " ").capitalize(), "no title was given: the task's")
        about.declared("prov:type", "p-plan:Plan", "what the notebook is in this document")
        about.observed("creation_date", notebook.get("created"), unknown)
        about.observed("file_format", notebook.get("format"), unknown)
        about.observed("name", notebook.get("name"), unknown)
        about.observed("kernel", notebook.get("kernel"), unknown)
        for name in ("programming_language", "programming_language_version"):
            about.observed(name, self._fact(name))
        hardware = groups["hardware_info"]
        for name in ("CPU", "RAM", "Operating_System"):
            hardware.observed(name, self._fact(name))
        hardware.observed("GPUs", account.gpus, "the run ended before the GPUs were asked for")
        software = [
            f"{called} {account.numerics[name]}" for name, called in SOFTWARE.items() if name in account.numerics
        ]
        if software:
            hardware.observed("GPU_software", ", ".join(software))
        functions = {
            name: str(fact["function"]) for name, fact in account.facts.items() if fact.get("value") is not None
        }
        if notebook:
            functions |= {"creation_date": str(notebook.get("created_by")), "modification_date": "os.stat st_mtime"}
            functions |= {"file_size": "len(bytes)"}
        if account.packages:
            functions |= {"packages": "mlprov_widgets.provenance.capture.environment.packages"}
            functions |= {"GPUs": "torch.cuda.get_device_name"}
        values = {**info.fields, **hardware.fields, "git": self._fact("git"), **about.fields}
        for name, function in sorted(functions.items()):
            activity = self.activity(
                f"run:obtain-{local_name(name)}", None, None, "ml:Observation", ml_function=function
            )
            fact = self.entity(f"run:fact-{local_name(name)}", "ml:Fact", schema_name=name, ml_value=values.get(name))
            self.doc.wasGeneratedBy(fact, activity)
            self.doc.wasAssociatedWith(activity, "run:kernel")

    def _stage_groups(self, groups: dict[str, _Group]) -> None:
        for stage in self.account.stages:
            stage_id = str(stage["id"])
            group = groups.setdefault(group_of(stage_id), _Group())
            self._times(group, [e for e in self.account.executions if e.stage == stage_id])
            for name, reason in dict(stage["not_applicable"]).items():
                groups.setdefault(home_of(name, stage_id), _Group()).missing(name, "not_applicable", str(reason))
            for name in stage["fields"]:
                seen = self.account.observed.get(stage_id, {}).get(name)
                home = groups.setdefault(home_of(name, stage_id), _Group())
                if seen is None:
                    home.missing(name, "not_observed", self._why_not(group_of(stage_id)))
                elif "value" in seen and seen["value"] is not None:
                    home.observed(name, seen["value"])
                else:
                    home.missing(name, "not_observed", str(seen.get("reason") or "it was None"))

    def _times(self, group: _Group, executions: Sequence[Execution]) -> None:
        ended = [execution for execution in executions if execution.end is not None]
        if not ended:
            return
        seconds = sum((e.end - e.start).total_seconds() for e in ended if e.end is not None)
        start, end, spent = DATE_AND_DURATION
        group.observed(start, ended[0].start.isoformat())
        group.observed(end, max(e.end for e in ended if e.end is not None).isoformat())
        group.observed(spent, round(seconds, 6))

    # Hyperparameters, metrics, series -----------------------------------------------------------------

    def _hyperparameters(self) -> None:
        values = self.plan.get("values")
        variables = self._parameter_variables()
        for name, planned in (values if isinstance(values, dict) else {}).items():
            seen, step, stage = self._live_value(name, is_variable=name in variables)
            setting = f"run:hp-{local_name(name)}"
            specification = f"plan:parameter-{local_name(name)}"
            self.entity(specification, "mls:HyperParameter", schema_name=name)
            self.entity(
                setting,
                "mls:HyperParameterSetting",
                mls_specifiedBy=self.name(specification),
                mls_hasValue=self.or_null(seen if seen is not None else planned),
                ml_planned=self.or_null(planned),
                ml_status="observed" if seen is not None else "declared",
                ml_origin=dict(self.plan.get("origins") or {}).get(name),
            )
            read_by = zip(self.account.executions, self.traces, strict=True)
            read = [e.step for e, trace in read_by if name in trace.used] if name in variables or stage else []
            steps = read or [e.step for e in self.account.executions if stage and e.stage == stage][:1]
            for user in dict.fromkeys(steps or ([step] if step else [])):
                self.doc.used(self.exec_of[user], setting)

    def _parameter_variables(self) -> frozenset[str]:
        """Return the names that the cell of the parameters sets; elsewhere a variable only happens to be called so."""
        tagged = [cell for cell in self.account.cells if "parameters" in (cell.get("tags") or ())]
        return frozenset[str]().union(*(names_in(str(cell.get("source", "")))[1] for cell in tagged))

    def _live_value(self, name: str, *, is_variable: bool) -> tuple[Any, str, str]:
        """Return what a parameter was in the kernel, and the step and stage where it was seen."""
        for execution in reversed(self.account.executions) if is_variable else ():
            for seen in execution.writes:
                if seen["name"] == name and seen.get("value") is not None:
                    return seen["value"], execution.step, execution.stage
        for term in (name, self.account.terms.get(name, name)):
            for stage, fields in self.account.observed.items():
                if fields.get(term, {}).get("value") is not None:
                    return fields[term]["value"], str(fields[term].get("step", "")), stage
        return None, "", ""

    def _metrics(self) -> None:
        step = self.exec_of.get(self.account.metrics_step)
        for name, value in self.account.metrics.items():
            metric = f"run:metric-{local_name(name)}"
            measure = f"plan:measure-{local_name(name)}"
            number = _number(value)
            self.entity(measure, "mls:EvaluationMeasure", schema_name=name)
            self.entity(
                metric,
                "mls:ModelEvaluation",
                mls_specifiedBy=self.name(measure),
                mls_hasValue=number if number is not None else self.or_null(value),
                ml_stale=self.why_stale_of.get(step or "") or None,
            )
            if step:
                self.doc.wasGeneratedBy(metric, step)
            self.doc.hadMember("run:model_evaluation", metric)

    def _series(self) -> None:
        if not self.account.series:
            return
        text = canonical_json(self.account.series)
        digest = sha256_of_text(text)
        small = len(text) <= LONGEST_SERIES
        step = self.exec_of.get(self.account.series_step)
        if not small:
            self.files[f"series/{digest}.json"] = text
        self.entity(
            "run:history",
            "ml:Series",
            schema_sha256=digest,
            ml_epochs=max(len(values) for values in self.account.series.values()),
            ml_values=self.account.series if small else None,
            schema_name=None if small else f"series/{digest}.json",
            ml_stale=self.why_stale_of.get(step or "") or None,
        )
        if step:
            self.doc.wasGeneratedBy("run:history", step)


_PREFIXES = sorted((prefix.replace("-", "_"), prefix) for prefix in NAMESPACES)


def _keys(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn ``schema_name=`` into ``schema:name``; Python's keywords cannot hold a colon."""
    keys = {}
    for key, value in attributes.items():
        written, prefix = next((pair for pair in _PREFIXES if key.startswith(f"{pair[0]}_")), ("", ""))
        keys[f"{prefix}:{key[len(written) + 1 :]}"] = value
    return keys


def _entity_of(value: Value) -> str:
    if value.is_file:
        return f"run:file-{local_name(str(value.seen['path']))}-{value.number}"
    return f"run:var-{local_name(value.name)}-{value.number}"


def _number(value: Any) -> Any:
    if isinstance(value, bool) or value is None:
        return None
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    return float(value) if isinstance(value, int | float) else None


def _lexical(value: float) -> str:
    return "NaN" if math.isnan(value) else ("INF" if value > 0 else "-INF")
