"""A Plan becomes files: a new notebook, and the person's data beside it under its digest."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlprov_widgets.errors import DataFileError, TargetExists, ValueRefused
from mlprov_widgets.files import sha256_of_file
from mlprov_widgets.notebook.render import notebook_text, render_notebook
from mlprov_widgets.notebook.write import copy_data, find_data, write_notebook
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import Draft, make_plan


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Return a person's data file."""
    path = tmp_path / "mine" / "rows.csv"
    path.parent.mkdir()
    path.write_text("length,kind\n1,a\n2,b\n3,a\n")
    return path


@pytest.fixture
def draft(toy: Task, rows: Path) -> Draft:
    """Return a Plan of the person's data."""
    return make_plan(toy, {"dataset_id": "own", "data_file": str(rows)})


def content_of(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_notebook_is_written_as_it_is_rendered(toy: Task, tmp_path: Path) -> None:
    draft = make_plan(toy, {})
    written = write_notebook(toy, draft, tmp_path / "new" / "toy.ipynb")
    assert written.path.read_text(encoding="utf-8") == notebook_text(render_notebook(toy, draft.plan))
    assert written.sha256 == sha256_of_file(written.path)


def test_a_notebook_without_own_data_is_a_single_file(toy: Task, tmp_path: Path) -> None:
    write_notebook(toy, make_plan(toy, {}), tmp_path / "new" / "toy.ipynb")
    assert content_of(tmp_path / "new") == {"toy.ipynb"}


def test_own_data_is_copied_beside_the_notebook_under_its_digest(
    toy: Task, draft: Draft, rows: Path, tmp_path: Path
) -> None:
    write_notebook(toy, draft, tmp_path / "new" / "toy.ipynb")
    assert content_of(tmp_path / "new") == {"toy.ipynb", f"data/{sha256_of_file(rows)}.csv"}
    assert (tmp_path / "new" / str(draft.plan.values["data_file"])).read_bytes() == rows.read_bytes()


def test_the_persons_own_file_stays_as_it_is(toy: Task, draft: Draft, rows: Path, tmp_path: Path) -> None:
    before = rows.read_bytes()
    write_notebook(toy, draft, tmp_path / "new" / "toy.ipynb")
    assert rows.read_bytes() == before
    assert content_of(rows.parent) == {"rows.csv"}


def test_an_existing_notebook_is_not_replaced(toy: Task, draft: Draft, tmp_path: Path) -> None:
    path = tmp_path / "new" / "toy.ipynb"
    path.parent.mkdir()
    path.write_text("mine")
    with pytest.raises(TargetExists) as caught:
        write_notebook(toy, draft, path)
    assert str(caught.value) == f"{path}: this already exists. Choose another name, or move it away."
    assert content_of(path.parent) == {"toy.ipynb"}
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["toy", "toy.py", "toy.IPYNB.txt"])
def test_a_name_that_is_no_notebooks_is_refused(toy: Task, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueRefused) as caught:
        write_notebook(toy, make_plan(toy, {}), tmp_path / name)
    assert str(caught.value) == f"{tmp_path / name}: a notebook's name ends in .ipynb. Use {name}.ipynb."


def test_data_that_changed_since_it_was_looked_at_is_refused(
    toy: Task, draft: Draft, rows: Path, tmp_path: Path
) -> None:
    rows.write_text("length,kind\n9,a\n2,b\n3,a\n")
    with pytest.raises(DataFileError) as caught:
        write_notebook(toy, draft, tmp_path / "new" / "toy.ipynb")
    assert str(caught.value) == "rows.csv: the file has changed since it was looked at. Start again."
    assert not (tmp_path / "new" / "toy.ipynb").exists()


def test_data_that_is_nowhere_is_asked_for(draft: Draft, rows: Path, tmp_path: Path) -> None:
    digest = sha256_of_file(rows)
    with pytest.raises(DataFileError) as caught:
        copy_data(draft.plan, {}, tmp_path)
    assert str(caught.value) == (
        f"data_file: the data file rows.csv (SHA-256 {digest[:12]}…) is not here. "
        "Put it beside the provenance file or into data/, or give it with --data rows.csv."
    )


def test_data_that_is_there_already_is_not_asked_for(draft: Draft, tmp_path: Path) -> None:
    copy_data(draft.plan, draft.sources, tmp_path / "new")
    copy_data(draft.plan, {}, tmp_path / "new")
    assert content_of(tmp_path / "new") == {draft.plan.values["data_file"]}


def test_a_copy_that_was_damaged_is_made_again(draft: Draft, rows: Path, tmp_path: Path) -> None:
    copy = tmp_path / "new" / str(draft.plan.values["data_file"])
    copy.parent.mkdir(parents=True)
    copy.write_text("half")
    copy_data(draft.plan, draft.sources, tmp_path / "new")
    assert copy.read_bytes() == rows.read_bytes()


# Finding -----------------------------------------------------------------------------------------


def test_data_is_found_where_the_notebook_keeps_it(draft: Draft, tmp_path: Path) -> None:
    copy_data(draft.plan, draft.sources, tmp_path / "new")
    assert find_data(draft.plan, [tmp_path / "new"]) == {
        "data_file": tmp_path / "new" / str(draft.plan.values["data_file"])
    }


def test_data_is_found_under_its_own_name(draft: Draft, rows: Path) -> None:
    assert find_data(draft.plan, [rows.parent]) == {"data_file": rows}


def test_data_is_found_under_another_name_when_that_is_given(draft: Draft, rows: Path) -> None:
    renamed = rows.rename(rows.with_name("renamed.txt"))
    assert find_data(draft.plan, [rows.parent, renamed]) == {"data_file": renamed}


def test_the_first_place_that_has_the_data_is_taken(draft: Draft, rows: Path, tmp_path: Path) -> None:
    copy_data(draft.plan, draft.sources, tmp_path / "new")
    assert find_data(draft.plan, [tmp_path / "nowhere", rows.parent, tmp_path / "new"]) == {"data_file": rows}


def test_a_file_of_the_same_name_and_size_with_other_content_is_not_taken(draft: Draft, rows: Path) -> None:
    rows.write_text(rows.read_text().replace("1", "9"))
    assert find_data(draft.plan, [rows.parent, rows]) == {}


def test_a_plan_without_own_data_looks_for_nothing(toy: Task, rows: Path) -> None:
    assert find_data(make_plan(toy, {}).plan, [rows.parent]) == {}
