"""The content of a form, without a widget: what is wrong stands beside the field it is about."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mlprov_widgets.tasks.load import find_task, load_task
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import make_plan
from mlprov_widgets.ui.form import Checked, Form

IRIS = find_task("multiclass_classification")
IMAGES = find_task("image_classification")


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Return a data file with semicolons."""
    path = tmp_path / "my rows.csv"
    path.write_text("length;width;kind\n1;2;a\n2;3;b\n3;4;a\n")
    return path


@pytest.fixture
def own(toy: Task, rows: Path) -> Form:
    """Return a form with a data file in it."""
    return filled(toy, dataset_id="own", data_file=str(rows))


def filled(task: Task, **values: object) -> Form:
    form = Form(task)
    for name, value in values.items():
        form.set(name, value)
    return form


def label(name: str) -> str:
    parameter = IRIS.parameter(name)
    assert parameter is not None
    return parameter.label


def origin(checked: Checked, name: str) -> str:
    assert checked.draft is not None, checked.errors
    return checked.draft.plan.origins[name]


# Defaults, set and clear -----------------------------------------------------------------------------


def test_a_new_form_makes_the_plan_of_the_defaults(toy: Task) -> None:
    checked = Form(toy).check()
    assert checked.draft is not None
    assert checked.draft.plan.digest == make_plan(toy, {}).plan.digest


def test_a_new_form_of_every_built_in_parameter_has_nothing_to_correct() -> None:
    assert Form(IRIS).check().errors == {}


def test_a_text_is_read_as_the_value_it_stands_for(toy: Task) -> None:
    assert filled(toy, epochs=" 7 ").check().values["epochs"] == 7


def test_what_a_person_entered_is_marked_as_theirs(toy: Task) -> None:
    assert origin(filled(toy, epochs="7").check(), "epochs") == "user"


@pytest.mark.parametrize(("name", "typed"), [("epochs", "3"), ("shuffle", False), ("epochs", " 3 ")])
def test_entering_the_default_leaves_it_the_default(toy: Task, name: str, typed: object) -> None:
    assert origin(filled(toy, **{name: typed}).check(), name) == "default"


def test_going_back_to_the_default_takes_the_choice_back(toy: Task) -> None:
    form = filled(toy, epochs="7")
    form.set("epochs", "3")
    assert form.given == {}


def test_a_truth_value_is_not_taken_for_the_number_one(write_task: Any) -> None:
    one = load_task(write_task(("default = 3\nminimum = 1", "default = 1\nminimum = 1")))
    assert filled(one, epochs=True).check().errors == {
        "epochs": "True is not a whole number. Give a whole number of at least 1 and at most 100, such as 1."
    }


def test_a_copy_says_the_same_and_does_not_change_with_its_original(own: Form) -> None:
    copy = own.copy()
    assert vars(copy) == vars(own)
    assert copy.says_the_same_as(own)
    own.set("epochs", "5")
    assert "epochs" not in copy.given
    assert not copy.says_the_same_as(own)


def test_a_name_that_the_task_does_not_have_changes_nothing(toy: Task) -> None:
    checked = filled(toy, nonsense="1").check()
    assert checked.draft is not None
    assert "nonsense" not in checked.values


# What is wrong -----------------------------------------------------------------------------------------


def test_an_error_stands_beside_its_field(toy: Task) -> None:
    assert filled(toy, epochs="many").check().errors == {
        "epochs": "'many' is not a whole number. Give a whole number of at least 1 and at most 100, such as 3."
    }


def test_two_wrong_fields_are_both_told(toy: Task) -> None:
    assert set(filled(toy, epochs="many", shuffle=True, seed="x").check().errors) == {"epochs", "seed"}


def test_nothing_is_drafted_while_something_is_wrong(toy: Task) -> None:
    assert filled(toy, epochs="many").check().draft is None


def test_an_emptied_field_that_is_needed_is_wrong(toy: Task) -> None:
    assert filled(toy, epochs="").check().errors["epochs"].startswith("This may not be empty. Give a whole number")


def test_an_emptied_field_that_may_be_empty_is_fine(toy: Task) -> None:
    assert filled(toy, shuffle=True, patience="").check().errors == {}


def test_values_that_do_not_fit_each_other_are_told_beside_the_one_that_can_be_changed(toy: Task) -> None:
    assert filled(toy, epochs="11").check().errors == {"epochs": "There are fewer rows than epochs. Lower epochs."}


def test_a_corrected_form_is_fine_again(toy: Task) -> None:
    form = filled(toy, epochs="many")
    form.set("epochs", "4")
    assert form.check().errors == {}


# What applies ------------------------------------------------------------------------------------------


def test_a_field_applies_only_beside_the_value_it_asks_for(toy: Task) -> None:
    assert {"seed", "patience"}.isdisjoint(Form(toy).check().applies)
    assert {"seed", "patience"} <= filled(toy, shuffle=True).check().applies


def test_what_applies_is_known_while_another_field_is_wrong(toy: Task) -> None:
    assert "seed" in filled(toy, shuffle=True, epochs="many").check().applies


def test_a_wrong_value_of_a_field_that_does_not_apply_is_no_error(toy: Task) -> None:
    assert filled(toy, seed="nonsense").check().errors == {}


def test_a_value_of_a_field_that_applies_no_longer_comes_back_with_it(toy: Task) -> None:
    form = filled(toy, shuffle=True, seed="9")
    form.set("shuffle", False)
    assert "seed" not in form.check().applies
    form.set("shuffle", True)
    assert form.check().values["seed"] == 9


# Data files ----------------------------------------------------------------------------------------------


def test_what_a_data_file_shows_is_detected(own: Form) -> None:
    checked = own.check()
    assert (checked.values["separator"], checked.values["target_column"]) == ("semicolon", "kind")
    assert origin(checked, "separator") == "derived"


def test_a_data_file_is_seen(own: Form) -> None:
    table = own.check().tables["data_file"]
    assert (table.rows, dict(table.classes)) == (3, {"a": 2, "b": 1})


def test_a_chosen_column_wins_over_the_detected_one(own: Form) -> None:
    own.set("target_column", "width")
    assert own.check().values["target_column"] == "width"


def test_a_data_file_that_is_needed_is_asked_for_at_its_field(toy: Task) -> None:
    assert filled(toy, dataset_id="own").check().errors == {"data_file": "A data file is needed: upload it here."}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "This file is empty."),
        (b"a;b\n", "This file has only a header."),
        (b"PK\x03\x04 and so on", "or another ZIP archive, not a text file"),
        (b"a;kind\n1;x\n2;y;3\n", "Line 3"),
    ],
)
def test_a_refused_data_file_is_told_at_its_field(toy: Task, rows: Path, content: bytes, told: str) -> None:
    rows.write_bytes(content)
    errors = filled(toy, dataset_id="own", data_file=str(rows)).check().errors
    assert list(errors) == ["data_file"]
    assert told.lower() in errors["data_file"].lower()


@pytest.mark.parametrize("path", ["~nobody-of-this-name/x.csv", "/no/such/file", "/dev/zero", "x" * 900, "/", "a\0b"])
def test_a_path_that_leads_to_no_file_is_told_at_its_field(toy: Task, path: str) -> None:
    assert list(filled(toy, dataset_id="own", data_file=path).check().errors) == ["data_file"]


def test_a_data_file_stays_in_view_while_another_field_is_wrong(own: Form) -> None:
    own.set("epochs", "many")
    checked = own.check()
    assert list(checked.errors) == ["epochs"]
    assert checked.tables["data_file"].rows == 3


def test_a_data_file_stays_in_view_while_values_do_not_fit_it(own: Form) -> None:
    own.check()
    own.set("epochs", "4")
    checked = own.check()
    assert list(checked.errors) == ["epochs"]
    assert checked.tables["data_file"].rows == 3


def test_another_data_file_takes_the_first_out_of_view(own: Form) -> None:
    own.check()
    own.set("data_file", "/no/such/file")
    assert own.check().tables == {}


def test_a_refused_data_file_is_told_beside_another_wrong_field(own: Form, rows: Path) -> None:
    rows.write_text("")
    own.set("epochs", "many")
    assert set(own.check().errors) == {"epochs", "data_file"}


def test_columns_of_one_file_are_forgotten_with_it(own: Form, tmp_path: Path) -> None:
    own.set("target_column", "width")
    own.set("ignored_columns", ["length"])
    other = tmp_path / "other.csv"
    other.write_text("x,y,label\n1,2,u\n3,4,v\n5,6,v\n")
    own.set("data_file", str(other))
    checked = own.check()
    assert checked.errors == {}
    assert (checked.values["target_column"], checked.values["ignored_columns"]) == ("label", ())


def test_what_to_do_is_named_as_the_form_names_it(tmp_path: Path) -> None:
    words = tmp_path / "words.csv"
    words.write_text("x,it's,label\n1,a,u\n3,b,v\n5,a,u\n")
    assert filled(IRIS, dataset_id="csv", data_file=str(words)).check().errors == {
        "data_file": "Column \"it's\" has 'a' in line 2, which is not a number. "
        f"Leave it out under “{label('ignored_columns')}”, or change it to numbers."
    }


def test_the_columns_of_a_refused_table_are_known(tmp_path: Path) -> None:
    words = tmp_path / "words.csv"
    words.write_text("x,word,label\n1,a,u\n3,b,v\n5,a,u\n")
    checked = filled(IRIS, dataset_id="csv", data_file=str(words)).check()
    assert checked.columns == {"data_file": ("x", "word", "label")}


def test_a_file_that_is_no_table_has_no_columns(toy: Task) -> None:
    assert filled(toy, dataset_id="own", data_file="/dev/zero").check().columns == {"data_file": ()}


# What cannot be chosen --------------------------------------------------------------------------------------


def test_an_impossible_choice_comes_with_its_reason(toy: Task) -> None:
    form = filled(toy, dataset_id="large", epochs="50")
    assert form.check().impossible == {"dataset_id": {"small": "there are fewer rows than epochs"}}


def test_a_choice_that_leaves_no_two_classes_is_impossible_and_blocks_nothing(tmp_path: Path) -> None:
    gaps = tmp_path / "gaps.csv"
    gaps.write_text("x,y,label\n1,2,u\n3,4,u\n5,6,u\n,8,v\n,3,v\n")
    checked = filled(IRIS, dataset_id="csv", data_file=str(gaps), missing_values="mean").check()
    assert checked.errors == {}
    assert "1 classes are left" in checked.impossible["missing_values"]["drop_rows"]


# From a Plan --------------------------------------------------------------------------------------------------


def test_a_filled_form_makes_the_same_plan(toy: Task) -> None:
    draft = make_plan(toy, {"shuffle": True, "seed": 7, "epochs": 4}, requirements=["numpy==1.2.3"])
    form = Form(toy)
    form.fill(draft)
    checked = form.check()
    assert checked.draft is not None
    assert checked.draft.plan == draft.plan


def test_an_imported_value_keeps_its_origin_also_where_it_is_the_default(toy: Task) -> None:
    form = Form(toy)
    form.fill(make_plan(toy, {"epochs": 3, "shuffle": True}, origin="imported"))
    checked = form.check()
    assert [origin(checked, name) for name in ("epochs", "shuffle", "seed")] == ["imported", "imported", "default"]


def test_a_value_that_is_changed_after_the_import_is_the_persons(toy: Task) -> None:
    form = Form(toy)
    form.fill(make_plan(toy, {"epochs": 4}, origin="imported"))
    form.set("epochs", "5")
    assert origin(form.check(), "epochs") == "user"


def test_imported_requirements_are_kept(toy: Task) -> None:
    form = Form(toy)
    form.fill(make_plan(toy, {}, requirements=["numpy==1.2.3"]))
    draft = form.check().draft
    assert draft is not None
    assert draft.plan.requirements == ("numpy==1.2.3",)


def test_another_data_file_after_an_import_is_known_by_its_own_digest(own: Form, toy: Task, tmp_path: Path) -> None:
    imported = own.check().draft
    assert imported is not None
    form = Form(toy)
    form.fill(imported)
    other = tmp_path / "other.csv"
    other.write_text("x,y,label\n1,2,u\n3,4,v\n5,6,v\n")
    form.set("data_file", str(other))
    draft = form.check().draft
    assert draft is not None
    assert draft.plan.files["data_file"].sha256 in str(draft.plan.values["data_file"])


def test_an_import_without_its_data_asks_for_the_data(own: Form, toy: Task) -> None:
    imported = own.check().draft
    assert imported is not None
    form = Form(toy)
    form.fill(imported)
    form.sources = {}
    assert form.check().errors == {"data_file": "The data file my_rows.csv is not here. Upload it, or another one."}


def test_the_recorded_data_file_keeps_what_was_recorded_of_it(own: Form, toy: Task, rows: Path, tmp_path: Path) -> None:
    own.set("ignored_columns", ["length"])
    imported = own.check().draft
    assert imported is not None
    form = Form(toy)
    form.fill(imported)
    form.sources = {}
    form.set("data_file", str(rows.rename(tmp_path / "again.csv")))
    draft = form.check().draft
    assert draft is not None
    assert draft.plan.digest == imported.plan.digest


# Pictures and arrays of one's own ----------------------------------------------------------------------


def packed(path: Path, names: Sequence[str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"\x89PNG\r\n\x1a\n and so on")
    return path


def test_an_archive_from_which_nothing_can_be_learned_is_refused_beside_its_field(tmp_path: Path) -> None:
    form = filled(IMAGES, dataset_id="image_folder", data_file=str(packed(tmp_path / "a.zip", ["a/1.png", "a/2.png"])))
    checked = form.check()
    assert checked.draft is None
    assert checked.errors["data_file"].startswith("All pictures are of one class, a: ")
    assert checked.seen["data_file"].classes == {"a": 2}
    form.set("data_file", str(packed(tmp_path / "b.zip", ["a/1.png", "b/2.png"])))
    assert form.check().errors == {}


def test_a_folder_of_pictures_is_looked_into_like_an_archive(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        (tmp_path / "pets" / kind / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    checked = filled(IMAGES, dataset_id="image_folder", data_file=str(tmp_path / "pets")).check()
    assert checked.seen["data_file"].classes == {"cat": 1, "dog": 1}


def test_pictures_of_several_sizes_are_told_beside_the_field_that_says_what_becomes_of_them(tmp_path: Path) -> None:
    path = tmp_path / "mixed.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, side in (("a/1.png", 20), ("b/2.png", 30)):
            file = io.BytesIO()
            Image.new("L", (side, side)).save(file, "PNG")
            archive.writestr(name, file.getvalue())
    form = filled(IMAGES, dataset_id="image_folder", data_file=str(path))
    assert form.check().errors == {
        "sizing": "The images have several sizes, and a network takes one alone. "
        "Choose “Resize” or “Resize and cut out the centre”."
    }
    form.set("sizing", "resize")
    assert form.check().errors == {}


def test_what_was_seen_stays_in_view_while_another_field_is_corrected(tmp_path: Path) -> None:
    path = packed(tmp_path / "b.zip", ["a/1.png", "b/2.png"])
    checked = filled(IMAGES, dataset_id="image_folder", data_file=str(path), epochs="many").check()
    assert list(checked.errors) == ["epochs"]
    assert checked.seen["data_file"].classes == {"a": 1, "b": 1}


def test_arrays_that_are_not_in_the_file_are_refused_until_they_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((6, 8, 8), np.uint8), y=np.arange(6) % 2)
    form = filled(IMAGES, dataset_id="npz", data_file=str(tmp_path / "a.npz"))
    assert form.check().errors == {
        "data_file": "There is no array images and no array labels in this file: name one of these below."
    }
    form.set("images_array", "x")
    form.set("labels_array", "y")
    assert form.check().errors == {}


def test_a_recorded_folder_of_pictures_is_known_again_by_its_content(tmp_path: Path) -> None:
    for kind in ("cat", "dog"):
        (tmp_path / "pets" / kind).mkdir(parents=True)
        (tmp_path / "pets" / kind / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n and so on")
    draft = make_plan(IMAGES, {"dataset_id": "image_folder", "data_file": str(tmp_path / "pets")})
    form = Form(IMAGES)
    form.fill(replace(draft, sources={}))
    assert form.check().errors["data_file"] == "The data file pets.zip is not here. Upload it, or another one."
    form.set("data_file", str(tmp_path / "pets"))
    assert (form.files, form.check().errors) == (draft.plan.files, {})
    (tmp_path / "pets" / "cat" / "2.png").write_bytes(b"\x89PNG\r\n\x1a\n another")
    form.set("data_file", str(tmp_path / "pets"))
    assert form.files == {}
