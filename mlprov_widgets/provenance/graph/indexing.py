"""A PROV-JSON document, made into an index record by record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from time import monotonic
from typing import Any, Final

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.graph.columns import ELEMENTS, RELATIONS
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.kinds import ALSO_CALLED, WORDS, name_of, plain
from mlprov_widgets.provenance.graph.scan import Scanned, scan
from mlprov_widgets.provenance.reading import MOST_RECORDS, parse_json, read_bytes, types_of

_LONGEST_VALUE = 2000
_UNTOLD = ("prov:type", "ml:records", "ml:fieldStatus", "ml:derivationsLeftOut", "mls:specifiedBy")
_LOOK_AT_CLOCK_EVERY, _TELL_EVERY = 256, 0.1
_CODES: Final = {section: code for code, section in enumerate(ELEMENTS)}
_RELATIONS: Final = {section: (ends, code) for code, (section, ends) in enumerate(RELATIONS.items())}

Progress = Callable[[int], None]
"""Called with the number of records read so far."""


def is_untold(attribute: str) -> bool:
    """Return whether an attribute cannot be searched for: what refers to other records, and lists of digests."""
    return attribute in _UNTOLD or attribute.startswith("p-plan:")


class _Builder:
    """An index as it grows."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._typesets: dict[tuple[str, ...], int] = {(): 0}

    def add(self, part: Scanned) -> bool:
        """Take what stands in a document, and return whether it is a record."""
        section = part.section
        if section == "prefix":
            if isinstance(part.content, dict) and not part.bundle:
                self.index.prefixes = {str(key): str(value) for key, value in part.content.items()}
            return False
        if section in _RELATIONS:
            self._add_relation(part, *_RELATIONS[section])
        elif section in _CODES:
            self._add_element(part, _CODES[section])
        else:
            return False
        self.index.counted += 1
        return True

    def _element(self, bundle: str, identifier: str, section: int) -> int:
        index = self.index
        key = f"{bundle}\n{identifier}" if bundle else identifier
        number = index.numbers.get(key)
        if number is None:
            number = index.numbers[key] = len(index.ids)
            index.ids.append(identifier)
            index.sections.append(section)
            for column in (index.typeset, index.starts, index.ends):
                column.append(0)
            if bundle:
                index.bundle_of[number] = bundle
        return number

    def _add_element(self, part: Scanned, section: int) -> None:
        content, index = part.content, self.index
        several = isinstance(content, list) and all(isinstance(one, dict) for one in content) and bool(content)
        if not isinstance(content, dict) and not several:
            index.left_out += 1
            return
        number = self._element(part.bundle, part.identifier, section)
        index.sections[number] = section
        if index.ends[number]:
            index.more.setdefault(number, []).append((part.start, part.end))
        else:
            index.starts[number], index.ends[number] = part.start, part.end
        for record in content if several else [content]:
            if "prov:type" in record:
                self._add_types(number, types_of(record))
            self._add_words(number, record)

    def _add_types(self, number: int, types: set[str]) -> None:
        index = self.index
        found = tuple(sorted({*types, *index.types(number)}))
        if found and found not in self._typesets:
            self._typesets[found] = len(index.typesets)
            index.typesets.append(found)
        if found:
            index.typeset[number] = self._typesets[found]

    def _add_words(self, number: int, record: Mapping[str, Any]) -> None:
        index = self.index
        identifier, kind, types = index.ids[number], index.kind(number), index.types(number)
        words = WORDS.get(kind, kind) if kind != "file" or "mls:Model" not in types else "model file"
        also, name = ALSO_CALLED.get(kind, ""), name_of(identifier, record, kind)
        index.names.add(number, f"{name}\t{words} {also}\t{identifier}\t{' '.join(types)}")
        for attribute, raw in record.items():
            if not is_untold(attribute):
                value = raw if isinstance(raw, str) else raw.get("$", "") if isinstance(raw, dict) else plain(raw)
                index.values.add(number, f"{attribute.rpartition(':')[2]}\t{str(value)[:_LONGEST_VALUE]}")

    def _add_relation(self, part: Scanned, ends: tuple[tuple[str, int], ...], code: int) -> None:
        index = self.index
        for record in part.content if isinstance(part.content, list) else [part.content]:
            if not isinstance(record, dict) or not isinstance(subject := record.get(ends[0][0]), str):
                index.left_out += 1
                continue
            source = self._element(part.bundle, subject, ends[0][1])
            found = [(record[name], section) for name, section in ends[1:] if record.get(name) is not None]
            if not found:  # PROV allows a usage or generation that names one end
                continue
            objects, section = found[0]
            for target in objects if isinstance(objects, list) else [objects]:
                identifier = target.get("$") if isinstance(target, dict) else target
                if not isinstance(identifier, str):
                    index.left_out += 1
                    continue
                index.relation_codes.append(code)
                index.subjects.append(source)
                index.objects.append(self._element(part.bundle, identifier, section))
                index.relation_starts.append(part.start)
                index.relation_ends.append(part.end)


def index_of(text: str, path: Path | None = None, progress: Progress | None = None) -> Index:
    """Read a document.

    Parameters
    ----------
    text
        PROV-JSON, of this package or of another tool.
    path
        Where it was read.
    progress
        Called ten times a second with the number of records read.

    Raises
    ------
    ProvenanceError
        If it is no JSON, holds nothing of PROV, or is too large.
    """
    name = path.name if path else "provenance"
    index = Index(text, path)
    builder = _Builder(index)
    sections: set[str] = set()
    due = monotonic() + _TELL_EVERY
    for part in scan(text, name):
        sections.add(part.section)
        if not builder.add(part):
            continue
        if index.counted > MOST_RECORDS:
            raise ProvenanceError(
                f"the document has more than {MOST_RECORDS:,} records",
                field=name,
                fix=f"At most {MOST_RECORDS:,} are read",
            )
        if progress is not None and index.counted % _LOOK_AT_CLOCK_EVERY == 0 and monotonic() >= due:
            progress(index.counted)
            due = monotonic() + _TELL_EVERY
    if not index.counted and not index.prefixes:
        sections |= set(parse_json(text.encode(), name))
    if sections and not sections & {"prefix", *_CODES, *_RELATIONS}:
        what = "a notebook" if "nbformat" in sections else "JSON, but not PROV-JSON"
        fix = "Give the provenance.json of its run" if "nbformat" in sections else "Give a PROV-JSON file"
        raise ProvenanceError(f"this is {what}", field=name, fix=fix)
    index.prepare()
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
