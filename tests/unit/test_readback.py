"""A notebook becomes a Plan again; what changed in it is told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import NotebookError
from mlprov_widgets.notebook.readback import (
    INJECTED_TAG,
    ReadBack,
    literals_of,
    load_notebook,
    plan_of,
    read_back,
)
from mlprov_widgets.notebook.write import write_notebook
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import make_plan

GIVEN = {"shuffle": True, "epochs": 4}


@pytest.fixture
def path(toy: Task, tmp_path: Path) -> Path:
    """Return the toy's notebook."""
    return write_notebook(toy, make_plan(toy, GIVEN), tmp_path / "toy.ipynb").path


def change(path: Path, step: str, old: str, new: str) -> None:
    """Edit a cell as a person would."""
    notebook = json.loads(path.read_text())
    cell = next(cell for cell in notebook["cells"] if cell["id"] == step)
    source = "".join(cell["source"])
    assert old in source
    cell["source"] = source.replace(old, new).splitlines(keepends=True)
    path.write_text(json.dumps(notebook))


def add(path: Path, source: str, *, after: str, **metadata: Any) -> None:
    """Add a cell as a person, or papermill, would."""
    notebook = json.loads(path.read_text())
    at = [cell["id"] for cell in notebook["cells"]].index(after) + 1
    cell = {
        "cell_type": "code",
        "id": "added",
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    notebook["cells"].insert(at, cell)
    path.write_text(json.dumps(notebook))


def read(task: Task, path: Path) -> ReadBack:
    return read_back(task, load_notebook(path))


def findings(task: Task, path: Path) -> tuple[dict[str, Any], tuple[str, ...], tuple[str, ...]]:
    found = read(task, path)
    return found.changed, found.edited, found.not_understood


def test_a_notebook_as_written_is_its_plan(toy: Task, path: Path) -> None:
    assert read(toy, path) == ReadBack(make_plan(toy, GIVEN).plan, {}, (), ())


def test_a_changed_literal_is_a_changed_value(toy: Task, path: Path) -> None:
    change(path, "parameters", "epochs = 4", "epochs = 9")
    assert findings(toy, path) == ({"epochs": 9}, (), ())


def test_a_literal_that_was_left_empty_can_be_added(toy: Task, path: Path) -> None:
    change(path, "parameters", "epochs = 4", "patience = 5\nepochs = 4")
    assert findings(toy, path) == ({"patience": 5}, (), ())


def test_another_comment_changes_nothing(toy: Task, path: Path) -> None:
    change(path, "parameters", "# Epochs", "# Rounds")
    assert findings(toy, path) == ({}, (), ())


def test_a_literal_that_was_removed_is_an_edit(toy: Task, path: Path) -> None:
    change(path, "parameters", "epochs = 4", "")
    assert findings(toy, path) == ({}, ("parameters",), ("epochs is not assigned",))


def test_an_unknown_name_among_the_parameters_is_an_edit(toy: Task, path: Path) -> None:
    change(path, "parameters", "epochs = 4", "epochs = 4\nrounds = 5")
    assert findings(toy, path) == ({}, ("parameters",), ("rounds",))


def test_a_choice_among_the_parameters_is_an_edit(toy: Task, path: Path) -> None:
    change(path, "parameters", "epochs = 4", "epochs = 4\nshuffle = False")
    assert findings(toy, path) == ({}, ("parameters",), ("shuffle",))


def test_code_among_the_parameters_is_an_edit_and_never_run(toy: Task, path: Path, tmp_path: Path) -> None:
    code = f"epochs = open({str(tmp_path / 'made')!r}, 'w')"
    change(path, "parameters", "epochs = 4", code)
    assert findings(toy, path) == ({}, ("parameters",), (code[:80],))
    assert not (tmp_path / "made").exists()


def test_a_changed_cell_is_an_edit(toy: Task, path: Path) -> None:
    change(path, "count", "total += 1", "total += 2")
    assert findings(toy, path) == ({}, ("count",), ())


def test_a_changed_text_is_no_edit(toy: Task, path: Path) -> None:
    change(path, "explain", "to the end", "to the very end")
    assert findings(toy, path) == ({}, (), ())


def test_an_added_cell_is_an_edit(toy: Task, path: Path) -> None:
    add(path, "print(total)", after="count")
    assert findings(toy, path) == ({}, ("added",), ())


def test_an_added_cell_without_code_is_none(toy: Task, path: Path) -> None:
    add(path, " \n", after="count")
    assert findings(toy, path) == ({}, (), ())


def test_what_papermill_injected_is_a_changed_value(toy: Task, path: Path) -> None:
    add(path, "# Parameters\nepochs = 7\n", after="parameters", tags=[INJECTED_TAG])
    assert findings(toy, path) == ({"epochs": 7}, (), ())


def test_what_papermill_injected_beats_the_parameters_cell(toy: Task, path: Path) -> None:
    change(path, "parameters", "epochs = 4", "epochs = 9")
    add(path, "epochs = 7\n", after="parameters", tags=[INJECTED_TAG])
    assert findings(toy, path) == ({"epochs": 7}, (), ())


def test_what_papermill_set_back_is_not_changed(toy: Task, path: Path) -> None:
    change(path, "parameters", "epochs = 4", "epochs = 9")
    add(path, "epochs = 4\n", after="parameters", tags=[INJECTED_TAG])
    assert findings(toy, path) == ({}, (), ())


# Files that are no such notebook -----------------------------------------------------------------


def refusal(path: Path) -> str:
    with pytest.raises(NotebookError) as caught:
        load_notebook(path)
    return str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    assert refusal(path) == (f"{path}: there is no such file. Give the path of a notebook that mlprov generate wrote.")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path}: this is a folder. Give the path of a notebook that mlprov generate wrote."
    )


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        '{"cells": [], "metadata": {}}',
        '{"cells": [], "metadata": {"mlprov": []}}',
        '{"cells": 5, "metadata": {"mlprov": {}}}',
        '{"cells": [5], "metadata": {"mlprov": {}}}',
        '{"cells": [{"source": 5}], "metadata": {"mlprov": {}}}',
        '{"cells": [{"source": "", "metadata": 5}], "metadata": {"mlprov": {}}}',
        '{"cells": [{"source": "", "metadata": {"tags": 5}}], "metadata": {"mlprov": {}}}',
        '{"cells": [], "metadata": {"mlprov": {}, "kernelspec": 5}}',
        "[" * 100_000,
    ],
    ids=lambda content: content[:60] or "empty",
)
def test_what_is_no_notebook_with_a_plan_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "a.ipynb"
    path.write_text(content)
    assert refusal(path) == (
        "a.ipynb: this is not a notebook that carries a Plan. "
        "Give a notebook that mlprov generate wrote, saved as .ipynb."
    )


def test_a_plan_whose_digest_differs_is_damaged(toy: Task, path: Path) -> None:
    path.write_text(path.read_text().replace('"epochs": 4', '"epochs": 5'))
    with pytest.raises(NotebookError) as caught:
        read(toy, path)
    assert str(caught.value) == "metadata.mlprov: its Plan is damaged: the digest differs. Generate it again."


def test_a_plan_with_a_part_of_a_wrong_type_is_damaged(toy: Task, path: Path) -> None:
    path.write_text(path.read_text().replace('"epochs": 4', '"epochs": {}'))
    with pytest.raises(NotebookError) as caught:
        read(toy, path)
    assert str(caught.value) == "epochs: its Plan is damaged: {} is not a value. Generate it again."


def test_a_plan_with_a_number_that_has_no_end_is_damaged(toy: Task, path: Path) -> None:
    path.write_text(path.read_text().replace('"epochs": 4', '"epochs": NaN'))
    with pytest.raises(NotebookError, match="its Plan is damaged: nan is not a value"):
        plan_of(load_notebook(path))


# Literals ----------------------------------------------------------------------------------------


def test_literals_of_every_kind_are_read() -> None:
    source = "a = 1\nb = -0.5\nc = 'x'\nd = ['x', 'y']\ne = None\nf = True  # yes\ng = (\n    'long'\n)"
    assert literals_of(source) == (
        {"a": 1, "b": -0.5, "c": "x", "d": ["x", "y"], "e": None, "f": True, "g": "long"},
        [],
    )


def test_the_last_of_two_assignments_counts() -> None:
    assert literals_of("a = 1\na = 2") == ({"a": 2}, [])


@pytest.mark.parametrize(
    "statement",
    ["import os", "a = b = 1", "a, b = 1, 2", "a.b = 1", "a: int = 1", "a += 1", "a = 1 + x", "print(1)", "a = f(1)"],
)
def test_what_is_no_literal_assignment_is_quoted(statement: str) -> None:
    assert literals_of(f"x = 1\n{statement}") == ({"x": 1}, [statement])


@pytest.mark.parametrize(
    "source", ["a = ", "%time a = 1", "a = 1\x00", "(" * 5000], ids=["cut", "magic", "null", "nested"]
)
def test_what_cannot_be_parsed_is_said(source: str) -> None:
    assert literals_of(source) == ({}, ["code that cannot be parsed"])
