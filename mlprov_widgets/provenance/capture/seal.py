"""The seal of a document: a hash chain over its records.

It detects accidents and names the record that changed. Against intent it helps only together with a
copy of the head that is kept elsewhere: who can change a record can write a new seal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlprov_widgets.files import canonical_json, sha256_of_text

SEAL = "run:seal"
_SHORT = 16


def records_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every record but the seal as ``section/identifier`` and content, in the seal's order."""
    for section in sorted(document):
        records = document[section]
        if section == "prefix" or not isinstance(records, dict):
            yield section, records
            continue
        for identifier in sorted(records):
            if (section, identifier) != ("entity", SEAL):
                yield f"{section}/{identifier}", records[identifier]


def chain_of(document: Mapping[str, Any]) -> tuple[list[list[str]], str]:
    """Return the short digest of each record, and the head of the chain over them."""
    head = sha256_of_text("mlprov seal 1")
    digests = []
    for name, record in records_of(document):
        own = sha256_of_text(canonical_json([name, record]))
        head = sha256_of_text(head + own)
        digests.append([name, own[:_SHORT]])
    return digests, head


def seal(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with its seal added."""
    digests, head = chain_of(document)
    document["entity"][SEAL] = {
        "prov:type": {"$": "ml:Seal", "type": "xsd:QName"},
        "ml:head": head,
        "ml:records": {"$": canonical_json(digests), "type": "rdf:JSON"},
    }
    return document


def is_sealed(document: Mapping[str, Any]) -> bool:
    """Return whether every record is the one that was sealed."""
    entities = document.get("entity")
    sealed = entities.get(SEAL) if isinstance(entities, dict) else None
    return isinstance(sealed, dict) and chain_of(document)[1] == sealed.get("ml:head")
