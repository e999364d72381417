"""What a record is for a person: its kind, its name and its value."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.reading import reference_of, value_of
from mlprov_widgets.provenance.terms import GROUP_TITLES

_OF_TYPE: Final = {
    "ml:FieldGroup": "group",
    "ml:Packages": "packages",
    "ml:Fact": "fact",
    "ml:Observation": "function",
    "ml:Seal": "seal",
    "ml:Form": "form",
    "ml:Generation": "generation",
    "mls:Run": "run",
    "p-plan:Activity": "execution",
    "ml:EditedCell": "cell",
    "ml:AddedCell": "cell",
    "p-plan:Step": "cell",
    "p-plan:Plan": "notebook",
    "p-plan:Variable": "term",
    "mls:HyperParameter": "term",
    "mls:EvaluationMeasure": "term",
    "mls:HyperParameterSetting": "parameter",
    "mls:ModelEvaluation": "metric",
    "ml:Artifact": "file",
    "ml:Series": "series",
    "mls:Model": "model",
    "mls:Dataset": "dataset",
    "mls:Data": "data",
    "p-plan:Entity": "data",
}
"""The first type of a record that stands here says its kind; others have the kind of their section."""

WORDS: Final = {
    "group": "recorded fields",
    "packages": "packages and versions",
    "fact": "recorded fact",
    "function": "function",
    "seal": "seal",
    "form": "form, the choices",
    "generation": "making of the notebook",
    "run": "whole run",
    "execution": "step",
    "cell": "code cell",
    "notebook": "notebook",
    "term": "term",
    "parameter": "parameter",
    "metric": "metric",
    "file": "file",
    "series": "training curve",
    "model": "model",
    "dataset": "dataset",
    "data": "data",
    "entity": "entity",
    "activity": "activity",
    "agent": "agent",
    "bundle": "bundle",
}
"""What a person calls a kind; it can be searched for."""

ALSO_CALLED: Final = {
    "dataset": "rows table",
    "parameter": "setting option hyperparameter",
    "metric": "result score",
    "packages": "package library version",
    "agent": "person software who",
    "execution": "execution run of a cell",
}
"""Other words that a kind is found by."""

RANK: Final = {
    kind: rank
    for rank, kinds in enumerate(
        (
            ("metric", "parameter"),
            ("file", "fact", "packages", "agent"),
            ("execution", "group", "activity", "entity", "run"),
            ("dataset", "model", "data", "series", "cell", "function", "notebook"),
            ("form", "generation", "seal", "bundle"),
            ("term",),
        )
    )
    for kind in kinds
}
"""Which hits of a search come first, when all fit equally well."""

_ESCAPED = re.compile("_x([0-9a-f]{1,6})_")
_NUMBERED = re.compile(r"-\d+$")
_NAMING = (
    "prov:label",
    "schema:name",
    "rdfs:label",
    "dcterms:title",
    "dc:title",
    "foaf:name",
    "name",
    "label",
    "title",
)
_LONGEST_NAME = 200


def kind_of(types: Iterable[str], section: str) -> str:
    """Return the kind of a record of these types."""
    found = set(types)
    return next((kind for name, kind in _OF_TYPE.items() if name in found), section)


def plain(raw: Any) -> Any:
    """Return an attribute's value; what does not hold what its type says, as it stands."""
    try:
        return value_of(raw)
    except ProvenanceError:
        return raw.get("$") if isinstance(raw, dict) else raw


def local_part(identifier: str) -> str:
    """Return an identifier without its prefix or, for an IRI, without what comes before its last part."""
    last = identifier.rstrip("/#")
    return re.split(r"[:/#]", last)[-1] if last else identifier


def unescaped(text: str) -> str:
    """Return the text of which `mlprov_widgets.provenance.capture.document.local_name` made a part of an identifier."""
    return _ESCAPED.sub(lambda match: chr(min(int(match[1], 16), 0x10FFFF)), text) if "_x" in text else text


def name_of(identifier: str, record: Mapping[str, Any], kind: str) -> str:
    """Return what a person calls a record."""
    if kind in ("metric", "parameter", "fact"):
        return unescaped(identifier.partition("-")[2]) or identifier
    if kind in ("group", "packages"):
        name = local_part(identifier)
        return GROUP_TITLES.get(name) or name.replace("_", " ").capitalize()
    if kind == "execution":
        return unescaped(_NUMBERED.sub("", identifier.removeprefix("run:exec-")))
    given = record.get("ml:variable" if kind in ("data", "dataset", "model") else "ml:function")
    for attribute in _NAMING:
        if given is not None:
            break
        given = record.get(attribute)
    told = plain(given[0] if isinstance(given, list) and given else given)
    if isinstance(told, str) and told.strip():
        return told.strip()[:_LONGEST_NAME]
    named = {"run:run": "The whole run", "plan:form": "The form's choices", "run:seal": "The seal"}
    named |= {"run:history": "Training curves", "plan:generation": "Making the notebook"}
    return named.get(identifier) or unescaped(local_part(identifier))[:_LONGEST_NAME]


def shown(value: Any) -> str:
    """Return a value as one reads it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is None:
        return "empty"
    return ", ".join(map(shown, value)) if isinstance(value, list) else str(value)


def value_text(record: Mapping[str, Any], kind: str) -> str:
    """Return the one value that a record is about, for people; empty when it is about none."""
    if kind in ("metric", "parameter"):
        return shown(plain(record.get("mls:hasValue")))
    if kind == "fact":
        return shown(plain(record.get("ml:value")))
    if kind in ("data", "dataset", "model"):
        shape, value = plain(record.get("ml:shape")), plain(record.get("ml:value"))
        return " × ".join(map(str, shape)) if isinstance(shape, list) else "" if value is None else shown(value)
    found = plain(record.get("prov:value")) if "prov:value" in record else None
    return "" if found is None else shown(found)


def references_in(raw: Any) -> list[str]:
    """Return the identifiers that an attribute names."""
    items = raw if isinstance(raw, list) else [raw]
    told = ("xsd:QName", "prov:QUALIFIED_NAME", "xsd:anyURI")
    return [reference_of(item) for item in items if isinstance(item, dict) and item.get("type") in told]
