"""Which notebook is running here: found by its Plan's digest, never guessed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.files import sha256_of_file, sha256_of_text
from mlprov_widgets.notebook.write import write_notebook
from mlprov_widgets.provenance.capture import locate
from mlprov_widgets.provenance.capture.locate import find_notebook, read_notebook_file
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import Plan, make_plan


@pytest.fixture
def plan(toy: Task) -> Plan:
    """Return the Plan of the running notebook."""
    return make_plan(toy, {"epochs": 4}).plan


@pytest.fixture
def path(toy: Task, tmp_path: Path) -> Path:
    """Return the running notebook."""
    return write_notebook(toy, make_plan(toy, {"epochs": 4}), tmp_path / "toy.ipynb").path


@pytest.fixture
def other(toy: Task, tmp_path: Path) -> Path:
    """Return a notebook of another Plan."""
    return write_notebook(toy, make_plan(toy, {"epochs": 5}), tmp_path / "other.ipynb").path


def found_in(plan: Plan, namespace: dict[str, Any], environment: dict[str, str]) -> str | None:
    found = find_notebook(plan.digest, namespace, environment)
    return None if found is None else found.facts["name"]


@pytest.mark.parametrize("name", ["MLPROV_NOTEBOOK", "JPY_SESSION_NAME"])
def test_the_notebook_is_found_by_the_environment(plan: Plan, path: Path, name: str) -> None:
    assert found_in(plan, {}, {name: str(path)}) == "toy.ipynb"


def test_the_notebook_is_found_by_what_vs_code_tells(plan: Plan, path: Path) -> None:
    assert found_in(plan, {"__vsc_ipynb_file__": str(path)}, {}) == "toy.ipynb"


def test_a_session_that_is_named_from_the_servers_root_is_found_here(
    plan: Plan, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    assert found_in(plan, {}, {"JPY_SESSION_NAME": "work/experiments/toy.ipynb"}) == "toy.ipynb"


def test_the_notebook_that_started_this_kernel_is_not_taken_for_this_one(plan: Plan, path: Path, other: Path) -> None:
    assert found_in(plan, {}, {"JPY_SESSION_NAME": str(other)}) is None
    assert found_in(plan, {"__vsc_ipynb_file__": str(path)}, {"JPY_SESSION_NAME": str(other)}) == "toy.ipynb"


@pytest.mark.parametrize("name", ["", "toy", "toy.py", "nowhere.ipynb", "a\x00b.ipynb", "x" * 5000 + ".ipynb"], ids=len)
def test_a_name_that_leads_nowhere_is_passed_over(plan: Plan, name: str) -> None:
    assert found_in(plan, {"__vsc_ipynb_file__": 5}, {"JPY_SESSION_NAME": name}) is None


def test_without_any_hint_no_notebook_is_found(plan: Plan, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert found_in(plan, {}, {}) is None


def test_the_facts_about_the_file_are_read(path: Path) -> None:
    found = read_notebook_file(path)
    assert found is not None
    assert found.facts["sha256"] == sha256_of_file(path)
    assert found.facts["bytes"] == path.stat().st_size
    assert found.facts["format"] == "nbformat 4.5"
    assert found.facts["kernel"] == "python3"


def test_no_fact_about_the_file_tells_where_it_lies(path: Path) -> None:
    found = read_notebook_file(path)
    assert found is not None
    assert str(path.parent) not in json.dumps(found.facts)


def test_the_cells_are_read_with_their_digests(path: Path) -> None:
    found = read_notebook_file(path)
    assert found is not None
    count = next(cell for cell in found.cells if cell["step"] == "count")
    assert (count["stage"], count["title"], count["kind"]) == ("training", "Count", "code")
    assert count["sha256"] == sha256_of_text(count["source"]) == found.plan["cells"]["count"]


def test_a_source_in_lines_is_a_source_in_one_piece(path: Path) -> None:
    notebook = json.loads(path.read_text())
    whole = read_notebook_file(path)
    for cell in notebook["cells"]:
        cell["source"] = "".join(cell["source"])
    path.write_text(json.dumps(notebook))
    again = read_notebook_file(path)
    assert whole is not None
    assert again is not None
    assert whole.cells == again.cells


def test_a_notebook_that_is_too_large_is_passed_over(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locate, "LARGEST_NOTEBOOK", 10)
    assert read_notebook_file(path) is None
