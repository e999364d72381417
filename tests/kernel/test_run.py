"""What a run leaves behind, whatever way it ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import ExecutionError, NotebookError
from mlprov_widgets.execution.run import run_notebook
from mlprov_widgets.provenance.terms import TABLE1

Answer = dict[str, Any]
Write = Callable[..., Path]
Run = Callable[..., Answer]
Journaled = Callable[..., list[dict[str, Any]]]

DECLARED = {
    ("experiment_info", "task_type"),
    ("experiment_info", "title"),
    ("notebook", "prov:type"),
}
"""What nobody can observe: it is said, by the recorder line or in the form."""

NOT_APPLICABLE = {("model_parameters", "pretrained")}


def files_below(folder: str | Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path(folder).rglob("*")) if path.is_file()}


# A run that completes ------------------------------------------------------------------------------


def test_iris_completes(iris_run: Answer) -> None:
    assert (iris_run["status"], iris_run["failed_step"], iris_run["message"]) == ("completed", None, "")


def test_the_metrics_of_iris_have_the_agreed_names(iris_run: Answer) -> None:
    agreed = {"accuracy", "loss", "auc", "f1_macro", "f1_per_class", "mae", "mse", "confusion_matrix"}
    assert agreed <= set(iris_run["metrics"])


def test_the_test_part_of_iris_is_that_of_the_original(iris_run: Answer) -> None:
    assert [sum(row) for row in iris_run["metrics"]["confusion_matrix"]] == [14, 8, 8]


@pytest.mark.parametrize("group", [group for group in TABLE1 if group != "packages"])
def test_every_field_of_table_1_is_there_with_its_status(iris_run: Answer, group: str) -> None:
    fields = verbs.show(iris_run["provenance"])["table1"][group]
    expected = {
        name: "declared"
        if (group, name) in DECLARED
        else "not_applicable"
        if (group, name) in NOT_APPLICABLE
        else "observed"
        for name in TABLE1[group]
    }
    assert {name: fields[name]["status"] for name in TABLE1[group]} == expected


@pytest.mark.parametrize("group", [group for group in TABLE1 if group != "packages"])
def test_a_field_has_a_value_or_a_reason(iris_run: Answer, group: str) -> None:
    fields = verbs.show(iris_run["provenance"])["table1"][group]
    bare = [name for name, item in fields.items() if item["value"] is None and not item["reason"]]
    assert bare == []


@pytest.mark.parametrize(
    ("group", "field", "value"),
    [
        ("experiment_info", "task_type", "multiclass_classification"),
        ("experiment_info", "title", "Three flowers"),
        ("notebook", "name", "multiclass_classification.ipynb"),
        ("notebook", "file_format", "nbformat 4.5"),
        ("notebook", "kernel", "python3"),
        ("notebook", "programming_language_version", ".".join(map(str, sys.version_info[:3]))),
        ("data_ingestion", "dataset_id", "iris"),
        ("data_ingestion", "dataset_classes", 3),
        ("data_ingestion", "feature_dimensions", 4),
        ("data_ingestion", "root_location", "scikit-learn"),
        ("data_ingestion", "training_samples", 120),
        ("data_ingestion", "testing_samples", 30),
        ("data_ingestion", "validation_samples", 0),
        ("data_preparation", "number_of_operations", 1),
        ("data_preparation", "operations", ["StandardScaler"]),
        ("data_segregation", "training_split", 0.8),
        ("data_segregation", "testing_split", 0.2),
        ("model_parameters", "save_checkpoint", False),
        ("model_parameters", "activation_function", "none"),
        ("model_parameters", "output_neurons", 3),
        ("model_parameters", "loss_function", "CrossEntropyLoss"),
        ("model_parameters", "optimizer", "Adam"),
        ("model_parameters", "optimizer_learning_rate", 0.001),
        ("model_training", "random_seed", 2),
        ("model_training", "resulting_model_seed", 2),
        ("model_training", "batch_size", 16),
        ("model_training", "epochs", 3),
        ("model_training", "print_progress", 10),
    ],
)
def test_a_field_says_what_was_so(iris_run: Answer, group: str, field: str, value: object) -> None:
    assert verbs.show(iris_run["provenance"])["table1"][group][field]["value"] == value


def test_a_gpu_is_recorded_as_used_where_there_is_one(iris_run: Answer) -> None:
    table1 = verbs.show(iris_run["provenance"])["table1"]
    used = table1["model_parameters"]["gpu_enable"]["value"]
    assert used is bool(table1["hardware_info"]["GPUs"]["value"])


def test_the_packages_are_those_that_the_notebook_loaded(iris_run: Answer) -> None:
    packages = verbs.show(iris_run["provenance"])["table1"]["packages"]
    assert {"torch", "scikit-learn", "pandas", "numpy", "matplotlib"} <= set(packages)
    assert not {"nbformat", "ipycytoscape"} & set(packages), "the recorder imports them in the person's kernel"


def test_the_size_and_digest_are_those_of_the_notebook_file(iris_run: Answer) -> None:
    size = verbs.show(iris_run["provenance"])["table1"]["experiment_info"]["file_size"]["value"]
    assert size == Path(iris_run["source"]).stat().st_size


def test_the_author_is_the_person_of_the_document(iris_run: Answer) -> None:
    agents = json.loads(Path(iris_run["provenance"]).read_text(encoding="utf-8"))["agent"]
    assert agents["run:author"]["schema:name"] == "Ada Example"


def test_the_document_of_a_run_is_valid(iris_run: Answer) -> None:
    verdict = verbs.verify(iris_run["provenance"])
    assert (verdict["problems"], verdict["unchecked"]) == ([], [])


def test_all_cells_of_iris_ran_as_planned(iris_run: Answer) -> None:
    steps = verbs.show(iris_run["provenance"])["steps"]
    assert {(step["status"], step["code"]) for step in steps} == {("ok", "as planned")}


def test_the_report_shows_the_figures(iris_run: Answer) -> None:
    assert Path(iris_run["report"]).read_text(encoding="utf-8").count("data:image/png;base64,") == 4


def test_the_cost_of_recording_is_measured(iris_run: Answer) -> None:
    assert 0 < iris_run["capture_seconds"] < iris_run["seconds"]


def test_the_executed_copy_holds_the_outputs(tiny_run: Answer) -> None:
    executed = nbformat.read(tiny_run["notebook"], as_version=4)
    outputs = {cell.id: cell.outputs for cell in executed.cells if cell.cell_type == "code"}
    assert "Cells recorded" in outputs["provenance"][0]["data"]["text/plain"]


def test_the_input_notebook_is_left_as_it_is(notebook: Write, run: Run) -> None:
    path = notebook()
    before = path.read_bytes()
    run(path)
    assert path.read_bytes() == before


def test_a_second_run_overwrites_nothing(notebook: Write, run: Run) -> None:
    path = notebook()
    first = run(path)
    before = files_below(first["run"])
    second = run(path)
    assert second["run"] != first["run"]
    assert files_below(first["run"]) == before


def test_results_go_to_the_folder_of_the_run(notebook: Write, run: Run) -> None:
    path = notebook()
    done = run(path)
    assert (Path(done["run"]) / "outputs" / "line.json").is_file()
    assert [child.name for child in path.parent.iterdir()] == [path.name]


def test_progress_is_told_for_every_code_cell(notebook: Write, run: Run) -> None:
    seen: list[Any] = []
    run(notebook(), progress=seen.append)
    ended = [event["step"] for event in seen if event["event"] == "cell_end"]
    expected = ["recorder", "imports", "parameters", "load-data", "model", "train", "evaluate", "provenance"]
    assert [step for step in ended if step != "installs"] == expected


def test_the_newest_run_is_listed_first(notebook: Write, run: Run, own_folder: Path) -> None:
    path = notebook()
    first, second = run(path), run(path)
    listed = verbs.list_runs(runs=own_folder / "runs")["runs"]
    assert [one["run"] for one in listed] == [second["run"], first["run"]]


# A cell that fails ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def failed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tiny_task: Path) -> Answer:
    """A run whose training fails, with paths of the person's in the message."""
    folder = tmp_path_factory.mktemp("failed")
    path = folder / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    cell = next(cell for cell in content.cells if cell.id == "train")
    cell.source = 'history = {"loss": [0.5]}\nopen("/home/ada-example/very/private/points.csv")'
    nbformat.write(content, path)
    return verbs.run(path, runs=folder / "runs", tasks=[tiny_task])


def test_a_failing_cell_fails_the_run(failed: Answer) -> None:
    assert (failed["status"], failed["failed_step"]) == ("failed", "train")


def test_the_message_of_a_failed_run_says_what_happened(failed: Answer) -> None:
    assert failed["message"].startswith("FileNotFoundError: [Errno 2] No such file or directory")


def test_the_cells_before_a_failure_are_recorded(failed: Answer) -> None:
    steps = verbs.show(failed["provenance"])["steps"]
    assert [step["step"] for step in steps] == ["recorder", "imports", "parameters", "load-data", "model", "train"]
    assert {step["status"] for step in steps[:-1]} == {"ok"}


def test_the_failing_cell_is_recorded_with_its_error(failed: Answer) -> None:
    step = verbs.show(failed["provenance"])["steps"][-1]
    assert step["status"] == "error"
    assert step["error"].startswith("FileNotFoundError: ")


def test_fields_of_stages_that_did_not_run_say_so(failed: Answer) -> None:
    accuracy = verbs.show(failed["provenance"])["table1"]["model_evaluation"]["accuracy"]
    assert (accuracy["value"], accuracy["status"]) == (None, "not_observed")
    assert accuracy["reason"] == "no cell of this stage ran"


def test_what_a_failed_cell_had_done_is_recorded(failed: Answer, journaled: Journaled) -> None:
    assert [event["series"] for event in journaled(failed["run"], "history")] == [
        {"loss": {"from": 0, "values": [0.5]}}
    ]


def test_the_document_of_a_failed_run_is_valid(failed: Answer) -> None:
    assert verbs.verify(failed["provenance"])["valid"]


def test_the_report_of_a_failed_run_names_the_step(failed: Answer) -> None:
    assert "the step <code>train</code> did not finish" in Path(failed["report"]).read_text(encoding="utf-8")


def test_the_folders_of_a_path_are_taken_out_of_an_error(failed: Answer) -> None:
    errors = [step["error"] for step in verbs.show(failed["provenance"])["steps"] if step["error"]]
    assert errors == ["FileNotFoundError: [Errno 2] No such file or directory: '<outside>/points.csv'"]


# A kernel that dies --------------------------------------------------------------------------------


DEATHS = {"exit": "import os\nos._exit(1)", "kill": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"}


@pytest.mark.parametrize("death", DEATHS)
def test_a_kernel_that_dies_fails_the_run(notebook: Write, run: Run, journaled: Journaled, death: str) -> None:
    done = run(notebook(edit={"train": DEATHS[death]}))
    assert (done["status"], done["failed_step"]) == ("failed", "train")
    assert done["message"] == "the kernel died, probably out of memory"
    assert [event["step"] for event in journaled(done["run"], "cell")][-1] == "model"
    steps = verbs.show(done["provenance"])["steps"]
    assert (steps[-1]["step"], steps[-1]["status"]) == ("train", "died")
    assert verbs.verify(done["provenance"])["valid"]


# A run that is stopped -----------------------------------------------------------------------------


ENDLESS = 'history = {"loss": [0.25]}\nwhile True:\n    pass'


@pytest.mark.slow
def test_a_run_ends_at_its_time_limit(notebook: Write, run: Run) -> None:
    done = run(notebook(edit={"train": ENDLESS}), timeout=6)
    assert (done["status"], done["message"]) == ("failed", "the time limit of 6 seconds was reached")
    assert verbs.verify(done["provenance"])["valid"]


def running_command(path: Path, runs: Path, task: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "mlprov_widgets.cli", "run", str(path), "--json"]
    return subprocess.Popen(
        [*command, "--runs", str(runs), "--tasks", str(task)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


Interrupt = Callable[[Path, Callable[[], bool]], tuple[int, Answer, str]]


@pytest.fixture
def interrupt(own_folder: Path, tiny_task: Path, wait_for: Callable[[Callable[[], bool]], None]) -> Interrupt:
    """Return a function that runs a notebook by command and sends Ctrl-C once something is true."""

    def run_until(path: Path, holds: Callable[[], bool]) -> tuple[int, Answer, str]:
        process = running_command(path, own_folder / "runs", tiny_task)
        try:
            wait_for(holds)
            process.send_signal(signal.SIGINT)
            printed, errors = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        return process.returncode, json.loads(printed), errors

    return run_until


def test_ctrl_c_cancels_a_run(interrupt: Interrupt, notebook: Write, own_folder: Path, journaled: Journaled) -> None:
    journals = (own_folder / "runs").glob
    path = notebook(edit={"train": ENDLESS})
    status, done, errors = interrupt(
        path, lambda: any('"values": [0.25]' in file.read_text() for file in journals("*/journal.jsonl"))
    )
    assert (status, done["status"], done["failed_step"]) == (1, "cancelled", "train")
    assert "Traceback" not in errors
    assert [event["status"] for event in journaled(done["run"], "cell")][-1] == "interrupted"
    assert verbs.show(done["provenance"])["run"]["status"] == "cancelled"


def has_a_kernel() -> bool:
    """Return whether a command that this test started has started a kernel."""
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            command = (process.parent() or process).cmdline()
            if "mlprov_widgets.cli" in command and "ipykernel_launcher" in process.cmdline():
                return True
    return False


def test_ctrl_c_cancels_a_run_whose_kernel_is_still_starting(interrupt: Interrupt, notebook: Write) -> None:
    status, done, errors = interrupt(notebook(), has_a_kernel)
    assert (status, done["status"], done["failed_step"]) == (1, "cancelled", None)
    assert "Traceback" not in errors
    assert verbs.show(done["provenance"])["run"]["status"] == "cancelled"


# What must not be recorded -------------------------------------------------------------------------


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch, own_folder: Path) -> dict[str, str]:
    """Settings of a person that nobody else should read."""
    home = own_folder / "home-of-ada-example"
    home.mkdir()
    settings = {"HOME": str(home), "USER": "ada-example", "LOGNAME": "ada-example", "API_TOKEN": "tok-9f3b7a51c2"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return settings


def kept_in(done: Answer, texts: Iterable[str]) -> list[tuple[str, str]]:
    files = {name: Path(done[name]).read_text(encoding="utf-8") for name in ("journal", "provenance", "report")}
    return [(name, text) for name, content in files.items() for text in texts if text in content]


def test_nothing_of_the_environment_is_recorded(
    private: dict[str, str], notebook: Write, run: Run, own_folder: Path
) -> None:
    done = run(notebook(add={"imports": "import os\nhere = Path.home()\nprint(sorted(os.environ.items()))"}))
    assert kept_in(done, [*private.values(), str(own_folder)]) == []


def test_a_secret_of_the_environment_that_a_cell_reads_is_not_recorded(
    private: dict[str, str], notebook: Write, run: Run
) -> None:
    reads = "import os\ntoken = os.environ['API_TOKEN']\nheader = f'Bearer {token}'\nraise ValueError(header)"
    done = run(notebook(add={"imports": reads}))
    assert (done["status"], done["message"]) == ("failed", "ValueError: Bearer <secret>")
    assert kept_in(done, [private["API_TOKEN"]]) == []


def test_a_home_folder_that_a_cell_reads_is_not_recorded(private: dict[str, str], notebook: Write, run: Run) -> None:
    reads = "home = str(Path.home())\ndata_file = home + '/points.csv'"
    done = run(notebook(add={"imports": reads}))
    assert kept_in(done, [private["HOME"], "home-of-ada-example"]) == []
    root_location = verbs.show(done["provenance"])["table1"]["data_ingestion"]["root_location"]
    assert root_location["value"] == "<outside>/points.csv"


def test_no_absolute_path_is_recorded(tiny_run: Answer) -> None:
    folder = str(Path(tiny_run["source"]).parents[1])
    text = Path(tiny_run["journal"]).read_text(encoding="utf-8") + Path(tiny_run["provenance"]).read_text("utf-8")
    assert folder not in text
    assert not re.search(r'"/(home|root|tmp|Users)/', text)


# What cannot be run --------------------------------------------------------------------------------


def test_a_notebook_without_a_plan_is_refused(own_folder: Path, run: Run) -> None:
    path = own_folder / "bare.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), path)
    with pytest.raises(NotebookError, match=r"^bare\.ipynb: this is not a notebook that carries a Plan\."):
        run(path)


def test_a_changed_plan_is_refused(notebook: Write, run: Run) -> None:
    path = notebook()
    path.write_text(path.read_text(encoding="utf-8").replace('"epochs": 4', '"epochs": 5'), encoding="utf-8")
    with pytest.raises(NotebookError, match="digest"):
        run(path)


def test_a_kernel_that_is_not_installed_fails_the_run(notebook: Write, run: Run) -> None:
    path = notebook()
    content = nbformat.read(path, as_version=4)
    content.metadata.kernelspec.name = "no-such-kernel"
    nbformat.write(content, path)
    done = run(path)
    assert (done["status"], done["message"]) == (
        "failed",
        "there is no kernel 'no-such-kernel' here: install ipykernel",
    )


def test_runs_below_a_file_are_refused(notebook: Write, own_folder: Path, tiny_task: Path) -> None:
    (own_folder / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(ExecutionError, match="no run folder can be made"):
        run_notebook(notebook(), runs=own_folder / "taken", tasks=[tiny_task])
