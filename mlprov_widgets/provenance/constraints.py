"""W3C PROV-CONSTRAINTS over PROV-JSON, and whether the recorded times fit the order of events.

Numbers and titles are those of the Recommendation of 30 April 2013,
https://www.w3.org/TR/2013/REC-prov-constraints-20130430/. That says nothing about clocks: it orders events, and a
time is only what an event is said to have. That times follow this order is checked here beyond it.

Nothing is read into ``prov``'s objects, which take 19 times the file's size.
"""

from __future__ import annotations

import re
from array import array
from collections import ChainMap, deque
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import accumulate, groupby, islice
from typing import Any, Final, NamedTuple, TypeAlias

from mlprov_widgets.errors import one_line, quoted

MALFORMED: Final = "malformed"
"""The code of what is no statement of PROV-DM at all, so that no constraint can speak of it."""

TITLES: Final = {
    22: "key-object",
    23: "key-properties",
    24: "unique-generation",
    25: "unique-invalidation",
    26: "unique-wasStartedBy",
    27: "unique-wasEndedBy",
    28: "unique-startTime",
    29: "unique-endTime",
    30: "start-precedes-end",
    31: "start-start-ordering",
    32: "end-end-ordering",
    33: "usage-within-activity",
    34: "generation-within-activity",
    35: "wasInformedBy-ordering",
    36: "generation-precedes-invalidation",
    37: "generation-precedes-usage",
    38: "usage-precedes-invalidation",
    39: "generation-generation-ordering",
    40: "invalidation-invalidation-ordering",
    41: "derivation-usage-generation-ordering",
    42: "derivation-generation-generation-ordering",
    43: "wasStartedBy-ordering",
    44: "wasEndedBy-ordering",
    45: "specialization-generation-ordering",
    46: "specialization-invalidation-ordering",
    47: "wasAssociatedWith-ordering",
    48: "wasAttributedTo-ordering",
    49: "actedOnBehalfOf-ordering",
    51: "impossible-unspecified-derivation-generation-use",
    52: "impossible-specialization-reflexive",
    53: "impossible-property-overlap",
    54: "impossible-object-property-overlap",
    55: "entity-activity-disjoint",
    56: "membership-empty-collection",
}
"""The constraints by number. 50, typing, is what 55 and 56 are decided by; it cannot be violated itself."""

UNIQUE_MENTION: Final = "unique-mention"
"""The one constraint of PROV-Links, https://www.w3.org/TR/2013/NOTE-prov-links-20130430/."""

_MOST: Final = 1_000
_PROV: Final = "http://www.w3.org/ns/prov#"
_NOTHING: Final = "-"
_STRICT: Final = 42  # the one constraint that says "strictly precedes"
_DATE_TIME: Final = re.compile(r"(-?\d{4,})-\d\d-\d\dT(\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?", re.ASCII)

_ENTITY, _ACTIVITY, _AGENT, _ANY, _TIME, _GENERATION, _USAGE = (
    "entity",
    "activity",
    "agent",
    "any",
    "time",
    "wasGeneratedBy",
    "used",
)

_GENERATED, _INVALIDATED, _STARTED, _ENDED = "was generated", "was invalidated", "started", "ended"

_Term: TypeAlias = str | int | datetime | None
"""A constant, an existential variable (a number), or None: one that stands in this place only."""


class Violation(NamedTuple):
    """A constraint that a document does not satisfy.

    Attributes
    ----------
    constraint : str
        Its title in the Recommendation, or `MALFORMED`.
    record : str
        ``section/identifier``, with ``bundle/identifier/`` before it where it stands in one.
    message : str
    """

    constraint: str
    record: str
    message: str


class _Relation(NamedTuple):
    required: int
    parameters: tuple[tuple[str, str], ...]


def _relation(required: int, **kinds: str) -> _Relation:
    return _Relation(required, tuple((f"prov:{name}", kind) for name, kind in kinds.items()))


_RELATIONS: Final = {
    "wasGeneratedBy": _relation(1, entity=_ENTITY, activity=_ACTIVITY, time=_TIME),
    "used": _relation(1, activity=_ACTIVITY, entity=_ENTITY, time=_TIME),
    "wasInformedBy": _relation(2, informed=_ACTIVITY, informant=_ACTIVITY),
    "wasStartedBy": _relation(1, activity=_ACTIVITY, trigger=_ENTITY, starter=_ACTIVITY, time=_TIME),
    "wasEndedBy": _relation(1, activity=_ACTIVITY, trigger=_ENTITY, ender=_ACTIVITY, time=_TIME),
    "wasInvalidatedBy": _relation(1, entity=_ENTITY, activity=_ACTIVITY, time=_TIME),
    "wasDerivedFrom": _relation(
        2, generatedEntity=_ENTITY, usedEntity=_ENTITY, activity=_ACTIVITY, generation=_GENERATION, usage=_USAGE
    ),
    "wasAttributedTo": _relation(2, entity=_ENTITY, agent=_AGENT),
    "wasAssociatedWith": _relation(1, activity=_ACTIVITY, agent=_AGENT, plan=_ENTITY),
    "actedOnBehalfOf": _relation(2, delegate=_AGENT, responsible=_AGENT, activity=_ACTIVITY),
    "wasInfluencedBy": _relation(2, influencee=_ANY, influencer=_ANY),
    "alternateOf": _relation(2, alternate1=_ENTITY, alternate2=_ENTITY),
    "specializationOf": _relation(2, specificEntity=_ENTITY, generalEntity=_ENTITY),
    "mentionOf": _relation(3, specificEntity=_ENTITY, generalEntity=_ENTITY, bundle=_ENTITY),
    "hadMember": _relation(2, collection=_ENTITY, entity=_ENTITY),
}
"""The parameters of each relation in the order of PROV-DM, and how many of the first must be there."""

_OBJECTS: Final = ("entity", "activity", "agent")
_WITHOUT_ID: Final = ("alternateOf", "specializationOf", "mentionOf", "hadMember")
_NOT_EXPANDABLE: Final = {("wasAssociatedWith", "prov:plan"), ("wasDerivedFrom", "prov:activity")}
"""Definition 5, table 3: without these there is none, while without another there is one that is not named."""

_PROPERTIES: Final = frozenset(_RELATIONS) - {*_WITHOUT_ID, "wasDerivedFrom", "wasInfluencedBy"}
"""The relations of constraints 53 and 54."""

_UNIQUE: Final = {
    "wasGeneratedBy": (24, (0, 1)),
    "wasInvalidatedBy": (25, (0, 1)),
    "wasStartedBy": (26, (0, 2)),
    "wasEndedBy": (27, (0, 2)),
}
"""The parameters that decide which event it is."""


def violations(document: Mapping[str, Any]) -> Iterator[Violation]:
    """Check the constraints and the order of the recorded times; stop after 1,000 violations.

    The toplevel and each bundle are checked by themselves (section 7.2).

    Parameters
    ----------
    document
        PROV-JSON, as parsed.

    Notes
    -----
    Uniqueness (22–29) is checked by merging what must be the same, event ordering (30–49) as a graph of events that
    must have no cycle through "strictly precedes", typing (50) and impossibility (51–56) on what was merged. Of the
    inferences those are applied that can change an answer: 7–11, 13, 14, 15, 19 and 21.
    """
    return islice(_violations(document), _MOST)


def _violations(document: Mapping[str, Any]) -> Iterator[Violation]:
    prefixes = ChainMap(_prefixes(document), {"prov": _PROV})
    yield from _Instance(document, prefixes).violations()
    bundles = document.get("bundle", {})
    if not isinstance(bundles, dict):
        yield Violation(MALFORMED, "bundle", "this is not an object of bundles")
        return
    for name, bundle in bundles.items():
        where = f"bundle/{name}/"
        if not isinstance(bundle, dict) or "bundle" in bundle:
            yield Violation(MALFORMED, where.rstrip("/"), "this is not a bundle of statements")
        else:
            yield from _Instance(bundle, prefixes.new_child(_prefixes(bundle)), where).violations()


def _prefixes(document: Mapping[str, Any]) -> dict[str, str]:
    found = document.get("prefix")
    return {key: iri for key, iri in found.items() if isinstance(iri, str)} if isinstance(found, dict) else {}


class _Record:
    """A statement: its identifier and its parameters as terms."""

    __slots__ = ("id", "label", "terms")

    def __init__(self, label: tuple[str, str], identifier: _Term, terms: list[_Term]) -> None:
        self.label = label
        self.id = identifier
        self.terms = terms


class _Malformed(Exception):
    """A statement that cannot be read."""


class _Instance:
    """The toplevel of a document or one bundle, while it is being checked."""

    def __init__(self, document: Mapping[str, Any], prefixes: Mapping[str, str], where: str = "") -> None:
        self.document = document
        self.where = where
        self.prefixes = prefixes
        self.found: dict[tuple[str, str], str] = {}
        self.names: dict[str, str] = {}
        self.spelled: dict[str, str] = {}
        self.variables: dict[tuple[str, str], int] = {}
        self.bound: dict[int, _Term] = {}
        self.objects: dict[str, dict[str, _Record]] = {kind: {} for kind in _OBJECTS}
        self.relations: dict[str, list[_Record]] = {section: [] for section in _RELATIONS}
        self.empty: dict[str, _Record] = {}

    def violations(self) -> Iterator[Violation]:
        """Yield what is wrong, the first of each constraint for each record."""
        self._read()
        self._merge()
        self._start_and_end_times()
        general = self._specializations()
        self._types()
        self._overlaps()
        self._order(general)
        return (Violation(code, record, one_line(message, 500)) for (code, record), message in self.found.items())

    def _found(self, constraint: int | str, label: tuple[str, str], message: str) -> None:
        code = constraint if isinstance(constraint, str) else TITLES[constraint]
        self.found.setdefault((code, self.told(label)), message)

    def told(self, label: tuple[str, str]) -> str:
        return self.where + "/".join(label)

    def shown(self, term: _Term) -> str:
        if isinstance(term, datetime):
            return term.isoformat()
        self.spelled = self.spelled or {iri: name for name, iri in self.names.items()}
        return self.spelled.get(str(term), str(term))

    # Statements -----------------------------------------------------------------------------------

    def _read(self) -> None:
        for section, records in self.document.items():
            if section in ("prefix", "bundle"):
                continue
            if not isinstance(records, dict) or (section not in _RELATIONS and section not in _OBJECTS):
                self.found[MALFORMED, self.where + section] = "this is no section of PROV-JSON"
                continue
            for name, content in records.items():
                for statement in content if isinstance(content, list) else [content]:
                    try:
                        if not isinstance(statement, dict):
                            raise _Malformed(f"a {type(statement).__name__} is not a statement")
                        self._statement(section, name, statement)
                    except _Malformed as error:
                        self._found(MALFORMED, (section, name), str(error))

    def _statement(self, section: str, name: str, statement: Mapping[str, Any]) -> None:
        if section in _RELATIONS:
            identifier: _Term = None
            if section not in _WITHOUT_ID:
                identifier = self._reference(section, name)
            for one in _members(statement) if section == "hadMember" else [statement]:
                terms = self._terms(section, one, (section, name))
                self.relations[section].append(_Record((section, name), identifier, terms))
            return
        iri = self._name(name)
        times = [self._time(statement.get(f"prov:{which}Time")) for which in ("start", "end")]
        record = _Record((section, name), iri, times if section == _ACTIVITY else [])
        known = self.objects[section].setdefault(iri, record)
        if known is not record:
            self._unify_terms(22, known, record, ("prov:startTime", "prov:endTime"))
        if section == _ENTITY and _PROV + "EmptyCollection" in self._types_of(statement):
            self.empty[iri] = record

    def _types_of(self, statement: Mapping[str, Any]) -> set[str]:
        told = statement.get("prov:type", [])
        values = [value.get("$") if isinstance(value, dict) else value for value in _as_list(told)]
        return {self._name(value) for value in values if isinstance(value, str)}

    def _terms(self, section: str, statement: Mapping[str, Any], label: tuple[str, str]) -> list[_Term]:
        """Return the parameters after definitions 1 to 5, in which those that are missing become terms."""
        required, parameters = _RELATIONS[section]
        terms: list[_Term] = []
        for position, (attribute, kind) in enumerate(parameters):
            raw = statement.get(attribute, _NOTHING)
            term: _Term = None
            if raw == _NOTHING:
                if position < required:
                    raise _Malformed(f"{attribute} is missing")
                if (section, attribute) in _NOT_EXPANDABLE:
                    term = _NOTHING
            elif kind == _TIME:
                term = self._time(raw)
            elif isinstance(raw, str):
                term = self._reference(kind, raw) if kind in (_GENERATION, _USAGE) else self._name(raw)
            else:
                raise _Malformed(f"{attribute} is not a name")
            terms.append(term)
        if section == "wasDerivedFrom" and terms[2] == _NOTHING:
            if terms[3:] != [None, None]:
                self._found(51, label, "a generation or usage is named, but not the activity that they belong to")
            terms[3:] = [_NOTHING, _NOTHING]
        return terms

    def _reference(self, kind: str, name: str) -> _Term:
        """Return an event's identifier; one that begins with ``_:`` stands for a statement without."""
        return self.variables.setdefault((kind, name), len(self.variables)) if name[:2] == "_:" else self._name(name)

    def _name(self, name: str) -> str:
        """Return a qualified name as IRI, since two prefixes may stand for the same."""
        found = self.names.get(name)
        if found is None:
            prefix, local = name.split(":", 1) if ":" in name else ("default", name)
            space = self.prefixes.get(prefix)
            found = self.names[name] = name if space is None else space + local
        return found

    def _time(self, raw: Any) -> _Term:
        if raw is None:
            return None
        text = raw.get("$") if isinstance(raw, dict) else raw
        if not isinstance(text, str):
            raise _Malformed(f"a {type(text).__name__} is not an xsd:dateTime")
        match = _DATE_TIME.fullmatch(text)
        if match is None:
            raise _Malformed(f"{quoted(text)} is not an xsd:dateTime")
        try:
            if match[2] == "24:00:00":
                return datetime.fromisoformat(text.replace("T24", "T00")) + timedelta(days=1)
            return datetime.fromisoformat(text)
        except ValueError:
            if len(match[1]) == 4 and match[1] != "0000":
                raise _Malformed(f"{quoted(text)} is not an xsd:dateTime") from None
        except OverflowError:
            pass
        return text  # a year that Python does not count

    # Uniqueness -----------------------------------------------------------------------------------

    def value(self, term: _Term) -> _Term:
        """Return what a variable is bound to by now."""
        passed = []
        while isinstance(term, int) and term in self.bound:
            passed.append(term)
            term = self.bound[term]
        for variable in passed:
            self.bound[variable] = term
        return term

    def _unify(self, one: _Term, other: _Term) -> bool:
        one, other = self.value(one), self.value(other)
        if one == other:
            return True
        if isinstance(other, int):
            self.bound[other] = one
        elif isinstance(one, int):
            self.bound[one] = other
        else:
            return False
        return True

    def _unify_terms(self, number: int, known: _Record, record: _Record, attributes: Iterable[str]) -> None:
        for position, (attribute, one, other) in enumerate(zip(attributes, known.terms, record.terms, strict=False)):
            if one is None:
                known.terms[position] = other
            elif other is not None and not self._unify(one, other):
                shown = f"{attribute} is {self.shown(one)} in {self.told(known.label)}"
                self._found(number, record.label, f"{shown} and {self.shown(other)} here, and both are one statement")

    def _merge(self) -> None:
        """Merge statements by constraints 22 to 27, and add what inference 11 makes of derivations."""
        self._merge_by_identifier("wasDerivedFrom")
        for record in self.relations["wasDerivedFrom"]:
            entity, source, activity, generation, usage = record.terms
            if generation not in (None, _NOTHING):
                self.relations["wasGeneratedBy"].append(_Record(record.label, generation, [entity, activity, None]))
            if usage not in (None, _NOTHING):
                self.relations["used"].append(_Record(record.label, usage, [activity, source, None]))
        again = True
        while again:
            for section in _RELATIONS:
                if section not in _WITHOUT_ID:
                    self._merge_by_identifier(section)
            again = any(self._merge_events(section) for section in _UNIQUE)
        self._unique_mention()

    def _merge_by_identifier(self, section: str) -> None:
        known: dict[_Term, _Record] = {}
        attributes = [attribute for attribute, _ in _RELATIONS[section].parameters]
        for record in self.relations[section]:
            first = known.setdefault(self.value(record.id), record)
            if first is not record:
                self._unify_terms(23, first, record, attributes)
        self.relations[section] = list(known.values())

    def _merge_events(self, section: str) -> bool:
        """Make the identifiers of one event equal; return whether that says anything new."""
        number, positions = _UNIQUE[section]
        known: dict[tuple[_Term, _Term], _Record] = {}
        news = False
        for record in self.relations[section]:
            about, by = (record.terms[position] for position in positions)
            if by is None:
                continue
            first = known.setdefault((about, by), record)
            if self.value(first.id) != self.value(record.id):
                if self._unify(first.id, record.id):
                    news = True
                else:
                    event = f"{self.shown(about)} by {self.shown(by)}"
                    self._found(number, record.label, f"{self.told(first.label)} is this event, of {event}, already")
        return news

    def _unique_mention(self) -> None:
        known: dict[_Term, _Record] = {}
        for record in self.relations["mentionOf"]:
            first = known.setdefault(record.terms[0], record)
            if first.terms != record.terms:
                message = f"{self.told(first.label)} mentions another entity, or in another bundle"
                self._found(UNIQUE_MENTION, record.label, message)

    def _start_and_end_times(self) -> None:
        """Constraints 28 and 29: an activity's time is that of its start or end."""
        for position, (number, section) in enumerate(((28, "wasStartedBy"), (29, "wasEndedBy"))):
            for record in self.relations[section]:
                activity = self.objects[_ACTIVITY].get(str(record.terms[0]))
                if activity is None or record.terms[3] is None:
                    continue
                time = activity.terms[position]
                if time is None:
                    activity.terms[position] = record.terms[3]
                elif time != record.terms[3]:
                    told = f"{self.shown(record.terms[3])}, but {self.shown(record.terms[0])} has {self.shown(time)}"
                    self._found(number, record.label, f"the time is {told}")

    # Types and what is impossible -------------------------------------------------------------------

    def _specializations(self) -> dict[str, list[tuple[str, _Record]]]:
        """Constraint 52 with inference 19, inference 21; return what each entity is a general form of."""
        general: dict[str, list[tuple[str, _Record]]] = {}
        for section in ("specializationOf", "mentionOf"):  # a mention is a specialization
            for record in self.relations[section]:
                general.setdefault(str(record.terms[1]), []).append((str(record.terms[0]), record))
        names = list(dict.fromkeys([*general, *(name for found in general.values() for name, _ in found)]))
        number = {name: index for index, name in enumerate(names)}
        graph = _Graph()
        for name, found in general.items():
            for specific, record in found:
                graph.edge(number[name], number[specific], 52, record.label)
        component = graph.components(len(number))
        for edge, others in graph.cycles(component, 52):
            through = f" by {self._listed(graph, others)}" if others else ""
            entity = self.shown(names[graph.before[edge]])
            self._found(52, graph.labels[edge], f"{entity} is a specialization of itself{through}")
        for known in (self.objects[_ENTITY], self.empty):
            waiting = [name for name in general if name in known]
            while waiting:
                for specific, record in general.get(waiting.pop(), ()):
                    if specific not in known:
                        known[specific] = record
                        waiting.append(specific)
        return general

    def _types(self) -> None:
        """Constraint 50, and with it 55 and 56."""
        seen: dict[str, dict[_Term, tuple[str, str]]] = {kind: {} for kind in (_ENTITY, _ACTIVITY)}
        for kind, names in seen.items():
            names.update((iri, record.label) for iri, record in self.objects[kind].items())
        for section, records in self.relations.items():
            typed = [(i, seen[kind]) for i, (_, kind) in enumerate(_RELATIONS[section].parameters) if kind in seen]
            for record in records:
                for position, names in typed:
                    term = record.terms[position]
                    if isinstance(term, str) and term != _NOTHING:
                        names.setdefault(term, record.label)
        for term, label in seen[_ACTIVITY].items():
            if term in seen[_ENTITY]:
                other = self.told(seen[_ENTITY][term])
                self._found(55, label, f"{self.shown(term)} is an activity here and an entity in {other}")
        for record in self.relations["hadMember"]:
            if record.terms[0] in self.empty:
                told = f"{self.shown(record.terms[0])} is an empty collection and has {self.shown(record.terms[1])}"
                self._found(56, record.label, told)

    def _overlaps(self) -> None:
        """Constraints 53 and 54, and 23 for the influences that inference 15 makes of relations."""
        known: dict[str, tuple[str, _Record]] = {}
        for section, records in self.relations.items():
            for record in records:
                identifier = self.value(record.id)
                if not isinstance(identifier, str):
                    continue
                for kind in _OBJECTS if section in _PROPERTIES else ():
                    if identifier in self.objects[kind]:
                        other = self.told(self.objects[kind][identifier].label)
                        self._found(54, record.label, f"{other} has this identifier too")
                before, first = known.setdefault(identifier, (section, record))
                if before == section:
                    continue
                if {before, section} <= _PROPERTIES:
                    self._found(53, record.label, f"{self.told(first.label)} has this identifier too")
                elif not all(
                    one is None or other is None or one == other
                    for one, other in zip(first.terms[:2], record.terms[:2], strict=True)
                ):
                    told = f"{self.told(first.label)} has this identifier too and is between others"
                    self._found(23, record.label, told)

    # The order of events ----------------------------------------------------------------------------

    def _order(self, general: Mapping[str, list[tuple[str, _Record]]]) -> None:
        events = _Events(self)
        events.add(general)
        component = events.graph.components(len(events.about))
        contradictory = self._cycles(events, component)
        # XML Schema does not order a time with a zone and one without.
        zones = {moment.time.tzinfo is not None for found in events.moments.values() for moment in found}
        for zoned in sorted(zones):
            self._clock(events, component, contradictory, zoned)

    def _cycles(self, events: _Events, component: list[int]) -> set[int]:
        """Check that no event strictly precedes itself; return the components where one does."""
        graph = events.graph
        found: set[int] = set()
        for edge, others in graph.cycles(component, _STRICT):
            found.add(component[graph.before[edge]])
            through = f", and not before by {self._listed(graph, others)}" if others else ""
            told = f"{events.told(graph.before[edge])} strictly before {events.told(graph.after[edge])}{through}"
            self._found(_STRICT, graph.labels[edge], told)
        return found

    def _listed(self, graph: _Graph, edges: list[int]) -> str:
        more = f" and {len(edges) - 5} more" if len(edges) > 5 else ""
        return ", ".join(self.told(graph.labels[edge]) for edge in edges[:5]) + more

    def _clock(self, events: _Events, component: list[int], contradictory: set[int], zoned: bool) -> None:
        """Check that no time is earlier than that of an event which precedes."""
        graph = events.graph
        around = {graph.after[edge]: graph.numbers[edge] for edge in graph.within(component)}
        latest: dict[int, tuple[_Moment, int]] = {}
        late: list[tuple[int, _Moment, _Moment]] = []
        order = sorted(range(len(component)), key=component.__getitem__, reverse=True)
        for number, group in groupby(order, component.__getitem__):
            if number in contradictory:
                continue
            nodes = list(group)
            told = [m for node in nodes for m in events.moments.get(node, ()) if (m.time.tzinfo is not None) == zoned]
            bound = latest.get(number)
            for moment in told:
                if bound and moment.time < bound[0].time:
                    late.append((graph.numbers[bound[1]], moment, bound[0]))
            last = max(told, key=lambda moment: moment.time, default=bound[0] if bound else None)
            if last is None:
                continue
            for moment in told:
                if moment.time < last.time:  # what precedes each other is one moment
                    late.append((around.get(moment.node, events.alone(moment.node)), moment, last))
            for edge in (edge for node in nodes for edge in graph.out(node)):
                target = component[graph.after[edge]]
                if target != number and (target not in latest or latest[target][0].time < last.time):
                    latest[target] = last, edge
        for constraint, moment, earlier in sorted(late, key=lambda found: found[0]):  # the plainest one first
            when = f"{events.told(moment.node)} at {moment.time.isoformat()}"
            other = f"{events.told(earlier.node)} at {earlier.time.isoformat()} ({self.told(earlier.label)})"
            self._found(constraint, moment.label, f"{when}, before {other}")


class _Moment(NamedTuple):
    time: datetime
    node: int
    label: tuple[str, str]


class _Events:
    """The events of an instance and how the Recommendation orders them.

    All generations of an entity precede each other (39), and so do all invalidations (40), starts (31) and ends (32)
    of one thing: each is a single node here.
    """

    def __init__(self, instance: _Instance) -> None:
        self.instance = instance
        self.graph = _Graph()
        self.about: list[tuple[str, str, str]] = []
        self.moments: dict[int, list[_Moment]] = {}
        self.generations: dict[str, int] = {}
        self.invalidations: dict[str, int] = {}
        self.starts: dict[str, int] = {}
        self.ends: dict[str, int] = {}
        self.usages: dict[_Term | tuple[_Term, _Term], int] = {}
        self.passed: dict[str, dict[str, int]] = {}
        self.placed: set[tuple[int, _Term]] = set()

    def told(self, node: int) -> str:
        """Return an event in words."""
        about, what, other = self.about[node]
        return " ".join([self.instance.shown(about), what, self.instance.shown(other)]).rstrip()

    def alone(self, node: int) -> int:
        """Return the constraint by which the events of one node precede each other."""
        return {_GENERATED: 39, _INVALIDATED: 40, _STARTED: 31, _ENDED: 32}.get(self.about[node][1], 37)

    def add(self, general: Mapping[str, list[tuple[str, _Record]]]) -> None:
        """Add all events and what orders them: constraints 30 to 49."""
        self._events()
        for activity, start in self.starts.items():
            if activity in self.ends:
                told = self.instance.objects[_ACTIVITY].get(activity)
                self._precedes(start, self.ends[activity], 30, told.label if told else (_ACTIVITY, activity))
        relations = self.instance.relations
        for record in relations["wasGeneratedBy"]:
            self._within(record.terms[1], self.generations[str(record.terms[0])], 34, record)
        for record in relations["used"]:
            self.usages[self.instance.value(record.id)] = self._usage(record.terms[0], record.terms[1], record)
            self._moment(len(self.about) - 1, record.terms[2], record)
        for entity, invalidation in self.invalidations.items():
            known = self.instance.objects[_ENTITY].get(entity)
            label = known.label if known else (_ENTITY, entity)
            self._precedes(_of(self.generations, entity), invalidation, 36, label)
        for record in relations["wasInformedBy"]:
            informed, informant = record.terms
            self._precedes(_of(self.starts, informant), _of(self.ends, informed), 35, record.label)
        for record in relations["wasDerivedFrom"]:
            self._derivation(record)
        for record in relations["wasStartedBy"]:
            self._start_or_end(self.starts, 43, record)
        for record in relations["wasEndedBy"]:
            self._start_or_end(self.ends, 44, record)
        for entity, found in general.items():
            for specific, record in found:
                self._specialization(entity, specific, record)
        for record in relations["wasAssociatedWith"]:
            self._association(record.terms[0], record.terms[1], record)
        for record in relations["wasAttributedTo"]:
            attributed, agent = record.terms
            for table in (self.generations, self.starts):
                self._precedes(_of(table, agent), _of(self.generations, attributed), 48, record.label)
        for record in relations["actedOnBehalfOf"]:
            delegate, responsible, within = record.terms
            self._precedes(_of(self.generations, responsible), _of(self.invalidations, delegate), 49, record.label)
            self._precedes(_of(self.starts, responsible), _of(self.ends, delegate), 49, record.label)
            for agent in (delegate, responsible):  # inference 14
                self._association(within, agent, record)

    def _events(self) -> None:
        """Add the events that there are, by statements and by inferences 7 to 11 and 13."""
        objects, relations = self.instance.objects, self.instance.relations
        triggers = (record.terms[1] for section in ("wasStartedBy", "wasEndedBy") for record in relations[section])
        derived = (record.terms[0] for record in relations["wasDerivedFrom"] if record.terms[2] != _NOTHING)
        attributed = (record.terms[0] for record in relations["wasAttributedTo"])
        for name in (*objects[_ENTITY], *triggers, *derived, *attributed):
            self._event(self.generations, name, _GENERATED)
        for record in relations["wasGeneratedBy"]:
            self._moment(self._event(self.generations, record.terms[0], _GENERATED), record.terms[2], record)
        for record in relations["wasInvalidatedBy"]:
            self._moment(self._event(self.invalidations, record.terms[0], _INVALIDATED), record.terms[2], record)
        for name in objects[_ENTITY] if self.invalidations else ():  # which precede nothing but each other
            self._event(self.invalidations, name, _INVALIDATED)
        for name, activity in objects[_ACTIVITY].items():
            self._moment(self._event(self.starts, name, _STARTED), activity.terms[0], activity)
            if activity.terms[1] is not None:  # an end of which nothing is said precedes nothing
                self._moment(self._event(self.ends, name, _ENDED), activity.terms[1], activity)
        for record in relations["wasStartedBy"]:
            self._moment(self._event(self.starts, record.terms[0], _STARTED), record.terms[3], record)
        for record in relations["wasEndedBy"]:
            self._moment(self._event(self.ends, record.terms[0], _ENDED), record.terms[3], record)

    def _event(self, table: dict[str, int], name: _Term, what: str) -> int:
        if not isinstance(name, str):
            return -1
        if name not in table:
            table[name] = self._node(name, what)
        return table[name]

    def _node(self, name: str, what: str, other: str = "") -> int:
        self.about.append((name, what, other))
        return len(self.about) - 1

    def _moment(self, node: int, time: _Term, record: _Record) -> None:
        if isinstance(time, datetime):
            self.moments.setdefault(node, []).append(_Moment(time, node, record.label))

    def _precedes(self, before: int | None, after: int | None, number: int, label: tuple[str, str]) -> None:
        if before is not None and after is not None:
            self.graph.edge(before, after, number, label)

    def _within(self, activity: _Term, node: int, number: int, record: _Record) -> None:
        if activity is not None and (node, activity) not in self.placed:
            self.placed.add((node, activity))
            self._precedes(_of(self.starts, activity), node, number, record.label)
            self._precedes(node, _of(self.ends, activity), number, record.label)

    def _usage(self, activity: _Term, entity: _Term, record: _Record) -> int:
        node = self._node(str(activity), "used", str(entity or "something"))
        self._within(activity, node, 33, record)
        self._precedes(_of(self.generations, entity), node, 37, record.label)
        self._precedes(node, _of(self.invalidations, entity), 38, record.label)
        return node

    def _derivation(self, record: _Record) -> None:
        entity, source, activity, _, named = record.terms
        generation = _of(self.generations, entity)
        self._precedes(_of(self.generations, source), generation, 42, record.label)
        if activity == _NOTHING or generation is None:
            return
        # Usages that are not named order nothing among themselves, so one stands for all of this entity.
        usage = (activity, source) if named is None else self.instance.value(named)
        if usage not in self.usages:
            self.usages[usage] = self._usage(activity, source, record)
        self._precedes(self.usages[usage], generation, 41, record.label)
        self._within(activity, generation, 34, record)

    def _start_or_end(self, table: dict[str, int], number: int, record: _Record) -> None:
        activity, trigger, by, _ = record.terms
        node, generation = _of(table, activity), _of(self.generations, trigger)
        if generation is None:  # inference 9 or 10: something that `by` generated
            self._precedes(_of(self.starts, by), node, number, record.label)
            return
        self._within(by, generation, 34, record)
        self._precedes(generation, node, number, record.label)
        self._precedes(node, _of(self.invalidations, trigger), number, record.label)

    def _specialization(self, entity: str, specific: str, record: _Record) -> None:
        # Inference 19 passes through an entity of which no event is known.
        general, special = (self._passed(self.generations, name, _GENERATED) for name in (entity, specific))
        self._precedes(general, special, 45, record.label)
        if self.invalidations:
            general, special = (self._passed(self.invalidations, name, _INVALIDATED) for name in (entity, specific))
            self._precedes(special, general, 46, record.label)

    def _passed(self, table: dict[str, int], name: str, what: str) -> int:
        return table[name] if name in table else self._event(self.passed.setdefault(what, {}), name, what)

    def _association(self, activity: _Term, agent: _Term, record: _Record) -> None:
        for before, after in (
            (_of(self.starts, activity), _of(self.invalidations, agent)),
            (_of(self.generations, agent), _of(self.ends, activity)),
            (_of(self.starts, activity), _of(self.ends, agent)),
            (_of(self.starts, agent), _of(self.ends, activity)),
        ):
            self._precedes(before, after, 47, record.label)


def _of(table: Mapping[str, int], name: _Term) -> int | None:
    return table.get(name) if isinstance(name, str) else None


class _Graph:
    """A graph of numbers, with the constraint and the statement of every edge."""

    def __init__(self) -> None:
        self.before, self.after, self.numbers = array("l"), array("l"), array("B")
        self.labels: list[tuple[str, str]] = []
        self._order: list[int] = []
        self._first: list[int] = []

    def edge(self, before: int, after: int, number: int, label: tuple[str, str]) -> None:
        """Add an edge."""
        self.before.append(before)
        self.after.append(after)
        self.numbers.append(number)
        self.labels.append(label)

    def out(self, node: int) -> list[int]:
        """Return the edges that leave a node, once `components` was called."""
        return self._order[self._first[node] : self._first[node + 1]]

    def components(self, nodes: int) -> list[int]:
        """Return the strongly connected component of each node, such that an edge leads to a lower number or stays.

        Tarjan's algorithm, with a stack of its own: a chain of events may be as long as the document.
        """
        self._order = sorted(range(len(self.before)), key=self.before.__getitem__)
        leaving = [0] * (nodes + 1)
        for node in self.before:
            leaving[node + 1] += 1
        self._first = list(accumulate(leaving))
        following = self._first[:-1]
        visit, low, component = [0] * nodes, [0] * nodes, [-1] * nodes
        visits = found = 0
        open_, path = [], []
        for root in range(nodes):
            if visit[root]:
                continue
            path.append(root)
            while path:
                node = path[-1]
                if not visit[node]:
                    visits += 1
                    visit[node] = low[node] = visits
                    open_.append(node)
                if following[node] < self._first[node + 1]:
                    target = self.after[self._order[following[node]]]
                    following[node] += 1
                    if not visit[target]:
                        path.append(target)
                    elif component[target] < 0:
                        low[node] = min(low[node], visit[target])
                    continue
                path.pop()
                if path:
                    low[path[-1]] = min(low[path[-1]], low[node])
                if low[node] == visit[node]:
                    while component[node] < 0:
                        component[open_.pop()] = found
                    found += 1
        return component

    def within(self, component: list[int]) -> Iterator[int]:
        """Yield the edges that are part of a cycle."""
        return (edge for edge in range(len(self.before)) if component[self.before[edge]] == component[self.after[edge]])

    def cycles(self, component: list[int], number: int) -> Iterator[tuple[int, list[int]]]:
        """Yield one edge with this number of each component that has one, and the fewest others that make a cycle."""
        done = set()
        for edge in self.within(component):
            place = component[self.before[edge]]
            if self.numbers[edge] == number and place not in done:
                done.add(place)
                yield edge, self._back(edge, component)

    def _back(self, edge: int, component: list[int]) -> list[int]:
        start, goal = self.after[edge], self.before[edge]
        came: dict[int, int] = {start: edge}
        waiting = deque([start])
        while goal not in came:
            for other in self.out(waiting.popleft()):
                target = self.after[other]
                if target not in came and component[target] == component[goal]:
                    came[target] = other
                    waiting.append(target)
        path = []
        while goal != start:
            path.append(came[goal])
            goal = self.before[came[goal]]
        return path[::-1]


def _members(statement: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a membership for each member, of which one statement may have several."""
    told = statement.get("prov:entity")
    collection = {key: item for key, item in statement.items() if key == "prov:collection"}
    return [{**collection, "prov:entity": member} for member in told] if isinstance(told, list) else [statement]


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
