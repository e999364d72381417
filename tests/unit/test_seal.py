"""The seal names the record that changed; verify checks it and what lies beside the document."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.cli import main
from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import canonical_json, sha256_of_text
from mlprov_widgets.provenance.capture.seal import SEAL, chain_of, records_of, seal
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance
from mlprov_widgets.provenance.terms import NAMESPACES
from mlprov_widgets.provenance.verify import verify

T0, T1, T2, T3 = (f"2026-01-01T12:00:0{second}+00:00" for second in range(4))


def document() -> dict[str, Any]:
    """Return a small document that is not sealed yet."""
    return {
        "prefix": {**NAMESPACES, "run": "urn:uuid:1#"},
        "entity": {
            "run:data": {"schema:name": "rows", "ml:value": 0.5},
            "run:plot": {
                "prov:type": {"$": "ml:Artifact", "type": "xsd:QName"},
                "schema:name": "outputs/plot.png",
                "schema:sha256": sha256_of_text("plot"),
            },
        },
        "activity": {
            "run:run": {"prov:startTime": T0, "prov:endTime": T3, "ml:schemaVersion": 1},
            "run:load": {"prov:startTime": T0, "prov:endTime": T1},
        },
        "agent": {"run:kernel": {}},
        "wasGeneratedBy": {"_:g1": {"prov:entity": "run:data", "prov:activity": "run:load", "prov:time": T1}},
        "used": {"_:u1": {"prov:activity": "run:run", "prov:entity": "run:data", "prov:time": T2}},
        "wasAssociatedWith": {"_:a1": {"prov:activity": "run:run", "prov:agent": "run:kernel"}},
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a sealed document's file, with its artifact beside it."""
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "plot.png").write_text("plot")
    path = tmp_path / "provenance.json"
    path.write_text(json.dumps(seal(document())))
    return path


def problems(path: Path) -> list[tuple[str, str]]:
    return [(problem["code"], problem["record"]) for problem in verify(read_provenance(path)).problems]


def change(path: Path, by: Callable[[dict[str, Any]], object], *, sealed_again: bool = False) -> None:
    """Change a document as an editor would, or as somebody who knows how to seal it."""
    raw = json.loads(path.read_text())
    by(raw)
    if sealed_again:
        del raw["entity"][SEAL]
        seal(raw)
    path.write_text(json.dumps(raw))


# The chain ---------------------------------------------------------------------------------------


def test_every_record_but_the_seal_is_in_the_chain() -> None:
    names = [name for name, _ in records_of(seal(document()))]
    assert names == [
        "activity/run:load",
        "activity/run:run",
        "agent/run:kernel",
        "entity/run:data",
        "entity/run:plot",
        "prefix",
        "used/_:u1",
        "wasAssociatedWith/_:a1",
        "wasGeneratedBy/_:g1",
    ]


def test_the_seal_does_not_depend_on_the_order_of_the_records() -> None:
    turned = {section: dict(reversed(records.items())) for section, records in reversed(document().items())}
    assert seal(turned)["entity"][SEAL] == seal(document())["entity"][SEAL]


def test_the_seal_does_not_depend_on_how_the_file_is_laid_out(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()), indent=4, sort_keys=True))
    assert problems(path) == []


def test_sealing_twice_gives_the_same_seal() -> None:
    once = copy.deepcopy(seal(document()))
    assert seal(copy.deepcopy(once)) == once


def test_another_record_gives_another_head() -> None:
    other = document()
    other["entity"]["run:data"]["ml:value"] = 0.6
    assert chain_of(other)[1] != chain_of(document())[1]


def test_a_record_that_moves_to_another_name_gives_another_head() -> None:
    other = document()
    other["entity"]["run:rows"] = other["entity"].pop("run:data")
    assert chain_of(other)[1] != chain_of(document())[1]


# Verifying ---------------------------------------------------------------------------------------


def test_a_document_as_written_is_valid(path: Path) -> None:
    verdict = verify(read_provenance(path))
    assert (verdict.valid, verdict.problems, verdict.unchecked) == (True, [], [])


def test_the_head_is_told_to_be_kept_elsewhere(path: Path) -> None:
    assert verify(read_provenance(path)).head == chain_of(document())[1]


def test_a_changed_record_is_named(path: Path) -> None:
    change(path, lambda raw: raw["entity"]["run:data"].update({"ml:value": 0.6}))
    assert verify(read_provenance(path)).problems == [
        {
            "code": "changed",
            "record": "entity/run:data",
            "message": "this record was changed after the document was sealed",
        }
    ]


def test_a_removed_record_is_named(path: Path) -> None:
    change(path, lambda raw: raw["wasAssociatedWith"].clear())
    assert problems(path) == [("missing", "wasAssociatedWith/_:a1")]


def test_an_added_record_is_named(path: Path) -> None:
    change(path, lambda raw: raw["entity"].update({"run:more": {}}))
    assert problems(path) == [("added", "entity/run:more")]


def test_an_added_section_is_named(path: Path) -> None:
    change(path, lambda raw: raw.update({"bundle": {"run:b": {}}}))
    assert problems(path) == [("added", "bundle/run:b")]


def test_a_changed_prefix_is_named(path: Path) -> None:
    change(path, lambda raw: raw["prefix"].update({"schema": "https://example.org/"}))
    assert problems(path) == [("changed", "prefix")]


def test_a_changed_head_is_named(path: Path) -> None:
    change(path, lambda raw: raw["entity"][SEAL].update({"ml:head": "0" * 64}))
    assert problems(path) == [("seal_broken", SEAL)]


@pytest.mark.parametrize("records", [None, "[", "5", "[1]", "[[1]]", '[["a"]]'])
def test_a_seal_that_cannot_be_read_is_said(path: Path, records: str | None) -> None:
    told = None if records is None else {"$": records, "type": "rdf:JSON"}
    change(path, lambda raw: raw["entity"][SEAL].update({"ml:records": told}))
    assert problems(path) == [("seal_missing", SEAL)]


def test_a_seal_that_was_removed_is_said(path: Path) -> None:
    change(path, lambda raw: raw["entity"].pop(SEAL))
    assert problems(path) == [("seal_missing", SEAL)]


def test_somebody_who_can_seal_again_is_caught_by_the_head_that_was_kept(path: Path) -> None:
    kept = verify(read_provenance(path)).head
    change(path, lambda raw: raw["entity"]["run:data"].update({"ml:value": 0.6}), sealed_again=True)
    verdict = verify(read_provenance(path))
    assert verdict.valid
    assert verdict.head != kept


# Artifacts ---------------------------------------------------------------------------------------


def test_a_changed_artifact_is_named(path: Path) -> None:
    (path.parent / "outputs" / "plot.png").write_text("another plot")
    assert verify(read_provenance(path)).problems == [
        {
            "code": "artifact_changed",
            "record": "run:plot",
            "message": "the file outputs/plot.png is not the one that the run wrote",
        }
    ]


def test_an_absent_artifact_is_unchecked(path: Path) -> None:
    (path.parent / "outputs" / "plot.png").unlink()
    verdict = verify(read_provenance(path))
    assert (verdict.problems, verdict.unchecked) == ([], ["outputs/plot.png"])


def test_without_its_folder_every_artifact_is_unchecked() -> None:
    verdict = verify(ProvenanceFile(seal(document())))
    assert (verdict.problems, verdict.unchecked) == ([], ["outputs/plot.png"])


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "outputs/../../secret.txt", "outputs/link"])
def test_an_artifact_outside_of_the_runs_folder_is_not_read(path: Path, name: str) -> None:
    (path.parent / "outputs" / "link").symlink_to("/etc/passwd")
    change(path, lambda raw: raw["entity"]["run:plot"].update({"schema:name": name}), sealed_again=True)
    assert problems(path) == [("outside", "run:plot")]


@pytest.mark.parametrize("name", ["a\x00b", "x" * 5000, "a/" * 3000], ids=["null", "long", "deep"])
def test_an_artifact_of_an_impossible_name_does_no_harm(path: Path, name: str) -> None:
    change(path, lambda raw: raw["entity"]["run:plot"].update({"schema:name": name}), sealed_again=True)
    verdict = verify(read_provenance(path))
    assert [problem["code"] for problem in verdict.problems] == ["outside"] or verdict.unchecked == [name]


def test_of_two_versions_of_an_artifact_the_last_counts(path: Path) -> None:
    def earlier(raw: dict[str, Any]) -> None:
        raw["entity"] = {
            "run:plot-0": {**raw["entity"]["run:plot"], "schema:sha256": sha256_of_text("draft")},
            **raw["entity"],
        }

    change(path, earlier, sealed_again=True)
    assert problems(path) == []


# References, constraints and the clock -----------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "identifier", "end"),
    [
        ("used", "_:u1", "prov:entity"),
        ("used", "_:u1", "prov:activity"),
        ("wasGeneratedBy", "_:g1", "prov:entity"),
        ("wasAssociatedWith", "_:a1", "prov:agent"),
    ],
)
def test_a_reference_to_nothing_is_named(path: Path, section: str, identifier: str, end: str) -> None:
    change(path, lambda raw: raw[section][identifier].update({end: "run:gone"}), sealed_again=True)
    assert verify(read_provenance(path)).problems == [
        {"code": "dangling", "record": f"{section}/{identifier}", "message": "there is no record 'run:gone'"}
    ]


@pytest.mark.parametrize("target", [["run:data"], {"$": "run:data"}, 5, None], ids=repr)
def test_a_reference_of_another_type_is_malformed(path: Path, target: object) -> None:
    change(path, lambda raw: raw["used"]["_:u1"].update({"prov:entity": target}), sealed_again=True)
    assert verify(read_provenance(path)).problems == [
        {"code": "malformed", "record": "used/_:u1", "message": "prov:entity is not a name"}
    ]


def test_an_activity_that_ends_before_it_starts_is_named(path: Path) -> None:
    change(path, lambda raw: raw["activity"]["run:load"].update({"prov:startTime": T2}), sealed_again=True)
    assert verify(read_provenance(path)).problems[0] == {
        "code": "start-precedes-end",
        "record": "activity/run:load",
        "message": f"run:load ended at {T1}, before run:load started at {T2} (activity/run:load)",
    }


def test_what_was_used_before_it_was_generated_is_named(path: Path) -> None:
    change(path, lambda raw: raw["used"]["_:u1"].update({"prov:time": T0}), sealed_again=True)
    assert verify(read_provenance(path)).problems == [
        {
            "code": "generation-precedes-usage",
            "record": "used/_:u1",
            "message": f"run:run used run:data at {T0}, before run:data was generated at {T1} (wasGeneratedBy/_:g1)",
        }
    ]


def test_the_command_prints_the_constraint_and_the_records(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(path, lambda raw: raw["used"]["_:u1"].update({"prov:time": T0}), sealed_again=True)
    assert main(["verify", str(path)]) == 1
    assert capsys.readouterr().out.splitlines()[:2] == [
        "Not valid",
        f"  generation-precedes-usage used/_:u1: run:run used run:data at {T0}, before run:data was generated at {T1} "
        "(wasGeneratedBy/_:g1)",
    ]


def test_a_derivation_from_itself_is_named(path: Path) -> None:
    derived = {"_:d1": {"prov:generatedEntity": "run:data", "prov:usedEntity": "run:data"}}
    change(path, lambda raw: raw.update({"wasDerivedFrom": derived}), sealed_again=True)
    assert problems(path) == [("derivation-generation-generation-ordering", "wasDerivedFrom/_:d1")]


def test_a_time_in_another_zone_is_the_same_time(path: Path) -> None:
    change(path, lambda raw: raw["used"]["_:u1"].update({"prov:time": "2026-01-01T13:00:02+01:00"}), sealed_again=True)
    assert problems(path) == []


def test_a_time_without_a_zone_is_not_compared(path: Path) -> None:
    change(path, lambda raw: raw["used"]["_:u1"].update({"prov:time": "2026-01-01T11:00:00"}), sealed_again=True)
    assert problems(path) == []


@pytest.mark.parametrize("time", ["noon", 5, [], "2026-02-30T12:00:00Z", "2026-01-01"], ids=repr)
def test_a_time_that_is_none_is_malformed(path: Path, time: object) -> None:
    change(path, lambda raw: raw["used"]["_:u1"].update({"prov:time": time}), sealed_again=True)
    assert problems(path) == [("malformed", "used/_:u1")]


def executions(raw: dict[str, Any], *spans: tuple[str, str]) -> None:
    """Add executions that were informed each by the one before it."""
    raw["wasInformedBy"] = {}
    for number, (start, end) in enumerate(spans):
        raw["activity"][f"run:exec-{number}"] = {
            "prov:type": {"$": "p-plan:Activity", "type": "xsd:QName"},
            "prov:startTime": start,
            "prov:endTime": end,
        }
        if number:
            raw["wasInformedBy"][f"_:i{number}"] = {
                "prov:informed": f"run:exec-{number}",
                "prov:informant": f"run:exec-{number - 1}",
            }
    raw["activity"]["run:run"]["prov:type"] = {"$": "mls:Run", "type": "xsd:QName"}


def test_executions_in_the_order_of_the_journal_are_valid(path: Path) -> None:
    change(path, lambda raw: executions(raw, (T0, T1), (T1, T2), (T2, T3)), sealed_again=True)
    assert problems(path) == []


def test_a_cell_that_another_ran_is_valid(path: Path) -> None:
    change(path, lambda raw: executions(raw, (T1, T2), (T0, T3)), sealed_again=True)
    assert problems(path) == []


def test_executions_that_changed_places_are_named(path: Path) -> None:
    change(path, lambda raw: executions(raw, (T1, T2), (T0, T1)), sealed_again=True)
    assert verify(read_provenance(path)).problems == [
        {
            "code": "clock",
            "record": "activity/run:exec-1",
            "message": "it ended before run:exec-0, which ran before it",
        }
    ]


def test_an_execution_that_outlasts_the_run_is_named(path: Path) -> None:
    change(path, lambda raw: executions(raw, (T1, "2026-01-01T12:00:04+00:00")), sealed_again=True)
    assert verify(read_provenance(path)).problems == [
        {"code": "clock", "record": "activity/run:exec-0", "message": "it ended after the run did"}
    ]


# Documents that are none -------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_number_that_has_no_end_is_refused(path: Path, number: str) -> None:
    path.write_text(path.read_text().replace("0.5", number))
    with pytest.raises(ProvenanceError, match="this is not JSON"):
        read_provenance(path)


def test_a_file_that_was_cut_off_is_said_to_be_so_wherever_it_was_cut(path: Path) -> None:
    whole = path.read_text()
    for where in (len(whole) // 2, whole.index('"rows"') + 3, whole.index('"rows"') + len('"rows"')):
        path.write_text(whole[:where])
        with pytest.raises(
            ProvenanceError, match=r"in line \d+ \(it ends in the middle: the file is truncated\)"
        ) as caught:
            read_provenance(path)
        assert "starting at in" not in caught.value.message


def test_a_text_that_no_file_could_hold_is_refused(path: Path) -> None:
    path.write_text(path.read_text().replace('"rows"', '"\\ud800"'))
    with pytest.raises(ProvenanceError, match="this is not JSON"):
        read_provenance(path)


@pytest.mark.parametrize("section", ["entity", "activity", "used", "wasGeneratedBy"])
@pytest.mark.parametrize("content", [5, [], "x", None, {"a": 5}, {"a": []}, {"a": {}}], ids=repr)
def test_a_section_of_an_odd_type_does_no_harm(section: str, content: object) -> None:
    raw = seal(document())
    raw[section] = content
    assert not verify(ProvenanceFile(raw)).valid


def test_the_seals_own_digests_are_of_canonical_json() -> None:
    digests, _ = chain_of({"agent": {"run:kernel": {"b": 1, "a": 2}}})
    own = sha256_of_text(canonical_json(["agent/run:kernel", {"a": 2, "b": 1}]))
    assert digests == [["agent/run:kernel", own[:16]]]
