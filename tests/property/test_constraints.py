"""A history that could have happened is valid, and one that could not is found out, whatever else it holds."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from mlprov_widgets.provenance.constraints import TITLES, violations

MANY = settings(max_examples=300)
Document = dict[str, dict[str, Any]]


def codes(document: Document) -> list[str]:
    return [violation.constraint for violation in violations(document)]


# Histories ------------------------------------------------------------------------------------------------


class History:
    """Activities, what they use and what they make, told in the order in which it happens."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.clock = 0
        self.document: Document = {"entity": {}, "activity": {}, "agent": {"ag": {}}}
        self.open: dict[str, list[str]] = {}
        self.entities: list[str] = []

    def now(self) -> str:
        """Return the next moment, in any zone."""
        self.clock += 1
        zone = timezone(timedelta(minutes=self.draw(st.integers(-840, 840))))
        return (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.clock)).astimezone(zone).isoformat()

    def tell(self, section: str, **arguments: Any) -> None:
        """Add a statement."""
        statements = self.document.setdefault(section, {})
        given = {f"prov:{name}": value for name, value in arguments.items() if value is not None}
        statements[f"_:{section}{len(statements)}"] = given

    def start(self) -> None:
        """Start an activity, alone or by another that runs, triggered by what is there or by nothing."""
        name, time = f"a{len(self.document['activity'])}", self.now()
        starter = self.draw(st.sampled_from([None, *self.open]))
        if starter or self.draw(st.booleans()):
            made = [entity for entity in self.entities if starter is None]
            self.tell("wasStartedBy", activity=name, starter=starter, trigger=self.some(made), time=time)
        if others := [other for other in self.document["activity"] if self.draw(st.booleans())]:
            self.tell("wasInformedBy", informed=name, informant=self.draw(st.sampled_from(others)))
        self.document["activity"][name] = {"prov:startTime": time} if self.draw(st.booleans()) else {}
        self.open[name] = []

    def some(self, names: list[str]) -> str | None:
        """Draw one of the names or none."""
        return self.draw(st.sampled_from([None, *names]))

    def use(self) -> None:
        """Use something."""
        if self.open and self.entities:
            activity, entity = (self.draw(st.sampled_from(list(some))) for some in (self.open, self.entities))
            self.open[activity].append(entity)
            self.tell("used", activity=activity, entity=entity, time=self.now())

    def make(self) -> None:
        """Generate something, of what was used."""
        if self.open:
            activity = self.draw(st.sampled_from(list(self.open)))
            entity = f"e{len(self.entities)}"
            self.document["entity"][entity] = {}
            self.tell("wasGeneratedBy", entity=entity, activity=activity, time=self.now())
            for source in {*self.open[activity]}:
                by = activity if self.draw(st.booleans()) else None
                self.tell("wasDerivedFrom", generatedEntity=entity, usedEntity=source, activity=by)
            if general := self.some(self.entities):
                self.tell("specializationOf", specificEntity=entity, generalEntity=general)
            if self.draw(st.booleans()):
                self.tell("wasAttributedTo", entity=entity, agent="ag")
            self.entities.append(entity)

    def end(self) -> None:
        """End an activity."""
        if self.open:
            activity = self.draw(st.sampled_from(list(self.open)))
            del self.open[activity]
            self.document["activity"][activity]["prov:endTime"] = self.now()
            self.tell("wasAssociatedWith", activity=activity, agent="ag")


@st.composite
def histories(draw: st.DrawFn) -> Document:
    history = History(draw)
    steps = (History.start, History.start, History.use, History.use, History.make, History.make, History.end)
    first = [History.start, History.make, History.use, History.make]  # one derivation there is always
    for step in first + draw(st.lists(st.sampled_from(steps), max_size=16)):
        step(history)
    return history.document


@st.composite
def shuffled(draw: st.DrawFn, document: Document) -> Document:
    return {
        section: {name: records[name] for name in draw(st.permutations(list(records)))}
        for section, records in ((name, document[name]) for name in draw(st.permutations(list(document))))
    }


@MANY
@given(data=st.data())
def test_what_could_have_happened_is_valid(data: st.DataObject) -> None:
    document = data.draw(histories())
    assert list(violations(document)) == []
    assert list(violations(data.draw(shuffled(document)))) == []


@MANY
@given(data=st.data())
def test_two_times_that_changed_places_are_found(data: st.DataObject) -> None:
    document = data.draw(histories())
    made = {record["prov:entity"]: record for record in document["wasGeneratedBy"].values()}
    pairs = [(name, made[record["prov:entity"]]) for name, record in document["used"].items()]
    name, generation = data.draw(st.sampled_from(pairs))
    usage = document["used"][name]
    usage["prov:time"], generation["prov:time"] = generation["prov:time"], usage["prov:time"]
    found = list(violations(document))
    assert ("generation-precedes-usage", f"used/{name}") in [(v.constraint, v.record) for v in found]


@MANY
@given(data=st.data())
def test_a_derivation_turned_around_is_found(data: st.DataObject) -> None:
    document = data.draw(histories())
    derivations = document["wasDerivedFrom"]
    new = last = data.draw(st.sampled_from(list(derivations.values())))["prov:generatedEntity"]
    for _ in range(data.draw(st.integers(1, 5))):  # as far back as its sources go
        sources = [d["prov:usedEntity"] for d in derivations.values() if d["prov:generatedEntity"] == last]
        last = data.draw(st.sampled_from(sources)) if sources else last
    derivations["_:back"] = {"prov:generatedEntity": last, "prov:usedEntity": new}
    assert codes(document)[0] == "derivation-generation-generation-ordering"


@MANY
@given(data=st.data())
def test_a_second_generation_is_found(data: st.DataObject) -> None:
    document = data.draw(histories())
    generation = data.draw(st.sampled_from(list(document["wasGeneratedBy"].values())))
    document["wasGeneratedBy"]["g"] = dict(generation)
    assert codes(document) == []
    document["wasGeneratedBy"]["other"] = dict(generation)
    assert codes(document) == ["unique-generation"]


# Any statements -------------------------------------------------------------------------------------------

ENTITY, ACTIVITY = st.sampled_from("efg"), st.sampled_from("ab")
MAYBE_ACTIVITY, MAYBE_ENTITY = st.none() | ACTIVITY, st.none() | ENTITY
EITHER = st.sampled_from(["ag", "e", "a"])
STATEMENTS = st.one_of(
    *(
        st.fixed_dictionaries({"section": st.just(section), **arguments})
        for section, arguments in {
            "entity": {"id": ENTITY},
            "activity": {"id": ACTIVITY},
            "wasGeneratedBy": {"entity": ENTITY, "activity": MAYBE_ACTIVITY},
            "wasInvalidatedBy": {"entity": ENTITY, "activity": MAYBE_ACTIVITY},
            "used": {"activity": ACTIVITY, "entity": MAYBE_ENTITY},
            "wasInformedBy": {"informed": ACTIVITY, "informant": ACTIVITY},
            "wasStartedBy": {"activity": ACTIVITY, "trigger": MAYBE_ENTITY, "starter": MAYBE_ACTIVITY},
            "wasEndedBy": {"activity": ACTIVITY, "trigger": MAYBE_ENTITY, "ender": MAYBE_ACTIVITY},
            "wasDerivedFrom": {"generatedEntity": ENTITY, "usedEntity": ENTITY, "activity": MAYBE_ACTIVITY},
            "wasAttributedTo": {"entity": ENTITY, "agent": EITHER},
            "wasAssociatedWith": {"activity": ACTIVITY, "agent": EITHER},
            "actedOnBehalfOf": {"delegate": EITHER, "responsible": EITHER, "activity": MAYBE_ACTIVITY},
            "specializationOf": {"specificEntity": ENTITY, "generalEntity": ENTITY},
        }.items()
    )
)


def told(statements: list[dict[str, Any]]) -> Document:
    document: Document = {}
    for number, statement in enumerate(statements):
        given = {f"prov:{k}": v for k, v in statement.items() if k not in ("section", "id") and v is not None}
        document.setdefault(statement["section"], {})[statement.get("id", f"_:{number}")] = given
    return document


class Saturated:
    """The order of events by the letter: every event that is inferred, every pair of them, closed under transitivity."""

    def __init__(self, statements: list[dict[str, Any]]) -> None:
        self.events: dict[str, set[tuple[Any, ...]]] = {kind: set() for kind in ("gen", "inv", "use", "start", "end")}
        self.statements = statements
        self.special = {(r["specificEntity"], r["generalEntity"]) for r in self.of("specializationOf")}
        for middle, first, last in product("efg", repeat=3):
            if {(first, middle), (middle, last)} <= self.special:
                self.special.add((first, last))
        self.infer()
        self.strict: set[tuple[Any, Any]] = set()
        self.weak: set[tuple[Any, Any]] = set(self.ordered())

    def of(self, section: str) -> Iterator[dict[str, Any]]:
        return (statement for statement in self.statements if statement["section"] == section)

    def event(self, kind: str, *terms: Any) -> None:
        self.events[kind].add((kind, *terms, sum(map(len, self.events.values()))))

    def infer(self) -> None:
        entities = {r["id"] for r in self.of("entity")}
        entities |= {specific for specific, general in self.special if general in entities}
        for entity in entities:
            self.event("gen", entity, None)
            self.event("inv", entity, None)
        for r in self.of("activity"):
            self.event("start", r["id"], None)
            self.event("end", r["id"], None)
        for r in self.of("wasGeneratedBy"):
            self.event("gen", r["entity"], r["activity"])
        for r in self.of("wasInvalidatedBy"):
            self.event("inv", r["entity"], r["activity"])
        for r in self.of("used"):
            self.event("use", r["activity"], r["entity"])
        for r in self.of("wasAttributedTo"):
            self.event("gen", r["entity"], None)
        for r in self.of("wasDerivedFrom"):
            if r["activity"]:
                self.event("gen", r["generatedEntity"], r["activity"])
        for number, (kind, section, by) in enumerate(
            (("start", "wasStartedBy", "starter"), ("end", "wasEndedBy", "ender"))
        ):
            for r in self.of(section):
                trigger = r["trigger"] or f"{kind}{number}{len(self.events['gen'])}"
                self.event(kind, r["activity"], trigger)
                self.event("gen", trigger, r[by])

    def all(self, kind: str, about: Any) -> list[tuple[Any, ...]]:
        return [event for event in self.events[kind] if event[1] == about]

    def ordered(self) -> Iterator[tuple[Any, Any]]:
        start, end, gen, inv = (lambda x, kind=kind: self.all(kind, x) for kind in ("start", "end", "gen", "inv"))
        for use in self.events["use"]:
            yield from product([*start(use[1]), *gen(use[2])], [use])
            yield from product([use], [*end(use[1]), *inv(use[2])])
        for one in self.events["gen"]:
            yield from product([one], [*gen(one[1]), *inv(one[1]), *end(one[2])])
            yield from product(start(one[2]), [one])
        for one in self.events["inv"]:
            yield from product([one], inv(one[1]))
        for one in self.events["start"]:
            yield from product([one], [*start(one[1]), *end(one[1]), *inv(one[2])])
            yield from product(gen(one[2]), [one])
        for one in self.events["end"]:
            yield from product([one], [*end(one[1]), *inv(one[2])])
            yield from product(gen(one[2]), [one])
        for r in self.of("wasInformedBy"):
            yield from product(start(r["informant"]), end(r["informed"]))
        for r in self.of("wasDerivedFrom"):
            new, old, activity = r["generatedEntity"], r["usedEntity"], r["activity"]
            self.strict |= set(product(gen(old), gen(new)))
            if activity:
                yield from product([*start(activity), *gen(old)], gen(new))
                yield from product([*start(activity), *gen(old)], [*end(activity), *inv(old)])
        for specific, general in self.special:
            yield from product(gen(general), gen(specific))
            yield from product(inv(specific), inv(general))
        associated = [(r["activity"], r["agent"]) for r in self.of("wasAssociatedWith")]
        for r in self.of("actedOnBehalfOf"):
            delegate, responsible = r["delegate"], r["responsible"]
            associated += [(r["activity"], delegate), (r["activity"], responsible)] if r["activity"] else []
            yield from product(gen(responsible), inv(delegate))
            yield from product(start(responsible), end(delegate))
        for activity, agent in associated:
            yield from product(start(activity), [*inv(agent), *end(agent)])
            yield from product([*gen(agent), *start(agent)], end(activity))
        for r in self.of("wasAttributedTo"):
            yield from product([*gen(r["agent"]), *start(r["agent"])], gen(r["entity"]))

    def contradicts_itself(self) -> bool:
        after: dict[Any, set[Any]] = {}
        for one, other in self.weak | self.strict:
            after.setdefault(one, set()).add(other)
        for one, other in self.strict:
            seen, waiting = {other}, [other]
            while waiting:
                news = after.get(waiting.pop(), set()) - seen
                seen |= news
                waiting += news
            if one in seen:
                return True
        return False


@settings(MANY, max_examples=1000)
@given(statements=st.lists(STATEMENTS, max_size=16), data=st.data())
def test_the_order_of_events_is_that_of_the_recommendation_by_the_letter(
    statements: list[dict[str, Any]], data: st.DataObject
) -> None:
    found = codes(data.draw(shuffled(told(statements))))
    expected = Saturated(statements)
    assert (TITLES[42] in found) == expected.contradicts_itself()
    assert (TITLES[52] in found) == any(specific == general for specific, general in expected.special)


# Anything -------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["e", "a", "x", "_:1", "-", "ex:e", "prov:EmptyCollection", "", ":"])
JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        NAMES,
        st.text(max_size=5),
        st.just("2026-01-01T00:00:00Z"),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=5,
)
SECTIONS = st.sampled_from(
    [
        *(
            "prefix",
            "bundle",
            "entity",
            "activity",
            "agent",
            "hadMember",
            "mentionOf",
            "alternateOf",
            "wasInfluencedBy",
        ),
        *(
            "wasGeneratedBy",
            "used",
            "wasInvalidatedBy",
            "wasStartedBy",
            "wasEndedBy",
            "wasDerivedFrom",
            "specializationOf",
        ),
    ]
)
ARGUMENTS = st.sampled_from(
    [
        *("prov:entity", "prov:activity", "prov:time", "prov:trigger", "prov:starter", "prov:ender", "prov:type"),
        *("prov:startTime", "prov:endTime", "prov:generatedEntity", "prov:usedEntity", "prov:generation"),
        *("prov:usage", "prov:collection", "prov:specificEntity", "prov:generalEntity", "prov:bundle"),
        *("prov:influencee", "prov:influencer", "prov:alternate1", "prov:alternate2"),
    ]
)
RECORDS = st.dictionaries(ARGUMENTS, NAMES | JSON, max_size=6)


@MANY
@given(
    st.dictionaries(
        SECTIONS, st.dictionaries(NAMES, RECORDS | st.lists(RECORDS, max_size=2) | JSON, max_size=4) | JSON, max_size=6
    )
)
def test_any_json_has_an_answer(document: dict[str, Any]) -> None:
    before = copy.deepcopy(document)
    for violation in violations(document):
        assert violation.message
        assert violation.record.split("/")[0] in document
    assert repr(document) == repr(before)
