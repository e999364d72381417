"""A PROV-JSON document, looked up: what is where, and what refers to what.

A document of 100,000 records takes about three times its file's size: identifiers, the places of the records in the
text, arrays of numbers for the relations, and one text to search in. A record is parsed again when it is looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Final, NamedTuple

from mlprov_widgets.provenance.graph.columns import ELEMENTS, RELATIONS, Columns
from mlprov_widgets.provenance.graph.kinds import kind_of, name_of, plain
from mlprov_widgets.provenance.graph.scan import parsed
from mlprov_widgets.provenance.reading import is_ours, reference_of

_NAMES: Final = tuple(RELATIONS)


class Relation(NamedTuple):
    """A relation: its PROV name, and the numbers of its subject and of what it points at."""

    name: str
    subject: int
    object: int
    number: int


@dataclass
class Index(Columns):
    """A document, looked up by number."""

    _kinds: dict[tuple[int, int], str] = field(default_factory=dict, repr=False)

    # Elements --------------------------------------------------------------------------------------

    @property
    def is_ours(self) -> bool:
        """Whether this package wrote the document, so that it has stages, metrics and code."""
        return is_ours({"prefix": self.prefixes}) and "run:run" in self.numbers

    def number(self, identifier: str) -> int | None:
        """Return the number of an identifier, None when nothing has it."""
        return self.numbers.get(identifier)

    def section(self, number: int) -> str:
        """Return ``entity``, ``activity``, ``agent`` or ``bundle``."""
        return ELEMENTS[self.sections[number]]

    def types(self, number: int) -> tuple[str, ...]:
        """Return the ``prov:type`` values of an element."""
        return self.typesets[self.typeset[number]]

    def kind(self, number: int) -> str:
        """Return the kind of an element; see `mlprov_widgets.provenance.graph.kinds`."""
        key = self.sections[number], self.typeset[number]
        if key not in self._kinds:
            self._kinds[key] = kind_of(self.typesets[key[1]], ELEMENTS[key[0]])
        return self._kinds[key]

    def is_described(self, number: int) -> bool:
        """Whether an element has a record; else relations only mention it."""
        return self.ends[number] > 0

    def record(self, number: int) -> dict[str, Any]:
        """Return an element's attributes; those of several records of one identifier together."""
        if not self.ends[number]:
            return {}
        found: dict[str, Any] = {}
        for start, end in [(self.starts[number], self.ends[number]), *self.more.get(number, ())]:
            if start == end:  # a bundle, whose records are elements of their own
                continue
            content = parsed(self.text, start, end)
            for part in content if isinstance(content, list) else [content]:
                if isinstance(part, dict):
                    for key, value in part.items():
                        found[key] = value if key not in found or found[key] == value else _joined(found[key], value)
        return found

    def name(self, number: int) -> str:
        """Return what a person calls an element."""
        record, kind = self.record(number), self.kind(number)
        if kind == "execution" or (kind == "cell" and "schema:name" not in record):  # the planned cell has the title
            planned = reference_of(record.get("p-plan:correspondsToStep")) if kind == "execution" else ""
            cell = self.number(planned or f"plan:cell-{plain(record.get('ml:step'))}")
            title = plain(self.record(cell).get("schema:name")) if cell is not None else None
            if isinstance(title, str) and title:
                return title
        return name_of(self.ids[number], record, kind)

    def bundle(self, number: int) -> str:
        """Return the bundle that an element stands in, empty for the document itself."""
        return self.bundle_of.get(number, "")

    def count(self, section: str) -> int:
        """Return how many elements a section has."""
        return self.sections.count(ELEMENTS.index(section))

    def of_section(self, section: str) -> Iterator[int]:
        """Yield the numbers of the elements of a section."""
        code = ELEMENTS.index(section)
        return (number for number, own in enumerate(self.sections) if own == code)

    def of_type(self, kind: str) -> Iterator[int]:
        """Yield the numbers of the elements of a ``prov:type``."""
        wanted = {place for place, types in enumerate(self.typesets) if kind in types}
        return (number for number, own in enumerate(self.typeset) if own in wanted) if wanted else iter(())

    def position(self, number: int) -> int:
        """Return where an element's record starts in the text; what has none comes last."""
        return self.starts[number] if self.ends[number] else len(self.text)

    # Relations -------------------------------------------------------------------------------------

    @property
    def relation_count(self) -> int:
        """How many relations there are."""
        return len(self.relation_codes)

    def relation(self, number: int) -> Relation:
        """Return a relation by its number."""
        return Relation(_NAMES[self.relation_codes[number]], self.subjects[number], self.objects[number], number)

    def relations(self, name: str = "") -> Iterator[Relation]:
        """Yield the relations, or those of a name."""
        if not name:
            return (self.relation(number) for number in range(len(self.relation_codes)))
        code = _NAMES.index(name)
        return (self.relation(number) for number, own in enumerate(self.relation_codes) if own == code)

    def relation_record(self, number: int) -> dict[str, Any]:
        """Return a relation's attributes."""
        content = parsed(self.text, self.relation_starts[number], self.relation_ends[number])
        return content if isinstance(content, dict) else {}

    def counts(self) -> dict[str, int]:
        """Return how many relations there are of each name."""
        return {name: count for code, name in enumerate(_NAMES) if (count := self.relation_codes.count(code))}

    @cached_property
    def _out(self) -> tuple[array[int], array[int]]:
        return _adjacency(self.subjects, len(self))

    @cached_property
    def _into(self) -> tuple[array[int], array[int]]:
        return _adjacency(self.objects, len(self))

    def prepare(self) -> None:
        """Compute what would make the first click wait."""
        _ = self._out, self._into, self.between_sections

    def out(self, number: int) -> list[Relation]:
        """Return the relations whose subject an element is: what it was made of, by, for."""
        starts, order = self._out
        return [self.relation(order[place]) for place in range(starts[number], starts[number + 1])]

    def into(self, number: int) -> list[Relation]:
        """Return the relations that point at an element."""
        starts, order = self._into
        return [self.relation(order[place]) for place in range(starts[number], starts[number + 1])]

    def degree(self, number: int) -> int:
        """Return how many relations an element has."""
        return sum(starts[number + 1] - starts[number] for starts, _ in (self._out, self._into))

    @cached_property
    def between_sections(self) -> dict[tuple[str, str], dict[str, int]]:
        """How many relations of each name lead from one section to another."""
        found: dict[tuple[str, str], dict[str, int]] = {}
        counts: dict[tuple[int, int, int], int] = {}
        sections = self.sections
        for code, subject, target in zip(self.relation_codes, self.subjects, self.objects, strict=True):
            key = sections[subject], sections[target], code
            counts[key] = counts.get(key, 0) + 1
        for (subject, target, code), count in counts.items():
            found.setdefault((ELEMENTS[subject], ELEMENTS[target]), {})[_NAMES[code]] = count
        return found


def _joined(known: Any, more: Any) -> Any:
    items = [*(known if isinstance(known, list) else [known]), *(more if isinstance(more, list) else [more])]
    return [item for place, item in enumerate(items) if item not in items[:place]]


def _adjacency(ends: array[int], count: int) -> tuple[array[int], array[int]]:
    """Return, for each number, where its relations start in a list of relations ordered by it."""
    sizes = [0] * (count + 1)
    for number in ends:
        sizes[number + 1] += 1
    starts = array("L", accumulate(sizes))
    order = array("L", bytes(starts.itemsize * len(ends)))
    following = starts[:]
    for place, number in enumerate(ends):
        order[following[number]] = place
        following[number] += 1
    return starts, order
