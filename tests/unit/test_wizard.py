"""The wizard without a page: its widgets are set as a browser sets them, and read as a person reads them."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from html import escape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ipywidgets as widgets
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import DataFileError, MlprovError, ProvenanceError, ValueRefused
from mlprov_widgets.execution.background import BackgroundRun, Glance
from mlprov_widgets.notebook.readback import load_notebook, plan_of
from mlprov_widgets.ui import review, running, stage, start
from mlprov_widgets.ui.desk import REVIEW, is_served
from mlprov_widgets.ui.draft import StartedRun
from mlprov_widgets.ui.fields import SOUGHT
from mlprov_widgets.ui.progress import progress_html
from mlprov_widgets.ui.running import Watched
from mlprov_widgets.ui.wizard import Wizard

IRIS = "multiclass_classification"
IMAGES = "image_classification"
DATA = Path(__file__).parents[1] / "data"
TABLE = b"length;width;kind\n1;2;a\n2;3;b\n3;4;a\n4;5;b\n5;6;a\n6;7;b\n7;8;a\n"
HOSTILE = "<script>alert(1)</script>"


pytestmark = pytest.mark.usefixtures("closed_widgets")


@pytest.fixture
def made(own_folder: Path, tiny_task: Path) -> Wizard:
    """Return a form that knows the tiny task too."""
    return Wizard(folder=own_folder, tasks=[tiny_task])


@pytest.fixture
def tiny(made: Wizard) -> Wizard:
    """Return a form of the tiny task."""
    made.start.task.value = "tiny"
    return made


@pytest.fixture
def served(own_folder: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch) -> Wizard:
    """Return a form that strangers see."""
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1:8866/")
    return Wizard(folder=own_folder, tasks=[tiny_task])


@pytest.fixture(scope="session")
def recorded(run_new: Callable[..., dict[str, Any]]) -> bytes:
    """The provenance file of a run of the tiny task with values of its own."""
    return Path(run_new("tiny", {"epochs": 2, "title": "Recorded <b>"})["provenance"]).read_bytes()


def upload(control: widgets.FileUpload, name: str, content: bytes) -> None:
    """Do what the page does when a person chooses a file."""
    file = {"name": name, "type": "", "size": len(content), "last_modified": 0, "content": memoryview(content)}
    control.set_state({"value": [file]})


def click(form: Wizard, label: str) -> None:
    """Click the button with this label on the page that is open."""
    found = [w for w in below(form.widget) if isinstance(w, widgets.Button) and w.description.startswith(label)]
    assert len(found) == 1, f"{label}: {len(found)} buttons"
    assert not found[0].disabled, label
    found[0].click()


def below(widget: widgets.Widget) -> list[widgets.Widget]:
    return [widget, *(inner for child in getattr(widget, "children", ()) for inner in below(child))]


def everywhere(form: Wizard) -> list[widgets.Widget]:
    """Return the widgets of all pages, the open one and the others."""
    stages = [form.stage_page(page).widget for page in form.pages()[1:-3]]
    pages = [form.start.widget, form.review.widget, form.runs.widget, *stages]
    return [widget for part in (form.widget, *pages) for widget in below(part)]


def steps(form: Wizard) -> list[str]:
    return [button.description for button in form._step_buttons.values()]


def control(form: Wizard, name: str) -> Any:
    return form.field(name).control


def marked_lines(form: Wizard) -> list[str]:
    """Return the lines of the preview that are marked, without their markup."""
    found = re.findall(r'<span class="hll">(.*?)\n?</span>(?=\n|<|$)', form._preview.value)
    return [re.sub("<[^>]*>", "", line) for line in found]


def notebooks(form: Wizard) -> list[Path]:
    return sorted((form.desk.folder / "experiments").glob("*/*.ipynb"))


def visible(form: Wizard) -> str:
    """Return the message above the page."""
    return str(form.desk.message.value)


def first_page(form: Wizard) -> str:
    """Return all texts of the page Start."""
    return " ".join(str(child.value) for child in form.start.widget.children if isinstance(child, widgets.HTML))


# Pages and steps ---------------------------------------------------------------------------------------


def test_every_stage_of_the_task_is_a_step(made: Wizard) -> None:
    assert steps(made) == [
        "1. Start",
        "2. Data ingestion",
        "3. Data preparation",
        "4. Data segregation",
        "5. Model",
        "6. Training",
        "7. Title and author",
        "8. Review",
        "9. Result",
        "10. All runs",
    ]


def test_another_task_has_its_own_steps(tiny: Wizard) -> None:
    assert steps(tiny) == [
        "1. Start",
        "2. Data",
        "3. Model",
        "4. Training",
        "5. Title and author",
        "6. Review",
        "7. Result",
        "8. All runs",
    ]


def test_every_parameter_is_on_the_page_of_its_stage(tiny: Wizard) -> None:
    for parameter in tiny.desk.task.parameters:
        page = tiny.stage_page(parameter.stage or "about")
        assert page.fields[parameter.name].widget in below(page.widget)


def test_the_first_page_is_the_start(made: Wizard) -> None:
    assert made._body.children == (made.start.widget,)


def test_a_step_opens_its_page(tiny: Wizard) -> None:
    click(tiny, "3. Model")
    assert tiny._body.children == (tiny.stage_page("model").widget,)


def test_next_and_back_go_through_the_pages(tiny: Wizard) -> None:
    click(tiny, "Choose the data")
    click(tiny, "Next")
    assert tiny.page == "model"
    click(tiny, "Back")
    assert tiny.page == "data_ingestion"


def test_next_ends_at_the_review(tiny: Wizard) -> None:
    tiny.go("about")
    tiny.forward()
    tiny.forward()
    assert tiny.page == "review"


def test_there_is_no_result_to_open_before_a_run(made: Wizard) -> None:
    assert made._step_buttons["result"].disabled


def test_a_label_names_the_unit(made: Wizard) -> None:
    units = [p for p in made.desk.form.task.parameters if p.unit]
    assert units
    assert all(made.field(p.name).control.description == f"{p.label} ({p.unit})" for p in units)


# What is wrong is told ------------------------------------------------------------------------------------


def test_an_error_is_told_under_its_field(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    assert tiny.field("epochs")._error.value == (
        '<div class="mlprov-error" role="alert">&#x27;many&#x27; is not a whole number. '
        "Give a whole number of at least 1 and at most 1,000,000, such as 4.</div>"
    )


def test_a_step_counts_what_is_to_be_corrected(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    control(tiny, "random_seed").value = "-1"
    assert steps(tiny)[3] == "4. Training (2 to correct)"


def test_a_corrected_field_is_told_no_more(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    control(tiny, "epochs").value = "5"
    assert (tiny.field("epochs")._error.value, steps(tiny)[3]) == ("", "4. Training")


def test_nothing_can_be_made_while_something_is_wrong(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    assert (tiny.review.generate_button.disabled, tiny.review.run_button.disabled) == (True, True)


def test_the_review_says_where_something_is_wrong(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    tiny.go(REVIEW)
    line = next(box for box in tiny.review.wrong.children if "Epochs" in box.children[0].value)
    assert "Training, Epochs: &#x27;many&#x27; is not a whole number." in line.children[0].value
    line.children[1].click()
    assert tiny.page == "training"
    assert SOUGHT in tiny.field("epochs").widget._dom_classes


def test_what_does_not_apply_is_hidden(tiny: Wizard) -> None:
    shown = tiny.field("data_file").widget.layout
    assert shown.display == "none"
    control(tiny, "dataset_id").value = "csv"
    assert shown.display is None


def test_an_impossible_choice_is_no_option_and_its_reason_is_told(made: Wizard, own_folder: Path) -> None:
    table = own_folder / "gaps.csv"
    table.write_bytes(b"x,y,label\n" + b"1,2,u\n3,,v\n5,6,u\n7,8,v\n" * 5)
    control(made, "dataset_id").value = "csv"
    control(made, "data_file").value = str(table)
    assert made.desk.checked.errors == {}
    field = made.field("missing_values")
    assert "none" not in [value for _, value in field.control.options]
    assert "cannot be chosen now: the file has missing values" in field._help.value


def test_an_exception_in_a_callback_is_told(tiny: Wizard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny.desk.form, "check", lambda: 1 / 0)
    control(tiny, "epochs").value = "5"
    assert "This should not have happened: ZeroDivisionError: division by zero" in visible(tiny)


def test_an_exception_behind_a_button_is_told_and_the_next_click_works(
    tiny: Wizard, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(review, "write_text", lambda *_: 1 / 0)
        tiny.review.generate_button.click()
    assert "ZeroDivisionError" in visible(tiny)
    tiny.review.generate_button.click()
    assert (visible(tiny), len(notebooks(tiny))) == ("", 1)


def test_an_error_for_a_person_is_told_as_it_is(tiny: Wizard, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise MlprovError("the disk <is> full", fix="Make room")

    monkeypatch.setattr(review, "write_text", refuse)
    tiny.review.generate_button.click()
    assert visible(tiny) == (
        '<div class="mlprov-note mlprov-bad" role="alert">the disk &lt;is&gt; full. Make room.</div>'
    )


# The preview -----------------------------------------------------------------------------------------------


def test_the_preview_follows_a_keystroke(tiny: Wizard) -> None:
    assert "12345" not in tiny._preview.value
    control(tiny, "epochs").value = "12345"
    assert "12345" in tiny._preview.value


def test_the_preview_marks_the_cells_that_changed(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "12345"
    marked = [cell.count("12345") for cell in tiny._preview.value.split('<div class="mlprov-cell mlprov-changed">')[1:]]
    assert marked == [0, 1]  # the recorder's line, which carries the Plan's digest, and the parameters


def test_the_preview_marks_the_lines_that_changed_and_no_others(tiny: Wizard) -> None:
    tiny.go("training")
    control(tiny, "epochs").value = "12345"
    lines = marked_lines(tiny)
    assert [line.partition(" ")[0] for line in lines] == ["epochs"]
    assert "1 line changed" in tiny._preview.value


def test_the_marks_stay_until_the_next_change(tiny: Wizard) -> None:
    tiny.go("training")
    control(tiny, "epochs").value = "12345"
    marked = marked_lines(tiny)
    tiny.go("model")
    tiny.go("training")
    control(tiny, "epochs").value = "many"
    assert marked_lines(tiny) == marked
    control(tiny, "epochs").value = "12345"
    assert marked_lines(tiny) == marked
    control(tiny, "random_seed").value = "5"
    assert not any("12345" in line for line in marked_lines(tiny))


def test_nothing_is_marked_at_first_and_after_another_task_was_chosen(made: Wizard) -> None:
    assert marked_lines(made) == []
    control(made, "epochs").value = "12345"
    made.start.task.value = "tiny"
    assert marked_lines(made) == []


def test_the_preview_says_that_it_is_not_of_what_stands_in_the_fields(tiny: Wizard) -> None:
    before = tiny._previewed
    control(tiny, "epochs").value = "many"
    assert "the last version that could be made" in tiny._preview.value
    assert before in tiny._preview.value


def test_a_stages_page_shows_the_cells_of_the_stage(tiny: Wizard) -> None:
    tiny.go("training")
    assert "the cells of this step" in tiny._preview.value
    assert "backwards" not in tiny._preview.value
    assert "slopes" in tiny._preview.value


@pytest.mark.parametrize("name", ["title", "author"])
def test_html_in_a_text_is_shown_as_text(made: Wizard, name: str) -> None:
    control(made, name).value = HOSTILE
    assert made.desk.checked.errors == {}
    made.go("review")
    shown = [made._preview.value, made.review.summary.value]
    assert not any("<script" in html for html in shown)
    assert escape(HOSTILE) in made.review.summary.value


def test_html_in_a_data_file_is_shown_as_text(made: Wizard, own_folder: Path) -> None:
    table = own_folder / "t.csv"
    rows = "".join(f"{k},{k * 2},{HOSTILE if k % 2 else 'v'}\n" for k in range(20))
    table.write_text(f"<img src=x>,z,<b>label\n{rows}")
    control(made, "dataset_id").value = "csv"
    control(made, "data_file").value = str(table)
    assert made.desk.checked.errors == {}
    everything = "".join(str(w.value) for w in everywhere(made) if isinstance(w, widgets.HTML))
    assert escape(HOSTILE) in everything
    assert not re.search(r"<script|<img src=x|<b>label", everything)


# Data files --------------------------------------------------------------------------------------------------


def test_an_uploaded_table_is_shown(tiny: Wizard) -> None:
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", TABLE)
    assert "7 rows, 2 features, separator semicolon, target kind with 2 classes: a (4), b (3)." in (
        tiny.stage_page(tiny.desk.page_of("data_file")).tables["data_file"].value
    )


def test_an_uploaded_table_offers_its_columns(tiny: Wizard) -> None:
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", TABLE)
    assert [label for label, _ in control(tiny, "target_column").options] == [
        "as detected (kind)",
        "length",
        "width",
        "kind",
    ]


def test_the_chosen_column_stays_chosen_while_another_field_is_wrong(tiny: Wizard) -> None:
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", TABLE)
    control(tiny, "target_column").value = "width"
    control(tiny, "epochs").value = "many"
    assert control(tiny, "target_column").value == "width"
    control(tiny, "epochs").value = "5"
    assert (control(tiny, "target_column").value, tiny.desk.checked.values["target_column"]) == ("width", "width")


def test_another_upload_forgets_the_columns_of_the_first(made: Wizard) -> None:
    control(made, "dataset_id").value = "csv"
    upload(made.field("data_file")._upload, "rows.csv", TABLE)
    control(made, "ignored_columns").value = ("width",)
    upload(made.field("data_file")._upload, "other.csv", b"x,y,label\n" + b"1,2,u\n3,4,v\n" * 5)
    assert made.desk.checked.errors == {}
    assert (control(made, "ignored_columns").options, control(made, "ignored_columns").value) == (("x", "y"), ())


def test_the_same_file_can_be_uploaded_again(tiny: Wizard) -> None:
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", TABLE)
    tiny.reset()
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", TABLE)
    assert tiny.desk.checked.errors == {}


def test_a_refused_upload_is_told_under_its_field(tiny: Wizard) -> None:
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", b"PK\x03\x04")
    assert "not a text file" in tiny.field("data_file")._error.value
    assert steps(tiny)[1] == "2. Data (1 to correct)"


def test_a_column_of_words_can_be_left_out(made: Wizard) -> None:
    control(made, "dataset_id").value = "csv"
    upload(made.field("data_file")._upload, "words.csv", b"x,word,z,label\n" + b"1,a,2,u\n3,b,4,v\n" * 5)
    assert "Column &#x27;word&#x27; has &#x27;a&#x27; in line 2" in made.field("data_file")._error.value
    assert control(made, "ignored_columns").options == ("x", "word", "z", "label")
    control(made, "ignored_columns").value = ("word",)
    assert made.desk.checked.errors == {}
    assert (control(made, "ignored_columns").options, control(made, "ignored_columns").value) == (
        ("x", "z", "word"),
        ("word",),
    )


def test_one_click_leaves_out_the_columns_that_cannot_be_learned_from(made: Wizard) -> None:
    control(made, "dataset_id").value = "csv"
    page = made.stage_page("data_ingestion")
    assert made.field("ignored_columns").widget.layout.display == "none"  # nothing to choose from yet
    rows = b"id,x,word,empty,label\n" + b"r1,1,a,,u\nr2,3,b,,v\n" * 5
    upload(made.field("data_file")._upload, "words.csv", rows)
    assert made.field("ignored_columns").widget.layout.display is None
    button = page.mend_buttons["data_file"]
    assert button.description == "Add to “Columns to leave out”: id, word"
    button.click()
    assert control(made, "ignored_columns").value == ("id", "word")
    assert SOUGHT in made.field("ignored_columns").widget._dom_classes
    assert button.description == "Add to “Columns to leave out”: empty"
    button.click()
    assert (made.desk.checked.errors, button.layout.display) == ({}, "none")
    made.undo()
    assert (button.layout.display, button.description) == (None, "Add to “Columns to leave out”: empty")


def test_a_list_speaks_of_what_is_detected_and_not_of_being_empty(made: Wizard) -> None:
    assert "Empty" not in made.field("target_column")._help_text()
    assert "As detected: leave such rows out" in made.field("missing_values")._help_text()
    assert "Hold Ctrl" in made.field("ignored_columns")._help_text()


def test_a_folder_of_pictures_is_offered_where_a_path_can_be_given(made: Wizard, served: Wizard) -> None:
    for form, told in ((made, True), (served, False)):
        form.start.task.value = "image_classification"
        assert ("A path may lead to a folder" in form.field("data_file")._help_text()) is told
        assert "folder" not in form.field("epochs")._help_text()


def test_what_was_said_goes_with_the_next_thing_that_is_done(tiny: Wizard) -> None:
    tiny.refused.widget.value = "209715200 1764000000000 table.csv"
    control(tiny, "epochs").value = "3"
    assert visible(tiny) == ""


def test_too_large_an_upload_is_told_and_not_kept(tiny: Wizard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MOST_BYTES", 10)
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", TABLE)
    assert "rows.csv: the file has 0.1 MB. Here it may have at most 0.1 MB." in visible(tiny)
    assert not (tiny.desk.folder / "experiments").exists()


def test_an_uploads_name_leads_nowhere_else(tiny: Wizard) -> None:
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "../../../evil.csv", TABLE)
    # The folder above is shared by all tests of this run: others keep files of their own in it.
    above = {path.name for path in tiny.desk.folder.parent.iterdir()}
    assert "evil.csv" not in above
    kept = [path for path in tiny.desk.folder.rglob("*") if path.is_file() and "evil" in path.name]
    assert [path.parent.parent for path in kept] == [tiny.desk.folder / "experiments" / "uploads"]


# Review and notebook --------------------------------------------------------------------------------------------


def test_the_review_lists_every_choice_with_where_it_came_from(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "5"
    assert '<tr class="mlprov-chosen"><td>Epochs</td><td>5</td><td>user</td></tr>' in tiny.review.summary.value
    assert "<tr><td>Data</td><td>Two clouds</td><td>default</td></tr>" in tiny.review.summary.value


def test_the_review_groups_the_choices_by_their_stage(tiny: Wizard) -> None:
    titles = re.findall(r'<th colspan="3" scope="rowgroup">([^<]*)</th>', tiny.review.summary.value)
    assert titles == ["Data", "Model", "Training", "Title and author"]


def test_the_review_tells_the_advice(made: Wizard) -> None:
    control(made, "scaler").value = "none"
    assert "Scaling: A network learns slowly, or not at all" in made.review.summary.value
    assert "A network learns slowly, or not at all" in made.field("scaler")._error.value
    assert "mlprov-wrong" not in made.field("scaler").widget._dom_classes


def test_advanced_fields_are_folded_until_they_are_asked_for(made: Wizard) -> None:
    page = made.stage_page("training")
    folded = [p for p in page._parameters if p.advanced and p.name in made.desk.checked.applies]
    assert page.fold_button.description == f"More settings ({len(folded)})"
    assert page._folded.layout.display == "none"
    page.fold_button.click()
    assert (page.fold_button.description, page._folded.layout.display) == ("Fewer settings", None)
    page.fold_button.click()
    assert page._folded.layout.display == "none"


def test_a_folded_field_that_is_wrong_or_was_filled_is_shown(made: Wizard) -> None:
    page = made.stage_page("training")
    control(made, "validation_split").value = "0.2"
    made.field("early_stopping").control.value = "5"
    assert page._folded.layout.display == "none"
    assert page.fold_button.description.endswith(", 1 changed)")
    control(made, "early_stopping").value = "many"
    assert page._folded.layout.display is None
    page.is_unfolded = False
    control(made, "early_stopping").value = "5"
    made._refresh(fill=True)
    assert page._folded.layout.display is None


def test_a_choice_says_what_it_means_and_so_does_every_other(made: Wizard) -> None:
    field = made.field("optimizer")
    for choice in field.parameter.choices:
        control(made, "optimizer").value = choice.value
        assert f"<b>{escape(choice.label)}:</b> {escape(choice.help)}" in field._help.value
    values = [str(getattr(widget, "value", "")) for widget in below(field.widget)]
    meanings = next(value for value in values if "What the choices mean: Optimizer" in value)
    assert all(escape(choice.help) in meanings for choice in field.parameter.choices)


def test_nearly_every_choice_of_the_tasks_says_when_to_prefer_it(made: Wizard) -> None:
    silent = {
        p.name for task in (IRIS, IMAGES) for p in made.desk.tasks[task].parameters for c in p.choices if not c.help
    }
    assert silent <= {"separator", "augmentation", "save_checkpoint", "schedule"}, silent


def test_an_uploaded_archive_of_pictures_is_shown(made: Wizard) -> None:
    made.start.task.value = IMAGES
    control(made, "dataset_id").value = "image_folder"
    upload(made.field("data_file")._upload, "pets.zip", (DATA / "pets.zip").read_bytes())
    shown = made.stage_page("data_ingestion").tables["data_file"].value
    assert re.search(r"pictures in \d+ classes", shown)
    assert "data:image/" in shown


def test_the_notebook_is_made_in_a_new_folder_and_carries_the_plan(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "5"
    tiny.review.generate_button.click()
    assert notebooks(tiny) == [tiny.review.notebook]
    assert plan_of(load_notebook(notebooks(tiny)[0])).values["epochs"] == 5


def test_a_second_click_makes_no_second_notebook(tiny: Wizard) -> None:
    tiny.review.generate_button.click()
    tiny.review.generate_button.click()
    assert len(notebooks(tiny)) == 1


def test_another_value_makes_another_notebook_and_leaves_the_first(tiny: Wizard) -> None:
    tiny.review.generate_button.click()
    first = notebooks(tiny)[0].read_bytes()
    control(tiny, "epochs").value = "5"
    tiny.review.generate_button.click()
    assert len(notebooks(tiny)) == 2
    assert notebooks(tiny)[0].read_bytes() == first


def test_a_notebook_that_was_deleted_is_made_again(tiny: Wizard) -> None:
    tiny.review.generate_button.click()
    notebooks(tiny)[0].unlink()
    tiny.review.generate_button.click()
    assert len(notebooks(tiny)) == 1


def test_the_link_to_the_notebook_is_relative_to_the_working_folder(
    own_folder: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = own_folder / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    form = Wizard(folder=own_folder / "50% #1", tasks=[tiny_task])
    form.review.generate()
    assert 'href="../50%25%20%231/experiments/' in form.review.made.value


def test_the_notebook_is_downloaded_with_its_data(tiny: Wizard) -> None:
    control(tiny, "dataset_id").value = "csv"
    upload(tiny.field("data_file")._upload, "rows.csv", TABLE)
    tiny.review.generate()
    assert 'href="data:application/zip;base64,' in tiny.review.made.value


def test_nothing_is_made_of_a_wrong_form(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    with pytest.raises(MlprovError, match="something has to be corrected first"):
        tiny.review.generate()


# The way to a field -------------------------------------------------------------------------------------------


def test_a_field_that_is_sought_is_unfolded_on_its_page_and_marked(made: Wizard) -> None:
    made.seek("stratify")
    page = made.stage_page(made.page)
    assert (made.page, page.is_unfolded) == ("data_segregation", True)
    assert "mlprov-sought" in page.fields["stratify"].widget._dom_classes


@pytest.mark.parametrize(
    ("name", "told", "page"),
    [
        ("separator", "Separator: with what is chosen now, this is not asked for", "data_ingestion"),
        ("no_such", "no_such: .* has no field of this name", "start"),
    ],
)
def test_a_field_that_is_not_there_now_is_said(made: Wizard, name: str, told: str, page: str) -> None:
    with pytest.raises(MlprovError, match=told):
        made.seek(name)
    assert made.page == page


# Undo and redo ---------------------------------------------------------------------------------------------


def test_undo_and_redo_bring_the_fields_back_and_open_their_page(tiny: Wizard) -> None:
    assert tiny.redo_button.disabled
    control(tiny, "epochs").value = "7"
    control(tiny, "optimizer").value = "Signs"
    tiny.go("review")
    click(tiny, "Undo")
    assert (control(tiny, "optimizer").value, control(tiny, "epochs").value) == ("Descent", "7")
    assert tiny.page == tiny.desk.page_of("optimizer")
    assert "Undone: Optimizer" in visible(tiny)
    click(tiny, "Undo")
    assert control(tiny, "epochs").value == "4"
    click(tiny, "Redo")
    click(tiny, "Redo")
    assert (control(tiny, "optimizer").value, control(tiny, "epochs").value) == ("Signs", "7")
    assert tiny.redo_button.disabled


def test_there_is_nothing_to_undo_at_first(made: Wizard) -> None:
    assert (made.undo_button.disabled, made.redo_button.disabled) == (True, True)


def test_keys_typed_into_one_field_are_undone_together(tiny: Wizard) -> None:
    for text in ("1", "12", "many", "123"):
        control(tiny, "epochs").value = text
    click(tiny, "Undo")
    assert control(tiny, "epochs").value == "4"


def test_a_change_after_an_undo_cannot_be_done_again(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "7"
    click(tiny, "Undo")
    control(tiny, "random_seed").value = "5"
    assert tiny.redo_button.disabled
    click(tiny, "Undo")
    assert (control(tiny, "random_seed").value, control(tiny, "epochs").value) == ("2", "4")


def test_a_wrong_value_is_undone_too(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    click(tiny, "Undo")
    assert tiny.desk.checked.errors == {}
    click(tiny, "Redo")
    assert (control(tiny, "epochs").value, len(tiny.desk.checked.errors)) == ("many", 1)


def test_a_reset_can_be_undone(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "7"
    click(tiny, "Reset everything")
    click(tiny, "Undo")
    assert control(tiny, "epochs").value == "7"


def test_another_task_can_be_undone(made: Wizard) -> None:
    control(made, "epochs").value = "7"
    made.start.task.value = "tiny"
    click(made, "Undo")
    assert (made.desk.task.id, made.start.task.value, control(made, "epochs").value) == (IRIS, IRIS, "7")


def test_an_import_can_be_undone(tiny: Wizard, recorded: bytes) -> None:
    control(tiny, "epochs").value = "7"
    tiny.start.import_file("provenance.json", recorded)
    assert control(tiny, "epochs").value == "2"
    click(tiny, "Undo")
    assert (control(tiny, "epochs").value, tiny.desk.form.recorded_in) == ("7", None)


def test_what_was_done_before_a_reload_can_be_undone_and_done_again(made: Wizard, tiny_task: Path) -> None:
    made.token.value = "a" * 32
    for text in ("9", "8"):
        control(made, "epochs").value = text
        made.start.task.value = "tiny" if made.desk.task.id == IRIS else IRIS
        click(made, "Undo")
    control(made, "random_seed").value = "5"
    click(made, "Undo")
    again = Wizard(folder=made.desk.folder, tasks=[tiny_task])
    again.token.value = "a" * 32
    assert (again.undo_button.disabled, again.redo_button.disabled) == (False, False)
    click(again, "Redo")
    assert (control(again, "random_seed").value, control(again, "epochs").value) == ("5", "8")
    assert again.redo_button.disabled
    for expected in ("8", "9", "100"):
        click(again, "Undo")
        assert control(again, "epochs").value == expected
    assert again.undo_button.disabled


# Reset and another task -----------------------------------------------------------------------------------------


def test_a_reset_goes_back_to_the_defaults_and_the_start(tiny: Wizard) -> None:
    control(tiny, "epochs").value = "many"
    control(tiny, "optimizer").value = "Signs"
    tiny.go("review")
    click(tiny, "Reset everything")
    assert (tiny.page, control(tiny, "epochs").value, control(tiny, "optimizer").value) == ("start", "4", "Descent")
    assert tiny.desk.checked.errors == {}


def test_a_reset_leaves_what_was_made(tiny: Wizard) -> None:
    tiny.review.generate_button.click()
    tiny.reset()
    assert len(notebooks(tiny)) == 1


def test_a_switch_of_the_task_makes_a_form_with_its_defaults(made: Wizard) -> None:
    control(made, "epochs").value = "7"
    made.start.task.value = "tiny"
    assert control(made, "epochs").value == "4"
    made.start.task.value = IRIS
    assert control(made, "epochs").value == "100"


def test_a_switch_of_the_task_forgets_the_imported_file(made: Wizard, recorded: bytes) -> None:
    made.start.import_file("provenance.json", recorded)
    made.start.task.value = IRIS
    assert (made.desk.form.recorded_in, made.start.imported.value, made.start.reproduce_row.layout.display) == (
        None,
        "",
        "none",
    )


# From provenance ---------------------------------------------------------------------------------------------------


def test_a_recorded_run_fills_the_form_of_its_task(made: Wizard, recorded: bytes) -> None:
    upload(made.start.upload, "provenance.json", recorded)
    assert visible(made) == ""
    assert (made.desk.form.task.id, made.start.task.value) == ("tiny", "tiny")
    assert (control(made, "epochs").value, control(made, "title").value) == ("2", "Recorded <b>")


def test_a_recorded_run_offers_to_be_reproduced(made: Wizard, recorded: bytes) -> None:
    assert made.start.reproduce_row.layout.display == "none"
    made.start.import_file("provenance.json", recorded)
    assert made.start.reproduce_row.layout.display is None


def test_it_is_told_how_much_was_filled(made: Wizard, recorded: bytes) -> None:
    made.start.import_file("provenance.json", recorded)
    count = len(made.desk.checked.applies)
    assert f"{count} of {count} fields were filled from the file provenance.json." in made.start.imported.value


def test_a_file_that_was_changed_after_the_run_is_told_with_what_changed(made: Wizard, recorded: bytes) -> None:
    made.start.import_file("provenance.json", recorded)
    assert "was changed after the run" not in made.start.imported.value
    document = json.loads(recorded)
    document["entity"]["run:metric-accuracy"]["mls:hasValue"]["$"] = "0.999"
    made.start.import_file("changed.json", json.dumps(document).encode())
    told = (
        "The file was changed after the run wrote it, so it may not tell what ran. Changed: entity/run:metric-accuracy."
    )
    assert told in made.start.imported.value


def test_filled_values_are_marked_as_imported(made: Wizard, recorded: bytes) -> None:
    made.start.import_file("provenance.json", recorded)
    draft = made.desk.checked.draft
    assert draft is not None
    assert set(draft.plan.origins.values()) == {"imported"}


@pytest.mark.parametrize("content", [b"", b"{}", b"[1, 2", b"\xff\xfe", b'{"entity": {}}'], ids=range(5))
def test_a_file_that_is_no_provenance_leaves_the_form_as_it_was(made: Wizard, content: bytes) -> None:
    control(made, "epochs").value = "7"
    upload(made.start.upload, "x.json", content)
    assert 'role="alert"' in visible(made)
    assert "should not have happened" not in visible(made)
    assert (made.desk.form.task.id, control(made, "epochs").value, made.start.imported.value) == (IRIS, "7", "")


def test_a_broken_provenance_file_leaves_the_form_as_it_was(made: Wizard, recorded: bytes) -> None:
    with pytest.raises(ProvenanceError):
        made.start.import_file("provenance.json", recorded[: len(recorded) // 2])
    assert (made.desk.form.task.id, made.desk.form.recorded_in) == (IRIS, None)


def test_too_large_a_provenance_file_is_refused_before_it_is_kept(
    made: Wizard, recorded: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(start, "LARGEST_FILE", 10)
    with pytest.raises(DataFileError, match="Here it may have at most"):
        made.start.import_file("provenance.json", recorded)
    assert not (made.desk.folder / "experiments").exists()


def test_a_changed_form_is_not_reproduced(made: Wizard, recorded: bytes) -> None:
    made.start.import_file("provenance.json", recorded)
    control(made, "epochs").value = "3"
    made.start.reproduce.click()
    assert "the form was changed since the file was read. Upload the file again." in visible(made)


def test_recorded_columns_are_shown_as_chosen(
    made: Wizard, run_new: Callable[..., dict[str, Any]], own_folder: Path
) -> None:
    table = own_folder / "rows.csv"
    table.write_bytes(b"width,kind,length\n1,0,3\n2,1,4\n3,0,5\n4,1,7\n")
    done = run_new("tiny", {"dataset_id": "csv", "data_file": str(table), "target_column": "kind"})
    made.start.import_file("provenance.json", Path(done["provenance"]).read_bytes())
    assert (made.desk.checked.errors, control(made, "target_column").value) == ({}, "kind")


def test_data_that_did_not_come_with_the_file_is_asked_for_and_taken(
    made: Wizard, run_new: Callable[..., dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "rows.csv"
    elsewhere.write_bytes(b"width,kind,length\n1,0,3\n2,1,4\n3,0,5\n4,1,7\n")
    done = run_new("tiny", {"dataset_id": "csv", "data_file": str(elsewhere), "target_column": "kind"})
    made.start.import_file("provenance.json", Path(done["provenance"]).read_bytes())
    assert made.desk.checked.errors == {"data_file": "The data file rows.csv is not here. Upload it, or another one."}
    stage = made.desk.title_of(made.desk.page_of("data_file"))
    assert f"rows.csv is not here. Give it on the page {stage}, then reproduce." in made.start.imported.value
    upload(made.field("data_file")._upload, "again.csv", elsewhere.read_bytes())
    draft = made.desk.checked.draft
    assert draft is not None
    assert draft.plan.digest == plan_of(load_notebook(Path(done["notebook"]))).digest


def test_a_run_is_not_reproduced_without_its_data_but_with_it(
    made: Wizard,
    run_new: Callable[..., dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    fake_runs: None,
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "rows.csv"
    elsewhere.write_bytes(b"width,kind,length\n1,0,3\n2,1,4\n3,0,5\n4,1,7\n")
    done = run_new("tiny", {"dataset_id": "csv", "data_file": str(elsewhere), "target_column": "kind"})
    made.start.import_file("provenance.json", Path(done["provenance"]).read_bytes())
    made.start.reproduce.click()
    assert "rows.csv: this data file is not here. Upload it in its field first." in visible(made)
    assert (FakeRun.made, notebooks(made)) == (0, [])
    upload(made.field("data_file")._upload, "again.csv", elsewhere.read_bytes())
    made.start.reproduce.click()
    assert (FakeRun.made, visible(made)) == (1, "")
    made.runs.cancel_button.click()
    wait_until(lambda: bool(made.runs.result_box.children))


# Strangers at the form ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "trusted", "expected"),
    [("", "", False), ("http://x/", "", True), ("http://x/", "0", True), ("http://x/", "1", False)],
    ids=["notebook", "Voila", "app", "trusted app"],
)
@pytest.mark.parametrize("name", ["VOILA_REQUEST_URL", "VOILA_PREHEAT"])
def test_under_voila_strangers_are_expected_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch, name: str, url: str, trusted: str, expected: bool
) -> None:
    monkeypatch.setenv(name, url)
    monkeypatch.setenv("MLPROV_TRUSTED", trusted)
    assert is_served() is expected


def test_a_form_that_was_made_before_its_visitor_came_is_for_strangers(
    own_folder: Path, tiny_task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOILA_PREHEAT", "True")
    form = Wizard(folder=own_folder, tasks=[tiny_task])
    assert (form.desk.served, sorted(form.desk.tasks)) == (True, [IMAGES, IRIS])
    assert form.field("data_file").control not in form.field("data_file").widget.children


def test_a_served_form_has_no_field_for_a_path(served: Wizard) -> None:
    field = served.field("data_file")
    assert field._upload in field.widget.children
    assert field.control not in field.widget.children


def test_a_trusted_form_has_a_field_for_a_path(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.setenv("MLPROV_TRUSTED", "1")
    form = request.getfixturevalue("served")
    assert form.field("data_file").control in form.field("data_file").widget.children


def test_a_path_that_a_stranger_sends_all_the_same_is_not_read(served: Wizard, own_folder: Path) -> None:
    secret = own_folder / "secret.csv"
    secret.write_bytes(TABLE)
    control(served, "dataset_id").value = "csv"
    control(served, "data_file").set_state({"value": str(secret)})
    assert served.desk.checked.tables == {}
    assert list(served.desk.checked.errors) == ["data_file"]


def test_a_path_from_anywhere_but_an_upload_is_refused_in_words(served: Wizard, own_folder: Path) -> None:
    with pytest.raises(ValueRefused, match="a path cannot be given here"):
        served.stage_page("data_ingestion")._on_change("data_file", str(own_folder / "secret.csv"))


def test_a_stranger_can_upload(served: Wizard) -> None:
    control(served, "dataset_id").value = "csv"
    upload(served.field("data_file")._upload, "rows.csv", TABLE)
    assert (served.desk.checked.errors, served.desk.checked.tables["data_file"].rows) == ({}, 7)


def test_a_stranger_gets_no_link_into_the_machine(served: Wizard) -> None:
    served.review.generate()
    assert "Open it" not in served.review.made.value
    assert "Download the notebook" in served.review.made.value


def test_a_served_form_has_the_built_in_tasks_only(served: Wizard) -> None:
    assert sorted(served.desk.tasks) == [IMAGES, IRIS]


# Runs -------------------------------------------------------------------------------------------------------------


class FakeRun:
    """A run that ends when it is told to."""

    made = 0
    packages: Any = None
    gives_way = False

    def __init__(
        self, notebook: Path, runs: Path, task_id: str, tasks: Any, timeout: Any, packages: Any, *, gives_way: bool
    ) -> None:
        type(self).made += 1
        type(self).packages, type(self).gives_way = packages, gives_way
        self.folder = Path("run")
        self.result: dict[str, Any] | None = None

    waits = 0

    def look(self) -> Glance:
        return Glance("train", "Move <it>", 1, 4, {"loss": [0.5, None, 0.25]}, 7.0, self.result, self.waits)

    def cancel(self) -> None:
        self.result = {"status": "cancelled", "message": "cancelled <here>"}


@pytest.fixture
def fake_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no process."""
    monkeypatch.setattr(FakeRun, "made", 0)
    monkeypatch.setattr(running, "BackgroundRun", FakeRun)
    monkeypatch.setattr(running, "_SECONDS_BETWEEN_LOOKS", 0.01)


def started(form: Wizard, result: dict[str, Any] | None = None, expected: Path | None = None) -> FakeRun:
    """Return a run that the form looks after."""
    run = FakeRun(Path(), Path(), "", (), None, None, gives_way=False)
    run.result = result
    form.runs.follow(run, StartedRun(run.folder, form.desk.task.id, "A run", 4, expected))  # type: ignore[arg-type]
    form.go("result")
    return run


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60  # what the end of a run needs is loaded then
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def test_a_run_shows_its_progress_and_a_cancelled_one_says_so(tiny: Wizard, fake_runs: None) -> None:
    tiny.review.run_button.click()
    wait_until(lambda: "Move &lt;it&gt; (1 of 4 cells), epoch 3 of 4 · 7 s" in tiny.runs.progress.value)
    assert (tiny.page, tiny.runs.cancel_row.layout.display) == ("result", None)
    tiny.runs.cancel_button.click()
    wait_until(lambda: "Cancelled &lt;here&gt;" in tiny.runs.progress.value)
    wait_until(lambda: not tiny.review.run_button.disabled)
    assert tiny.runs.cancel_row.layout.display == "none"


@pytest.mark.parametrize("who", ["made", "served"])
def test_a_visitors_run_gives_way_to_the_pages_and_ones_own_does_not(
    who: str, fake_runs: None, request: pytest.FixtureRequest
) -> None:
    form = request.getfixturevalue(who)
    form.review.run_button.click()
    assert (FakeRun.made, FakeRun.gives_way) == (1, who == "served")
    form.runs.cancel_button.click()
    wait_until(lambda: form.runs.going_on == 0)


def test_a_second_click_starts_no_second_run(tiny: Wizard, fake_runs: None) -> None:
    tiny.review.run_button.click()
    tiny.review.run_button.click()
    assert (FakeRun.made, visible(tiny)) == (1, "")
    tiny.runs.cancel_button.click()
    wait_until(lambda: "Cancelled" in tiny.runs.progress.value)


def test_a_second_click_on_reproduce_makes_no_second_notebook(made: Wizard, recorded: bytes, fake_runs: None) -> None:
    made.start.import_file("provenance.json", recorded)
    made.start.reproduce.click()
    made.start.reproduce.click()
    assert len(notebooks(made)) == 1
    made.runs.cancel_button.click()
    wait_until(lambda: bool(made.runs.result_box.children))


def test_a_reproduction_that_did_not_end_gets_a_red_card(made: Wizard, recorded: bytes, fake_runs: None) -> None:
    made.start.import_file("provenance.json", recorded)
    made.start.reproduce.click()
    made.runs.cancel_button.click()
    wait_until(lambda: bool(made.runs.result_box.children))
    card = made.runs.result_box.children[0].value
    assert "mlprov-verdict mlprov-bad" in card
    assert "Not reproduced</h3>" in card
    assert "What happened:</b> cancelled &lt;here&gt;" in card
    assert "Likely cause:</b> somebody cancelled it" in card


def test_the_recorded_versions_are_installed_only_after_consent(
    made: Wizard, recorded: bytes, fake_runs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlprov_widgets.execution.reproduce.wanted_of", lambda restored: {"tqdm": "4.66.5"})
    versions = made.start.versions
    assert versions.button.disabled
    made.start.import_file("provenance.json", recorded)
    assert versions.consent.layout.display == "none"
    versions.button.click()
    assert (versions.consent.layout.display, FakeRun.made) == (None, 0)
    assert "<td>tqdm</td><td>4.66.5</td>" in versions.told.value
    versions.decline.click()
    assert (versions.consent.layout.display, FakeRun.made) == ("none", 0)
    versions.button.click()
    versions.agree.click()
    assert (FakeRun.made, FakeRun.packages, visible(made)) == (1, {"tqdm": "4.66.5"}, "")
    made.runs.cancel_button.click()
    wait_until(lambda: bool(made.runs.result_box.children))


def test_a_stranger_is_never_offered_to_install(served: Wizard, fake_runs: None) -> None:
    versions = served.start.versions
    assert versions.button not in served.start.reproduce_row.children
    versions.agree.disabled = False
    versions.agree.click()
    assert "no environment is built on a served page" in visible(served)
    assert FakeRun.made == 0


def test_what_could_not_be_had_is_told_above_the_results(tiny: Wizard, tiny_run: dict[str, Any]) -> None:
    not_had = [{"name": "torch", "expected": "1.0<", "actual": "2.0"}]
    started(tiny, tiny_run | {"not_had": not_had}, Path(tiny_run["provenance"]))
    wait_until(lambda: bool(tiny.runs.result_box.children))
    card = tiny.runs.result_box.children[0].value
    assert "What could not be had: torch 1.0&lt; (2.0 was used)." in card


def test_another_run_is_started_from_the_same_form_while_one_goes_on(tiny: Wizard, fake_runs: None) -> None:
    tiny.review.run_button.click()
    assert tiny.runs.queue.widget.layout.display == "none"
    control(tiny, "epochs").value = "9"
    tiny.go("review")
    assert "A run is going on; this one waits for its turn." in tiny.review._waits.value
    tiny.review.run_button.click()
    assert (FakeRun.made, tiny.runs.going_on, len(notebooks(tiny))) == (2, 2, 2)
    assert [chosen.description for chosen, _, _ in tiny.runs.queue.lines] == [
        "1. Tiny classifier",
        "2. Tiny classifier: Epochs 9",
    ]
    assert "Result (2 runs going on)" in tiny._step_buttons["result"].description
    for _, _, cancel in tiny.runs.queue.lines:
        cancel.click()
    wait_until(lambda: tiny.runs.going_on == 0)
    wait_until(lambda: "cancelled" in tiny.runs.queue.lines[0][1].value)
    wait_until(lambda: tiny.review._waits.value == "")


def test_a_run_in_the_line_is_cancelled_alone_and_what_came_of_each_is_shown_on_a_click(
    tiny: Wizard, fake_runs: None, tiny_run: dict[str, Any]
) -> None:
    first, second = (started(tiny) for _ in range(2))
    second.waits = 1
    wait_until(lambda: "waiting, 1st in the line" in tiny.runs.queue.lines[1][1].value)
    wait_until(lambda: "Waiting for its turn: one run is before this one" in tiny.runs.progress.value)
    tiny.runs.queue.lines[1][2].click()
    wait_until(lambda: "cancelled" in tiny.runs.queue.lines[1][1].value)
    wait_until(lambda: "Cancelled &lt;here&gt;" in tiny.runs.progress.value)
    wait_until(lambda: (tiny.runs.going_on, tiny.runs.queue.lines[1][2].layout.display) == (1, "none"))
    first.result = tiny_run
    wait_until(lambda: "completed" in tiny.runs.queue.lines[0][1].value)
    assert tiny.runs.results is None
    tiny.runs.queue.lines[0][0].click()
    assert tiny.runs.results is not None
    wait_until(lambda: tiny.runs.progress.value == "")
    tiny.runs.queue.lines[1][0].click()
    assert (tiny.runs.results, tiny.runs.result_box.children) == (None, ())


def test_a_form_that_was_closed_during_a_run_disturbs_nobody(tiny: Wizard, fake_runs: None) -> None:
    tiny.review.run_button.click()
    (item,) = tiny.runs.watched
    widgets.Widget.close_all()
    assert item.run is not None
    item.run.cancel()
    wait_until(lambda: item.run is None)


def test_the_results_of_a_run_are_shown(tiny: Wizard, tiny_run: dict[str, Any]) -> None:
    started(tiny, tiny_run)
    wait_until(lambda: tiny.runs.results is not None and bool(tiny.runs.result_box.children))
    shown = "".join(str(w.value) for w in below(tiny.runs.result_box) if isinstance(w, widgets.HTML))
    assert "Completed after" in shown
    labels = [w.description for w in below(tiny.runs.result_box) if isinstance(w, widgets.Button)]
    assert "Everything (zip)" in labels
    wait_until(lambda: not tiny._step_buttons["result"].disabled)


def test_what_came_of_a_run_is_put_together_when_somebody_looks(tiny: Wizard, tiny_run: dict[str, Any]) -> None:
    run = started(tiny)
    tiny.go("training")
    run.result = tiny_run
    wait_until(lambda: tiny.runs.going_on == 0)
    wait_until(lambda: "Putting together" in tiny.runs.progress.value)
    assert (tiny.runs.results, tiny.runs.result_box.children) == (None, ())
    tiny.go("result")
    assert tiny.runs.results is not None
    assert tiny.runs.result_box.children == (tiny.runs.results.widget,)
    assert tiny.runs.progress.value == ""


def test_a_reproduction_shows_its_verdict(tiny: Wizard, tiny_run: dict[str, Any]) -> None:
    started(tiny, tiny_run, Path(tiny_run["provenance"]))
    wait_until(lambda: bool(tiny.runs.result_box.children))
    card = tiny.runs.result_box.children[0].value
    assert "mlprov-verdict mlprov-fine" in card
    assert "Identical</h3><p>Metrics, every epoch and the model are the same, bit for bit." in card


def test_the_words_of_the_verbs_and_the_form_are_the_same(tiny: Wizard) -> None:
    written = verbs.generate("tiny", {}, out=tiny.desk.folder / "by-verb.ipynb", tasks=tiny.desk.task_folders)
    assert tiny.review.generate().read_bytes() == Path(written["notebook"]).read_bytes()


# Coming back -----------------------------------------------------------------------------------------------------


def test_a_page_that_is_loaded_again_is_as_it_was(made: Wizard, tiny_task: Path) -> None:
    made.token.value = "a" * 32
    made.start.task.value = "tiny"
    made.go("training")
    control(made, "epochs").value = "9"
    again = Wizard(folder=made.desk.folder, tasks=[tiny_task])
    again.token.value = "a" * 32
    assert (again.desk.task.id, again.page, control(again, "epochs").value) == ("tiny", "training", "9")
    assert "This is as you left it" in visible(again)


def test_another_page_is_not(made: Wizard, tiny_task: Path) -> None:
    made.token.value = "a" * 32
    control(made, "epochs").value = "9"
    again = Wizard(folder=made.desk.folder, tasks=[tiny_task])
    again.token.value = "b" * 32
    assert (control(again, "epochs").value, visible(again)) == ("100", "")


def test_what_was_entered_before_the_page_asked_is_kept(made: Wizard, tiny_task: Path) -> None:
    made.token.value = "a" * 32
    control(made, "epochs").value = "9"
    again = Wizard(folder=made.desk.folder, tasks=[tiny_task])
    control(again, "epochs").value = "8"
    again.token.value = "a" * 32
    assert control(again, "epochs").value == "8"


def test_the_run_of_a_page_that_is_loaded_again_is_shown(
    made: Wizard, tiny_task: Path, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(Path(tiny_run["provenance"]).parent, folder)
    (folder / "worker.lock").touch()
    (folder / "result.json").write_text(json.dumps({**tiny_run, "provenance": str(folder / "provenance.json")}))
    made.token.value = "a" * 32
    made.runs.follow(BackgroundRun.attach(folder), StartedRun(folder, "tiny", "A run"))
    made.go("result")
    again = Wizard(folder=made.desk.folder, tasks=[tiny_task])
    again.token.value = "a" * 32
    wait_until(lambda: again.runs.results is not None)
    assert again.page == "result"


def test_a_run_that_was_tidied_away_is_forgotten(made: Wizard, tiny_task: Path, tmp_path: Path) -> None:
    made.token.value = "a" * 32
    made.runs.watched = [Watched(StartedRun(tmp_path / "gone", "tiny", "A run"), None, made.desk.task)]
    made.go("training")
    again = Wizard(folder=made.desk.folder, tasks=[tiny_task])
    again.token.value = "a" * 32
    assert (again.page, again.runs.going_on) == ("training", 0)


def test_a_page_can_be_shown_at_once_and_must_be_one(made: Wizard, capsys: pytest.CaptureFixture[str]) -> None:
    made.show("runs")
    assert made.page == "runs"
    with pytest.raises(ValueRefused, match=r"there is no page 'run'.*Choose one of start, .*runs"):
        made.show("run")


def test_the_form_of_a_notebook_in_vs_code_comes_back_and_asks_for_nothing_of_jupyterlab(
    made: Wizard, tiny_task: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = SimpleNamespace(user_ns={"__vsc_ipynb_file__": "/home/me/work.ipynb"})
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    monkeypatch.setattr("IPython.display.display", lambda *shown: None)
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/jvsc-0123.ipynb")  # another one with each kernel
    monkeypatch.setattr(Wizard, "_join_lab", lambda self: pytest.fail("VS Code is taken for JupyterLab"))
    made.show()
    control(made, "epochs").value = "9"
    monkeypatch.setenv("JPY_SESSION_NAME", "/home/me/jvsc-4567.ipynb")
    again = Wizard(folder=made.desk.folder, tasks=[tiny_task])
    again.show()
    assert control(again, "epochs").value == "9"


def test_a_file_that_the_page_did_not_send_is_told_with_its_size(made: Wizard) -> None:
    made.refused.widget.value = "209715200 1764000000000 my <large> table.csv"
    assert "the file has 209.8 MB. Here a file may have at most 10 MB" in visible(made)
    assert "<large>" not in visible(made)


# What strangers may take -------------------------------------------------------------------------------------------


def test_each_visitor_has_a_folder_of_their_own(served: Wizard, own_folder: Path, tiny_task: Path) -> None:
    another = Wizard(folder=own_folder, tasks=[tiny_task])
    served.token.value, another.token.value = "a" * 32, "b" * 32
    made = [form.review.generate() for form in (served, another)]
    assert [path.relative_to(own_folder).parts[:2] for path in made] == [("visitors", "a" * 32), ("visitors", "b" * 32)]


def test_a_visitor_before_the_page_said_who_it_is_has_one_too(served: Wizard, own_folder: Path) -> None:
    control(served, "epochs").value = "7"
    place = served.desk.folder
    served.token.value = "a" * 32
    assert (served.desk.folder, place.parent) == (place, own_folder / "visitors")


def test_one_folder_of_runs_for_everybody_is_none_of_the_visitors(
    served: Wizard, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPROV_RUNS", str(own_folder / "runs"))
    assert served.desk.runs == served.desk.folder / "mlprov_runs"


@pytest.mark.parametrize("token", ["../../etc", "", "a" * 31, "A" * 32])
def test_what_is_no_token_chooses_no_folder(served: Wizard, own_folder: Path, token: str) -> None:
    before = served.desk.folder
    served.token.value = token
    assert served.desk.folder == before


def test_the_page_tells_a_stranger_for_how_long_their_work_is_kept(served: Wizard) -> None:
    assert "for 7 days is deleted" in first_page(served)


def test_a_person_at_their_own_machine_is_told_of_no_limit(made: Wizard) -> None:
    assert "is deleted" not in first_page(made)


def test_a_visitor_cannot_upload_more_than_the_space_they_have(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1:8866/")
    monkeypatch.setenv("MLPROV_VISITOR_MB", "1")
    form = Wizard(folder=own_folder)
    with pytest.raises(MlprovError, match="your files have reached the 1 MB"):
        form.desk.keep("rows.csv", b"1" * 1_000_001, 10_000_000)


def test_a_visitor_cannot_start_more_runs_than_they_have(
    own_folder: Path, monkeypatch: pytest.MonkeyPatch, fake_runs: None
) -> None:
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1:8866/")
    monkeypatch.setenv("MLPROV_VISITOR_RUNS", "2")
    form = Wizard(folder=own_folder)
    for name in ("one", "two"):
        (form.desk.runs / name).mkdir(parents=True)
    with pytest.raises(MlprovError, match="you have reached the 2 runs"):
        form.review.run()
    assert FakeRun.made == 0


def test_a_fault_of_the_program_shows_a_stranger_nothing_of_it(
    served: Wizard, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(served.desk.form, "check", lambda: 1 / 0)
    control(served, "epochs").value = "5"
    assert "ZeroDivisionError" not in visible(served)
    assert "it was written down" in visible(served)


def test_a_run_that_waits_says_for_how_many(tiny: Wizard) -> None:
    html = progress_html(Glance(before=2), tiny.desk.task, 0)
    assert "Waiting for its turn: 2 runs are before this one" in html
    assert "mlprov-done" not in html


def test_while_a_run_waits_nothing_has_to_be_drawn_anew(tiny: Wizard) -> None:
    first, later = (progress_html(Glance(before=2, seconds=seconds), tiny.desk.task, 0) for seconds in (3.0, 90.0))
    assert first == later
