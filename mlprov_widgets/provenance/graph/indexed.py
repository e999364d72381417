"""A document of this package over its index: its records are parsed when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlprov_widgets.provenance.graph.columns import RELATIONS
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.reading import ProvenanceFile


class _Elements(Mapping[str, Mapping[str, Any]]):
    """The records of a section of elements, by identifier."""

    def __init__(self, index: Index, section: str) -> None:
        self._index, self._section = index, section

    def __getitem__(self, identifier: str) -> Mapping[str, Any]:
        number = self._index.number(identifier)
        if number is None or not self._index.is_described(number) or self._index.section(number) != self._section:
            raise KeyError(identifier)
        return self._index.record(number)

    def __iter__(self) -> Iterator[str]:
        index = self._index
        return (index.ids[n] for n in index.of_section(self._section) if index.is_described(n) and not index.bundle(n))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class IndexedFile(ProvenanceFile):
    """What `mlprov_widgets.provenance.view.view` reads, without the whole document as Python objects."""

    index: Index | None = None

    @property
    def _found(self) -> Index:
        return self.index if self.index is not None else Index("")

    def records(self, section: str) -> Mapping[str, Mapping[str, Any]]:
        """Return a section's records by identifier."""
        if section not in self._records:
            index = self._found
            if section in RELATIONS:
                self._records[section] = {
                    str(relation.number): index.relation_record(relation.number)
                    for relation in index.relations(section)
                }
            else:
                self._records[section] = _Elements(index, section)
        return self._records[section]

    def of_type(self, kind: str, section: str = "entity") -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the records of a type, in the document's order."""
        index = self._found
        for number in sorted(index.of_type(kind), key=index.position):
            if index.section(number) == section and not index.bundle(number):
                yield index.ids[number], index.record(number)

    def generated(self) -> dict[str, str]:
        """Return the activity that generated each entity."""
        ids = self._found.ids
        return {ids[found.subject]: ids[found.object] for found in self._found.relations("wasGeneratedBy")}

    def code_run(self) -> dict[str, str]:
        """Return the entity of the code that each execution used."""
        ids = self._found.ids
        return {
            ids[found.subject]: ids[found.object]
            for found in self._found.relations("used")
            if ids[found.object].startswith(("plan:cell-", "run:cell-"))
        }


def file_of(index: Index) -> IndexedFile:
    """Return a document of this package over its index."""
    return IndexedFile({"prefix": index.prefixes}, index.path, index=index)
