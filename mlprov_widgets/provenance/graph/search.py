"""Finding records by name, value or type; an answer is a list of hits, the likeliest first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from mlprov_widgets.provenance.graph.columns import RELATIONS
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.indexing import is_untold
from mlprov_widgets.provenance.graph.kinds import RANK, WORDS, plain, shown, value_text
from mlprov_widgets.provenance.graph.words import searchable
from mlprov_widgets.provenance.overview import shortened

MOST_HITS = 50
_LOOKED_AT = 400
"""Hits of one sort that are looked at, so that the best of them come first."""
_TRIED = 3000
"""Places of the rarest word that are tried for the other words of a question."""
_LONGEST_LABEL = 90

# So that a question can be typed as it is asked.
_FILLING = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "were",
        "be",
        "did",
        "do",
        "does",
        "of",
        "on",
        "in",
        "at",
        "to",
        "for",
        "by",
        "which",
        "what",
        "who",
        "where",
        "when",
        "how",
        "it",
        "its",
        "this",
        "that",
        "really",
        "long",
        "take",
        "took",
        "ran",
        "run",
        "determined",
        "used",
        "there",
        "my",
    ]
)


@dataclass(frozen=True)
class Hit:
    """Something that was found.

    Attributes
    ----------
    record : int
        The element's number, -1 for a relation.
    attribute : str
        Where the text was found, empty for the element itself; for a relation, its PROV name.
    label : str
        For people.
    """

    record: int
    attribute: str
    label: str


@dataclass(frozen=True)
class Found:
    """The answer of a search.

    Attributes
    ----------
    hits : list of Hit
        At most `MOST_HITS`.
    total : int
        How many places hold the text.
    loose : bool
        Whether no place holds all words, so that the hits hold some of them.
    """

    hits: list[Hit]
    total: int
    loose: bool = False


def search(index: Index, wanted: str) -> Found:
    """Find records; capitals do not count, nor whether words are joined by ``_`` or ``-``.

    Parameters
    ----------
    index
        The document.
    wanted
        A text, or words that one record's text holds all. A question's filling words are left out when nothing
        holds the text as it is.
    """
    phrase = searchable(" ".join(wanted.split()))
    if not phrase:
        return Found([], 0)
    found = _exactly(index, phrase)
    if found.total:
        return found
    words = list(dict.fromkeys(phrase.rstrip(b"?.!").split()))
    telling = [word for word in words if word.decode("utf-8", "replace") not in _FILLING] or words
    if telling != words or len(telling) > 1:
        found = _exactly(index, b" ".join(telling))
        if found.total:
            return found
    places = _together(index, telling)
    if places:
        found = _listed(index, places, len(places))
        return found if len(found.hits) == MOST_HITS else Found(found.hits, len(found.hits))
    for count in range(len(telling) - 1, 0, -1):  # the last word of a question is what it is about
        longest = sorted(telling, key=lambda word: (-len(word), word))[:4]
        for part in longest if count == 1 else [b" ".join(telling[-count:])]:
            found = _exactly(index, part)
            if found.total:
                return Found(found.hits, found.total, loose=True)
    return Found([], 0)


def _exactly(index: Index, phrase: bytes) -> Found:
    """Find a text: as a whole name first, as its start, within it, and then within values."""
    places: list[tuple[int, int]] = []  # the rank, the place among all names and values
    at_start, whole = b"\n" + phrase, b"\n" + phrase + b"\t"
    several = len(index.names)
    for first, words, patterns in (
        (0, index.names, ((0, whole), (1, at_start), (2, phrase))),
        (several, index.values, ((1, whole), (3, phrase))),
    ):
        for rank, pattern in patterns:
            places += [(rank, first + place) for place in islice(words.places(pattern), _LOOKED_AT)]
    total = index.names.text.count(phrase) + index.values.text.count(phrase)
    relations = _relation_hits(index, phrase)
    best: dict[int, int] = {}
    for rank, place in places:
        best.setdefault(place, rank)
    found = _listed(index, [(rank, place) for place, rank in best.items()], total)
    hits = [*relations, *found.hits][:MOST_HITS]
    # One thing may hold the text in its name and in its values; where all are listed, they are counted.
    return Found(hits, len(hits) if len(hits) < MOST_HITS else max(found.total, MOST_HITS))


def _together(index: Index, words: list[bytes]) -> list[tuple[int, int]]:
    """Return the places whose record's name and own text hold all words."""
    rarest = min(words, key=lambda word: index.names.text.count(word) + index.values.text.count(word))
    named = {number: place for place, number in enumerate(index.names.owners)}
    several = len(index.names)
    found: dict[int, int] = {}
    for first, lines in ((0, index.names), (several, index.values)):
        for place in islice(lines.places(rarest), _TRIED):
            own = lines.line(place)
            name = index.names.line(named[lines.owners[place]]) if first else own
            if all(word in own or word in name for word in words):
                found[first + place] = 3 if first else 2
            if len(found) >= _LOOKED_AT:
                break
    return [(rank, place) for place, rank in found.items()]


def _listed(index: Index, places: list[tuple[int, int]], total: int) -> Found:
    several = len(index.names)

    def owner(place: int) -> int:
        return index.names.owners[place] if place < several else index.values.owners[place - several]

    def order(item: tuple[int, int]) -> tuple[int, ...]:
        # A word in a term of the plan tells less than the same in what ran; a whole name more than a part.
        rank, place = item
        own = RANK.get(index.kind(owner(place)), 2)
        return (own == 5, rank, own, place)

    hits: dict[tuple[int, str], Hit] = {}
    for _, place in sorted(places, key=order):
        number = owner(place)
        attribute = _attribute(index, number, place - several) if place >= several else ""
        record = index.record(number)
        if attribute and _says_value(index.kind(number), attribute):
            attribute = ""
        hits.setdefault((number, attribute), Hit(number, attribute, label_of(index, number, record, attribute)))
        if len(hits) >= MOST_HITS:
            break
    return Found(list(hits.values()), total)


def _says_value(kind: str, attribute: str) -> bool:
    # What the label shows in any case is no hit of its own.
    return attribute in ("mls:hasValue", "ml:variable", "schema:name", "prov:label", "ml:function") or (
        kind == "fact" and attribute == "ml:value"
    )


def _attribute(index: Index, number: int, place: int) -> str:
    """Return the attribute of which a text of values is made: the same one, counted from the record's first."""
    first = place
    while first and index.values.owners[first - 1] == number:
        first -= 1
    names = [name for name in index.record(number) if not is_untold(name)]
    return names[place - first] if place - first < len(names) else ""


def label_of(index: Index, number: int, record: dict[str, object] | None = None, attribute: str = "") -> str:
    """Return an element, or one of its attributes, as a line for people."""
    record = index.record(number) if record is None else record
    kind = index.kind(number)
    name = index.name(number)
    word = WORDS.get(kind, kind)
    if attribute == "ml:source":
        return f"{shortened(name, 60)}  ·  in its code"
    if attribute:
        value = shortened(shown(plain(record[attribute])), _LONGEST_LABEL)
        return f"{attribute.rpartition(':')[2].replace('_', ' ')} = {value}  ·  in {shortened(name, 40)}"
    value = value_text(record, kind)
    told = shortened(f"{name} = {value}" if value else name, _LONGEST_LABEL)
    if kind == "file" and "mls:Model" in index.types(number):
        word = "model file"
    return f"{told}  ·  {word}"


def _relation_hits(index: Index, phrase: bytes) -> list[Hit]:
    counts = index.counts()
    return [
        Hit(-1, name, f"{name}  ·  {counts[name]:,} relation{'s' if counts[name] > 1 else ''} of this name")
        for name in RELATIONS
        if name in counts and searchable(name).startswith(phrase) and len(phrase) > 3
    ]
