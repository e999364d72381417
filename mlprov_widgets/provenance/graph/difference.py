"""Two documents side by side: what is the same, changed, only here, only there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.kinds import plain, references_in

SAME, CHANGED, ONLY_HERE, ONLY_THERE = "same", "changed", "only here", "only there"

_OF_THE_RUN: Final = frozenset(
    [
        "prov:startTime",
        "prov:endTime",
        "prov:time",
        "ml:captureSeconds",
        "ml:journalBytes",
        "ml:documentBytes",
        "ml:start_time",
        "ml:end_time",
        "ml:execution_time",
        "ml:creation_date",
        "ml:modification_date",
        "ml:head",
        "ml:records",
    ]
)
"""What no two runs have in common, and what makes no difference."""
_FRAME = ("recorder", "provenance", "installs")
"""Cells that follow from the values and decide no result; the recorder's line names the Plan's digest."""


@dataclass(frozen=True)
class Change:
    """An attribute that is not the same in both documents; None where it is not there."""

    attribute: str
    here: Any
    there: Any


@dataclass
class Differences:
    """Two documents, element by element.

    Attributes
    ----------
    here, there : Index
    states : dict of int to str
        The state of each element that is here, by its number here.
    twins : dict of int to int
        The number there of an element that is in both.
    only_there : list of int
        Numbers there.
    """

    here: Index
    there: Index
    states: dict[int, str] = field(default_factory=dict)
    twins: dict[int, int] = field(default_factory=dict)
    only_there: list[int] = field(default_factory=list)

    def changes(self, number: int) -> list[Change]:
        """Return the attributes of an element that differ, leaving out times and sizes of the runs themselves."""
        twin = self.twins.get(number)
        return [] if twin is None else _changes(self.here, number, self.there, twin)

    def is_only_there(self, number: int) -> bool:
        """Return whether an element that is there has no twin here."""
        return number in self._lonely

    @cached_property
    def _lonely(self) -> frozenset[int]:
        return frozenset(self.only_there)

    def count(self, state: str) -> int:
        """Return how many elements are in a state."""
        if state == ONLY_THERE:
            return len(self.only_there)
        return sum(own == state for own in self.states.values())


def differences(here: Index, there: Index) -> Differences:
    """Compare two documents.

    Elements are the same thing when they have the same identifier. In documents of this package the prefixes ``run``
    and ``plan`` stand for the same role in each, so the spelling counts there; else, the IRI that it stands for.
    """
    found = Differences(here, there)
    ours = here.is_ours and there.is_ours
    numbers = {_key(there, number, ours): number for number in range(len(there)) if not _is_apart(there, number)}
    met = set()
    for number in range(len(here)):
        if _is_apart(here, number):
            continue
        twin = numbers.get(_key(here, number, ours))
        if twin is None:
            found.states[number] = ONLY_HERE
            continue
        met.add(twin)
        found.twins[number] = twin
        found.states[number] = CHANGED if _changes(here, number, there, twin) else SAME
    found.only_there = sorted((n for n in numbers.values() if n not in met), key=there.position)
    return found


def _is_apart(index: Index, number: int) -> bool:
    # The seal follows from everything else; a fact is also a field of its group.
    return index.kind(number) in ("seal", "fact", "form", "term")


def _key(index: Index, number: int, ours: bool) -> tuple[str, str]:
    identifier = index.ids[number]
    prefix, colon, local = identifier.partition(":")
    if not ours and colon and prefix in index.prefixes:
        identifier = index.prefixes[prefix] + local
    return index.bundle(number), identifier


def _changes(here: Index, number: int, there: Index, twin: int) -> list[Change]:
    a, b = here.record(number), there.record(twin)
    if here.kind(number) == "cell" and plain(a.get("ml:step")) in _FRAME:
        return []
    return [
        Change(name, _told(a, name), _told(b, name))
        for name in dict.fromkeys([*a, *b])
        if name not in _OF_THE_RUN
        and not name.startswith("p-plan:")
        and a.get(name) != b.get(name)
        and not _is_picture_digest(name, a, b)
    ]


def _is_picture_digest(name: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    # Fonts and library versions change a picture's bytes, and nothing that it shows.
    told = (str(record.get("schema:name")) for record in (a, b))
    return name in ("schema:sha256", "ml:bytes") and all(t.endswith((".png", ".svg", ".pdf", ".jpg")) for t in told)


def _told(record: Mapping[str, Any], name: str) -> Any:
    if name not in record:
        return None
    return references_in(record[name]) or plain(record[name])
