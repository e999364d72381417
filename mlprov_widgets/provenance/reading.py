"""Reading a provenance file that nobody vouches for."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ProvenanceError, one_line, quoted
from mlprov_widgets.provenance.migrate import migrated, readable
from mlprov_widgets.provenance.terms import NAMESPACES

LARGEST_FILE = 64 * 2**20
DEEPEST = 40
MOST_RECORDS = 200_000
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True)
class ProvenanceFile:
    """A document of this package, as PROV-JSON, with short ways to its records.

    Attributes
    ----------
    document : dict
    path : pathlib.Path or None
        Where it was read; artifacts lie relative to its folder.
    """

    document: Mapping[str, Any]
    path: Path | None = None
    _records: dict[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict, repr=False, compare=False)

    def records(self, section: str) -> Mapping[str, Mapping[str, Any]]:
        """Return a section's records by identifier; a malformed record is left out."""
        if section not in self._records:
            found = self.document.get(section)
            items = found.items() if isinstance(found, dict) else ()
            self._records[section] = {key: item for key, item in items if isinstance(item, dict)}
        return self._records[section]

    def entity(self, identifier: str) -> Mapping[str, Any]:
        """Return an entity's attributes, empty when it is not there."""
        return self.records("entity").get(identifier, {})

    def activity(self, identifier: str) -> Mapping[str, Any]:
        """Return an activity's attributes, empty when it is not there."""
        return self.records("activity").get(identifier, {})

    def of_type(self, kind: str, section: str = "entity") -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the records of a type, such as ``p-plan:Step``."""
        for identifier, record in self.records(section).items():
            if kind in types_of(record):
                yield identifier, record

    def generated(self) -> dict[str, str]:
        """Return the activity that generated each entity."""
        return {
            str(relation.get("prov:entity")): str(relation.get("prov:activity"))
            for relation in self.records("wasGeneratedBy").values()
        }

    def code_run(self) -> dict[str, str]:
        """Return the entity of the code that each execution used: a planned step, its revision, or an added cell."""
        return {
            str(usage.get("prov:activity")): str(usage.get("prov:entity"))
            for usage in self.records("used").values()
            if str(usage.get("prov:entity")).startswith(("plan:cell-", "run:cell-"))
        }


def types_of(record: Mapping[str, Any]) -> set[str]:
    """Return a record's ``prov:type`` values."""
    found = record.get("prov:type", [])
    items = found if isinstance(found, list) else [found]
    return {str(item.get("$")) if isinstance(item, dict) else str(item) for item in items}


def reference_of(raw: Any) -> str:
    """Return the identifier that an attribute refers to."""
    return str(raw.get("$")) if isinstance(raw, dict) else str(raw)


def value_of(raw: Any) -> Any:
    """Return a PROV-JSON attribute as a Python value.

    Raises
    ------
    ProvenanceError
        If a typed literal does not hold what its type says.
    """
    if isinstance(raw, list):
        return [value_of(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    text, kind = raw.get("$"), raw.get("type")
    try:
        if kind == "rdf:JSON":
            return _json(str(text))
        if kind in ("xsd:integer", "xsd:int", "xsd:long"):
            return int(str(text))
        if kind in ("xsd:double", "xsd:float", "xsd:decimal"):
            return float(str(text))
        if kind == "xsd:boolean":
            return str(text).lower() in ("true", "1")
    except (ValueError, RecursionError):
        raise ProvenanceError(
            f"{quoted(text)} is not a {kind}", field="provenance", fix="Use an unchanged file"
        ) from None
    return text


def parse_json(raw: bytes, name: str) -> dict[str, Any]:
    """Parse a JSON object with limits on size, depth and repeated keys.

    Raises
    ------
    ProvenanceError
        If it is not one.
    """
    if len(raw) > LARGEST_FILE:
        raise ProvenanceError(
            f"the file has {len(raw):,} bytes", field=name, fix=f"A provenance file has at most {LARGEST_FILE:,}"
        )
    fix = "Give the provenance.json that a run wrote"
    if not raw.strip():
        raise ProvenanceError("the file is empty", field=name, fix=fix)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ProvenanceError("this is not a text file in UTF-8", field=name, fix=fix) from None
    try:
        parsed = _json(text)
    except RecursionError:
        raise ProvenanceError("the file is nested too deeply", field=name, fix=fix) from None
    except json.JSONDecodeError as error:
        # A text that is open at the end is told by where it began.
        ends = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        cut = " (it ends in the middle: the file is truncated)" if ends else ""
        said = one_line(error.msg, 100).removesuffix(" starting at")
        raise ProvenanceError(f"this is not JSON: {said} in line {error.lineno}{cut}", field=name, fix=fix) from None
    except ValueError as error:
        raise ProvenanceError(f"this is not JSON: {one_line(str(error), 100)}", field=name, fix=fix) from None
    if not isinstance(parsed, dict):
        raise ProvenanceError(f"the file holds a {type(parsed).__name__}, not an object", field=name, fix=fix)
    if _depth(parsed) > DEEPEST:
        raise ProvenanceError(f"the file is nested more than {DEEPEST} deep", field=name, fix=fix)
    return parsed


def _json(text: str) -> Any:
    parsed = json.loads(text, object_pairs_hook=_no_repeated_keys, parse_constant=_no_constant, parse_float=_finite)
    if _SURROGATE.search(text):
        json.dumps(parsed, ensure_ascii=False).encode()  # half a pair of them is no text: a ValueError
    return parsed


def _no_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        repeated = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key {quoted(repeated)} is there twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {quoted(text)} is too large")
    return number


def _depth(value: Any) -> int:
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        deepest = max(deepest, depth)
        if depth > DEEPEST:
            break
        children = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        waiting += [(child, depth + 1) for child in children]
    return deepest


def read_bytes(source: str | Path) -> tuple[bytes, Path]:
    """Read a file that should hold provenance.

    Raises
    ------
    ProvenanceError
        If it is missing, a folder, or too large.
    """
    path = Path(source)
    try:
        if path.is_dir():
            raise ProvenanceError(
                "this is a folder", field=str(path), fix="Give the provenance.json inside a run's folder"
            )
        if path.stat().st_size > LARGEST_FILE:
            raise ProvenanceError(
                f"the file has {path.stat().st_size:,} bytes",
                field=path.name,
                fix=f"A provenance file has at most {LARGEST_FILE:,}",
            )
        return path.read_bytes(), path
    except FileNotFoundError:
        raise ProvenanceError("there is no such file", field=str(path), fix="Check the path") from None
    except (OSError, ValueError) as error:
        raise ProvenanceError(f"this cannot be read: {error}", field=str(path), fix="Check the path") from None


def is_ours(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON object was written by this package."""
    prefixes = document.get("prefix")
    return isinstance(prefixes, dict) and prefixes.get("ml") == NAMESPACES["ml"]


def read_provenance(source: str | Path) -> ProvenanceFile:
    """Read a document of this package.

    Raises
    ------
    ProvenanceError
        If the file is not one; the message says what it is instead, where that can be told.
    """
    raw, path = read_bytes(source)
    return from_json(parse_json(raw, path.name), path)


def from_json(document: Mapping[str, Any], path: Path) -> ProvenanceFile:
    """Check that a parsed object is a document of this package.

    Raises
    ------
    ProvenanceError
        If it is of another tool, of a newer schema or too large.
    """
    if not is_ours(document):
        if "cells" in document and "nbformat" in document:
            raise ProvenanceError("this is a notebook", field=path.name, fix="Give the provenance.json of its run")
        other = "PROV-JSON of another tool" if {"entity", "activity", "prefix"} & set(document) else "not PROV-JSON"
        raise ProvenanceError(
            f"this is {other}", field=path.name, fix="Give a provenance.json that mlprov_widgets or MLProvCodeGen wrote"
        )
    count = sum(len(records) for records in document.values() if isinstance(records, dict))
    if count > MOST_RECORDS:
        raise ProvenanceError(
            f"the document has {count:,} records", field=path.name, fix=f"At most {MOST_RECORDS:,} are read"
        )
    found = ProvenanceFile(document, path)
    schema = found.activity("run:run").get("ml:schemaVersion")
    told = str(value_of(schema)) if schema is not None else ""
    if told not in map(str, readable()):
        raise ProvenanceError(
            f"the document says schema version {quoted(told)}" if told else "the record of the run itself is missing",
            field=path.name,
            fix="Install a newer mlprov_widgets" if told else "Use an unchanged file",
        )
    document = migrated(document, int(told))
    return found if document is found.document else ProvenanceFile(document, path)
