"""What really ran is what is recorded: edits, re-runs, and the traps of kernels."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.provenance.capture.locate import read_notebook_file

Answer = dict[str, Any]
Write = Callable[..., Path]
Run = Callable[..., Answer]
Journaled = Callable[..., list[dict[str, Any]]]
StartKernel = Callable[..., Any]


def field(run: Answer | Path, group: str, name: str) -> Any:
    provenance = run["provenance"] if isinstance(run, dict) else run / "provenance.json"
    return verbs.show(provenance)["table1"][group][name]["value"]


def steps(run: Answer | Path) -> list[tuple[str, str, str]]:
    provenance = run["provenance"] if isinstance(run, dict) else run / "provenance.json"
    return [(step["step"], step["status"], step["code"]) for step in verbs.show(provenance)["steps"]]


def hyperparameter(document: dict[str, Any], name: str) -> dict[str, Any]:
    entity: dict[str, Any] = document["entity"][f"run:hp-{name}"]
    return entity


# Edits ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Answer:
    """A run in which a person replaced the optimizer and added a cell."""
    folder = tmp_path_factory.mktemp("edited")
    path = folder / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    for number, cell in enumerate(content.cells):
        if cell.id == "model":
            cell.source = cell.source.replace("optimizer = Descent(", "optimizer = Signs(")
        if cell.id == "train":
            place = number + 1
    content.cells.insert(place, nbformat.v4.new_code_cell("best = min(history['loss'])", id="by-hand"))
    nbformat.write(content, path)
    return verbs.run(path, runs=folder / "runs", tasks=[tiny_task])


def test_an_edited_cell_is_recorded_as_edited(edited: Answer) -> None:
    assert ("model", "ok", "edited") in steps(edited)


def test_an_added_cell_is_recorded_as_added(edited: Answer) -> None:
    assert ("by-hand", "ok", "added") in steps(edited)


def test_the_other_cells_are_recorded_as_planned(edited: Answer) -> None:
    assert [step for step, _, code in steps(edited) if code != "as planned"] == ["model", "by-hand"]


def test_the_optimizer_that_ran_is_recorded_not_the_planned_one(edited: Answer) -> None:
    assert field(edited, "model_parameters", "optimizer") == "Signs"


def test_the_planned_optimizer_is_kept_beside_the_one_that_ran(
    edited: Answer, document: Callable[[str], dict[str, Any]]
) -> None:
    setting = hyperparameter(document(edited["run"]), "optimizer")
    assert (setting["mls:hasValue"], setting["ml:planned"], setting["ml:status"]) == ("Signs", "Descent", "observed")


def test_an_edited_cell_is_a_revision_of_the_planned_one_by_a_person(
    edited: Answer, document: Callable[[str], dict[str, Any]]
) -> None:
    written = document(edited["run"])
    revision = next(r for r in written["wasDerivedFrom"].values() if r["prov:usedEntity"] == "plan:cell-model")
    people = {r["prov:entity"]: r["prov:agent"] for r in written["wasAttributedTo"].values()}
    assert people[revision["prov:generatedEntity"]] == "run:person"
    assert written["agent"]["run:person"]["prov:type"]["$"] == "prov:Person"


def test_the_code_that_ran_is_in_the_document(edited: Answer, document: Callable[[str], dict[str, Any]]) -> None:
    sources = [entity.get("ml:source", "") for entity in document(edited["run"])["entity"].values()]
    assert "best = min(history['loss'])" in sources


def test_a_changed_number_is_recorded_with_its_new_value(notebook: Write, run: Run) -> None:
    done = run(notebook(replace={"parameters": ("epochs = 4", "epochs = 6")}))
    assert field(done, "model_training", "epochs") == 6


def test_a_removed_cell_makes_the_run_incomplete_only_if_it_was_planned_in_the_file(notebook: Write, run: Run) -> None:
    # What the file does not hold cannot be missing from its run; the Plan's digests still name it.
    done = run(notebook(remove=("provenance",)))
    assert done["status"] == "completed"


# Cells by hand: again, in another order, failing ------------------------------------------------------


def test_a_cell_that_ran_twice_is_recorded_twice(notebook: Write, kernel: StartKernel, recorded: Any) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder", "imports", "parameters", "load-data", "model", "train", "train")
    shell.close()
    assert [step for step, _, _ in steps(recorded()[0])].count("train") == 2


def test_each_run_of_a_cell_made_variables_of_its_own(
    notebook: Write, kernel: StartKernel, recorded: Any, document: Callable[[Path], dict[str, Any]]
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder", "imports", "parameters", "load-data", "model", "train", "train")
    shell.close()
    written = document(recorded()[0])
    made = {r["prov:entity"]: r["prov:activity"] for r in written["wasGeneratedBy"].values()}
    assert made["run:var-weights-2"] == "run:exec-train-1"
    assert made["run:var-weights-3"] == "run:exec-train-2"
    used = [r["prov:entity"] for r in written["used"].values() if r["prov:activity"] == "run:exec-train-2"]
    assert "run:var-weights-2" in used


def test_cells_are_recorded_in_the_order_in_which_they_ran(notebook: Write, kernel: StartKernel, recorded: Any) -> None:
    order = ["recorder", "imports", "load-data", "parameters", "model", "train"]
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, *order)
    shell.close()
    assert [step for step, _, _ in steps(recorded()[0])] == order


def test_a_run_without_all_planned_cells_is_incomplete(notebook: Write, kernel: StartKernel, recorded: Any) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder", "imports")
    shell.close()
    assert verbs.show(recorded()[0] / "provenance.json")["run"]["status"] == "incomplete"


def test_a_cell_that_failed_and_then_ran_counts_by_its_last_try(
    notebook: Write, kernel: StartKernel, recorded: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    assert shell.run("import maths", "imports") == "error"
    shell.run_steps(path, "imports", "parameters", "load-data", "model", "train", "evaluate", "provenance")
    shell.close()
    assert verbs.show(recorded()[0] / "provenance.json")["run"]["status"] == "completed"
    assert steps(recorded()[0])[1:3] == [("imports", "error", "edited"), ("imports", "ok", "as planned")]


def test_a_cell_that_does_not_compile_is_recorded_as_failed(
    notebook: Write, kernel: StartKernel, recorded: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    assert shell.run("1 +", "imports") == "error"
    shell.close()
    assert steps(recorded()[0])[-1] == ("imports", "error", "edited")


def test_an_interrupted_cell_is_recorded_as_interrupted(
    notebook: Write, kernel: StartKernel, recorded: Any, journaled: Journaled, wait_for: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    shell.start("history = {'loss': [1]}\nwhile True: pass", "train")
    wait_for(lambda: journaled(recorded()[0], "history"))
    shell.manager.interrupt_kernel()
    wait_for(lambda: len(journaled(recorded()[0], "cell")) == 2)
    shell.close()
    assert steps(recorded()[0])[-1] == ("train", "interrupted", "edited")


def test_a_second_recorder_line_begins_a_new_run_and_ends_the_first(
    notebook: Write, kernel: StartKernel, recorded: Any, journaled: Journaled
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder", "imports", "recorder", "parameters")
    shell.close()
    first, second = recorded()
    assert [step for step, _, _ in steps(first)] == ["recorder", "imports"]
    assert [step for step, _, _ in steps(second)] == ["recorder", "parameters"]


def test_a_notebook_that_a_person_runs_has_its_document_when_the_last_cell_ran(
    notebook: Write, kernel: StartKernel, recorded: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    said = verbs.show(recorded()[0] / "provenance.json")["run"]
    assert (said["in_progress"], said["recorded_by"]) == (True, "kernel")


def test_an_ended_kernel_completes_the_document(notebook: Write, kernel: StartKernel, recorded: Any) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    shell.close()
    said = verbs.show(recorded()[0] / "provenance.json")["run"]
    assert (said["in_progress"], said["status"]) == (False, "completed")


def test_a_run_of_a_persons_leaves_a_summary_for_lists(
    notebook: Write, kernel: StartKernel, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    shell.close()
    folder = recorded()[0]
    monkeypatch.setattr("mlprov_widgets.execution.summary.summarise", None)  # it is not called
    (listed,) = verbs.list_runs(runs=folder.parent)["runs"]
    assert (listed["status"], listed["provenance"]) == ("completed", str(folder / "provenance.json"))


def test_cells_that_come_without_ids_are_known_by_their_source(
    notebook: Write, kernel: StartKernel, recorded: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, ids=False)
    shell.close()
    assert steps(recorded()[0])[1] == ("imports", "ok", "as planned")
    assert field(recorded()[0], "data_ingestion", "root_location") == "generated in the notebook"


def test_an_id_that_is_no_cell_id_is_not_recorded(
    notebook: Write, kernel: StartKernel, recorded: Any, journaled: Journaled
) -> None:
    # As VS Code sends it: the address of the cell, with the path of the file.
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    source = next(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.id == "imports")
    shell.run(source, f"vscode-notebook-cell:{path}#W0sZmlsZQ%3D%3D")
    shell.close()
    assert [step for step, _, _ in steps(recorded()[0])] == ["recorder", "imports"]
    assert str(path.parent) not in (recorded()[0] / "journal.jsonl").read_text(encoding="utf-8")


# What a cell may do ----------------------------------------------------------------------------------

ODD = '''
class Odd:
    """Answers every question with an error."""

    def __getattr__(self, name):
        raise RuntimeError(name)

    def __eq__(self, other):
        raise RuntimeError("==")

    __hash__ = None

    def __repr__(self):
        raise RuntimeError("repr")


odd = Odd()
strange = [odd, {1: odd}, (odd,)]
loop = []
loop.append(loop)
deep = [1]
for _ in range(10_000):
    deep = [deep]
huge = 10**5000
lone = "\\ud800"
metrics = {"odd": odd, "loop": loop, "deep": deep, "huge": huge, "lone": lone, odd.__class__: 1}
history = {"other": [lone, huge, deep]}
'''


def test_odd_objects_do_not_disturb_a_run(notebook: Write, run: Run) -> None:
    done = run(notebook(add={"imports": ODD}))
    assert (done["status"], done["notes"]) == ("completed", [])
    assert verbs.verify(done["provenance"])["valid"]


def test_a_series_whose_values_cannot_be_compared_is_recorded(notebook: Write, run: Run) -> None:
    again = "history['odd'] = [Odd()]"
    done = run(notebook(add={"train": ODD.partition("odd =")[0] + again, "evaluate": again}))
    assert (done["status"], done["notes"]) == ("completed", [])
    entity = json.loads(Path(done["provenance"]).read_text(encoding="utf-8"))["entity"]["run:history"]
    assert json.loads(entity["ml:values"]["$"])["odd"] == ["<Odd>"]


@pytest.mark.parametrize(
    "source",
    [
        "%%time\nvalue = 1",
        "%env HOME",
        "!true",
        "import asyncio\nawait asyncio.sleep(0)",
        "%reset -f",
        "del __builtins__",
        "import os\nos.chdir('/')",
    ],
)
def test_a_cell_of_any_sort_leaves_the_recorder_working(
    notebook: Write, kernel: StartKernel, recorded: Any, source: str
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    assert shell.run(source, "by-hand") == "ok", shell.printed
    assert shell.run("after = 1", "after") == "ok", shell.printed
    shell.close()
    assert [step for step, _, _ in steps(recorded()[0])] == ["recorder", "by-hand", "after"]
    assert "The recorder met" not in shell.printed


def test_metrics_that_are_no_numbers_are_recorded_as_they_are(notebook: Write, run: Run) -> None:
    odd = 'metrics["auc"] = None\nmetrics["mae"] = float("nan")\nmetrics["mse"] = float("inf")'
    done = run(notebook(add={"evaluate": odd}))
    assert [done["metrics"][name] for name in ("auc", "mae", "mse")] == [None, "NaN", "Infinity"]


def test_a_module_is_not_a_variable(tiny_run: Answer) -> None:
    entities = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))["entity"]
    assert not {"run:var-math-1", "run:var-Path-1", "run:var-json-1"} & set(entities)


# The training series ---------------------------------------------------------------------------------

WATCHED = """
import time
history = {"loss": []}
journal = outputs.parent / "journal.jsonl"
for value in (0.5, 0.25):
    history["loss"].append(value)
    deadline = time.monotonic() + 30
    while f"[{value}]" not in journal.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
"""


def test_the_training_series_is_journaled_while_the_cell_runs(notebook: Write, run: Run, journaled: Journaled) -> None:
    done = run(notebook(edit={"train": WATCHED}))
    seen = [event["series"]["loss"] for event in journaled(done["run"], "history")]
    assert seen == [{"from": 0, "values": [0.5]}, {"from": 1, "values": [0.25]}]
    cell = journaled(done["run"], "cell")[-3]
    moments = [event["time"] for event in journaled(done["run"], "history")]
    assert cell["step"] == "train"
    assert cell["start"] < moments[0] < moments[1] < cell["end"]


def test_a_series_that_begins_anew_replaces_the_first(notebook: Write, run: Run) -> None:
    done = run(notebook(add={"train": "history['loss'] = [9.0]"}))
    entity = json.loads(Path(done["provenance"]).read_text(encoding="utf-8"))["entity"]["run:history"]
    assert json.loads(entity["ml:values"]["$"]) == {"loss": [9.0]}


def test_a_long_series_lies_in_a_file_beside_the_document(notebook: Write, run: Run) -> None:
    done = run(notebook({"epochs": 2000}))
    entity = json.loads(Path(done["provenance"]).read_text(encoding="utf-8"))["entity"]["run:history"]
    series = json.loads((Path(done["run"]) / entity["schema:name"]).read_text(encoding="utf-8"))
    assert "ml:values" not in entity
    assert len(series["loss"]) == 2000
    assert verbs.verify(done["provenance"])["valid"]


# Which notebook this is -------------------------------------------------------------------------------


def test_a_kernel_is_not_fooled_by_the_session_of_another_notebook(
    notebook: Write, kernel: StartKernel, recorded: Any, journaled: Journaled
) -> None:
    other, path = notebook({"epochs": 9}), notebook()
    shell = kernel(other.parent, JPY_SESSION_NAME=str(other))
    shell.run_steps(path)
    shell.close()
    start = journaled(recorded()[0], "start")[0]
    assert start["plan"] is None
    assert verbs.show(recorded()[0] / "provenance.json")["run"]["plan_digest"] == start["plan_digest"]


def test_the_session_of_its_own_notebook_is_accepted(
    notebook: Write, kernel: StartKernel, recorded: Any, journaled: Journaled
) -> None:
    path = notebook()
    shell = kernel(path.parent, JPY_SESSION_NAME=f"somewhere/below/the/server/{path.name}")
    shell.run_steps(path, "recorder")
    shell.close()
    assert journaled(recorded()[0], "start")[0]["plan"]["values"]["epochs"] == 4


def test_the_file_that_vs_code_names_is_accepted(
    notebook: Write, kernel: StartKernel, recorded: Any, journaled: Journaled, own_folder: Path
) -> None:
    path = notebook()
    shell = kernel(own_folder)
    shell.run(f"__vsc_ipynb_file__ = {str(path)!r}")
    shell.run_steps(path, "recorder")
    shell.close()
    assert journaled(recorded()[0], "start")[0]["notebook"]["name"] == "tiny.ipynb"


def test_a_run_started_in_a_notebook_does_not_take_that_notebook_for_its_own(
    notebook: Write, run: Run, journaled: Journaled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(notebook({"epochs": 9})))
    done = run(notebook())
    assert journaled(done["run"], "start")[0]["plan"]["values"]["epochs"] == 4


def test_a_run_that_does_not_know_its_notebook_says_so(
    notebook: Write, kernel: StartKernel, recorded: Any, document: Callable[[Path], dict[str, Any]]
) -> None:
    path = notebook()
    shell = kernel(path.parent)
    shell.run_steps(path)
    shell.close()
    assert document(recorded()[0])["entity"]["plan:notebook"]["ml:planKnown"] is False
    size = verbs.show(recorded()[0] / "provenance.json")["table1"]["experiment_info"]["file_size"]
    assert (size["status"], size["reason"]) == ("not_observed", "the notebook's file was not found")


@pytest.fixture
def copied(notebook: Write, own_folder: Path) -> Path:
    """A copy of a notebook under another name in another folder; the first one is gone."""
    path = notebook({"epochs": 3})
    (own_folder / "elsewhere").mkdir()
    return path.rename(own_folder / "elsewhere" / "another name.ipynb")


def test_a_notebook_that_was_moved_and_renamed_keeps_its_plan_for_a_person(
    copied: Path, kernel: StartKernel, recorded: Any, document: Callable[[Path], dict[str, Any]]
) -> None:
    shell = kernel(copied.parent, JPY_SESSION_NAME=str(copied))
    shell.run_steps(copied)
    shell.close()
    about = document(recorded()[0])["entity"]["plan:notebook"]
    assert (about["ml:planKnown"], about["schema:name"]) == (True, "another name.ipynb")
    assert field(recorded()[0], "model_training", "epochs") == 3


def test_a_notebook_that_was_moved_and_renamed_keeps_its_plan_in_a_run(
    copied: Path, run: Run, document: Callable[[str], dict[str, Any]]
) -> None:
    done = run(copied)
    about = document(done["run"])["entity"]["plan:notebook"]
    assert (done["status"], about["ml:planKnown"], about["schema:name"]) == ("completed", True, "another name.ipynb")


def test_a_notebook_that_was_renamed_while_its_kernel_runs_keeps_its_plan(
    copied: Path, kernel: StartKernel, recorded: Any, journaled: Journaled
) -> None:
    shell = kernel(copied.parent, JPY_SESSION_NAME="old name.ipynb")
    shell.run_steps(copied, "recorder")
    shell.close()
    start = journaled(recorded()[0], "start")[0]
    assert (start["plan"]["values"]["epochs"], start["notebook"]["name"]) == (3, "another name.ipynb")


# Stale outputs ----------------------------------------------------------------------------------------


def stale(run: Answer | Path) -> dict[str, str]:
    provenance = run["provenance"] if isinstance(run, dict) else run / "provenance.json"
    return {step["step"]: step["stale"] for step in verbs.show(provenance)["steps"] if step["stale"]}


def save(path: Path, source: str | None, step: str) -> None:
    """Save a notebook with a cell edited, or deleted."""
    content = nbformat.read(path, as_version=4)
    for cell in content.cells:
        if cell.id == step and source is not None:
            cell.source = source
    content.cells = [cell for cell in content.cells if cell.id != step or source is not None]
    nbformat.write(content, path)


def test_a_run_from_top_to_bottom_has_nothing_stale(tiny_run: Answer, iris_run: Answer) -> None:
    assert (stale(tiny_run), stale(iris_run)) == ({}, {})


def test_a_training_that_goes_on_from_itself_is_stale_with_all_that_follows(
    notebook: Write, kernel: StartKernel, recorded: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    shell.run_steps(path, "train", "evaluate")
    assert stale(recorded()[0]) == {
        "train": "this had changed weights before, and ran again on it; "
        "from top to bottom it comes from Put a line somewhere",
        "evaluate": "weights comes from Move the line, which is stale",
    }
    assert "accuracy" in verbs.show(recorded()[0] / "provenance.json")["stale_metrics"]


def test_running_all_from_the_model_on_again_has_nothing_stale(
    notebook: Write, kernel: StartKernel, recorded: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    shell.run_steps(path, "train", "model", "train", "evaluate", "provenance")
    assert stale(recorded()[0]) == {}


def test_the_notebook_shows_which_cells_are_stale(notebook: Write, kernel: StartKernel) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    assert "Measure, Move the line" not in shell.printed
    shell.run_steps(path, "train", "provenance")
    assert "Measure, Move the line" in shell.printed


@pytest.mark.parametrize(
    ("source", "reason"),
    [("metrics = {}", "its code was changed after it ran"), (None, "the notebook has this cell no longer")],
    ids=["edited", "deleted"],
)
def test_what_became_of_a_cell_after_it_ran_is_seen_in_the_saved_notebook(
    notebook: Write, kernel: StartKernel, recorded: Any, source: str | None, reason: str
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    save(path, source, "evaluate")
    shell.close()
    assert stale(recorded()[0]) == {"evaluate": reason}


def test_a_notebook_that_is_saved_as_it_ran_has_nothing_stale(
    notebook: Write, kernel: StartKernel, recorded: Any, journaled: Journaled
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path)
    save(path, "none has this name", "none")
    shell.close()
    assert len(journaled(recorded()[0], "notebook")) == 1
    assert stale(recorded()[0]) == {}


# What recording costs, and what it digests ------------------------------------------------------------


def test_the_sizes_of_journal_and_document_are_in_the_document(tiny_run: Answer) -> None:
    said = verbs.show(tiny_run["provenance"])["run"]
    assert said["journal_bytes"] == Path(tiny_run["journal"]).stat().st_size
    assert said["document_bytes"] == Path(tiny_run["provenance"]).stat().st_size


def test_the_cost_of_recording_is_in_the_report(tiny_run: Answer) -> None:
    said = verbs.show(tiny_run["provenance"])["run"]
    told = f"{said['capture_seconds']:.2f} s; the journal has {said['journal_bytes']:,} bytes"
    assert told in Path(tiny_run["report"]).read_text(encoding="utf-8")


MAKERS = """
import numpy as np, pandas as pd, torch
from torch.utils.data import DataLoader, TensorDataset
array = np.arange(6.0)
large = np.zeros(64 * 2**20 + 8, np.uint8)
tensor = torch.ones(2, 3)
frame = pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "t": ["a", "b"]})
dataset = TensorDataset(tensor)
loader = DataLoader(dataset, batch_size=1)
net = torch.nn.Linear(3, 1)
torch.save(net.state_dict(), outputs / "net.pt")
"""


def test_arrays_tensors_frames_datasets_models_and_files_have_digests(
    notebook: Write, run: Run, document: Callable[[str], dict[str, Any]]
) -> None:
    done = run(notebook(add={"imports": MAKERS}))
    entities = document(done["run"])["entity"]
    names = ("array", "large", "tensor", "frame", "dataset", "loader", "net")
    made = {name: entities[f"run:var-{name}-1"] for name in names}
    made["net.pt"] = entities["run:file-outputs_x2f_net.pt-1"]
    assert [name for name, entity in made.items() if len(entity.get("schema:sha256", "")) != 64] == []
    assert [name for name, entity in made.items() if entity.get("ml:sampledDigest")] == ["large"]


# Papermill --------------------------------------------------------------------------------------------


def test_parameters_that_papermill_injects_are_seen(
    notebook: Write, own_folder: Path, tiny_task: Path, recorded: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = notebook()
    for name, value in {"MLPROV_TASKS": tiny_task, "MLPROV_RUNS": own_folder / "runs", "MLPROV_NOTEBOOK": path}.items():
        monkeypatch.setenv(name, str(value))
    papermill.execute_notebook(path, own_folder / "out.ipynb", parameters={"epochs": 7}, progress_bar=False)
    assert field(recorded()[0], "model_training", "epochs") == 7
    assert verbs.show(recorded()[0] / "provenance.json")["run"]["status"] == "completed"


def test_a_notebook_that_papermill_prepared_runs_with_its_parameters(
    notebook: Write, run: Run, own_folder: Path
) -> None:
    out = own_folder / "prepared.ipynb"
    papermill.execute_notebook(notebook(), out, parameters={"epochs": 7}, prepare_only=True)
    assert field(run(out), "model_training", "epochs") == 7


# Without a recorder, or without a place to write --------------------------------------------------------


@pytest.fixture(scope="module")
def from_outside(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Answer:
    """A run whose recorder line was deleted."""
    folder = tmp_path_factory.mktemp("outside")
    path = folder / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    content.cells = [cell for cell in content.cells if cell.id != "recorder"]
    nbformat.write(content, path)
    return verbs.run(path, runs=folder / "runs", tasks=[tiny_task])


def test_a_run_without_its_recorder_line_is_recorded_from_outside(from_outside: Answer) -> None:
    said = verbs.show(from_outside["provenance"])["run"]
    assert (said["status"], said["recorded_by"]) == ("completed", "runner")


def test_a_run_that_was_recorded_from_outside_says_so(from_outside: Answer) -> None:
    assert from_outside["notes"] == ["The recorder line did not run: only what can be seen from outside was recorded."]


def test_cells_are_recorded_from_outside(from_outside: Answer) -> None:
    ran = ["installs", "imports", "parameters", "load-data", "model", "train", "evaluate", "provenance"]
    assert steps(from_outside) == [(step, "ok", "as planned") for step in ran]


def test_what_cannot_be_seen_from_outside_is_not_claimed(from_outside: Answer) -> None:
    optimizer = verbs.show(from_outside["provenance"])["table1"]["model_parameters"]["optimizer"]
    assert (optimizer["value"], optimizer["status"]) == (None, "not_observed")
    assert optimizer["reason"] == "the recorder did not run in the kernel; the run was recorded from outside"


def test_a_document_that_was_recorded_from_outside_is_valid(from_outside: Answer) -> None:
    assert verbs.verify(from_outside["provenance"])["valid"]


NOT_INSTALLED = "import sys\nfor name in [name for name in sys.modules if name.startswith('mlprov_widgets')]:\n"
NOT_INSTALLED += "    del sys.modules[name]\nsys.modules['mlprov_widgets'] = None"


def test_a_notebook_runs_in_a_kernel_without_the_package(notebook: Write, run: Run) -> None:
    done = run(notebook(add={"installs": NOT_INSTALLED}))
    assert (done["status"], verbs.show(done["provenance"])["run"]["recorded_by"]) == ("completed", "runner")


def test_a_kernel_without_the_package_says_so_once_in_one_line(notebook: Write, run: Run) -> None:
    done = run(notebook(add={"installs": NOT_INSTALLED}))
    cells = {cell.id: cell for cell in nbformat.read(done["notebook"], as_version=4).cells}
    printed = "".join(output.get("text", "") for output in cells["recorder"].outputs)
    assert printed.startswith("Nothing is recorded: ")
    assert printed.count("\n") == 1


def test_the_task_need_not_be_installed_in_the_kernel(
    notebook: Write, kernel: StartKernel, recorded: Any, own_folder: Path
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path), MLPROV_TASKS="")
    shell.run_steps(path)
    shell.close()
    accuracy = verbs.show(recorded()[0] / "provenance.json")["table1"]["model_evaluation"]["accuracy"]
    assert accuracy["status"] == "not_observed"
    assert accuracy["reason"].startswith("the task is not installed here: ")


def test_expressions_of_another_version_of_the_task_are_not_evaluated(
    notebook: Write, kernel: StartKernel, recorded: Any, own_folder: Path, tiny_task: Path
) -> None:
    changed = own_folder / "changed"
    changed.mkdir()
    for file in tiny_task.iterdir():
        (changed / file.name).write_bytes(file.read_bytes())
    (changed / "task.toml").write_text((tiny_task / "task.toml").read_text().replace("1.0.0", "2.0.0"))
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path), MLPROV_TASKS=str(changed))
    shell.run_steps(path)
    shell.close()
    accuracy = verbs.show(recorded()[0] / "provenance.json")["table1"]["model_evaluation"]["accuracy"]
    assert accuracy["reason"] == "the installed task is not the one that rendered this notebook"


FULL_DISK = "import os\nfrom mlprov_widgets.provenance.capture.recorder import active\n"
FULL_DISK += "active().journal._handle = os.open('/dev/full', os.O_WRONLY)"


def test_a_run_whose_folder_cannot_be_made_is_kept_elsewhere_and_says_where(
    notebook: Write, kernel: StartKernel, own_folder: Path
) -> None:
    (own_folder / "taken").write_text("", encoding="utf-8")
    (own_folder / "spare").mkdir()
    path = notebook()
    places = {"MLPROV_RUNS": str(own_folder / "taken"), "TMPDIR": str(own_folder / "spare")}
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path), **places)
    shell.run_steps(path)
    shell.close()
    (kept,) = (own_folder / "spare").glob("mlprov-tiny-*")
    assert f"This run is kept in {kept}" in shell.printed
    assert verbs.show(kept / "provenance.json")["run"]["status"] == "completed"


def test_cells_run_on_when_the_journal_cannot_be_written(
    notebook: Write, kernel: StartKernel, own_folder: Path
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path), MLPROV_RUN_DIR=str(own_folder / "not" / "there"))
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
    statuses = [shell.run(cell.source, cell.id) for cell in cells if cell.id != "evaluate"]
    assert set(statuses) == {"ok"}, shell.printed
    assert shell.printed.count("cannot be written") == 1


def test_a_document_whose_journal_could_not_be_written_says_that_it_is_incomplete(
    notebook: Write, kernel: StartKernel, recorded: Any
) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    assert shell.run(FULL_DISK, "full") == "ok"
    shell.run_steps(path, "imports", "parameters", "load-data", "model", "train", "evaluate", "provenance")
    shell.close()
    said = verbs.show(recorded()[0] / "provenance.json")["run"]
    assert (said["status"], said["notes"]) == ("incomplete", ["the journal was not written"])


def test_a_full_disk_is_said_once_and_the_cells_run_on(notebook: Write, kernel: StartKernel, recorded: Any) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    assert shell.run(FULL_DISK, "full") == "ok"
    shell.run_steps(path, "imports", "parameters", "recorder")
    assert shell.printed.count("cannot be written") == 1
    assert "No space left on device" in shell.printed


def test_the_recorder_line_is_that_of_the_plan(tiny_run: Answer) -> None:
    found = read_notebook_file(Path(tiny_run["source"]))
    assert found is not None
    source = next(cell["source"] for cell in found.cells if cell["step"] == "recorder")
    assert f'plan="{found.plan["digest"]}"' in source


SMALL_DISK = """\
import resource
from mlprov_widgets.provenance.capture.recorder import active
full = active().journal.path.stat().st_size + 300
resource.setrlimit(resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
"""
"""A cell after which no file of the kernel grows beyond what the journal has, and a piece of an event."""


def test_a_disk_that_gets_full_during_a_run_is_said_in_the_cell_and_in_the_document(notebook: Write, run: Run) -> None:
    pytest.importorskip("resource")
    done = run(notebook(add={"model": SMALL_DISK}))
    said = [
        (cell.id, output.text)
        for cell in nbformat.read(done["notebook"], as_version=4).cells
        for output in cell.get("outputs", [])
        if "cannot be written" in output.get("text", "")
    ]
    assert [step for step, _ in said] == ["after-model"]
    assert "The cells run on; the record is incomplete." in said[0][1]
    assert (Path(done["run"]) / "outputs" / "line.json").is_file(), "the last cell ran"
    shown = verbs.show(done["provenance"])
    assert (done["status"], shown["run"]["status"]) == ("incomplete", "incomplete")
    assert [step["status"] for step in shown["steps"]] == ["ok"] * 9
    assert done["notes"] == [
        "The journal could not be written to its end: the last cells are recorded as seen from outside."
    ]
    assert verbs.verify(done["provenance"])["valid"]


READ_ONLY = """\
import ctypes, os
from mlprov_widgets.provenance.capture.recorder import active
os.chmod(active().folder, 0o555)
if os.geteuid() == 0:  # as root, give up the capability to write in spite of the rights
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capset(header, none) == 0
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="capabilities are Linux's")
def test_cells_run_on_in_a_folder_that_became_read_only(notebook: Write, kernel: StartKernel, recorded: Any) -> None:
    path = notebook()
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path))
    shell.run_steps(path, "recorder")
    assert shell.run(READ_ONLY, "lock") == "ok", shell.printed
    shell.run_steps(path, "imports", "parameters", "load-data", "model", "train", "evaluate", "provenance")
    shell.close()
    (folder,) = recorded()
    folder.chmod(0o755)
    assert "The document cannot be written: [Errno 13] Permission denied" in shell.printed
    assert not (folder / "provenance.json").exists()
    assert verbs.recover(folder)["status"] == "completed"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="capabilities are Linux's")
def test_a_run_in_a_read_only_folder_is_kept_elsewhere_and_says_where(
    notebook: Write, kernel: StartKernel, own_folder: Path
) -> None:
    path = notebook()
    (own_folder / "spare").mkdir()
    places = {"MLPROV_RUNS": str(path.parent / "mlprov_runs"), "TMPDIR": str(own_folder / "spare")}
    shell = kernel(path.parent, MLPROV_NOTEBOOK=str(path), **places)
    assert shell.run(READ_ONLY.replace("active().folder", "'.'"), "lock") == "ok", shell.printed
    shell.run_steps(path)
    shell.close()
    path.parent.chmod(0o755)
    (kept,) = (own_folder / "spare").glob("mlprov-tiny-*")
    assert f"This run is kept in {kept}" in shell.printed
    assert "Permission denied" in shell.printed
    assert verbs.show(kept / "provenance.json")["run"]["status"] == "completed"
