"""Where something comes from, what depends on it, and how two things hang together."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from mlprov_widgets.provenance.graph.index import Index, Relation

# A subject of these was made of, by or for what it points at.
_FLOW = frozenset(
    [
        "used",
        "wasGeneratedBy",
        "wasDerivedFrom",
        "wasAttributedTo",
        "wasAssociatedWith",
        "actedOnBehalfOf",
        "wasInfluencedBy",
        "specializationOf",
        "hadMember",
        "mentionOf",
        "alternateOf",
    ]
)
_DATA = ("data", "dataset", "model", "file")
_ORDER = frozenset(("wasInformedBy", "wasStartedBy"))


@dataclass(frozen=True)
class Trail:
    """Some elements and the relations between them.

    Attributes
    ----------
    hops : dict of int to int
        Each element with its distance from the start, in the order in which they were met.
    relations : list of Relation
    more : int
        Elements within reach that were left out for room.
    directed : bool
        Whether all relations lead the same way, so that the one end is made of the other.
    """

    hops: dict[int, int] = field(default_factory=dict)
    relations: list[Relation] = field(default_factory=list)
    more: int = 0
    directed: bool = True

    @property
    def size(self) -> int:
        """How many boxes and lines it would be."""
        return len(self.hops) + len(self.relations)


def sources(index: Index, start: int, hops: int, most: int = 60, without: frozenset[str] = frozenset()) -> Trail:
    """Return what an element was made of, by and for, up to so many relations away; the nearest come first.

    Where the document says of what an entity was derived, its activity is followed to these alone.

    Parameters
    ----------
    index
        The document.
    start
        The element.
    hops
        The most relations between it and another.
    most
        The most elements.
    without
        Kinds that are left out.
    """
    return _walk(index, start, hops, most, without, _Sources(index))


def dependants(index: Index, start: int, hops: int, most: int = 60, without: frozenset[str] = frozenset()) -> Trail:
    """Return what was made with the help of an element, up to so many relations away; see `sources`."""
    return _walk(index, start, hops, most, without, _Dependants(index))


class _Sources:
    """What to follow from an element, given the way on which it was met."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def follow(self, number: int, came: int | None) -> Iterator[tuple[int, Relation]]:
        index = self.index
        if index.section(number) != "activity" or came is None or not index.is_ours:
            yield from _made_of(index, number)
            return
        derived = {r.object for r in index.out(came) if r.name == "wasDerivedFrom"}
        for other, relation in _made_of(index, number):
            if not derived or other in derived or index.kind(other) not in _DATA:
                yield other, relation


class _Dependants:
    """The same in the other direction."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def follow(self, number: int, came: int | None) -> Iterator[tuple[int, Relation]]:
        index = self.index
        for other, relation in _made_into(index, number):
            if relation.name == "wasGeneratedBy" and came is not None and index.is_ours and index.kind(came) in _DATA:
                derived = {r.object for r in index.out(other) if r.name == "wasDerivedFrom"}
                if derived and came not in derived:
                    continue
            yield other, relation


def _walk(
    index: Index, start: int, hops: int, most: int, without: frozenset[str], way: _Sources | _Dependants
) -> Trail:
    found, more = {start: 0}, set()
    relations: dict[int, Relation] = {}
    waiting: deque[tuple[int, int | None, int]] = deque([(start, None, 0)])
    done: set[tuple[int, int | None]] = set()
    while waiting:
        number, came, hop = waiting.popleft()
        key = (number, came if index.section(number) == "activity" else None)
        if hop >= hops or key in done:
            continue
        done.add(key)
        for other, relation in way.follow(number, came):
            if index.kind(other) in without:
                continue
            if other not in found:
                if len(found) >= most:
                    more.add(other)
                    continue
                found[other] = hop + 1
            relations[relation.number] = relation
            waiting.append((other, number, hop + 1))
    return Trail(found, list(relations.values()), len(more))


def _made_of(index: Index, number: int) -> Iterator[tuple[int, Relation]]:
    out = index.out(number)
    through = {r.object for made in out if made.name == "wasGeneratedBy" for r in index.out(made.object)}
    for relation in out:
        # The way through the activity says the same, and says how.
        if relation.name in _FLOW and not (relation.name == "wasDerivedFrom" and relation.object in through):
            yield relation.object, relation
    # An activity that used nothing follows from what led to it.
    if not any(relation.name == "used" for relation in out):
        for relation in out:
            if relation.name in _ORDER:
                yield relation.object, relation


def _made_into(index: Index, number: int) -> Iterator[tuple[int, Relation]]:
    users = {r.subject for r in index.into(number) if r.name == "used"}
    for relation in index.into(number):
        if relation.name == "wasDerivedFrom":
            makers = {r.object for r in index.out(relation.subject) if r.name == "wasGeneratedBy"}
            if makers & users:
                continue
        follows = relation.name in _ORDER and not any(r.name == "used" for r in index.out(relation.subject))
        if relation.name in _FLOW or follows:
            yield relation.subject, relation


def between(index: Index, first: int, second: int) -> Trail | None:
    """Return a shortest way between two elements, None when there is none.

    A way on which the one was made of the other is preferred, however long; else any relations count.
    """
    for start, end in ((second, first), (first, second)):
        way = _way(start, end, lambda number: _made_of(index, number))
        if way is not None:
            return way
    way = _way(first, second, lambda number: _any(index, number))
    return None if way is None else Trail(way.hops, way.relations, directed=False)


def _any(index: Index, number: int) -> Iterator[tuple[int, Relation]]:
    for relation in index.out(number):
        yield relation.object, relation
    for relation in index.into(number):
        yield relation.subject, relation


def _way(start: int, end: int, following: Callable[[int], Iterator[tuple[int, Relation]]]) -> Trail | None:
    came: dict[int, tuple[int, Relation] | None] = {start: None}
    waiting = deque([start])
    while waiting and end not in came:
        number = waiting.popleft()
        for other, relation in following(number):
            if other not in came:
                came[other] = (number, relation)
                waiting.append(other)
    if end not in came:
        return None
    numbers, relations, step = [end], [], came[end]
    while step is not None:
        numbers.append(step[0])
        relations.append(step[1])
        step = came[step[0]]
    return Trail({number: hop for hop, number in enumerate(reversed(numbers))}, relations[::-1])
