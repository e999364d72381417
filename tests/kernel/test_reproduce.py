"""A recorded experiment is run again, and the verdict is right."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import DataFileError, ProvenanceError, ValueRefused
from mlprov_widgets.execution.compare import compare
from mlprov_widgets.provenance.reading import read_provenance

Answer = dict[str, Any]
Write = Callable[..., Path]
Run = Callable[..., Answer]
Again = Callable[..., Answer]


@pytest.fixture
def again(own_folder: Path, tiny_task: Path) -> Again:
    """Return a function that reproduces a run of the tiny task."""

    def reproduce(source: str | Path, **options: Any) -> Answer:
        return verbs.reproduce(source, runs=own_folder / "again", tasks=[tiny_task], **options)

    return reproduce


def files_below(folder: str | Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


# The same again ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def twice(tiny_run: Answer, tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Answer:
    """A run that was reproduced twice."""
    return verbs.reproduce(
        tiny_run["provenance"], repeat=2, runs=tmp_path_factory.mktemp("twice") / "runs", tasks=[tiny_task]
    )


def test_a_run_that_is_repeated_is_identical_each_time(twice: Answer) -> None:
    assert (twice["verdict"], twice["verdicts"]) == ("identical", {"identical": 2})


def test_an_identical_run_has_no_divergence(twice: Answer) -> None:
    assert (twice["first_divergence"], twice["differences"], twice["missing"]) == (None, [], [])


def test_an_identical_run_on_the_same_machine_has_no_other_environment(twice: Answer) -> None:
    assert twice["environment_changes"] == []


def test_an_identical_run_has_the_same_metrics(twice: Answer, tiny_run: Answer) -> None:
    assert twice["metrics"] == tiny_run["metrics"]


def test_each_repetition_has_a_folder_of_its_own(twice: Answer) -> None:
    assert len(list(Path(twice["run"]).parent.iterdir())) == 2


def test_the_notebook_is_made_again_byte_for_byte(twice: Answer, tiny_run: Answer) -> None:
    made = Path(twice["run"]) / "source" / "tiny.ipynb"
    assert made.read_bytes() == Path(tiny_run["source"]).read_bytes()
    assert twice["notes"] == []


def test_reproducing_changes_nothing_of_the_recorded_run(notebook: Write, run: Run, again: Again) -> None:
    done = run(notebook())
    before = files_below(done["run"])
    again(done["provenance"])
    assert files_below(done["run"]) == before


@pytest.mark.slow
def test_iris_is_reproduced_bitwise(iris_run: Answer, own_folder: Path) -> None:
    done = verbs.reproduce(iris_run["provenance"], runs=own_folder / "again")
    assert (done["verdict"], done["differences"], done["environment_changes"]) == ("identical", [], [])


def test_a_run_with_a_long_series_is_identical(notebook: Write, run: Run, again: Again) -> None:
    assert again(run(notebook({"epochs": 2000}))["provenance"])["verdict"] == "identical"


def test_metrics_that_are_no_numbers_are_identical_to_themselves(notebook: Write, run: Run, again: Again) -> None:
    odd = 'metrics["auc"] = None\nmetrics["mae"] = float("nan")\nmetrics["mse"] = float("inf")'
    done = run(notebook(add={"evaluate": odd}))
    assert again(done["provenance"], edits="keep")["verdict"] == "identical"


def test_a_reproduction_can_be_reproduced(twice: Answer, again: Again) -> None:
    assert again(twice["provenance"])["verdict"] == "identical"


# Something else than recorded ------------------------------------------------------------------------------

UNEXPLAINED = "nothing that was recorded explains it: look for a random number without a seed"

# One line of a cell that does something else when the environment says so.
DRIFT = "float(__import__('os').environ.get('DRIFT', 0))"
DRIFTING = {
    "data": ("load-data", f"points[0][0] += {DRIFT}"),
    "weights": ("model", f"weights[0] += {DRIFT}"),
    "epoch": ("train", ('history["loss"].append(loss)', f"history['loss'].append(loss + {DRIFT} * (_ == 2))")),
    "metric": ("evaluate", f"metrics['loss'] += {DRIFT}"),
}


@pytest.fixture(scope="module")
def drifting(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Callable[[str], Answer]:
    """Return a function that gives the run of a notebook which can be made to drift at a place."""
    made: dict[str, Answer] = {}

    def of(place: str) -> Answer:
        if place not in made:
            folder = tmp_path_factory.mktemp(place)
            path = folder / "tiny.ipynb"
            verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
            content = nbformat.read(path, as_version=4)
            step, change = DRIFTING[place]
            cell = next(cell for cell in content.cells if cell.id == step)
            cell.source = cell.source.replace(*change) if isinstance(change, tuple) else f"{cell.source}\n{change}"
            nbformat.write(content, path)
            made[place] = verbs.run(path, runs=folder / "runs", tasks=[tiny_task])
        return made[place]

    return of


@pytest.mark.parametrize(
    ("place", "verdict", "stage", "epoch", "item", "cause"),
    [
        (
            *("data", "different", "data_ingestion", None, "points"),
            "the data is not the recorded data; the runs part in points, in the stage data ingestion",
        ),
        (
            *("weights", "different", "model", None, "weights"),
            f"{UNEXPLAINED}; the data is identical; the runs part in weights, in the stage model",
        ),
        # The metrics decide how far apart two runs are: here they are the same.
        (
            *("epoch", "within-tolerance", "training", 3, "loss"),
            f"{UNEXPLAINED}; the data and the initial weights are identical; the losses part at epoch 3",
        ),
        (
            *("metric", "different", "evaluation", None, "metrics"),
            f"{UNEXPLAINED}; the data, the initial weights and the training are identical; "
            "the runs part in metrics, in the stage evaluation",
        ),
    ],
)
def test_the_first_divergence_is_where_the_runs_part(
    drifting: Callable[[str], Answer],
    again: Again,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    verdict: str,
    stage: str,
    epoch: int | None,
    item: str,
    cause: str,
) -> None:
    recorded = drifting(place)
    monkeypatch.setenv("DRIFT", "2")
    done = again(recorded["provenance"], edits="keep")
    first = done["first_divergence"]
    assert done["verdict"] == verdict
    assert (first["stage"], first["epoch"], first["item"], first["cause"]) == (stage, epoch, item, cause)
    assert done["differences"][0] == first


def test_a_divergence_of_an_epoch_has_both_values(
    drifting: Callable[[str], Answer], again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = drifting("epoch")
    monkeypatch.setenv("DRIFT", "0.25")
    first = again(recorded["provenance"], edits="keep")["first_divergence"]
    assert first["actual"] == pytest.approx(first["expected"] + 0.25)


def test_a_tiny_drift_is_within_tolerance(
    drifting: Callable[[str], Answer], again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = drifting("metric")
    monkeypatch.setenv("DRIFT", "1e-9")
    done = again(recorded["provenance"], edits="keep")
    assert done["verdict"] == "within-tolerance"
    assert done["first_divergence"]["stage"] == "evaluation"


def test_a_drift_beyond_rounding_is_different_when_nothing_was_measured(
    drifting: Callable[[str], Answer], again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = drifting("metric")
    monkeypatch.setenv("DRIFT", "0.0005")
    done = again(recorded["provenance"], edits="keep")
    assert (done["verdict"], done["tolerance"]) == ("different", None)


@pytest.fixture(scope="module")
def unsteady(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Answer:
    """A run with a metric that is another each time, between 1 and 2."""
    folder = tmp_path_factory.mktemp("unsteady")
    path = folder / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    cell = next(cell for cell in content.cells if cell.id == "evaluate")
    cell.source += "\nmetrics['loss'] = 1 + random.SystemRandom().random()"
    nbformat.write(content, path)
    return verbs.run(path, runs=folder / "runs", tasks=[tiny_task])


def test_the_tolerance_is_what_the_reruns_measure(unsteady: Answer, again: Again) -> None:
    done = again(unsteady["provenance"], edits="keep", repeat=3)
    band = done["tolerance"]["loss"]
    assert 1 <= band["lowest"] < band["highest"] <= 2
    assert (band["spread"], band["runs"]) == (pytest.approx(band["highest"] - band["lowest"]), 3)
    assert done["tolerance"]["accuracy"]["spread"] == 0
    reached = band["lowest"] - band["spread"] <= unsteady["metrics"]["loss"] <= band["highest"] + band["spread"]
    assert done["verdict"] == ("within-tolerance" if reached else "different")


def test_a_run_that_fails_this_time_is_failed_and_names_the_step(
    drifting: Callable[[str], Answer], again: Again, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = drifting("data")
    monkeypatch.setenv("DRIFT", "much")
    done = again(recorded["provenance"], edits="keep", repeat=2)
    assert (done["verdict"], done["verdicts"]) == ("failed", {"failed": 2})
    assert (done["first_divergence"]["item"], done["first_divergence"]["actual"]) == ("load-data", "failed")
    assert done["message"].startswith("ValueError: could not convert string to float")
    assert done["first_divergence"]["cause"].startswith("the code of this cell was edited by hand")


def test_runs_of_different_seeds_are_different_and_the_parameters_say_why(notebook: Write, run: Run) -> None:
    one, other = (read_provenance(run(notebook({"random_seed": seed}))["provenance"]) for seed in (2, 3))
    comparison = compare(one, other)
    assert comparison.verdict == "different"
    assert comparison.first is not None
    assert (comparison.first.stage, comparison.first.item) == ("code", "parameters")
    stages = [(d.stage, d.epoch, d.item) for d in comparison.differences]
    assert stages.index(("model", None, "weights")) < stages.index(("training", 1, "loss"))
    assert not [d for d in comparison.differences if d.stage == "data_ingestion"]


def test_another_version_of_a_package_is_named(tiny_run: Answer, own_folder: Path, again: Again) -> None:
    document = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))
    document["entity"]["run:packages"]["pypi:ipython"] = "0.0.1"
    path = own_folder / "provenance.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    done = again(path)
    changes = done["environment_changes"]
    assert [(change["name"], change["expected"]) for change in changes] == [("ipython", "0.0.1")]
    # It made no difference, and is named all the same.
    assert done["verdict"] == "identical"
    assert (done["first_divergence"]["stage"], done["first_divergence"]["item"]) == ("environment", "ipython")
    assert done["notes"] == ["the file was changed after the run wrote it; mlprov verify names what"]


def test_another_environment_is_told_before_anything_runs(tiny_run: Answer, own_folder: Path, again: Again) -> None:
    document = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))
    document["entity"]["run:packages"] |= {"pypi:ipython": "0.0.1", "pypi:no-such-package": "3.0"}
    document["entity"]["run:notebook"]["ml:programming_language_version"] = "2.7.18"
    path = own_folder / "provenance.json"
    path.write_text(json.dumps(document), encoding="utf-8")

    class Stopped(Exception):
        pass

    def before(restored: Any, changes: list[Answer]) -> None:
        assert {change["name"]: change["expected"] for change in changes} == {
            "ipython": "0.0.1",
            "no-such-package": "3.0",
            "programming_language_version": "2.7.18",
        }
        raise Stopped

    with pytest.raises(Stopped):
        again(path, before=before)
    assert not (own_folder / "again").exists()


def test_another_version_of_the_task_is_said_with_the_cells_that_differ(
    tiny_run: Answer, tiny_task: Path, own_folder: Path
) -> None:
    changed = shutil.copytree(tiny_task, own_folder / "changed")
    for name, old, new in (("task.toml", '"1.0.0"', '"1.1.0"'), ("train.py.jinja", "error**2", "abs(error)")):
        text = (tiny_task / name).read_text(encoding="utf-8")
        assert old in text
        (changed / name).write_text(text.replace(old, new), encoding="utf-8")
    done = verbs.reproduce(tiny_run["provenance"], runs=own_folder / "again", tasks=[changed])
    assert done["notes"] == [
        "the task tiny is in version 1.1.0 here, and the file was made with its version 1.0.0: the code differs in train"
    ]
    assert (done["first_divergence"]["stage"], done["first_divergence"]["item"]) == ("code", "train")


def test_a_run_that_was_recorded_from_outside_is_not_comparable(notebook: Write, run: Run, again: Again) -> None:
    done = again(run(notebook(remove=("recorder",)))["provenance"])
    assert done["verdict"] == "not-comparable"
    assert done["missing"] == ["metrics: none were recorded, so nothing can be compared"]


def test_a_changed_series_file_is_refused_before_anything_runs(
    notebook: Write, run: Run, again: Again, own_folder: Path
) -> None:
    done = run(notebook({"epochs": 2000}))
    series = next((Path(done["run"]) / "series").iterdir())
    series.write_text(series.read_text(encoding="utf-8").replace("0.2", "0.3", 1), encoding="utf-8")
    with pytest.raises(ProvenanceError, match="its digest differs"):
        again(done["provenance"])
    assert not (own_folder / "again").exists()


def test_a_series_file_that_is_not_there_is_said_to_be_missing(notebook: Write, run: Run, again: Again) -> None:
    done = run(notebook({"epochs": 2000}))
    shutil.rmtree(Path(done["run"]) / "series")
    missing = again(done["provenance"])["missing"]
    assert missing == ["history: the file with the training series is not beside the document"]


@pytest.mark.parametrize("repeat", [0, -1, 1001])
def test_a_number_of_repetitions_out_of_range_is_refused(tiny_run: Answer, again: Again, repeat: int) -> None:
    with pytest.raises(ValueRefused, match=rf"^repeat: {repeat} is out of range\. Give a number from 1 to 1000\.$"):
        again(tiny_run["provenance"], repeat=repeat)


# Code that was edited by hand -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Answer:
    """A run in which a person changed a cell and added one."""
    folder = tmp_path_factory.mktemp("edited")
    path = folder / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    place, cell = next((n, cell) for n, cell in enumerate(content.cells) if cell.id == "model")
    cell.source = cell.source.replace("optimizer = Descent(", "optimizer = Signs(")
    content.cells.insert(place + 1, nbformat.v4.new_code_cell("weights[0] = 0.125", id="by-hand"))
    nbformat.write(content, path)
    return verbs.run(path, runs=folder / "runs", tasks=[tiny_task])


def test_edited_code_is_refused_unless_asked_for(edited: Answer, again: Again, own_folder: Path) -> None:
    with pytest.raises(ProvenanceError, match=r"the run used code that was edited by hand, in: model, by-hand\."):
        again(edited["provenance"])
    assert not (own_folder / "again").exists()


def test_dropped_edits_run_the_code_of_the_task(edited: Answer, again: Again, tiny_run: Answer) -> None:
    done = again(edited["provenance"], edits="drop")
    assert done["metrics"] == tiny_run["metrics"]


def test_dropped_edits_are_the_cause_of_the_difference(edited: Answer, again: Again) -> None:
    done = again(edited["provenance"], edits="drop")
    first = done["first_divergence"]
    assert done["verdict"] == "different"
    assert (first["stage"], first["item"]) == ("code", "model")
    assert first["cause"] == "the cell was edited in the recorded run"


def test_kept_edits_give_the_recorded_result(edited: Answer, again: Again) -> None:
    done = again(edited["provenance"], edits="keep")
    assert (done["verdict"], done["differences"]) == ("identical", [])


def test_the_edits_are_shown_as_a_difference_to_the_planned_code(edited: Answer, tiny_task: Path) -> None:
    shown = verbs.edits_of(edited["provenance"], tasks=[tiny_task])
    assert "-optimizer = Descent(optimizer_learning_rate)" in shown
    assert "+optimizer = Signs(optimizer_learning_rate)" in shown
    assert "+weights[0] = 0.125" in shown


def test_another_word_for_edits_is_refused(edited: Answer, again: Again) -> None:
    with pytest.raises(ValueRefused, match=r"^edits kept: this is not known\. Did you mean keep\?"):
        again(edited["provenance"], edits="kept")


def test_edited_code_that_was_changed_in_the_file_is_refused(edited: Answer, own_folder: Path, again: Again) -> None:
    path = own_folder / "provenance.json"
    text = Path(edited["provenance"]).read_text(encoding="utf-8")
    path.write_text(text.replace("weights[0] = 0.125", "weights[0] = 0.875"), encoding="utf-8")
    with pytest.raises(ProvenanceError, match="the recorded code of this cell was changed"):
        again(path, edits="keep")


def test_a_number_that_was_changed_in_the_parameters_cell_is_a_value_and_no_edit(
    notebook: Write, run: Run, again: Again
) -> None:
    done = run(notebook(replace={"parameters": ("epochs = 4", "epochs = 6")}))
    repeated = again(done["provenance"])
    assert repeated["verdict"] == "identical"
    table1 = verbs.show(repeated["provenance"])["table1"]
    assert table1["model_training"]["epochs"]["value"] == 6


def test_parameters_that_papermill_injected_are_values_and_no_edits(
    notebook: Write, run: Run, again: Again, own_folder: Path
) -> None:
    papermill.execute_notebook(notebook(), own_folder / "out.ipynb", parameters={"epochs": 7}, prepare_only=True)
    done = run(own_folder / "out.ipynb")
    repeated = again(done["provenance"])
    assert (repeated["verdict"], repeated["metrics"]) == ("identical", done["metrics"])


# A person's own data ----------------------------------------------------------------------------------------

TABLE = "length,width,kind\n" + "\n".join(f"{n},{n % 7},{'long' if n > 9 else 'short'}" for n in range(20)) + "\n"


@pytest.fixture
def own_run(own_folder: Path, tiny_task: Path) -> Answer:
    """A run on a person's own data; the file and the notebook are gone."""
    place = own_folder / "desk"
    place.mkdir()
    (place / "sticks.csv").write_text(TABLE, encoding="utf-8")
    values = {"dataset_id": "csv", "data_file": str(place / "sticks.csv")}
    verbs.generate("tiny", values, out=place / "tiny.ipynb", tasks=[tiny_task])
    done = verbs.run(place / "tiny.ipynb", runs=own_folder / "runs", tasks=[tiny_task])
    shutil.rmtree(place)
    return done


def test_a_run_on_own_data_is_reproduced_when_the_original_file_is_gone(own_run: Answer, again: Again) -> None:
    assert again(own_run["provenance"])["verdict"] == "identical"


def test_own_data_is_recorded_by_its_digest_and_not_by_its_path(own_run: Answer, own_folder: Path) -> None:
    text = Path(own_run["provenance"]).read_text(encoding="utf-8") + Path(own_run["journal"]).read_text("utf-8")
    assert str(own_folder) not in text
    root_location = verbs.show(own_run["provenance"])["table1"]["data_ingestion"]["root_location"]["value"]
    assert root_location.startswith("data/")


def test_own_data_that_is_nowhere_is_named(own_run: Answer, again: Again, own_folder: Path) -> None:
    shutil.rmtree(Path(own_run["run"]) / "data")
    with pytest.raises(DataFileError, match=r"^data_file: the data file sticks\.csv \(SHA-256 .{12}…\) is not here\."):
        again(own_run["provenance"])
    assert not (own_folder / "again").exists()


def test_own_data_that_was_changed_is_not_taken(own_run: Answer, again: Again, own_folder: Path) -> None:
    copy = next((Path(own_run["run"]) / "data").iterdir())
    copy.write_text(TABLE.replace("long", "lang"), encoding="utf-8")
    with pytest.raises(DataFileError, match=r"the data file sticks\.csv .* is not here"):
        again(own_run["provenance"])
    assert not (own_folder / "again").exists()


def test_own_data_is_taken_from_the_folder_that_is_given(own_run: Answer, again: Again, own_folder: Path) -> None:
    (own_folder / "found").mkdir()
    next((Path(own_run["run"]) / "data").iterdir()).rename(own_folder / "found" / "sticks.csv")
    assert again(own_run["provenance"], data=[own_folder / "found"])["verdict"] == "identical"


def test_a_notebook_whose_data_was_changed_is_not_run(own_folder: Path, tiny_task: Path) -> None:
    (own_folder / "sticks.csv").write_text(TABLE, encoding="utf-8")
    values = {"dataset_id": "csv", "data_file": "sticks.csv"}
    path = own_folder / "desk" / "tiny.ipynb"
    verbs.generate("tiny", values, out=path, tasks=[tiny_task])
    next((own_folder / "desk" / "data").iterdir()).write_text("other\n1\n", encoding="utf-8")
    with pytest.raises(DataFileError, match=r"the data file sticks\.csv .* is not here"):
        verbs.run(path, runs=own_folder / "runs", tasks=[tiny_task])
    assert not (own_folder / "runs").exists()


@pytest.mark.slow
def test_own_data_goes_through_the_tabular_task(own_folder: Path) -> None:
    place = own_folder / "desk"
    place.mkdir()
    (place / "sticks.csv").write_text(TABLE, encoding="utf-8")
    values = {"dataset_id": "csv", "data_file": str(place / "sticks.csv"), "epochs": 2}
    verbs.generate("multiclass_classification", values, out=place / "sticks.ipynb")
    done = verbs.run(place / "sticks.ipynb", runs=own_folder / "runs")
    shutil.rmtree(place)
    assert done["status"] == "completed"
    assert verbs.reproduce(done["provenance"], runs=own_folder / "again")["verdict"] == "identical"


# Crates and notebooks as the source ---------------------------------------------------------------------------


def test_a_crate_is_reproduced_from_it_alone(own_run: Answer, again: Again, own_folder: Path) -> None:
    verbs.export(own_run["provenance"], to="rocrate", out=own_folder / "sent" / "run.zip")
    shutil.rmtree(own_run["run"])
    done = again(own_folder / "sent" / "run.zip")
    assert (done["verdict"], done["first_divergence"], done["missing"]) == ("identical", None, [])


def test_an_executed_notebook_is_compared_with_its_run(tiny_run: Answer, again: Again) -> None:
    done = again(tiny_run["notebook"])
    assert (done["verdict"], done["differences"]) == ("identical", [])


def test_a_notebook_alone_is_run_and_not_compared(notebook: Write, again: Again) -> None:
    done = again(notebook())
    assert done["verdict"] == "not-comparable"
    assert done["status"] == "completed"
    assert done["missing"] == ["metrics: a notebook holds no recorded results, so nothing can be compared"]


def test_an_edited_notebook_comes_back_with_its_values_and_its_edits(
    notebook: Write, tiny_task: Path, own_folder: Path
) -> None:
    path = notebook(
        replace={"parameters": ("epochs = 4", "epochs = 6"), "train": ("error**2", "abs(error)")},
        add={"model": "weights[0] = 0.125"},
    )
    with pytest.raises(ProvenanceError, match=r"edited by hand, in: after-model, train\."):
        verbs.import_provenance(path, tasks=[tiny_task])
    dropped = verbs.import_provenance(path, edits="drop", out=own_folder / "drop.ipynb", tasks=[tiny_task])
    assert (dropped["parameters"]["epochs"], dropped["edited_steps"]) == (6, ["after-model", "train"])
    assert "abs(error)" not in Path(dropped["notebook"]).read_text(encoding="utf-8")
    kept = verbs.import_provenance(path, edits="keep", out=own_folder / "keep.ipynb", tasks=[tiny_task])
    steps = [cell.id for cell in nbformat.read(kept["notebook"], as_version=4).cells]
    assert steps.index("after-model") == steps.index("model") + 1
    assert "abs(error)" in Path(kept["notebook"]).read_text(encoding="utf-8")
    assert "+        loss += abs(error) / len(points)" in verbs.edits_of(path, tasks=[tiny_task])


def test_a_choice_of_an_edited_cell_refills_from_what_was_observed(
    edited: Answer, tiny_task: Path, own_folder: Path
) -> None:
    found = verbs.import_provenance(edited["provenance"], edits="drop", out=own_folder / "a.ipynb", tasks=[tiny_task])
    chosen = found["parameters"]["optimizer"]
    assert f"optimizer = {verbs.show(edited['provenance'])['table1']['model_parameters']['optimizer']['value']}" in (
        Path(found["notebook"]).read_text(encoding="utf-8")
    )
    assert found["notes"] == [
        f"optimizer: an edited cell chose {chosen} instead of Descent; {chosen} is taken",
    ]
