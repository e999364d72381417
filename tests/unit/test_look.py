"""A provenance file opened by itself, or two side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.look import Look, LookBox, opened


def written(folder: Path, name: str, **sections: Any) -> Path:
    path = folder / name
    path.write_text(json.dumps({"entity": {"ex:a": {"prov:label": "A"}}, **sections}), encoding="utf-8")
    return path


def test_a_file_of_any_tool_is_shown(tmp_path: Path) -> None:
    look = Look(written(tmp_path, "one.json"))
    look.read()
    assert look.explorer is not None
    assert look.explorer.canvas.scene.title == "The whole document"
    assert (look._told.value, len(look._box.children)) == ("", 1)


def test_two_files_are_compared(tmp_path: Path) -> None:
    look = Look(written(tmp_path, "one.json"), written(tmp_path, "two.json", agent={"ex:me": {}}))
    look.read()
    assert look.explorer is not None
    assert "1 same, 0 changed, 0 only here, 1 only there" in look.explorer.details.value


def test_what_cannot_be_read_is_said_in_the_page_too(tmp_path: Path) -> None:
    (tmp_path / "no.json").write_text("{", encoding="utf-8")
    look = Look(tmp_path / "no.json")
    with pytest.raises(ProvenanceError):
        look.read()
    assert "this is not JSON" in look._told.value


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (2, 1), (3, 0)])
def test_one_or_two_uploads_are_shown_and_three_are_too_many(tmp_path: Path, count: int, shown: int) -> None:
    desk = Desk(tmp_path)
    box = LookBox(desk)
    content = written(tmp_path, "one.json").read_bytes()
    files = [
        {"name": f"{k}.json", "content": content, "size": 1, "type": "", "last_modified": None} for k in range(count)
    ]
    box._on_upload({"new": files})
    assert ("3 files were given" in box._told.value) == (count == 3)
    assert len(box._shown.children) == shown


def test_a_file_that_cannot_be_read_is_told_beside_the_upload_and_no_other_graph_stays(tmp_path: Path) -> None:
    box = LookBox(Desk(tmp_path))
    for content in (written(tmp_path, "one.json").read_bytes(), b"{"):
        file = {"name": "one.json", "content": content, "size": 1, "type": "", "last_modified": None}
        box._on_upload({"new": [file]})
    assert "this is not JSON" in box._told.value
    assert box._shown.children == ()


def test_reading_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(10**6))
    monkeypatch.setattr("mlprov_widgets.provenance.graph.indexing.monotonic", lambda: next(seconds))
    path = written(tmp_path, "long.json", activity={f"ex:a{k}": {} for k in range(600)})
    said: list[str] = []
    opened([path, path], said.append, lambda kind, text: None)
    told = ["Reading long.json…", "Reading long.json: 256 records…", "Reading long.json: 512 records…"]
    assert said == [*told, *told, "Comparing…", ""]
