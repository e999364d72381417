"""The form's way back: edited code, crates, the verdict, the list before a run, and runs side by side."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets
import nbformat
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import MlprovError, ProvenanceError
from mlprov_widgets.provenance.replay import Code
from mlprov_widgets.ui.compare_view import overlaid
from mlprov_widgets.ui.verdict import verdict_html
from mlprov_widgets.ui.wizard import Wizard

Answer = dict[str, Any]


pytestmark = pytest.mark.usefixtures("closed_widgets")


@pytest.fixture
def form(own_folder: Path, tiny_task: Path) -> Wizard:
    """Return a form of the tiny task."""
    made = Wizard(folder=own_folder, tasks=[tiny_task])
    made.start.task.value = "tiny"
    return made


@pytest.fixture
def edited(own_folder: Path, tiny_task: Path) -> bytes:
    """A notebook in which a person changed a number and a cell."""
    path = own_folder / "desk" / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    for cell in content.cells:
        if cell.id == "parameters":
            cell.source = cell.source.replace("epochs = 4", "epochs = 6")
        if cell.id == "train":
            cell.source = cell.source.replace("error**2", "abs(error)  # <b>")
    nbformat.write(content, path)
    return path.read_bytes()


# Edited notebooks ------------------------------------------------------------------------------------------


def test_an_edited_notebook_fills_the_form_and_shows_its_edits(form: Wizard, edited: bytes) -> None:
    form.start.import_file("tiny.ipynb", edited)
    assert form.desk.form.given["epochs"] == 6
    assert [code.step for code in form.desk.form.code] == ["train"]
    assert form.start._edits_box.layout.display is None
    assert '<span class="mlprov-added">+        loss += abs(error)  # &lt;b&gt; / len(points)</span>' in (
        form.start._diff.value
    )


def test_edits_are_dropped_unless_they_are_kept(form: Wizard, edited: bytes) -> None:
    form.start.import_file("tiny.ipynb", edited)
    assert "abs(error)" not in form.review.generate().read_text(encoding="utf-8")
    form.start.edits.value = True
    assert "abs(error)" in form.review.generate().read_text(encoding="utf-8")
    form.start.edits.value = False
    assert "abs(error)" not in form.review.generate().read_text(encoding="utf-8")


def test_undo_takes_keeping_back(form: Wizard, edited: bytes) -> None:
    form.start.import_file("tiny.ipynb", edited)
    form.start.edits.value = True
    form.undo()
    assert (form.desk.form.keep_code, form.start.edits.value) == (False, False)


def test_a_stranger_cannot_keep_edits(
    own_folder: Path, tiny_run: Answer, edited: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1:8866/")
    served = Wizard(folder=own_folder)
    served.desk.form.code = (Code("train", "print('mine')", "model", False),)
    served.start.edits.value = True
    served._refresh()
    assert not served.desk.form.keep_code
    assert served.start._edits_box.layout.display == "none"
    served.desk.form.keep_code = True
    assert "print('mine')" not in served.review.generate().read_text(encoding="utf-8")


# Crates ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crate(tiny_run: Answer, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("crate") / "run.zip"
    verbs.export(tiny_run["provenance"], to="rocrate", out=path)
    return path.read_bytes()


def test_a_crate_fills_the_form_and_can_be_reproduced(form: Wizard, crate: bytes) -> None:
    form.start.import_file("run.zip", crate)
    recorded = form.desk.form.recorded_in
    assert recorded is not None
    assert recorded.name == "provenance.json"
    assert not form.start.reproduce.disabled
    form.start.import_file("run.zip", crate)  # a second time


def test_a_crate_that_was_changed_is_refused_and_leaves_the_form(form: Wizard, crate: bytes) -> None:
    with pytest.raises(ProvenanceError):
        form.start.import_file("run.zip", crate[:-50])
    assert form.desk.form.recorded_in is None


# The verdict -----------------------------------------------------------------------------------------------


def test_a_different_run_gets_a_red_card_with_the_table(run_new: Callable[..., Answer], tiny_run: Answer) -> None:
    other = run_new("tiny", {"random_seed": 7, "title": "<b>"})
    html = verdict_html(Path(tiny_run["provenance"]), Path(other["provenance"]))
    assert "mlprov-verdict mlprov-bad" in html
    assert "Different</h3>" in html
    assert "random_seed is 7, it was 2" in html
    assert "<td>loss, epoch 1</td>" in html


def test_another_version_is_worth_knowing(tiny_run: Answer, own_folder: Path) -> None:
    document = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))
    document["entity"]["run:packages"]["pypi:ipython"] = "<i>0</i>"
    path = own_folder / "provenance.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    html = verdict_html(path, Path(tiny_run["provenance"]))
    assert "Worth knowing:</b> environment, ipython" in html
    assert "<i>0</i>" not in html


def test_a_recorded_file_that_is_gone_is_told(tiny_run: Answer, own_folder: Path) -> None:
    assert "cannot be compared" in verdict_html(own_folder / "gone.json", Path(tiny_run["provenance"]))


# Before a run -----------------------------------------------------------------------------------------------


def checks(form: Wizard) -> list[str]:
    form.go("review")
    return [
        child.children[0].value if isinstance(child, widgets.HBox) else child.value
        for child in form.review.preflight.widget.children
    ]


def mend(form: Wizard, label: str) -> None:
    boxes = [child for child in form.review.preflight.widget.children if isinstance(child, widgets.HBox)]
    button = next(box.children[1] for box in boxes if box.children[1].description == label)
    button.click()


def test_all_is_well_before_a_run_with_the_defaults(form: Wizard) -> None:
    assert checks(form)[0] == "<h3>Before it runs: all is as it should be</h3>"


def test_kept_edits_are_told_and_dropped_by_one_click(form: Wizard, edited: bytes) -> None:
    form.start.import_file("tiny.ipynb", edited)
    form.start.edits.value = True
    assert any("Edited by hand: train" in html for html in checks(form))
    mend(form, "Use the task's own code")
    assert not form.desk.form.keep_code
    assert checks(form)[0] == "<h3>Before it runs: all is as it should be</h3>"


# Runs side by side --------------------------------------------------------------------------------------------


@pytest.fixture
def with_runs(form: Wizard, tiny_run: Answer, run_new: Callable[..., Answer], own_folder: Path) -> Wizard:
    other = run_new("tiny", {"epochs": 2, "title": "Two <b>rounds</b>"})
    shutil.copytree(tiny_run["run"], own_folder / "mlprov_runs" / "a")
    for number in range(13):
        shutil.copytree(other["run"], own_folder / "mlprov_runs" / f"b-{number:02}")
    form.go("runs")
    return form


def shown(form: Wizard) -> list[str]:
    return [box.description for line, box, _ in form.past_runs.rows if line.layout.display is None]


def test_runs_are_listed_by_pages(with_runs: Wizard) -> None:
    assert len(shown(with_runs)) == 12
    assert "1 to 12 of 14" in with_runs.past_runs._told.value
    with_runs.past_runs._older.click()
    assert len(shown(with_runs)) == 2


def test_runs_are_searched_and_filtered(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    page.search.value = "epochs=4"
    assert len(shown(with_runs)) == 1
    page.status.value = "failed"
    assert shown(with_runs) == []
    assert "No run matches." in page._told.value


def test_runs_are_sorted_by_a_metric(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    page.sort.value = "-loss"
    losses = [run["metrics"]["loss"] for run in page._found]
    assert losses == sorted(losses)


def test_the_form_is_filled_with_one_chosen_run_which_can_be_reproduced(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    assert page.fill_button.disabled
    for _, box, _ in page.rows[:2]:
        box.value = True
    assert page.fill_button.disabled
    page._choose_none()
    run = page._found[0]
    page.rows[0][1].value = True
    page.fill_button.click()
    assert (with_runs.page, with_runs.desk.form.recorded_in) == ("start", Path(run["provenance"]))
    assert "fields were filled from the file" in with_runs.start.imported.value
    assert with_runs.start.reproduce_row.layout.display is None


def test_one_chosen_run_is_looked_at_with_all_that_came_of_it(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    assert page.look_button.disabled
    page.rows[0][1].value = True
    page.look_button.click()
    assert len(page.opened.children) == 1
    texts = " ".join(part.value for part in page.opened.children[0].children if isinstance(part, widgets.HTML))
    assert "Completed after" in texts
    assert "Take it with you" in texts
    page.rows[1][1].value = True
    assert page.look_button.disabled
    page.compare_button.click()
    assert page.opened.children == ()


def test_a_list_on_one_page_has_no_buttons_to_turn_it(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    assert page.paging.layout.display is None
    page.search.value = "epochs=4"
    assert (page.paging.layout.display, page._all.description) == ("none", "Choose all")
    assert ">1 run<" in page._told.value


def test_chosen_runs_are_compared_with_what_differs_alone(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    assert page.compare_button.disabled
    page.rows[0][1].value = True
    page.search.value = "epochs=4"
    page.rows[0][1].value = True
    page.compare_button.click()
    assert "<td>epochs</td><td>2</td><td>4</td>" in page.result.value
    assert "<td>random_seed</td>" not in page.result.value
    assert 'aria-label="loss of 2 runs"' in page.result.value
    assert "<b>rounds</b>" not in page.result.value
    page.only.value = False
    assert "<td>random_seed</td>" in page.result.value


def test_curves_that_end_at_one_place_have_one_number_there_and_how_many_more() -> None:
    same, other = [[1, 0.5], [2, 0.25]], [[1, 0.5], [2, 0.75]]
    drawn = overlaid({"loss": [same, same, other, same]})
    assert re.findall(r">(\[\d\][^<]*)<title>([^<]*)<", drawn) == [("[1] +2", "[1], [2], [4]"), ("[3]", "[3]")]


def test_what_a_click_opened_below_the_list_is_led_to_once(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    page._all.click()
    page.compare_button.click()
    assert 'class="mlprov-arrived" tabindex="-1">Comparison of 14 runs<' in page.result.value
    page.only.value = False
    assert "mlprov-arrived" not in page.result.value


def test_all_that_are_listed_are_chosen_by_one_click(with_runs: Wizard) -> None:
    page = with_runs.past_runs
    assert page._all.description == "Choose all 14"
    page.search.value = "epochs=2"
    page._all.click()
    assert (page._all.disabled, page.compare_button.description) == (True, "Compare 13 runs")
    page.compare_button.click()
    assert "Which are the 13 runs" in page.result.value
    page._none.click()
    assert (page._all.disabled, page.compare_button.disabled, page.result.value) == (False, True, "")


def test_a_run_that_still_goes_on_is_listed_and_cannot_be_chosen(with_runs: Wizard, own_folder: Path) -> None:
    going = own_folder / "mlprov_runs" / "going"
    going.mkdir()
    (going / "journal.jsonl").write_text("", encoding="utf-8")
    with_runs.go("runs")
    page = with_runs.past_runs
    page.status.value = "incomplete"
    assert "still going on, or was cut off" in page.rows[0][2].value
    assert str(own_folder) not in page.rows[0][2].value
    assert page.rows[0][1].disabled
    page.status.value = "completed"
    assert not page.rows[0][1].disabled


def test_a_stranger_sees_the_runs_of_this_page_alone(
    own_folder: Path, tiny_run: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_run["run"], own_folder / "mlprov_runs" / "a")
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1:8866/")
    served = Wizard(folder=own_folder)
    shutil.copytree(tiny_run["run"], served.desk.folder / "mlprov_runs" / "own")
    served.go("runs")
    assert [Path(run["run"]).name for run in served.past_runs._found] == ["own"]
    served.past_runs._chosen[str(own_folder / "mlprov_runs" / "a")] = None
    with pytest.raises(MlprovError, match="fewer than two runs"):
        served.past_runs.compare()


def test_what_is_hidden_hides_nothing_else(form: Wizard) -> None:
    # Most widgets share one layout, so whatever is hidden at times needs its own.
    assert form.start._edits_box.layout is not form.desk.layout
    assert form.desk.layout.display is None
