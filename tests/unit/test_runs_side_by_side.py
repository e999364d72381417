"""Runs are listed, searched, sorted and compared from summaries that are made again whenever they may be wrong."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import ProvenanceError, ValueRefused
from mlprov_widgets.execution import summary
from mlprov_widgets.execution.side_by_side import in_short
from mlprov_widgets.ui.compare_view import comparison_html

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tiny_run: Answer, run_new: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three runs: two completed ones with other values, and one whose document is damaged."""
    other = run_new("tiny", {"epochs": 2, "optimizer": "Signs", "title": "Two rounds"})
    runs = tmp_path_factory.mktemp("side") / "runs"
    shutil.copytree(tiny_run["run"], runs / "a-first")
    shutil.copytree(other["run"], runs / "b-second")
    (runs / "c-damaged").mkdir()
    (runs / "c-damaged" / "provenance.json").write_text("{", encoding="utf-8")
    return runs


@pytest.fixture
def own(folder: Path, tmp_path: Path) -> Path:
    """The same runs, to be changed."""
    return shutil.copytree(folder, tmp_path / "runs")


def names(found: Answer) -> list[str]:
    return [Path(run["run"]).name for run in found["runs"]]


def test_a_run_leaves_its_summary(folder: Path) -> None:
    assert (folder / "a-first" / summary.FILE_NAME).is_file()


def test_runs_are_listed_newest_first_and_a_damaged_one_with_its_problem(folder: Path) -> None:
    found = verbs.list_runs(runs=folder)
    assert names(found) == ["b-second", "a-first", "c-damaged"]
    assert found["runs"][2]["status"] == "incomplete"
    assert "this is not JSON" in found["runs"][2]["problem"]
    assert "parameters" not in found["runs"][0]


def test_the_list_is_the_same_without_summaries(own: Path) -> None:
    kept = verbs.list_runs(runs=own)
    for path in own.rglob(summary.FILE_NAME):
        path.unlink()
    assert verbs.list_runs(runs=own) == kept


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 1}', '{"version": 1, "bytes": 1, "summary": {}}'])
def test_a_damaged_summary_does_not_count(own: Path, content: str) -> None:
    kept = verbs.list_runs(runs=own)
    (own / "a-first" / summary.FILE_NAME).write_text(content, encoding="utf-8")
    assert verbs.list_runs(runs=own) == kept


def test_listing_and_comparing_write_nothing(own: Path) -> None:
    for path in own.rglob(summary.FILE_NAME):
        path.unlink()
    before = sorted(own.rglob("*"))
    verbs.list_runs(runs=own)
    verbs.compare([own / "a-first", own / "b-second"])
    assert sorted(own.rglob("*")) == before


def test_the_summary_of_a_copied_folder_counts_whatever_was_copied_first(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = verbs.list_runs(runs=own)
    os.utime(own / "a-first" / summary.FILE_NAME, (1, 1))
    read: list[Path] = []
    summarise = summary.summarise
    monkeypatch.setattr(summary, "summarise", lambda file: read.append(file.path) or summarise(file))
    assert verbs.list_runs(runs=own) == kept
    assert read == []


def test_a_summary_of_an_older_document_does_not_count(own: Path) -> None:
    path = own / "a-first" / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["activity"]["run:run"]["ml:status"] = "cancelled"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert verbs.list_runs(runs=own, search="a-first")["runs"][0]["status"] == "cancelled"


def test_a_summary_that_is_older_than_its_document_does_not_count_even_of_the_same_size(own: Path) -> None:
    path = own / "a-first" / "provenance.json"
    text = path.read_text(encoding="utf-8").replace('"ml:status": "completed"', '"ml:status": "cancelled"')
    path.write_text(text, encoding="utf-8")
    kept = own / "a-first" / summary.FILE_NAME
    os.utime(kept, (path.stat().st_mtime - 10, path.stat().st_mtime - 10))
    assert verbs.list_runs(runs=own, search="a-first")["runs"][0]["status"] == "cancelled"


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("", ["b-second", "a-first", "c-damaged"]),
        ("two ROUNDS", ["b-second"]),
        ("signs", ["b-second"]),
        ("epochs=4", ["a-first"]),
        ("epochs=4 signs", []),
        ("completed", ["b-second", "a-first"]),
        ("nothing-like-it", []),
    ],
)
def test_a_search_finds_folders_titles_and_values(folder: Path, search: str, expected: list[str]) -> None:
    assert names(verbs.list_runs(runs=folder, search=search)) == expected


def test_runs_are_sorted_by_a_metric_and_turned(folder: Path) -> None:
    losses = [run["metrics"].get("loss") for run in verbs.list_runs(runs=folder, sort="loss")["runs"]]
    turned = [run["metrics"].get("loss") for run in verbs.list_runs(runs=folder, sort="-loss")["runs"]]
    assert losses[2] is turned[2] is None
    assert losses[:2] == sorted(losses[:2], reverse=True) == turned[1::-1]


def test_sorting_by_what_is_no_metric_is_refused(folder: Path) -> None:
    with pytest.raises(ValueRefused, match=r"^los: runs cannot be sorted by this\. Did you mean loss\?"):
        verbs.list_runs(runs=folder, sort="los")


def test_a_comparison_tells_only_what_differs(folder: Path) -> None:
    found = verbs.compare([folder / "a-first", folder / "b-second" / "provenance.json"])
    assert found["parameters"]["epochs"] == [4, 2]
    assert found["parameters"]["random_seed"][0] == found["parameters"]["random_seed"][1]
    differing = {(item["group"], item["name"]): item["values"] for item in found["differences"]}
    assert differing["parameters", "optimizer"] == ["Descent", "Signs"]
    assert ("parameters", "random_seed") not in differing
    assert not [name for group, name in differing if group == "environment"]
    assert differing["metrics", "loss"] == found["metrics"]["loss"]


def test_a_comparison_has_the_curves(folder: Path) -> None:
    curves = verbs.compare([folder / "a-first", folder / "b-second"])["series"]["loss"]
    assert [[epoch for epoch, _ in curve] for curve in curves] == [[1, 2, 3, 4], [1, 2]]


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    thinned = summary._thinned(list(range(10_000)))
    assert len(thinned) <= summary.LONGEST_CURVE + 1
    assert (thinned[0], thinned[-1]) == ([1, 0], [10_000, 9_999])


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_runs_are_not_compared(folder: Path, count: int) -> None:
    with pytest.raises(ValueRefused, match="Give two runs or more"):
        verbs.compare([folder / "a-first"] * count)


def test_a_damaged_run_is_named(folder: Path) -> None:
    with pytest.raises(ProvenanceError, match=r"provenance\.json: this is not JSON"):
        verbs.compare([folder / "a-first", folder / "c-damaged"])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "True"),
        (0.123456789, "0.123457"),
        ([0.92307, 1.0, 0.5], "0.923, 1, 0.5"),
        ([1, 2, 3, 4, 5, 6, 7], "1, 2, 3, 4, 5, … (7)"),
        ([[13, 1], [0, 7]], "2 x 2, 20 of 21 on the diagonal"),
        ([[1, 2], [3]], "[1, 2], [3]"),
        ([], ""),
    ],
)
def test_a_value_is_shown_in_short(value: Any, shown: str) -> None:
    assert in_short(value) == shown


def test_of_many_runs_each_has_a_row(folder: Path) -> None:
    found = verbs.compare([folder / "a-first", folder / "b-second"] * 4)
    html = comparison_html(found, only_differences=True)
    assert "Which are the 8 runs" in html
    assert "<td>[8]</td><td>2</td>" in html
    assert "<td>[8]</td>" not in comparison_html(verbs.compare([folder / "a-first"] * 2), only_differences=False)
