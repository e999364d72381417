"""A PROV-JSON document without the whole of it as objects: reading, searching, following, comparing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.graph.columns import RELATIONS
from mlprov_widgets.provenance.graph.difference import CHANGED, ONLY_HERE, SAME, differences
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.indexed import file_of
from mlprov_widgets.provenance.graph.indexing import index_of, read_index
from mlprov_widgets.provenance.graph.layers import layered, members, sections, types_of_section
from mlprov_widgets.provenance.graph.search import search
from mlprov_widgets.provenance.graph.story import story_of
from mlprov_widgets.provenance.graph.trails import between, dependants, sources
from mlprov_widgets.provenance.reading import parse_json, read_provenance
from mlprov_widgets.provenance.view import view


def opened(document: dict[str, Any]) -> Index:
    return index_of(json.dumps(document))


def chain(count: int) -> dict[str, Any]:
    """Return activities of which each reads what the one before it made."""
    return {
        "prefix": {"ex": "http://example.org/"},
        "entity": {f"ex:e{k}": {"prov:label": f"thing {k}", "ex:value": k} for k in range(count + 1)},
        "activity": {f"ex:a{k}": {"prov:type": "ex:Work"} for k in range(count)},
        "used": {f"_:u{k}": {"prov:activity": f"ex:a{k}", "prov:entity": f"ex:e{k}"} for k in range(count)},
        "wasGeneratedBy": {
            f"_:g{k}": {"prov:entity": f"ex:e{k + 1}", "prov:activity": f"ex:a{k}"} for k in range(count)
        },
    }


def ids(index: Index, numbers: Any) -> list[str]:
    return [index.ids[number] for number in numbers]


# Reading ------------------------------------------------------------------------------------------------------


def test_every_record_of_a_real_run_is_as_a_plain_parser_reads_it(tiny_run: dict[str, Any]) -> None:
    path = Path(tiny_run["provenance"])
    document, index = json.loads(path.read_text(encoding="utf-8")), read_index(path)
    for section in ("entity", "activity", "agent"):
        for identifier, record in document[section].items():
            number = index.number(identifier)
            assert number is not None
            assert (index.record(number), index.section(number)) == (record, section)
    for name in RELATIONS:
        told = [index.relation_record(r.number) for r in index.relations(name)]
        assert told == list(document.get(name, {}).values())
    assert index.counted == sum(len(records) for key, records in document.items() if key != "prefix")


def test_a_run_is_laid_out_from_the_index_as_from_the_file(tiny_run: dict[str, Any]) -> None:
    path = Path(tiny_run["provenance"])
    assert view(file_of(read_index(path))) == view(read_provenance(path))


@pytest.mark.parametrize(
    "raw",
    [b"", b"  ", b"[]", b"3", b'{"entity": {"ex:a": {}', b'{"entity": {"ex:a": {},}}', b"{} {}", b'{"entity": {"a" {}}}', b"\xff\xfe", b'{"entity": {"ex:a": {"x": NaN}}}', b'{"entity": {"ex:a": {"x": "\\ud800"}}}', b'{"entity": {"ex:a": {"x": ' + b"[" * 100_000, b"{", b'{"a"', b'{"entity": {"ex:a": {"x": 1 "y"}}}'],
)  # fmt: skip
def test_what_is_no_document_is_refused_in_words(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(raw)
    with pytest.raises(ProvenanceError) as refused:
        read_index(path)
    assert (refused.value.field, bool(refused.value.fix)) == ("odd.json", True)


def test_a_notebook_and_other_json_are_told_apart(tmp_path: Path) -> None:
    for content, told in (({"cells": [], "nbformat": 4}, "this is a notebook"), ({"a": {}}, "not PROV-JSON")):
        path = tmp_path / "other.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(ProvenanceError, match=told):
            read_index(path)


@pytest.mark.parametrize(
    "text", ['{"entity" : {\n "ex:a"\t: {"x":"}\\"{"} , "ex:b":{} } }', '\ufeff{"entity":{"ex:a":{}}}']
)
def test_white_space_quotes_and_a_byte_order_mark_are_read(text: str) -> None:
    assert index_of(text).number("ex:a") == 0
    assert parse_json(text.encode(), "x")["entity"]["ex:a"] == index_of(text).record(0)


def test_records_of_one_identifier_are_one_and_mentioned_ones_have_none() -> None:
    index = opened(
        {
            "used": {"_:1": {"prov:activity": "ex:a", "prov:entity": "ex:e"}},
            "entity": {"ex:e": [{"x": 1}, {"x": 2, "prov:type": "ex:T"}]},
        }
    )
    thing, work = index.number("ex:e"), index.number("ex:a")
    assert thing is not None
    assert work is not None
    assert (index.record(thing)["x"], index.types(thing), index.is_described(work)) == ([1, 2], ("ex:T",), False)
    assert index.section(work) == "activity"


def test_bundles_have_elements_of_their_own() -> None:
    index = opened({"entity": {"ex:a": {"x": 1}}, "bundle": {"ex:b": {"entity": {"ex:a": {"x": 2}}}}})
    assert sorted(
        (index.bundle(n), index.record(n).get("x", 0)) for n in range(len(index)) if index.ids[n] == "ex:a"
    ) == [("", 1), ("ex:b", 2)]


def test_reading_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(k / 25 for k in range(10**6))
    monkeypatch.setattr("mlprov_widgets.provenance.graph.indexing.monotonic", lambda: next(seconds))
    told: list[int] = []
    index_of(json.dumps(chain(500)), progress=told.append)
    assert told == [768, 1536]  # the clock is looked at each 256 records, and a tenth of a second has gone by


# Searching ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "first", "total"),
    [("thing 3", "thing 3", 1), ("THING_3", "thing 3", 1), ("work", "a0", 5), ("ex:e2", "thing 2", 1), ("", "", 0), ("what", "", 0)],
)  # fmt: skip
def test_names_types_and_identifiers_are_found(wanted: str, first: str, total: int) -> None:
    found = search(opened(chain(5)), wanted)
    assert found.total == total
    assert found.hits[0].label.startswith(first) if total else found.hits == []


def test_relations_are_found_by_their_prov_name() -> None:
    assert search(opened(chain(5)), "wasgenerated").hits[0].label == "wasGeneratedBy  ·  5 relations of this name"


def test_words_that_no_record_holds_all_of_find_some_and_say_so() -> None:
    found = search(opened(chain(5)), "thing sideways")
    assert (found.loose, found.hits[0].label.partition(" ")[0]) == (True, "thing")


# Following ----------------------------------------------------------------------------------------------------


def test_sources_and_dependants_go_so_many_relations_far() -> None:
    index = opened(chain(5))
    middle = index.number("ex:e3")
    assert middle is not None
    assert ids(index, sources(index, middle, 2).hops) == ["ex:e3", "ex:a2", "ex:e2"]
    assert ids(index, dependants(index, middle, 3).hops) == ["ex:e3", "ex:a3", "ex:e4", "ex:a4"]
    assert sources(index, middle, 99, most=3).more == 1


def test_of_a_circle_each_element_is_met_once() -> None:
    index = opened(
        {
            "wasDerivedFrom": {
                f"_:{k}": {"prov:generatedEntity": f"ex:{k}", "prov:usedEntity": f"ex:{(k + 1) % 4}"} for k in range(4)
            }
        }
    )
    assert len(sources(index, 0, 99).hops) == 4
    scene = layered(index, range(4), list(index.relations()), "A circle")
    assert len({(dot.x, dot.y) for dot in scene.dots}) == 4


def test_a_path_prefers_what_was_made_of_what_and_none_is_said() -> None:
    document = chain(3)
    document["agent"] = {"ex:me": {}}
    document["wasAttributedTo"] = {f"_:{k}": {"prov:entity": f"ex:e{k}", "prov:agent": "ex:me"} for k in (0, 3)}
    index = opened(document)
    first, last = index.number("ex:e0"), index.number("ex:e3")
    assert first is not None
    assert last is not None
    way = between(index, first, last)
    assert way is not None
    assert (len(way.relations), way.directed) == (6, True)
    alone = opened({"entity": {"ex:a": {}, "ex:b": {}}})
    assert between(alone, 0, 1) is None


def test_a_value_comes_from_what_it_was_derived_from_and_not_from_all_that_its_cell_read(
    tiny_run: dict[str, Any],
) -> None:
    index = read_index(tiny_run["provenance"])
    for relation in index.relations("wasDerivedFrom"):
        if index.kind(relation.subject) == "data":
            derived = {r.object for r in index.out(relation.subject) if r.name == "wasDerivedFrom"}
            met = {n for n in sources(index, relation.subject, 2).hops if index.kind(n) in ("data", "dataset", "model")}
            assert met - {relation.subject} <= derived


# Comparing ----------------------------------------------------------------------------------------------------


def test_two_documents_are_told_apart_element_by_element() -> None:
    here, there = chain(2), chain(2)
    there["entity"]["ex:e1"]["ex:value"] = 7
    there["activity"]["ex:a0"]["prov:startTime"] = "2026-01-01T00:00:00"  # no two runs have that in common
    del there["entity"]["ex:e0"], there["used"]["_:u0"]
    there["entity"]["ex:new"] = {}
    found = differences(opened(here), opened(there))
    told = {found.here.ids[number]: state for number, state in found.states.items()}
    assert told == {"ex:e0": ONLY_HERE, "ex:e1": CHANGED, "ex:e2": SAME, "ex:a0": SAME, "ex:a1": SAME}
    assert ids(found.there, found.only_there) == ["ex:new"]
    number = found.here.number("ex:e1")
    assert number is not None
    assert [(c.attribute, c.here, c.there) for c in found.changes(number)] == [("ex:value", 1, 7)]


def test_documents_of_other_tools_are_compared_by_what_their_prefixes_stand_for() -> None:
    a = opened({"prefix": {"a": "http://x/"}, "entity": {"a:one": {}}})
    b = opened({"prefix": {"b": "http://x/"}, "entity": {"b:one": {}}})
    assert list(differences(a, b).states.values()) == [SAME]


# Drawing a large one ------------------------------------------------------------------------------------------


def test_any_part_of_a_large_document_is_reached_without_drawing_the_whole() -> None:
    index = opened(chain(3000))
    assert [dot.label for dot in sections(index).dots] == ["Entity\n3,001 records", "Activity\n3,000 records"]
    types = types_of_section(index, "activity")
    assert types.dots[0].label == "Work\n3,000 records"
    page = members(index, "activity", 0, 2400)
    assert page.dots[0].label.startswith("ex:a2400")
    assert [dot.meant for dot in page.dots[-2:]] == ["type:activity:0:2376", "type:activity:0:2424"]
    assert page.size < 40


def test_activities_of_another_tool_are_put_together_by_type_in_time() -> None:
    document = chain(4)
    for k, kind in enumerate(("ex:Late", "ex:Early", "ex:Early", "ex:Late")):
        document["activity"][f"ex:a{k}"] = {
            "prov:type": kind,
            "prov:startTime": f"2026-01-01T00:00:0{9 - k if k else 9}",
        }
    stages = story_of(opened(document)).stages
    assert [(stage.title, len(stage.steps)) for stage in stages] == [("Late", 2), ("Early", 2)]
