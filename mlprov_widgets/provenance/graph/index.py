"""A PROV-JSON document as an index: what is where, what refers to what, and what can be searched for.

A document of 100,000 records takes about three times its file's size: identifiers, the places of the records in the
text, arrays of numbers for the relations, and one text to search in. A record is parsed again when it is looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, NamedTuple

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.graph.kinds import ALSO_CALLED, WORDS, kind_of, name_of, plain
from mlprov_widgets.provenance.graph.scan import Scanned, parsed, scan
from mlprov_widgets.provenance.reading import MOST_RECORDS, is_ours, parse_json, read_bytes, reference_of, types_of

ELEMENTS: Final = ("entity", "activity", "agent", "bundle")
_ENTITY, _ACTIVITY, _AGENT, _BUNDLE = range(4)

RELATIONS: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "used": (("prov:activity", _ACTIVITY), ("prov:entity", _ENTITY)),
    "wasGeneratedBy": (("prov:entity", _ENTITY), ("prov:activity", _ACTIVITY)),
    "wasDerivedFrom": (("prov:generatedEntity", _ENTITY), ("prov:usedEntity", _ENTITY), ("prov:activity", _ACTIVITY)),
    "wasInformedBy": (("prov:informed", _ACTIVITY), ("prov:informant", _ACTIVITY)),
    "wasStartedBy": (("prov:activity", _ACTIVITY), ("prov:trigger", _ENTITY), ("prov:starter", _ACTIVITY)),
    "wasEndedBy": (("prov:activity", _ACTIVITY), ("prov:trigger", _ENTITY), ("prov:ender", _ACTIVITY)),
    "wasInvalidatedBy": (("prov:entity", _ENTITY), ("prov:activity", _ACTIVITY)),
    "wasAttributedTo": (("prov:entity", _ENTITY), ("prov:agent", _AGENT)),
    "wasAssociatedWith": (("prov:activity", _ACTIVITY), ("prov:agent", _AGENT), ("prov:plan", _ENTITY)),
    "actedOnBehalfOf": (("prov:delegate", _AGENT), ("prov:responsible", _AGENT), ("prov:activity", _ACTIVITY)),
    "wasInfluencedBy": (("prov:influencee", _ENTITY), ("prov:influencer", _ENTITY)),
    "specializationOf": (("prov:specificEntity", _ENTITY), ("prov:generalEntity", _ENTITY)),
    "alternateOf": (("prov:alternate1", _ENTITY), ("prov:alternate2", _ENTITY)),
    "mentionOf": (("prov:specificEntity", _ENTITY), ("prov:generalEntity", _ENTITY), ("prov:bundle", _BUNDLE)),
    "hadMember": (("prov:collection", _ENTITY), ("prov:entity", _ENTITY)),
}
"""Each relation of PROV-DM with its subject and what it points at, as PROV-JSON spells them, and their sections."""

_NAMES: Final = tuple(RELATIONS)
_LONGEST_VALUE = 2000
_UNTOLD = ("prov:type", "ml:records", "ml:fieldStatus", "ml:derivationsLeftOut", "mls:specifiedBy")
_PROGRESS_EVERY = 5000

Progress = Callable[[int], None]
"""Called with the number of records read so far."""


class Relation(NamedTuple):
    """A relation: its PROV name, and the numbers of its subject and of what it points at."""

    name: str
    subject: int
    object: int
    number: int


@dataclass
class Index:
    """A document, looked up by number.

    Attributes
    ----------
    text : str
        The PROV-JSON.
    path : pathlib.Path or None
    prefixes : dict
    ids : list of str
        The identifiers of entities, activities, agents and bundles; an element's number is its place here.
    counted : int
        The records of the file, relations among them.
    left_out : int
        What stands where a record should and is none.
    """

    text: str
    path: Path | None = None
    prefixes: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    counted: int = 0
    left_out: int = 0
    _numbers: dict[str, int] = field(default_factory=dict, repr=False)
    _sections: bytearray = field(default_factory=bytearray, repr=False)
    _typeset: array[int] = field(default_factory=lambda: array("L"), repr=False)
    _starts: array[int] = field(default_factory=lambda: array("L"), repr=False)
    _ends: array[int] = field(default_factory=lambda: array("L"), repr=False)
    _more: dict[int, list[tuple[int, int]]] = field(default_factory=dict, repr=False)
    _typesets: list[tuple[str, ...]] = field(default_factory=lambda: [()], repr=False)
    _kinds: dict[tuple[int, int], str] = field(default_factory=dict, repr=False)
    _bundle_of: dict[int, str] = field(default_factory=dict, repr=False)
    _relation: bytearray = field(default_factory=bytearray, repr=False)
    _subjects: array[int] = field(default_factory=lambda: array("L"), repr=False)
    _objects: array[int] = field(default_factory=lambda: array("L"), repr=False)
    _relation_starts: array[int] = field(default_factory=lambda: array("L"), repr=False)
    _relation_ends: array[int] = field(default_factory=lambda: array("L"), repr=False)
    words: bytearray = field(default_factory=lambda: bytearray(b"\n"), repr=False)
    places: array[int] = field(default_factory=lambda: array("L"), repr=False)
    place_of: array[int] = field(default_factory=lambda: array("L"), repr=False)
    values: bytearray = field(default_factory=lambda: bytearray(b"\n"), repr=False)
    value_places: array[int] = field(default_factory=lambda: array("L"), repr=False)
    value_of: array[int] = field(default_factory=lambda: array("L"), repr=False)

    # Looking up ------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def is_ours(self) -> bool:
        """Whether this package wrote the document, so that it has stages, metrics and code."""
        return is_ours({"prefix": self.prefixes}) and "run:run" in self._numbers

    def number(self, identifier: str) -> int | None:
        """Return the number of an identifier, None when nothing has it."""
        return self._numbers.get(identifier)

    def section(self, number: int) -> str:
        """Return ``entity``, ``activity``, ``agent`` or ``bundle``."""
        return ELEMENTS[self._sections[number]]

    def types(self, number: int) -> tuple[str, ...]:
        """Return the ``prov:type`` values of an element."""
        return self._typesets[self._typeset[number]]

    def kind(self, number: int) -> str:
        """Return the kind of an element; see `mlprov_widgets.provenance.graph.kinds`."""
        key = self._sections[number], self._typeset[number]
        if key not in self._kinds:
            self._kinds[key] = kind_of(self._typesets[key[1]], ELEMENTS[key[0]])
        return self._kinds[key]

    def is_described(self, number: int) -> bool:
        """Whether an element has a record; else relations only mention it."""
        return self._ends[number] > 0

    def record(self, number: int) -> dict[str, Any]:
        """Return an element's attributes; those of several records of one identifier together."""
        if not self._ends[number]:
            return {}
        found: dict[str, Any] = {}
        for start, end in [(self._starts[number], self._ends[number]), *self._more.get(number, ())]:
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
        return self._bundle_of.get(number, "")

    def count(self, section: str) -> int:
        """Return how many elements a section has."""
        return self._sections.count(ELEMENTS.index(section))

    def of_section(self, section: str) -> Iterator[int]:
        """Yield the numbers of the elements of a section."""
        code = ELEMENTS.index(section)
        return (number for number, own in enumerate(self._sections) if own == code)

    def of_type(self, kind: str) -> Iterator[int]:
        """Yield the numbers of the elements of a ``prov:type``."""
        wanted = {place for place, types in enumerate(self._typesets) if kind in types}
        return (number for number, own in enumerate(self._typeset) if own in wanted) if wanted else iter(())

    def position(self, number: int) -> int:
        """Return where an element's record starts in the text; what has none comes last."""
        return self._starts[number] if self._ends[number] else len(self.text)

    # Relations -------------------------------------------------------------------------------------

    @property
    def relation_count(self) -> int:
        """How many relations there are."""
        return len(self._relation)

    def relation(self, number: int) -> Relation:
        """Return a relation by its number."""
        return Relation(_NAMES[self._relation[number]], self._subjects[number], self._objects[number], number)

    def relations(self, name: str = "") -> Iterator[Relation]:
        """Yield the relations, or those of a name."""
        if not name:
            return (self.relation(number) for number in range(len(self._relation)))
        code = _NAMES.index(name)
        return (self.relation(number) for number, own in enumerate(self._relation) if own == code)

    def relation_record(self, number: int) -> dict[str, Any]:
        """Return a relation's attributes."""
        content = parsed(self.text, self._relation_starts[number], self._relation_ends[number])
        return content if isinstance(content, dict) else {}

    def counts(self) -> dict[str, int]:
        """Return how many relations there are of each name."""
        return {name: count for code, name in enumerate(_NAMES) if (count := self._relation.count(code))}

    @cached_property
    def _out(self) -> tuple[array[int], array[int]]:
        return _adjacency(self._subjects, len(self))

    @cached_property
    def _into(self) -> tuple[array[int], array[int]]:
        return _adjacency(self._objects, len(self))

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
        sections = self._sections
        for code, subject, target in zip(self._relation, self._subjects, self._objects, strict=True):
            key = sections[subject], sections[target], code
            counts[key] = counts.get(key, 0) + 1
        for (subject, target, code), count in counts.items():
            found.setdefault((ELEMENTS[subject], ELEMENTS[target]), {})[_NAMES[code]] = count
        return found

    # Building --------------------------------------------------------------------------------------

    def _element(self, bundle: str, identifier: str, section: int) -> int:
        key = f"{bundle}\n{identifier}" if bundle else identifier
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.ids)
            self.ids.append(identifier)
            self._sections.append(section)
            for numbers in (self._typeset, self._starts, self._ends):
                numbers.append(0)
            if bundle:
                self._bundle_of[number] = bundle
        return number

    def _add_element(self, part: Scanned, section: int, typesets: dict[tuple[str, ...], int]) -> None:
        content = part.content
        several = isinstance(content, list) and all(isinstance(one, dict) for one in content) and bool(content)
        if not isinstance(content, dict) and not several:
            self.left_out += 1
            return
        number = self._element(part.bundle, part.identifier, section)
        self._sections[number] = section
        if self._ends[number]:
            self._more.setdefault(number, []).append((part.start, part.end))
        else:
            self._starts[number], self._ends[number] = part.start, part.end
        for record in content if several else [content]:
            types = tuple(sorted(types_of(record))) if "prov:type" in record else ()
            if types and self._typeset[number]:
                types = tuple(sorted({*types, *self._typesets[self._typeset[number]]}))
            if types:
                if types not in typesets:
                    typesets[types] = len(self._typesets)
                    self._typesets.append(types)
                self._typeset[number] = typesets[types]
            self._add_words(number, record)

    def _add_words(self, number: int, record: Mapping[str, Any]) -> None:
        identifier, kind = self.ids[number], self.kind(number)
        name = name_of(identifier, record, kind)
        self.places.append(len(self.words))
        self.place_of.append(number)
        words = WORDS.get(kind, kind) if kind != "file" or "mls:Model" not in self.types(number) else "model file"
        told = f"{name}\t{words} {ALSO_CALLED.get(kind, '')}\t{identifier}\t{' '.join(self.types(number))}\n"
        self.words += searchable(told)
        values, places, owners = self.values, self.value_places, self.value_of
        for attribute, raw in record.items():
            if is_untold(attribute):
                continue
            value = raw if isinstance(raw, str) else raw.get("$", "") if isinstance(raw, dict) else plain(raw)
            told = f"{attribute.rpartition(':')[2]}\t{str(value)[:_LONGEST_VALUE]}"
            places.append(len(values))
            owners.append(number)
            values += searchable(told.replace("\n", " "))
            values += b"\n"

    def _add_relation(self, part: Scanned, ends: tuple[tuple[str, int], ...], code: int) -> None:
        records = part.content if isinstance(part.content, list) else [part.content]
        for record in records:
            if not isinstance(record, dict):
                self.left_out += 1
                continue
            subject = record.get(ends[0][0])
            found = [(record[name], section) for name, section in ends[1:] if record.get(name) is not None]
            objects = found[0][0] if found else None
            if not isinstance(subject, str) or objects is None:
                self.left_out += not isinstance(subject, str)  # PROV allows a usage or generation that names one end
                if isinstance(subject, str):
                    self._element(part.bundle, subject, ends[0][1])
                continue
            source = self._element(part.bundle, subject, ends[0][1])
            for target in objects if isinstance(objects, list) else [objects]:
                identifier = target.get("$") if isinstance(target, dict) else target
                if not isinstance(identifier, str):
                    self.left_out += 1
                    continue
                self._relation.append(code)
                self._subjects.append(source)
                self._objects.append(self._element(part.bundle, identifier, found[0][1]))
                self._relation_starts.append(part.start)
                self._relation_ends.append(part.end)


def is_untold(attribute: str) -> bool:
    """Return whether an attribute cannot be searched for: what refers to other records, and lists of digests."""
    return attribute in _UNTOLD or attribute.startswith("p-plan:")


def _joined(known: Any, more: Any) -> Any:
    items = [*(known if isinstance(known, list) else [known]), *(more if isinstance(more, list) else [more])]
    return [item for place, item in enumerate(items) if item not in items[:place]]


def searchable(text: str) -> bytes:
    """Return a text as it is searched in and for: lower case, underscores and hyphens as spaces, in UTF-8."""
    return text.casefold().replace("_", " ").replace("-", " ").encode("utf-8", "replace")


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


def index_of(text: str, path: Path | None = None, progress: Progress | None = None) -> Index:
    """Read a document.

    Parameters
    ----------
    text
        PROV-JSON, of this package or of another tool.
    path
        Where it was read.
    progress
        Called now and then with the number of records read.

    Raises
    ------
    ProvenanceError
        If it is no JSON, holds nothing of PROV, or is too large.
    """
    name = path.name if path else "provenance"
    index = Index(text, path)
    typesets: dict[tuple[str, ...], int] = {(): 0}
    codes = {section: code for code, section in enumerate(ELEMENTS)}
    relations = {section: (ends, code) for code, (section, ends) in enumerate(RELATIONS.items())}
    sections: set[str] = set()
    for part in scan(text, name):
        section = part.section
        sections.add(section)
        if section == "prefix":
            if isinstance(part.content, dict) and not part.bundle:
                index.prefixes = {str(key): str(value) for key, value in part.content.items()}
            continue
        if section in relations:
            index._add_relation(part, *relations[section])
        elif section in codes:
            index._add_element(part, codes[section], typesets)
        else:
            continue
        index.counted += 1
        if index.counted > MOST_RECORDS:
            raise ProvenanceError(
                f"the document has more than {MOST_RECORDS:,} records",
                field=name,
                fix=f"At most {MOST_RECORDS:,} are read",
            )
        if progress is not None and index.counted % _PROGRESS_EVERY == 0:
            progress(index.counted)
    if not index.counted and not index.prefixes:
        sections |= set(parse_json(text.encode(), name))
    if sections and not sections & {"prefix", *codes, *relations}:
        what = "a notebook" if "nbformat" in sections else "JSON, but not PROV-JSON"
        fix = "Give the provenance.json of its run" if "nbformat" in sections else "Give a PROV-JSON file"
        raise ProvenanceError(f"this is {what}", field=name, fix=fix)
    _ = index._out, index._into, index.between_sections  # so that the first click need not wait for them
    return index


def read_index(source: str | Path, progress: Progress | None = None) -> Index:
    """Read a PROV-JSON file of any tool.

    Raises
    ------
    ProvenanceError
        If it cannot be read; the message says why.
    """
    raw, path = read_bytes(source)
    if not raw.strip():
        raise ProvenanceError("the file is empty", field=path.name, fix="Give a PROV-JSON file")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise ProvenanceError(
            "this is not a text file in UTF-8", field=path.name, fix="Give a PROV-JSON file"
        ) from None
    del raw
    return index_of(text, path, progress)
