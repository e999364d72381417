"""What a page looked like is kept under its token, and nothing else is ever taken for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.tasks.load import find_tasks
from mlprov_widgets.ui.draft import MOST_STEPS, Draft, DraftStore, StartedRun
from mlprov_widgets.ui.form import Form

TOKEN = "0123456789abcdef" * 2
TASKS = find_tasks([])
TASK = next(iter(TASKS.values()))


def runs_of(folder: Path) -> tuple[StartedRun, ...]:
    return (
        StartedRun(folder / "first", "tiny", "A <b>", 7, folder / "provenance.json"),
        StartedRun(folder / "second", "tiny", "B"),
    )


@pytest.fixture
def kept(tmp_path: Path) -> DraftStore:
    """A store that has kept a form with two values."""
    store = DraftStore(tmp_path)
    assert store.open(TOKEN, TASKS) is None
    form = Form(TASK)
    form.set("epochs", "7")
    form.set("author", "Ada <b>")
    store.keep(Draft(form, "training", runs_of(tmp_path), 1))
    return store


def file_of(folder: Path) -> Path:
    (path,) = (folder / "experiments" / "drafts").iterdir()
    return path


def test_a_draft_comes_back_under_its_token(kept: DraftStore, tmp_path: Path) -> None:
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    assert draft.form.given == {"epochs": "7", "author": "Ada <b>"}
    assert (draft.page, draft.runs, draft.shown) == ("training", runs_of(tmp_path), 1)


def test_a_draft_makes_the_same_plan(kept: DraftStore, tmp_path: Path) -> None:
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    form = Form(TASK)
    form.set("epochs", "7")
    form.set("author", "Ada <b>")
    one, other = draft.form.check().draft, form.check().draft
    assert one is not None
    assert other is not None
    assert one.plan == other.plan


def test_an_imported_plan_comes_back_as_imported(tmp_path: Path) -> None:
    store = DraftStore(tmp_path)
    store.open(TOKEN, TASKS)
    form = Form(TASK)
    form.given, form.origins = {"epochs": 5}, {"epochs": "imported"}
    form.requirements, form.recorded_in = ("torch==2.0.0",), tmp_path / "p.json"
    store.keep(Draft(form, "start"))
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    assert (draft.form.origins, draft.form.requirements) == ({"epochs": "imported"}, ("torch==2.0.0",))
    assert draft.form.recorded_in == tmp_path / "p.json"


def test_another_token_finds_nothing(kept: DraftStore, tmp_path: Path) -> None:
    assert DraftStore(tmp_path).open("f" * 32, TASKS) is None


@pytest.mark.parametrize("token", ["", "x" * 32, "a" * 31, "a" * 33, "../" + "a" * 29, TOKEN.upper(), TOKEN + "\n"])
def test_what_is_no_token_keeps_nothing(tmp_path: Path, token: str) -> None:
    store = DraftStore(tmp_path)
    assert store.open(token, TASKS) is None
    store.keep(Draft(Form(TASK), "start"))
    assert list(tmp_path.iterdir()) == []


def test_without_a_token_nothing_is_written(tmp_path: Path) -> None:
    DraftStore(tmp_path).keep(Draft(Form(TASK), "start"))
    assert list(tmp_path.iterdir()) == []


def test_what_did_not_change_is_not_written_again(kept: DraftStore, tmp_path: Path) -> None:
    before = file_of(tmp_path).stat().st_mtime_ns, file_of(tmp_path).stat().st_ino
    form = Form(TASK)
    form.set("epochs", "7")
    form.set("author", "Ada <b>")
    kept.keep(Draft(form, "training", runs_of(tmp_path), 1))
    assert (file_of(tmp_path).stat().st_mtime_ns, file_of(tmp_path).stat().st_ino) == before


@pytest.mark.parametrize(
    "change",
    [
        {"task": "nowhere"},
        {"version": 1},
        {"given": None},
        {"files": {"data_file": {"path": "/etc/passwd"}}},
        {"page": None, "sources": 3},
        {"runs": [{"folder": "run"}]},
    ],
)
def test_a_damaged_draft_is_not_taken(kept: DraftStore, tmp_path: Path, change: dict[str, Any]) -> None:
    path = file_of(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    assert DraftStore(tmp_path).open(TOKEN, TASKS) is None


def versions(*epochs: int) -> tuple[Form, ...]:
    made = []
    for number in epochs:
        form = Form(TASK)
        form.set("epochs", str(number))
        made.append(form)
    return tuple(made)


def given(way: tuple[Form, ...]) -> list[object]:
    return [form.given.get("epochs") for form in way]


def test_the_way_back_and_forth_comes_back_too(kept: DraftStore, tmp_path: Path) -> None:
    kept.keep(Draft(Form(TASK), "start", past=versions(1, 2), future=versions(9)))
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    assert (given(draft.past), given(draft.future)) == (["1", "2"], ["9"])


def test_of_a_long_way_the_latest_steps_are_kept(kept: DraftStore, tmp_path: Path) -> None:
    many = versions(*range(200, 200 + MOST_STEPS + 5))
    kept.keep(Draft(Form(TASK), "start", past=many))
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    assert given(draft.past) == given(many[-MOST_STEPS:])
    large = versions(1, 2, 3)
    for form in large:
        form.given["title"] = "x" * 90_000
    kept.keep(Draft(Form(TASK), "start", past=large))
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    assert given(draft.past) == ["2", "3"]


@pytest.mark.parametrize(
    "way", [None, 3, "past", {}, [None], [{"task": "nowhere"}], [{"task": TASK.id}], [[]], {"task": TASK.id}]
)
def test_a_damaged_way_back_is_left_out_and_the_values_stay(kept: DraftStore, tmp_path: Path, way: object) -> None:
    path = file_of(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "past": way, "future": way}))
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    assert (draft.form.given["epochs"], draft.past, draft.future) == ("7", (), ())


def test_half_a_draft_is_not_taken(kept: DraftStore, tmp_path: Path) -> None:
    path = file_of(tmp_path)
    path.write_text(path.read_text()[:50])
    assert DraftStore(tmp_path).open(TOKEN, TASKS) is None


def test_a_parameter_that_the_task_has_no_longer_is_left_out(kept: DraftStore, tmp_path: Path) -> None:
    path = file_of(tmp_path)
    content = json.loads(path.read_text())
    content["given"]["no_such"] = 1
    path.write_text(json.dumps(content))
    draft = DraftStore(tmp_path).open(TOKEN, TASKS)
    assert draft is not None
    assert "no_such" not in draft.form.given
