"""A run as a Workflow Run RO-Crate: one archive of its files, with what they are in ``ro-crate-metadata.json``.

The profiles are Process, Workflow and Provenance Run Crate 0.5 (https://w3id.org/ro/wfrun). An
identifier in the metadata is the one that the record has in the document, written in full.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import quote

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import canonical_json, file_name, sha256_of_bytes, sha256_of_text
from mlprov_widgets.provenance.capture.document import FILE_NAME, local_name
from mlprov_widgets.provenance.export.report import report
from mlprov_widgets.provenance.export.script import Ran, code_that_ran, notebook
from mlprov_widgets.provenance.export.serialisations import prov_json
from mlprov_widgets.provenance.reading import ProvenanceFile, reference_of, value_of
from mlprov_widgets.provenance.view import View, plan_dict_of, view

METADATA: Final = "ro-crate-metadata.json"

_CONTEXT: Final = ["https://w3id.org/ro/crate/1.1/context", "https://w3id.org/ro/terms/workflow-run/context"]
_CRATE: Final = "https://w3id.org/ro/crate/1.1"
_WORKFLOW_CRATE: Final = "https://w3id.org/workflowhub/workflow-ro-crate/1.0"
_PROFILES: Final = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    _WORKFLOW_CRATE: ("Workflow RO-Crate", "1.0"),
}
_NEEDS_STEPS: Final = "https://w3id.org/ro/wfrun/provenance/0.5"
_BIOSCHEMAS: Final = "https://bioschemas.org/profiles"
_ENCODINGS: Final = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest time that an archive can hold: its bytes are to depend on the run alone."""


def crate(file: ProvenanceFile) -> bytes:
    """Return a run as a Workflow Run RO-Crate, the bytes of a zip archive.

    What lies beside the document goes into it: the executed notebook, the journal, artifacts and data.
    A file is taken from within the run's folder only, and not through a link. Equal runs give equal bytes.

    Raises
    ------
    ProvenanceError
        If an artifact beside the document is not the one that the run wrote.
    """
    made = _Crate(file)
    made.describe()
    contents = {**made.files, METADATA: _as_json({"@context": _CONTEXT, "@graph": list(made.entities.values())})}
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in sorted(contents):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            archive.writestr(entry, contents[name])
    return stream.getvalue()


def _as_json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


@dataclass
class _Crate:
    """A crate while it is being filled.

    Attributes
    ----------
    file : ProvenanceFile
    files : dict of str to bytes
        What the archive holds, by path.
    entities : dict of str to dict
        What the metadata holds, by ``@id``.
    """

    file: ProvenanceFile
    files: dict[str, bytes] = field(default_factory=dict)
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe(self) -> None:
        """Put in the files and the metadata."""
        laid_out, file = view(self.file), self.file
        ran = code_that_ran(file, laid_out)
        run = laid_out.run
        published = _time(run["ended"]) or _time(run["started"])
        if published is None:
            raise ProvenanceError(
                "the document does not say when the run was", field="provenance", fix="Use an unchanged file"
            )
        self.add(METADATA, "CreativeWork", about=_ref("./"), conformsTo=[_ref(_CRATE), _ref(_WORKFLOW_CRATE)])
        root = self.add("./", "Dataset")
        profiles = [profile for profile in _PROFILES if ran or profile != _NEEDS_STEPS]
        for profile in profiles:
            name, version = _PROFILES[profile]
            self.add(profile, "CreativeWork", name=name, version=version)
        workflow = self._workflow(run)
        self._own_files()
        author = self._author()
        artifacts = {identifier: self._artifact(record) for identifier, record in self._artifact_records()}
        settings, metrics = self._settings(workflow), self._metrics(workflow)
        data = self._data(laid_out)
        self._software(workflow, laid_out)
        title = laid_out.table1["experiment_info"].get("title", {}).get("value") or run["task"] or "Experiment"
        action = self._action(
            "run:run",
            run,
            name=f"Run of {title}",
            description=f"The notebook's run of {published}, as it was recorded: {run['status']}",
            instrument=_ref(workflow),
            agent=author,
            object=[*settings.values(), *data],
            result=[*artifacts.values(), *metrics.values()],
        )
        steps = self._steps(workflow, ran, {**settings, **metrics, **artifacts}, author)
        # A crate has to name a licence, and a run knows none.
        licence = self.add("#no-licence", "CreativeWork", name="No licence is recorded: ask whoever made the run")
        root |= _present(
            name=str(title),
            description=f"A recorded run of the task {run['task']}: its notebook, provenance, results and software",
            datePublished=published,
            license=_ref(licence["@id"]),
            author=author,
            conformsTo=[_ref(profile) for profile in profiles],
            hasPart=[_ref(quote(name)) for name in sorted(self.files)],
            mainEntity=_ref(workflow),
            mentions=[action, *steps],
        )

    def add(self, identifier: str, kind: str | list[str], **properties: Any) -> dict[str, Any]:
        """Add an entity, or return the one that is there already."""
        return self.entities.setdefault(identifier, {"@id": identifier, "@type": kind, **_present(**properties)})

    def iri(self, record: str) -> str:
        """Return a record's identifier in full."""
        prefix, _, local = record.partition(":")
        space = (self.file.document.get("prefix") or {}).get(prefix)
        return quote(f"{space}{local}" if isinstance(space, str) else f"#{record}", safe="/:#?&=%+,;@~")

    # Files -----------------------------------------------------------------------------------------

    def read(self, name: Any) -> bytes | None:
        """Return a file of the run's folder, None when it is not there, not within or reached by a link."""
        if self.file.path is None or not isinstance(name, str):
            return None
        parts = PurePosixPath(name).parts
        if not parts or PurePosixPath(name).is_absolute() or ".." in parts or "\\" in name:
            return None
        path = self.file.path.parent
        try:
            for part in parts:
                path /= part
                if path.is_symlink():
                    return None
            return path.read_bytes() if path.is_file() else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def put(self, name: str, content: bytes, kind: str | list[str] = "File", **properties: Any) -> str:
        """Add a file of the archive and return its ``@id``."""
        self.files[name] = content
        identifier = quote(name)
        self.add(
            identifier,
            kind,
            name=PurePosixPath(name).name,
            contentSize=str(len(content)),
            encodingFormat=_ENCODINGS.get(PurePosixPath(name).suffix, "application/octet-stream"),
            sha256=sha256_of_bytes(content),
            **properties,
        )
        return identifier

    def _workflow(self, run: Mapping[str, Any]) -> str:
        record = self.file.entity("plan:notebook")
        name = PurePosixPath(str(run["notebook"] or "")).name
        executed = self.read(name) if name.endswith(".ipynb") else None
        told = "The notebook as it was executed"
        if executed is None:
            name = f"{file_name(name.removesuffix('.ipynb'))}.ipynb"
            executed = notebook(self.file).encode()
            told = "The code that ran, made of the provenance: the executed notebook is not in the run's folder"
        source = self.read(f"source/{name}")
        if source is not None and sha256_of_bytes(source) == record.get("schema:sha256"):
            self.put(f"source/{name}", source, description="The notebook as it was generated")
        self.add(
            "#jupyter-notebook",
            "ComputerLanguage",
            name="Jupyter Notebook",
            alternateName="ipynb",
            url="https://jupyter.org/",
        )
        profile = f"{_BIOSCHEMAS}/ComputationalWorkflow/1.0-RELEASE"
        return self.put(
            name,
            executed,
            ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
            description=told,
            conformsTo=_ref(profile),
            programmingLanguage=_ref("#jupyter-notebook"),
            version=_text(run["plan_digest"]),
        )

    def _own_files(self) -> None:
        self.put(
            FILE_NAME,
            prov_json(self.file).encode(),
            description="The provenance, in PROV-JSON",
            about=self._ref("run:run"),
        )
        self.put("report.html", report(self.file).encode(), description="The report: the run on one page, for people")
        journal = self.read("journal.jsonl")
        if journal is not None:
            self.put("journal.jsonl", journal, description="What the recorder wrote as the notebook ran")

    def _artifact_records(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        # A file that was written twice is, beside the document, what it was last.
        latest: dict[Any, tuple[str, Mapping[str, Any]]] = {}
        for kind in ("ml:Artifact", "ml:Series"):
            for identifier, record in self.file.of_type(kind):
                name = value_of(record.get("schema:name"))
                if isinstance(name, str):
                    latest[name] = (identifier, record)
        yield from sorted(latest.values(), key=lambda pair: pair[0])

    def _artifact(self, record: Mapping[str, Any]) -> dict[str, str]:
        return self._held(str(value_of(record.get("schema:name"))), record.get("schema:sha256"))

    def _held(self, name: str, digest: Any, description: str | None = None, shown: str | None = None) -> dict[str, str]:
        """Return a reference to a file of the run: in the archive, or told by its name and digest."""
        name = str(PurePosixPath(name))
        content = None if name in (*self.files, METADATA) else self.read(name)
        if content is None:
            away = self.add(
                f"#file-{quote(name, safe='')}",
                "CreativeWork",
                name=shown or name,
                description=description or "A file that was not beside the provenance",
                sha256=_text(digest),
            )
            return _ref(away["@id"])
        if sha256_of_bytes(content) != digest:
            raise ProvenanceError(
                f"the file {name} is not the one that the run wrote", field=name, fix="Look with: mlprov verify"
            )
        return _ref(self.put(name, content, description=description, alternateName=shown))

    def _data(self, laid_out: View) -> list[dict[str, str]]:
        plan = plan_dict_of(self.file) or {}
        values, files = plan.get("values"), plan.get("files")
        held = []
        for parameter, about in (files if isinstance(files, dict) else {}).items():
            if isinstance(about, dict) and isinstance(values, dict) and isinstance(values.get(parameter), str):
                shown = _text(about.get("name"))
                held.append(self._held(values[parameter], about.get("sha256"), "The data that the run used", shown))
        if held:
            return held
        fields = {name: item["value"] for name, item in laid_out.table1["data_ingestion"].items()}
        if not fields.get("dataset_id"):
            return []
        found = self.add(
            self.iri("run:data_ingestion"),
            "CreativeWork",  # a Dataset of a crate is one of its folders
            additionalType="http://schema.org/Dataset",
            name=_text(fields["dataset_id"]),
            description=_text(fields.get("dataset_description")),
            isBasedOn=_text(fields.get("root_location")),
        )
        return [_ref(found["@id"])]

    # Who, with what ----------------------------------------------------------------------------------

    def _ref(self, record: str) -> dict[str, str]:
        return _ref(self.iri(record))

    def _author(self) -> dict[str, str] | None:
        name = value_of(self.file.records("agent").get("run:author", {}).get("schema:name"))
        return _ref(self.add(self.iri("run:author"), "Person", name=_text(name))["@id"]) if name else None

    def _software(self, workflow: str, laid_out: View) -> None:
        agents = self.file.records("agent")
        generator = agents.get("run:generator", {})
        version = _text(value_of(generator.get("schema:softwareVersion")))
        self.add(
            self.iri("run:generator"),
            "SoftwareApplication",
            name=_text(value_of(generator.get("schema:name"))) or "mlprov_widgets",
            softwareVersion=version,
            url="https://pypi.org/project/mlprov-widgets/",
            license=_ref("https://spdx.org/licenses/BSD-3-Clause"),
        )
        self.add("https://spdx.org/licenses/BSD-3-Clause", "CreativeWork", name="BSD 3-Clause")
        kernel = agents.get("run:kernel", {})
        self.add(
            self.iri("run:kernel"),
            "SoftwareApplication",
            name=_text(value_of(kernel.get("schema:name"))) or "Python",
            softwareVersion=_text(value_of(kernel.get("schema:softwareVersion"))),
            url="https://www.python.org/",
        )
        used = [self._ref("run:kernel")]
        for name, number in sorted(laid_out.packages.items()):
            address = f"https://pypi.org/project/{quote(name, safe='')}/{quote(number, safe='')}/"
            self.add(address, "SoftwareApplication", name=name, softwareVersion=number, url=address)
            used.append(_ref(address))
        self.entities[workflow] |= _present(softwareRequirements=used, creator=self._ref("run:generator"))

    # What went in, what came out ----------------------------------------------------------------------

    def _settings(self, workflow: str) -> dict[str, dict[str, str]]:
        return self._values(workflow, "input", self.file.of_type("mls:HyperParameterSetting"))

    def _metrics(self, workflow: str) -> dict[str, dict[str, str]]:
        found = self.file.of_type("mls:ModelEvaluation")
        return self._values(workflow, "output", (pair for pair in found if pair[0].startswith("run:metric-")))

    def _values(
        self, workflow: str, way: str, records: Iterator[tuple[str, Mapping[str, Any]]]
    ) -> dict[str, dict[str, str]]:
        found, formal = {}, []
        for identifier, record in records:
            what = reference_of(record.get("mls:specifiedBy"))
            name = _text(value_of(self.file.entity(what).get("schema:name"))) or identifier.partition("-")[2]
            value = value_of(record.get("mls:hasValue"))
            kind, told = _plain(value)
            parameter = self.add(
                self.iri(what),
                "FormalParameter",
                name=name,
                additionalType=kind,
                conformsTo=_ref(f"{_BIOSCHEMAS}/FormalParameter/1.0-RELEASE"),
            )
            formal.append(_ref(parameter["@id"]))
            if told is None:  # a setting that was left empty
                continue
            example = self.add(
                self.iri(identifier), "PropertyValue", name=name, value=told, exampleOfWork=_ref(parameter["@id"])
            )
            parameter["workExample"] = found[identifier] = _ref(example["@id"])
        self.entities[workflow] |= _present(**{way: formal})
        return found

    # What happened -------------------------------------------------------------------------------------

    def _action(self, record: str, about: Mapping[str, Any], **properties: Any) -> dict[str, str]:
        completed = about["status"] in ("completed", "ok")
        kind = "CompletedActionStatus" if completed else "FailedActionStatus"
        error = None if completed else str(about.get("error") or f"It is {about['status']}")
        found = self.add(
            self.iri(record),
            "CreateAction",
            **properties,
            startTime=_time(about.get("start") or about.get("started")),
            endTime=_time(about.get("end") or about.get("ended")),
            actionStatus=f"http://schema.org/{kind}",
            error=error,
        )
        return _ref(found["@id"])

    def _steps(
        self, workflow: str, ran: list[Ran], known: Mapping[str, dict[str, str]], author: dict[str, str] | None
    ) -> list[dict[str, str]]:
        """Add each execution as an action, with its cell as the tool; return what the crate mentions."""
        if not ran:
            return []
        code, generated = self.file.code_run(), self.file.generated()
        inputs: dict[str, list[dict[str, str]]] = {}
        outputs: dict[str, list[dict[str, str]]] = {}
        for usage in self.file.records("used").values():
            entity = str(usage.get("prov:entity"))
            if entity in known:
                inputs.setdefault(str(usage.get("prov:activity")), []).append(known[entity])
        for entity, activity in generated.items():
            if entity in known:
                outputs.setdefault(activity, []).append(known[entity])
        self.add("#python", "ComputerLanguage", name="Python", url="https://www.python.org/")
        actions, controls = [], []
        tools: dict[str, dict[str, str]] = {}
        steps: dict[str, list[dict[str, str]]] = {}
        for one in ran:
            record, step = one.step["record"], str(one.step["step"])
            tool = self.iri(code.get(record) or f"{record}-code")
            self.add(
                tool,
                "SoftwareSourceCode",
                name=_text(one.step["title"]),
                text=one.source or None,
                version=sha256_of_text(one.source),
                programmingLanguage=_ref("#python"),
            )
            tools[tool] = _ref(tool)
            about = self.add(f"#step-{local_name(step)}", "HowToStep", name=_text(one.step["title"]))
            steps.setdefault(about["@id"], []).append(_ref(tool))
            about.setdefault("position", str(len(steps)))
            action = self._action(
                record,
                one.step,
                name=one.heading,
                description=f"The execution of a cell of the stage {one.step['stage'] or 'set-up'}",
                instrument=_ref(tool),
                agent=author,
                object=inputs.get(record),
                result=outputs.get(record),
            )
            control = self.add(
                f"{self.iri(record)}-control",
                "ControlAction",
                name=f"Orchestration of {one.heading}",
                instrument=_ref(about["@id"]),
                object=action,
            )
            actions.append(action)
            controls.append(_ref(control["@id"]))
        for identifier, examples in steps.items():
            self.entities[identifier]["workExample"] = _one_or_all(examples)
        self.entities[workflow] |= _present(hasPart=list(tools.values()), step=[_ref(step) for step in steps])
        organised = self.add(
            f"{self.iri('run:run')}-orchestration",
            "OrganizeAction",
            name="Orchestration of the notebook by its kernel",
            instrument=self._ref("run:kernel"),
            object=controls,
            result=self._ref("run:run"),
        )
        return [_ref(organised["@id"]), *actions, *controls]


def _ref(identifier: str) -> dict[str, str]:
    return {"@id": identifier}


def _present(**properties: Any) -> dict[str, Any]:
    """Return properties without the empty ones; one value stands alone, as RO-Crate asks."""
    return {key: _one_or_all(value) for key, value in properties.items() if value is not None and value != []}


def _one_or_all(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    unique = list({canonical_json(item): item for item in value}.values())
    return unique[0] if len(unique) == 1 else unique


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _plain(value: Any) -> tuple[str, str | int | float | bool | None]:
    """Return the type of a parameter, and its value as schema.org can hold it."""
    if isinstance(value, bool):
        return "Boolean", value
    if isinstance(value, int):
        return "Integer", value
    if isinstance(value, float):
        return "Float", value if value - value == 0 else str(value)
    if value is None or isinstance(value, str):
        return "Text", value
    return "Text", json.dumps(value, ensure_ascii=False)


def _time(raw: Any) -> str | None:
    try:
        moment = datetime.fromisoformat(raw)
        return moment.astimezone(UTC).isoformat(timespec="seconds") if moment.tzinfo else None
    except (OverflowError, TypeError, ValueError):
        return None
