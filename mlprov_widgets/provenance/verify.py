"""Whether a document is as it was written, fits what lies beside it, and makes sense."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import sha256_of_file
from mlprov_widgets.provenance.capture.seal import SEAL, chain_of
from mlprov_widgets.provenance.constraints import violations
from mlprov_widgets.provenance.reading import ProvenanceFile, types_of, value_of
from mlprov_widgets.provenance.view import beside

_ENDS = {
    "wasGeneratedBy": ("prov:entity", "prov:activity"),
    "used": ("prov:activity", "prov:entity"),
    "wasDerivedFrom": ("prov:generatedEntity", "prov:usedEntity"),
    "wasInformedBy": ("prov:informed", "prov:informant"),
    "wasStartedBy": ("prov:activity", "prov:starter"),
    "wasAssociatedWith": ("prov:activity", "prov:agent"),
    "wasAttributedTo": ("prov:entity", "prov:agent"),
    "actedOnBehalfOf": ("prov:delegate", "prov:responsible"),
    "hadMember": ("prov:collection", "prov:entity"),
}
"""The relations of a document and the two ends that must exist."""


@dataclass(frozen=True)
class Verdict:
    """The answer of `verify`.

    Attributes
    ----------
    problems : list of dict
        ``code``, ``record``, ``message``. Where the document contradicts itself, the code is the title of the
        constraint in W3C PROV-CONSTRAINTS, such as ``generation-precedes-usage``.
    unchecked : list of str
        Artifacts that are not beside the document.
    head : str
        The head of the hash chain, to be kept elsewhere against intent.
    """

    problems: list[dict[str, str]]
    unchecked: list[str]
    head: str

    @property
    def valid(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


def verify(file: ProvenanceFile) -> Verdict:
    """Check the seal, the artifacts beside the document, the references, the constraints of PROV and the clock.

    An artifact that is absent is unchecked, not a problem; a run that is incomplete is a fact that
    the document states, not a sign of tampering.
    """
    unchecked: list[str] = []
    contradictions = [_problem(*violation) for violation in violations(file.document)]
    problems = [
        *changes_since_sealed(file),
        *_artifacts(file, unchecked),
        *_references(file),
        *contradictions,
        *_clock(file),
    ]
    head = str(file.entity(SEAL).get("ml:head", ""))
    return Verdict(problems, unchecked, head)


def _problem(code: str, record: str, message: str) -> dict[str, str]:
    return {"code": code, "record": record, "message": message}


def changes_since_sealed(file: ProvenanceFile) -> Iterator[dict[str, str]]:
    """Yield, as problems, the records that are not those that were sealed when the document was written."""
    entity = file.entity(SEAL)
    try:
        told = value_of(entity.get("ml:records"))
        sealed = {str(name): str(digest) for name, digest in told}
    except (ProvenanceError, TypeError, ValueError):
        yield _problem("seal_missing", SEAL, "the seal is missing or cannot be read")
        return
    digests, head = chain_of(file.document)
    there = dict(digests)
    for name in sealed:
        if name not in there:
            yield _problem("missing", name, "this record was removed after the document was sealed")
        elif there[name] != sealed[name]:
            yield _problem("changed", name, "this record was changed after the document was sealed")
    for name in there:
        if name not in sealed:
            yield _problem("added", name, "this record was added after the document was sealed")
    if there == sealed and head != entity.get("ml:head"):
        yield _problem("seal_broken", SEAL, "the head of the chain does not follow from the records")


def _artifacts(file: ProvenanceFile, unchecked: list[str]) -> Iterator[dict[str, str]]:
    latest: dict[str, tuple[str, str]] = {}
    for kind in ("ml:Artifact", "ml:Series"):
        for identifier, record in file.of_type(kind):
            name = value_of(record.get("schema:name"))
            if isinstance(name, str):  # a file that was written twice has the last version's digest
                latest[name] = (identifier, str(record.get("schema:sha256")))
    for name, (identifier, digest) in latest.items():
        path = beside(file, name)
        if file.path is None:
            unchecked.append(name)
        elif path is None:
            yield _problem("outside", identifier, "the artifact's path leads out of the run's folder")
        elif not path.is_file():
            unchecked.append(name)
        elif sha256_of_file(path) != digest:
            yield _problem("artifact_changed", identifier, f"the file {name} is not the one that the run wrote")


def _references(file: ProvenanceFile) -> Iterator[dict[str, str]]:
    known = {key for section in ("entity", "activity", "agent") for key in file.records(section)}
    for section, ends in _ENDS.items():
        for identifier, record in file.records(section).items():
            for end in ends:
                target = record.get(end)
                if isinstance(target, str) and target not in known:  # of another type, it is malformed
                    yield _problem("dangling", f"{section}/{identifier}", f"there is no record {target!r}")


def _clock(file: ProvenanceFile) -> Iterator[dict[str, str]]:
    """Check what PROV does not order: executions end one after the other, and within the run.

    They may start within each other, since a cell can run another.
    """
    ends = {
        identifier: end
        for identifier, record in file.records("activity").items()
        if (end := _time(record.get("prov:endTime"))) and {"p-plan:Activity", "mls:Run"} & types_of(record)
    }
    run = ends.pop("run:run", None)
    for identifier, end in ends.items():
        if run is not None and run < end:
            yield _problem("clock", f"activity/{identifier}", "it ended after the run did")
    for record in file.records("wasInformedBy").values():
        later, earlier = str(record.get("prov:informed")), str(record.get("prov:informant"))
        if later in ends and earlier in ends and ends[later] < ends[earlier]:
            yield _problem("clock", f"activity/{later}", f"it ended before {earlier}, which ran before it")


def _time(raw: object) -> datetime | None:
    try:
        moment = datetime.fromisoformat(raw) if isinstance(raw, str) else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo is not None else None
