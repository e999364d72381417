"""What a search answers, in one document or in two side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

from mlprov_widgets.provenance.graph.search import MOST_HITS, Found, Hit, search
from mlprov_widgets.provenance.graph.story import HERE, THERE, Story
from mlprov_widgets.provenance.overview import shortened

_RUNS: Final = {HERE: "in the first run", THERE: "in the second run"}
_BOTH: Final = "in both runs"


@dataclass(frozen=True)
class Answer:
    """Something that was found, and in which document.

    Attributes
    ----------
    ref : str
        The element, as `mlprov_widgets.provenance.graph.story` refers to it; for relations, the document alone.
    attribute : str
        Where the text was found, empty for the element itself; for relations, their PROV name.
    label : str
        For people.
    """

    ref: str
    attribute: str
    label: str

    @property
    def is_relation(self) -> bool:
        """Whether it stands for the relations of a name."""
        return len(self.ref) == 1


@dataclass(frozen=True)
class Answers:
    """The answers of a search and a sentence about them."""

    found: list[Answer]
    told: str


def answers(story: Story, wanted: str) -> Answers:
    """Find records in a document, or in both of a comparison; each answer says in which run it is.

    What is the same in both is one answer; what is not has one for each run, and both open the same thing.
    """
    if not wanted.strip():
        return Answers([], "")
    quoted = f"“{shortened(wanted.strip(), 60)}”"
    if story.beside is None:
        found = search(story.index, wanted)
        listed = [Answer(_ref(HERE, hit), hit.attribute, hit.label) for hit in found.hits]
        return Answers(listed, _told(quoted, f"{found.total:,} found for {quoted}", found.total, len(listed), found))
    here, there = search(story.index, wanted), search(story.beside.there, wanted)
    if here.total and there.total and here.loose != there.loose:  # what holds all of the words is the answer
        here, there = (Found([], 0), there) if here.loose else (here, Found([], 0))
    listed = list(_in_both(story, here, there))[:MOST_HITS]
    count = f"{here.total:,} found for {quoted} in the first run, {there.total:,} in the second"
    fullest = here if here.total >= there.total else there
    return Answers(listed, _told(quoted, count, here.total + there.total, len(listed), fullest))


def _told(quoted: str, count: str, total: int, listed: int, found: Found) -> str:
    if not listed:
        return f"Nothing found for {quoted}"
    told = count
    if len(found.hits) < found.total or listed == MOST_HITS < total:
        told += f", the {listed} best are listed"
    return told + ("; nothing holds all of the words" if found.loose else "")


def _ref(prefix: str, hit: Hit) -> str:
    return prefix if hit.record < 0 else f"{prefix}{hit.record}"


def _in_both(story: Story, here: Found, there: Found) -> Iterator[Answer]:
    """Yield the answers of both documents, the likeliest of each first."""
    twins = {twin: number for number, twin in story.beside.twins.items()} if story.beside is not None else {}

    def placed(prefix: str, hit: Hit) -> Answer:
        # What is in both is drawn once, as the first run's.
        twin = twins.get(hit.record) if prefix == THERE else None
        ref = f"{HERE}{twin}" if twin is not None else _ref(prefix, hit)
        return Answer(ref, hit.attribute, hit.label)

    firsts, seconds = [placed(HERE, hit) for hit in here.hits], [placed(THERE, hit) for hit in there.hits]
    in_both = set(firsts) & set(seconds)
    for one, other in zip_longest(firsts, seconds):
        for answer, prefix in ((one, HERE), (other, THERE)):
            if answer is None or (prefix == THERE and answer in in_both):
                continue
            where = _BOTH if answer in in_both else _RUNS[prefix]
            yield Answer(answer.ref, answer.attribute, f"{answer.label}  ·  {where}")
