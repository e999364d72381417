"""W3C PROV-CONSTRAINTS and the order of the recorded times, over the public corpora and over statements of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import prov
import pytest

from mlprov_widgets.provenance.constraints import TITLES, violations

WHEEL = Path(prov.__file__).parent / "tests"
UNIFICATION = sorted(path for path in (WHEEL / "unification").rglob("*") if path.suffix in (".json", ".xml", ".provx"))
VALID = sorted((WHEEL / "json").glob("*.json"))

PROV = "{http://www.w3.org/ns/prov#}"
TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"


# The corpora in the wheel of prov ------------------------------------------------------------------

NO_UNIQUE_USAGE = (
    "two usages of an entity by an activity may differ: the Recommendation has no such constraint, and W3C's own suite "
    "lists unification-usage-f5, -f6 and -f7 as PASS"
)
NO_RESPONSIBLE = "the responsible agent is missing, which PROV-DM and the schemas of PROV-XML and PROV-JSON require"
MISNAMED = {
    "usage-fail1.xml": NO_UNIQUE_USAGE,
    "usage-fail5.xml": NO_UNIQUE_USAGE,
    "usage-fail6.xml": NO_UNIQUE_USAGE,
    "usage-fail7.xml": NO_UNIQUE_USAGE,
    "delegation-fail4.xml": "a delegation's activity is expandable (table 3), so one that is missing may be any; "
    "ProvToolbox marks the file as a success, W3C's suite has it no more",
    "delegation-success3.xml": NO_RESPONSIBLE,
    "delegation-success4.xml": NO_RESPONSIBLE,
}
"""Files whose name is of an earlier draft and says the opposite of the Recommendation."""


def read(path: Path) -> dict[str, Any]:
    """Return a document in PROV-JSON or PROV-XML as PROV-JSON."""
    if path.suffix == ".json":
        parsed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return parsed
    prefixes = dict(name for _, name in ElementTree.iterparse(path, events=["start-ns"]))
    return {"prefix": prefixes, **instance(ElementTree.parse(path).getroot())}


def instance(element: ElementTree.Element) -> dict[str, Any]:
    # prov reads PROV-XML too, but not ProvToolbox's bundles, and it leaves out what it does not like.
    found: dict[str, Any] = {}
    for number, child in enumerate(element):
        section = child.tag.removeprefix(PROV)
        name = child.get(f"{PROV}id", f"_:{number}")
        if section in ("bundle", "bundleContent"):
            found.setdefault("bundle", {})[name] = instance(child)
        else:
            found.setdefault(section, {}).setdefault(name, []).append(dict(attributes(child)))
    return found


def attributes(statement: ElementTree.Element) -> Iterator[tuple[str, Any]]:
    for child in statement:
        text, kind = (child.text or "").strip(), child.get(TYPE)
        typed = {"$": text, "type": kind} if kind else text
        yield child.tag.replace(PROV, "prov:"), child.get(f"{PROV}ref") or typed


@pytest.mark.parametrize("path", UNIFICATION, ids=lambda path: path.name)
def test_a_file_of_the_corpus_is_what_its_name_says(path: Path) -> None:
    passes, fails = ("success" in path.name or "PASS" in path.name), ("fail" in path.name or "FAIL" in path.name)
    assert passes != fails
    found = list(violations(read(path)))
    assert (found == []) == (passes != (path.name in MISNAMED)), found


def test_the_corpus_is_there_as_a_whole() -> None:
    assert len(UNIFICATION) == 14 + 153 + 7
    assert set(MISNAMED) < {path.name for path in UNIFICATION}


LACKING = {
    *("association2", "attribution1", "attribution2", "communication1", "communication2", "delegation1"),
    *("delegation2", "derivation1", "derivation2", "derivation9", "end1", "end4", "influence1", "influence2"),
    *("mention1", "start1", "start4", "usage1"),
}
"""Documents with a statement that lacks a required argument: they test serialisers."""


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_of_the_documents_for_serialisers_only_the_scruffy_ones_are_invalid(path: Path) -> None:
    codes = {violation.constraint for violation in violations(read(path))}
    scruffy = path.stem.startswith("scruffy-")
    assert codes == ({"malformed"} if path.stem in LACKING else {"key-properties"} if scruffy else set())


def test_the_documents_for_serialisers_are_there() -> None:
    assert len(VALID) > 390


# Statements -----------------------------------------------------------------------------------------

T1, T2 = "2026-01-01T00:00:01Z", "2026-01-01T00:00:02Z"
Statement = tuple[str, str, dict[str, Any]]


def s(section: str, identifier: str = "", /, **arguments: Any) -> Statement:
    """Return a statement; its time is 1 or 2, or what a test says."""
    times = {1: T1, 2: T2}
    given = {f"prov:{name}": times.get(value, value) if "ime" in name else value for name, value in arguments.items()}
    return section, identifier, given


def document(*statements: Statement) -> dict[str, Any]:
    """Put statements into a document; the ``N``th that has no identifier is ``_:N``."""
    found: dict[str, Any] = {"prefix": {"ex": "http://example.org/"}}
    for number, (section, identifier, arguments) in enumerate(statements, 1):
        found.setdefault(section, {}).setdefault(identifier or f"_:{number}", []).append(arguments)
    return found


def codes(*statements: Statement) -> list[str]:
    return [violation.constraint for violation in violations(document(*statements))]


def generated(entity: str = "e", /, **more: Any) -> Statement:
    return s("wasGeneratedBy", entity=entity, **more)


def invalidated(entity: str = "e", /, **more: Any) -> Statement:
    return s("wasInvalidatedBy", entity=entity, **more)


ASSOCIATED = s("wasAssociatedWith", activity="a", agent="ag")
DELEGATED = s("actedOnBehalfOf", delegate="ag2", responsible="ag")
ORDERINGS: list[tuple[int, list[Any]]] = [
    (
        47,
        [
            generated("ag2", time=1),
            s("actedOnBehalfOf", delegate="ag2", responsible="ag", activity="a"),
            s("activity", "a", endTime=2),
        ],
    ),
    (34, [generated(time=1), s("wasStartedBy", activity="a", trigger="e", starter="b"), s("activity", "b", endTime=2)]),
    (
        37,
        [
            s("activity", "b", startTime=1),
            s("wasStartedBy", activity="a", trigger="e", starter="b"),
            s("used", activity="c", entity="e", time=2),
        ],
    ),
    (
        37,
        [
            s("activity", "b", startTime=1),
            s("wasEndedBy", activity="a", trigger="e", ender="b"),
            s("used", activity="c", entity="e", time=2),
        ],
    ),
    (30, [s("activity", "a", startTime=1, endTime=2)]),
    (33, [s("activity", "a", startTime=1), s("used", activity="a", entity="e", time=2)]),
    (33, [s("used", activity="a", entity="e", time=1), s("activity", "a", endTime=2)]),
    (34, [s("activity", "a", startTime=1), generated(activity="a", time=2)]),
    (34, [generated(activity="a", time=1), s("activity", "a", endTime=2)]),
    (
        35,
        [
            s("activity", "a", startTime=1),
            s("wasInformedBy", informed="b", informant="a"),
            s("activity", "b", endTime=2),
        ],
    ),
    (36, [generated(time=1), invalidated(time=2)]),
    (37, [generated(time=1), s("used", activity="a", entity="e", time=2)]),
    (38, [s("used", activity="a", entity="e", time=1), invalidated(time=2)]),
    (
        41,
        [
            s("used", "u", activity="a", entity="e", time=1),
            s("wasDerivedFrom", generatedEntity="f", usedEntity="e", activity="a", usage="u"),
            generated("f", time=2),
        ],
    ),
    (42, [generated(time=1), s("wasDerivedFrom", generatedEntity="f", usedEntity="e"), generated("f", time=2)]),
    (43, [generated(time=1), s("wasStartedBy", activity="a", trigger="e", time=2)]),
    (43, [s("wasStartedBy", activity="a", trigger="e", time=1), invalidated(time=2)]),
    (43, [s("activity", "b", startTime=1), s("wasStartedBy", activity="a", starter="b", time=2)]),
    (44, [generated(time=1), s("wasEndedBy", activity="a", trigger="e", time=2)]),
    (44, [s("wasEndedBy", activity="a", trigger="e", time=1), invalidated(time=2)]),
    (44, [s("activity", "b", startTime=1), s("wasEndedBy", activity="a", ender="b", time=2)]),
    (45, [generated(time=1), s("specializationOf", specificEntity="f", generalEntity="e"), generated("f", time=2)]),
    (
        45,
        [
            generated(time=1),
            s("specializationOf", specificEntity="x", generalEntity="e"),
            s("specializationOf", specificEntity="f", generalEntity="x"),
            generated("f", time=2),
        ],
    ),
    (
        45,
        [generated(time=1), s("mentionOf", specificEntity="f", generalEntity="e", bundle="b"), generated("f", time=2)],
    ),
    (46, [invalidated("f", time=1), s("specializationOf", specificEntity="f", generalEntity="e"), invalidated(time=2)]),
    (
        46,
        [
            invalidated("f", time=1),
            s("specializationOf", specificEntity="x", generalEntity="e"),
            s("specializationOf", specificEntity="f", generalEntity="x"),
            invalidated(time=2),
        ],
    ),
    (
        46,
        [
            generated("f", time=1),
            s("entity", "f"),
            s("specializationOf", specificEntity="f", generalEntity="e"),
            invalidated(time=2),
        ],
    ),
    (47, [s("activity", "a", startTime=1), ASSOCIATED, invalidated("ag", time=2)]),
    (47, [generated("ag", time=1), ASSOCIATED, s("activity", "a", endTime=2)]),
    (47, [s("activity", "a", startTime=1), ASSOCIATED, s("activity", "ag", endTime=2)]),
    (47, [s("activity", "ag", startTime=1), ASSOCIATED, s("activity", "a", endTime=2)]),
    (
        47,
        [
            generated("ag", time=1),
            s("actedOnBehalfOf", delegate="ag2", responsible="ag", activity="a"),
            s("activity", "a", endTime=2),
        ],
    ),
    (48, [generated("ag", time=1), s("wasAttributedTo", entity="e", agent="ag"), generated(time=2)]),
    (48, [s("activity", "ag", startTime=1), s("wasAttributedTo", entity="e", agent="ag"), generated(time=2)]),
    (49, [generated("ag", time=1), DELEGATED, invalidated("ag2", time=2)]),
    (49, [s("activity", "ag", startTime=1), DELEGATED, s("activity", "ag2", endTime=2)]),
]


def turned(statements: list[Any]) -> list[Any]:
    """Exchange the two times."""
    other = {T1: T2, T2: T1}
    return [(section, name, {k: other.get(v, v) for k, v in given.items()}) for section, name, given in statements]


@pytest.mark.parametrize(
    ("number", "statements"), ORDERINGS, ids=[f"{number}-{row}" for row, (number, _) in enumerate(ORDERINGS)]
)
def test_times_follow_the_order_of_events(number: int, statements: list[Any]) -> None:
    assert codes(*statements) == []
    assert codes(*turned(statements)) == [TITLES[number]]


@pytest.mark.parametrize(
    ("number", "section", "about", "by"),
    [
        (31, "wasStartedBy", "activity", "starter"),
        (32, "wasEndedBy", "activity", "ender"),
        (39, "wasGeneratedBy", "entity", "activity"),
        (40, "wasInvalidatedBy", "entity", "activity"),
    ],
)
def test_what_happened_twice_happened_at_once(number: int, section: str, about: str, by: str) -> None:
    first = s(section, **{about: "x", by: "b", "time": 1})
    assert codes(first, s(section, **{about: "x", by: "c", "time": 1})) == []
    assert codes(first, s(section, **{about: "x", by: "c", "time": 2})) == [TITLES[number]]


def test_every_constraint_of_order_is_tested() -> None:
    assert {number for number, _ in ORDERINGS} | {31, 32, 39, 40} == set(range(30, 50))


def test_times_are_compared_through_events_without_one() -> None:
    chain = [s("activity", "a", startTime=2), generated("x", activity="a")]
    chain += [s("wasDerivedFrom", generatedEntity="y", usedEntity="x"), generated("y")]
    found = list(violations(document(*chain, s("used", activity="b", entity="y", time=1))))
    assert [(v.constraint, v.record) for v in found] == [("generation-precedes-usage", "used/_:5")]
    assert found[0].message == (
        "b used y at 2026-01-01T00:00:01+00:00, before a started at 2026-01-01T00:00:02+00:00 (activity/a)"
    )


def test_times_are_compared_as_moments() -> None:
    def at(end: str) -> list[str]:
        return codes(s("activity", "a", startTime="2026-01-01T12:00:00+02:00", endTime=end))

    assert at("2026-01-01T10:00:00Z") == []
    assert at("2026-01-01T10:00:00.000000Z") == []
    assert at("2026-01-01T09:59:59.999999999Z") == ["start-precedes-end"]
    assert at("2026-01-01T11:59:59+02:00") == ["start-precedes-end"]
    assert at("2025-12-31T24:00:00Z") == ["start-precedes-end"]
    assert at("2026-01-01T09:00:00") == []  # its zone is not told
    assert at("12026-01-01T00:00:00Z") == []  # a year that Python does not count
    assert at("2026-13-01T00:00:00Z") == ["malformed"]


def test_times_without_a_zone_are_compared_with_each_other() -> None:
    assert codes(s("activity", "a", startTime="2026-01-02T00:00:00", endTime="2026-01-01T00:00:00")) == [
        "start-precedes-end"
    ]


def derived(new: str, old: str) -> Statement:
    return s("wasDerivedFrom", generatedEntity=new, usedEntity=old)


ENTITIES = [s("entity", name) for name in ("e", "f", "g")]


@pytest.mark.parametrize(
    "statements",
    [
        [derived("e", "e")],
        [derived("f", "e"), derived("e", "f")],
        [derived("f", "e"), derived("g", "f"), derived("e", "g")],
        # the source specializes what is derived from it
        [derived("f", "e"), s("specializationOf", specificEntity="e", generalEntity="f")],
        # what is derived triggered the activity that made the source
        [derived("f", "e"), s("wasStartedBy", activity="a", trigger="f"), generated("e", activity="a")],
        # or started the activity that started it
        [
            derived("f", "e"),
            s("wasStartedBy", activity="a", trigger="f"),
            s("wasStartedBy", activity="b", starter="a"),
            generated("e", activity="b"),
        ],
        # or was attributed to what it was itself used to make
        [derived("f", "e"), s("wasAttributedTo", entity="e", agent="f")],
    ],
)
def test_a_cycle_through_a_derivation_is_found(statements: list[Any]) -> None:
    assert codes(*ENTITIES, *statements) == ["derivation-generation-generation-ordering"]


def test_a_cycle_is_told_with_its_records() -> None:
    (found,) = violations(document(*ENTITIES, derived("f", "e"), derived("g", "f"), derived("e", "g")))
    assert found.record == "wasDerivedFrom/_:4"
    assert found.message == (
        "e was generated strictly before f was generated, and not before by wasDerivedFrom/_:5, wasDerivedFrom/_:6"
    )


def test_an_order_that_contradicts_itself_says_nothing_about_times() -> None:
    cycle = [derived("f", "e"), derived("e", "f"), generated("e", time=2), generated("f", time=1)]
    assert codes(*ENTITIES, *cycle) == ["derivation-generation-generation-ordering"]


def test_a_cycle_of_what_may_be_simultaneous_is_valid() -> None:
    cycle = [s("wasStartedBy", activity="a", trigger="e"), generated("e", activity="a")]
    assert codes(*ENTITIES, *cycle) == []


def test_derivations_of_which_no_event_is_known_order_nothing() -> None:
    assert codes(derived("f", "e"), derived("e", "f")) == []


# Uniqueness -----------------------------------------------------------------------------------------


def test_the_identifier_and_the_attribute_of_a_failed_merge_are_told() -> None:
    (found,) = violations(document(s("used", "u", activity="a", entity="e"), s("used", "u", activity="a", entity="f")))
    assert found == (
        "key-properties",
        "used/u",
        "prov:entity is e in used/u and f here, and both are one statement",
    )


def test_two_prefixes_of_one_namespace_make_one_name() -> None:
    found = document(s("activity", "ex:a", startTime=1), s("activity", "same:a", startTime=2))
    assert list(violations(found)) == []
    found["prefix"]["same"] = found["prefix"]["ex"]
    assert [violation.constraint for violation in violations(found)] == ["key-object"]


def test_a_bundle_has_the_prefixes_of_its_document_and_its_own() -> None:
    found = document()
    found["bundle"] = {"ex:b": {"activity": {"ex:a": {}}, "entity": {"same:a": {}}}}
    assert list(violations(found)) == []
    found["bundle"]["ex:b"]["prefix"] = {"same": found["prefix"]["ex"]}
    assert [violation.constraint for violation in violations(found)] == ["entity-activity-disjoint"]


def test_a_message_is_one_short_line() -> None:
    name = "x\x1b[31m\n" + "y" * 5000
    (found,) = violations(document(s("entity", name), s("activity", name)))
    assert found.record == f"activity/{name}"
    assert found.message.isprintable()
    assert len(found.message) == 500


def test_what_is_missing_in_one_statement_is_taken_from_the_other() -> None:
    merged = [s("wasGeneratedBy", "g", entity="e"), s("wasGeneratedBy", "g", entity="e", activity="a")]
    other = s("wasGeneratedBy", "h", entity="e", activity="a")
    assert codes(merged[0], other) == []
    assert codes(*merged, other) == ["unique-generation"]


def test_a_statement_without_identifier_is_that_with_one() -> None:
    unnamed = generated("e", activity="a", time=1)
    assert codes(unnamed, s("wasGeneratedBy", "g", entity="e", activity="a")) == []
    assert codes(unnamed, s("wasGeneratedBy", "g", entity="e", activity="a", time=2)) == ["key-properties"]


def test_a_derivation_names_the_generation_and_usage_of_its_entities() -> None:
    def of(**events: str) -> list[str]:
        relation = s("wasDerivedFrom", generatedEntity="f", usedEntity="e", activity="a", **events)
        return codes(
            relation,
            s("wasGeneratedBy", "g", entity="f", activity="a"),
            s("used", "u", activity="a", entity="e"),
            s("used", "other", activity="b", entity="e"),
        )

    assert of(generation="g", usage="u") == of(generation="g") == of() == of(usage="new") == []
    assert of(usage="other") == ["key-properties"]
    assert of(generation="h") == ["unique-generation"]
    assert "impossible-property-overlap" in of(generation="u")


def test_a_statement_without_identifier_can_be_referred_to() -> None:
    relation = s("wasDerivedFrom", generatedEntity="f", usedEntity="e", activity="a", usage="_:1")
    assert codes(s("used", activity="a", entity="e"), relation) == []
    assert codes(s("used", activity="b", entity="e"), relation) == ["key-properties"]


@pytest.mark.parametrize(("number", "section", "which"), [(28, "wasStartedBy", "start"), (29, "wasEndedBy", "end")])
def test_an_activity_has_the_time_of_its_start_and_end(number: int, section: str, which: str) -> None:
    event = s(section, activity="a", time=1)
    assert codes(s("activity", "a", **{f"{which}Time": 1}), event) == []
    assert codes(s("activity", "a", **{f"{which}Time": "2026-01-01T01:00:01+01:00"}), event) == []
    assert codes(s("activity", "a", **{f"{which}Time": 2}), event)[0] == TITLES[number]
    other = s(section, activity="a", time=2, **{"starter" if which == "start" else "ender": "b"})
    assert codes(s("activity", "a"), event, other)[0] == TITLES[number]


# Types and what is impossible -------------------------------------------------------------------------

AS_ENTITY = [
    generated("x"),
    s("used", activity="a", entity="x"),
    s("wasStartedBy", activity="a", trigger="x"),
    s("wasEndedBy", activity="a", trigger="x"),
    invalidated("x"),
    s("wasDerivedFrom", generatedEntity="x", usedEntity="e"),
    s("wasDerivedFrom", generatedEntity="e", usedEntity="x"),
    s("wasAttributedTo", entity="x", agent="ag"),
    s("wasAssociatedWith", activity="a", agent="ag", plan="x"),
    s("alternateOf", alternate1="x", alternate2="e"),
    s("alternateOf", alternate1="e", alternate2="x"),
    s("specializationOf", specificEntity="x", generalEntity="e"),
    s("specializationOf", specificEntity="e", generalEntity="x"),
    s("hadMember", collection="x", entity="e"),
    s("hadMember", collection="e", entity="x"),
    s("hadMember", collection="e", entity=["f", "x"]),
]
AS_ACTIVITY = [
    generated("e", activity="x"),
    s("used", activity="x", entity="e"),
    s("wasInformedBy", informed="x", informant="a"),
    s("wasInformedBy", informed="a", informant="x"),
    s("wasStartedBy", activity="x"),
    s("wasStartedBy", activity="a", starter="x"),
    s("wasEndedBy", activity="x"),
    s("wasEndedBy", activity="a", ender="x"),
    invalidated("e", activity="x"),
    s("wasDerivedFrom", generatedEntity="e", usedEntity="f", activity="x"),
    s("wasAssociatedWith", activity="x", agent="ag"),
    s("actedOnBehalfOf", delegate="ag", responsible="ag2", activity="x"),
]


@pytest.mark.parametrize(
    ("own", "other", "statements"), [("entity", "activity", AS_ENTITY), ("activity", "entity", AS_ACTIVITY)]
)
def test_a_statement_says_what_its_arguments_are(own: str, other: str, statements: list[Any]) -> None:
    for statement in statements:
        assert codes(statement, s(own, "x"), s("agent", "x")) == [], statement
        assert codes(statement, s(other, "x")) == ["entity-activity-disjoint"], statement


def test_a_derivation_names_events_only_of_an_activity_that_is_named() -> None:
    unspecified = {"generatedEntity": "f", "usedEntity": "e"}
    for events in ({"generation": "g"}, {"usage": "u"}, {"generation": "g", "usage": "u"}):
        assert codes(s("wasDerivedFrom", **unspecified, **events)) == [TITLES[51]]
        assert codes(s("wasDerivedFrom", **unspecified, **events, activity="a")) == []


def test_nothing_is_a_specialization_of_itself() -> None:
    def special(*pairs: str) -> list[tuple[str, str]]:
        statements = [s("specializationOf", specificEntity=a, generalEntity=b) for a, b in pairs]
        return [(v.constraint, v.record) for v in violations(document(*statements))]

    assert special("ef", "fg", "eg") == []
    assert special("ee") == [(TITLES[52], "specializationOf/_:1")]
    assert special("ef", "gh", "fe") == [(TITLES[52], "specializationOf/_:1")]
    assert special("ef", "fe", "gh", "hg") == [(TITLES[52], f"specializationOf/_:{n}") for n in (1, 3)]


RELATED = {
    "wasGeneratedBy": {"entity": "e", "activity": "a"},
    "used": {"activity": "a", "entity": "e"},
    "wasInvalidatedBy": {"entity": "e", "activity": "a"},
    "wasStartedBy": {"activity": "a", "trigger": "e"},
    "wasEndedBy": {"activity": "a", "trigger": "e"},
    "wasInformedBy": {"informed": "a", "informant": "b"},
    "wasAttributedTo": {"entity": "e", "agent": "ag"},
    "wasAssociatedWith": {"activity": "a", "agent": "ag"},
    "actedOnBehalfOf": {"delegate": "ag", "responsible": "ag2"},
}


@pytest.mark.parametrize("section", RELATED)
def test_an_identifier_is_of_one_thing_only(section: str) -> None:
    statement = s(section, "x", **RELATED[section])
    for other, arguments in RELATED.items():
        expected = [] if other == section else [TITLES[53]]
        assert codes(statement, s(other, "x", **arguments)) == expected, other
    for kind in ("entity", "activity", "agent"):
        assert codes(statement, s(kind, "x")) == [TITLES[54]], kind


def test_a_relation_is_an_influence_of_the_same_name() -> None:
    usage = s("used", "x", activity="a", entity="e")
    assert codes(usage, s("wasInfluencedBy", "x", influencee="a", influencer="e")) == []
    assert codes(usage, s("wasInfluencedBy", "x", influencee="a", influencer="f")) == [TITLES[23]]
    assert codes(usage, s("wasDerivedFrom", "x", generatedEntity="e", usedEntity="f")) == [TITLES[23]]


def test_an_empty_collection_has_no_member_nor_have_those_that_specialize_it() -> None:
    empty = s("entity", "c", type={"$": "prov:EmptyCollection", "type": "xsd:QName"})
    special = s("specializationOf", specificEntity="d", generalEntity="c")
    member = s("hadMember", collection="d", entity="e")
    assert codes(empty, member) == codes(special, member) == codes(empty, special) == []
    assert codes(empty, special, member) == [TITLES[56]]


# Documents ----------------------------------------------------------------------------------------------


def test_bundles_are_checked_by_themselves() -> None:
    found = document(s("entity", "x"))
    found["bundle"] = {"ex:one": {"activity": {"x": {}}}, "ex:two": {"entity": {"y": {}}, "activity": {"y": {}}}}
    assert [(v.constraint, v.record) for v in violations(found)] == [
        ("entity-activity-disjoint", "bundle/ex:two/activity/y")
    ]


ODD: list[Any] = [
    None,
    True,
    5,
    1.5,
    "",
    "x",
    "-",
    "_:",
    ":",
    [],
    [[]],
    {},
    {"$": []},
    {"$": "x"},
    {"a": {"b": []}},
    ["x", 5],
]


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_of_any_other_type_does_no_harm(odd: Any) -> None:
    for section in [
        "prefix",
        "bundle",
        "entity",
        "activity",
        "agent",
        "unknown",
        "wasInfluencedBy",
        "hadMember",
        *RELATED,
    ]:
        for content in (odd, {"x": odd}, {"x": [odd]}, {"_:x": {"prov:entity": odd, "prov:activity": odd}}):
            found = violations({"entity": {"e": {"prov:type": odd}}, section: content})
            assert all(violation.message and violation.record for violation in found)


@pytest.mark.parametrize("odd", [None, True, 5, [], ["x"], {"$": "x"}], ids=repr)
def test_what_is_no_name_is_malformed(odd: Any) -> None:
    for section, arguments in RELATED.items():
        for attribute in arguments:
            assert codes(s(section, **{**arguments, attribute: odd})) == ["malformed"]


@pytest.mark.parametrize(
    ("content", "record", "message"),
    [
        ({"entity": []}, "entity", "this is no section of PROV-JSON"),
        ({"wasMade": {}}, "wasMade", "this is no section of PROV-JSON"),
        ({"entity": {"e": 5}}, "entity/e", "a int is not a statement"),
        ({"used": {"_:1": {}}}, "used/_:1", "prov:activity is missing"),
        ({"used": {"_:1": {"prov:activity": "-"}}}, "used/_:1", "prov:activity is missing"),
        ({"activity": {"a": {"prov:endTime": 5}}}, "activity/a", "a int is not an xsd:dateTime"),
        ({"activity": {"a": {"prov:endTime": "noon"}}}, "activity/a", "'noon' is not an xsd:dateTime"),
        ({"bundle": []}, "bundle", "this is not an object of bundles"),
        ({"bundle": {"b": 5}}, "bundle/b", "this is not a bundle of statements"),
        ({"bundle": {"b": {"bundle": {}}}}, "bundle/b", "this is not a bundle of statements"),
    ],
)
def test_what_is_no_statement_is_named(content: dict[str, Any], record: str, message: str) -> None:
    assert list(violations(content)) == [("malformed", record, message)]


def test_a_thousand_violations_are_enough() -> None:
    many = document(*(s("wasAttributedTo", entity=f"e{number}") for number in range(1500)))
    assert len(list(violations(many))) == 1000


# Size -----------------------------------------------------------------------------------------------------


def long_document(records: int) -> dict[str, Any]:
    """Return a document of a run whose every execution uses what the two before it made: nine records for each."""
    found: dict[str, Any] = {"prefix": {"run": "urn:uuid:1#"}, "activity": {"run:run": {}}}
    sections = ("entity", "wasStartedBy", "wasInformedBy", "wasGeneratedBy", "used", "wasDerivedFrom")
    found |= {section: {} for section in sections}
    for number in range(records // 9 + 1):
        activity, entity = f"run:exec-{number}", f"run:var-{number}"
        clock = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
        start, end = f"{clock}.0Z", f"{clock}.5Z"
        found["activity"][activity] = {"prov:startTime": start, "prov:endTime": end}
        found["entity"][entity] = {}
        found["wasStartedBy"][f"_:{number}"] = {
            "prov:activity": activity,
            "prov:starter": "run:run",
            "prov:time": start,
        }
        found["wasGeneratedBy"][f"_:{number}"] = {"prov:entity": entity, "prov:activity": activity, "prov:time": end}
        if number:
            found["wasInformedBy"][f"_:{number}"] = {
                "prov:informed": activity,
                "prov:informant": f"run:exec-{number - 1}",
            }
        for back in range(1, min(number, 2) + 1):
            source, name = f"run:var-{number - back}", f"_:{number}-{back}"
            found["used"][name] = {"prov:activity": activity, "prov:entity": source, "prov:time": start}
            found["wasDerivedFrom"][name] = {
                "prov:generatedEntity": entity,
                "prov:usedEntity": source,
                "prov:activity": activity,
            }
    return found


def test_a_hundred_thousand_records_take_seconds() -> None:
    found = long_document(100_000)
    began = time.perf_counter()
    assert list(violations(found)) == []
    assert time.perf_counter() - began < 30  # 2 s, on a machine that does nothing else


def test_a_cycle_as_long_as_the_document_is_found() -> None:
    found = long_document(100_000)
    last = f"run:var-{len(found['entity']) - 1}"
    found["wasDerivedFrom"]["_:back"] = {"prov:generatedEntity": "run:var-0", "prov:usedEntity": last}
    (violation,) = violations(found)
    assert violation.constraint == "derivation-generation-generation-ordering"
    assert "more" in violation.message


def test_a_chain_of_specializations_as_long_as_the_document_is_found() -> None:
    chain = document(
        s("entity", "e0", type={"$": "prov:EmptyCollection", "type": "xsd:QName"}),
        *(s("specializationOf", specificEntity=f"e{n + 1}", generalEntity=f"e{n}") for n in range(50_000)),
    )
    assert list(violations(chain)) == []
    chain["hadMember"] = {"_:m": {"prov:collection": "e50000", "prov:entity": "x"}}
    assert [violation.constraint for violation in violations(chain)] == ["membership-empty-collection"]
    chain["specializationOf"]["_:back"] = {"prov:specificEntity": "e0", "prov:generalEntity": "e50000"}
    assert next(violations(chain)).constraint == "impossible-specialization-reflexive"
