"""What is kept of a PROV-JSON document: identifiers, where each record stands in the text, and arrays of relations."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mlprov_widgets.provenance.graph.words import Words

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


def _numbers() -> array[int]:
    return array("L")


@dataclass
class Columns:
    """A document, column by column. What is of an element stands at its number, what is of a relation at its own.

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
    numbers : dict
        The number of each identifier; one in a bundle stands behind the bundle's and a line end.
    sections, typeset, starts, ends
        Of each element: its place in `ELEMENTS`, its types' place in `typesets`, where its record stands in the text;
        an element that relations only mention ends at 0.
    more : dict
        Where the other records of an element stand, if it has several.
    bundle_of : dict
        The bundle of each element that is in one.
    relation_codes, subjects, objects, relation_starts, relation_ends
        Of each relation: its place in `RELATIONS`, the elements at its two ends, where it stands in the text.
    names, values : Words
        What is searched: names and types of elements, and their attributes.
    """

    text: str
    path: Path | None = None
    prefixes: dict[str, str] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    counted: int = 0
    left_out: int = 0
    numbers: dict[str, int] = field(default_factory=dict, repr=False)
    sections: bytearray = field(default_factory=bytearray, repr=False)
    typeset: array[int] = field(default_factory=_numbers, repr=False)
    starts: array[int] = field(default_factory=_numbers, repr=False)
    ends: array[int] = field(default_factory=_numbers, repr=False)
    more: dict[int, list[tuple[int, int]]] = field(default_factory=dict, repr=False)
    typesets: list[tuple[str, ...]] = field(default_factory=lambda: [()], repr=False)
    bundle_of: dict[int, str] = field(default_factory=dict, repr=False)
    relation_codes: bytearray = field(default_factory=bytearray, repr=False)
    subjects: array[int] = field(default_factory=_numbers, repr=False)
    objects: array[int] = field(default_factory=_numbers, repr=False)
    relation_starts: array[int] = field(default_factory=_numbers, repr=False)
    relation_ends: array[int] = field(default_factory=_numbers, repr=False)
    names: Words = field(default_factory=Words, repr=False)
    values: Words = field(default_factory=Words, repr=False)

    def __len__(self) -> int:
        return len(self.ids)
