"""What scripts rely on: one JSON object, its keys, the exit status, one clear line for what went wrong."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pytest

from mlprov_widgets import verbs
from mlprov_widgets.cli import main

Answer = dict[str, Any]
RUN_KEYS = {
    "run",
    "status",
    "notebook",
    "provenance",
    "journal",
    "metrics",
    "seconds",
    "capture_seconds",
    "failed_step",
}
VERDICT_KEYS = {
    "verdict",
    "first_divergence",
    "differences",
    "missing",
    "environment_changes",
    "notebook",
    "provenance",
    "metrics",
}
FORMATS = ("provn", "provx", "ttl", "jsonld", "json", "rocrate", "html", "svg", "py")


class Done(NamedTuple):
    """What a command answered."""

    status: int
    found: Answer
    errors: str


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_environment: None) -> Path:
    """Work in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(desk: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return a function that runs a command with ``--json`` and reads its one object."""

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        status = main([*map(str, arguments), "--json"])
        printed, errors = capsys.readouterr()
        lines = printed.splitlines()
        assert len(lines) == 1, printed
        found = json.loads(lines[0])
        assert found["schema_version"] == 1
        assert "Traceback" not in errors
        return Done(status, found, errors)

    return run


@pytest.fixture
def refused(command: Callable[..., Done]) -> Callable[..., Answer]:
    """Return a function that runs a command which must be refused, and gives its error object."""

    def run(*arguments: object) -> Answer:
        done = command(*arguments)
        assert done.status == 2
        assert set(done.found) == {"schema_version", "error"}
        assert len(done.errors.splitlines()) == 1
        error: Answer = done.found["error"]
        assert set(error) == {"code", "field", "message", "fix"}
        assert all(isinstance(text, str) for text in error.values())
        assert error["message"]
        assert error["message"] in done.errors
        return error

    return run


@pytest.fixture
def run_folder(tiny_run: Answer, desk: Path) -> Path:
    """A copy of a recorded run's folder, which the test may change."""
    return shutil.copytree(tiny_run["run"], desk / "recorded")


def edited_notebook(path: Path, tiny_task: Path, train: str) -> Path:
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    content = nbformat.read(path, as_version=4)
    next(cell for cell in content.cells if cell.id == "train").source = train
    nbformat.write(content, path)
    return path


# The commands --------------------------------------------------------------------------------------------


def test_tasks_lists_every_task_with_its_parameters(command: Any, tiny_task: Path) -> None:
    done = command("tasks", "--tasks", tiny_task)
    assert done.status == 0
    assert {"multiclass_classification", "tiny"} <= {task["id"] for task in done.found["tasks"]}
    for task in done.found["tasks"]:
        assert {"id", "title", "parameters"} <= set(task)
        for parameter in task["parameters"]:
            keys = {"name", "stage", "sort", "kind", "default", "choices", "minimum", "maximum"}
            assert keys <= set(parameter)
            assert parameter["sort"] in ("literal", "choice")
            assert all({"value", "label"} <= set(choice) for choice in parameter["choices"])


def test_generate_writes_the_notebook_that_it_names(command: Any, desk: Path) -> None:
    done = command("generate", "multiclass_classification", "--set", "epochs=7", "--out", "flowers.ipynb")
    assert done.status == 0
    assert {"notebook", "task", "parameters", "sha256"} <= set(done.found)
    assert Path(done.found["notebook"]) == Path("flowers.ipynb")
    assert done.found["sha256"] == hashlib.sha256((desk / "flowers.ipynb").read_bytes()).hexdigest()
    assert (done.found["task"], done.found["parameters"]["epochs"]) == ("multiclass_classification", 7)


def test_generate_without_out_takes_a_new_folder_each_time(command: Any) -> None:
    first, second = (command("generate", "multiclass_classification").found["notebook"] for _ in range(2))
    assert first != second
    assert Path(first).is_file()
    assert Path(second).is_file()


def test_an_empty_value_is_null(command: Any) -> None:
    done = command("generate", "multiclass_classification", "--set", "batch_size=", "--out", "flowers.ipynb")
    assert done.found["parameters"]["batch_size"] is None


def test_a_list_is_json(command: Any, desk: Path) -> None:
    rows = "".join(f"{n},{n % 3},{n % 2}\n" for n in range(20))
    (desk / "own.csv").write_text(f"number,width,kind\n{rows}", encoding="utf-8")
    own = ["--set", "dataset_id=csv", "--set", "data_file=own.csv", "--set", "target_column=kind"]
    done = command("generate", "multiclass_classification", *own, "--set", 'ignored_columns=["number"]')
    assert done.found["parameters"]["ignored_columns"] == ["number"]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, tiny_task: Path, plain_environment: None) -> Path:
    """The notebook for the commands that run one."""
    path = tmp_path_factory.mktemp("ran") / "tiny.ipynb"
    verbs.generate("tiny", {}, out=path, tasks=[tiny_task])
    return path


def test_run_says_what_came_of_it(command: Any, ran: Path, tiny_task: Path, desk: Path) -> None:
    done = command("run", ran, "--tasks", tiny_task, "--runs", "kept")
    assert done.status == 0
    assert set(done.found) >= RUN_KEYS
    assert (done.found["status"], done.found["failed_step"]) == ("completed", None)
    assert all(Path(done.found[name]).is_file() for name in ("notebook", "provenance", "journal"))
    assert Path(done.found["run"]).resolve().parent == (desk / "kept").resolve()
    assert done.errors == ""


def test_run_answers_no_when_a_cell_fails(command: Any, tiny_task: Path, desk: Path) -> None:
    done = command("run", edited_notebook(desk / "tiny.ipynb", tiny_task, "1 / 0"), "--tasks", tiny_task)
    assert done.status == 1
    assert set(done.found) >= RUN_KEYS
    assert (done.found["status"], done.found["failed_step"]) == ("failed", "train")


def test_runs_are_kept_where_the_environment_says(
    command: Any, ran: Path, tiny_task: Path, desk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLPROV_RUNS", str(desk / "elsewhere"))
    done = command("run", ran, "--tasks", tiny_task)
    assert Path(done.found["run"]).resolve().parent == (desk / "elsewhere").resolve()


def test_show_gives_every_field_with_status_reason_and_record(command: Any, tiny_run: Answer) -> None:
    done = command("show", tiny_run["provenance"])
    assert done.status == 0
    assert {"table1", "metrics", "steps"} <= set(done.found)
    for fields in done.found["table1"].values():
        for item in fields.values():
            assert {"value", "status", "reason", "record"} <= set(item)
            assert item["status"] in ("observed", "declared", "not_applicable", "not_observed")


def test_reproduce_gives_its_verdict(command: Any, tiny_run: Answer, tiny_task: Path) -> None:
    done = command("reproduce", tiny_run["provenance"], "--tasks", tiny_task)
    assert done.status == 0
    assert set(done.found) >= VERDICT_KEYS
    assert (done.found["verdict"], done.found["first_divergence"]) == ("identical", None)


def test_reproduce_answers_no_when_the_result_is_another(command: Any, tiny_task: Path, desk: Path) -> None:
    path = edited_notebook(desk / "tiny.ipynb", tiny_task, "history = {'loss': [9.0]}")
    recorded = command("run", path, "--tasks", tiny_task).found["provenance"]
    done = command("reproduce", recorded, "--edits", "drop", "--tasks", tiny_task)
    assert (done.status, done.found["verdict"]) == (1, "different")
    assert {"stage", "epoch", "item", "expected", "actual", "cause"} <= set(done.found["first_divergence"])
    assert done.found["differences"][0] == done.found["first_divergence"]


def test_kept_edits_are_shown_before_they_run(command: Any, tiny_task: Path, desk: Path) -> None:
    path = edited_notebook(desk / "tiny.ipynb", tiny_task, "raise SystemError('stop')\x1b[2J")
    recorded = command("run", path, "--tasks", tiny_task).found["provenance"]
    done = command("reproduce", recorded, "--edits", "keep", "--tasks", tiny_task)
    assert (done.status, done.found["verdict"]) == (1, "failed")
    assert "+raise SystemError('stop')" in done.errors
    assert "\x1b" not in done.errors


def test_a_failed_reproduction_names_the_cell_and_the_likely_cause_without_a_traceback(
    command: Any, tiny_task: Path, desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = edited_notebook(desk / "tiny.ipynb", tiny_task, "raise SystemError('stop')")
    recorded = command("run", path, "--tasks", tiny_task).found["provenance"]
    main(["reproduce", recorded, "--edits", "keep", "--tasks", str(tiny_task)])
    told = capsys.readouterr().out
    assert told.splitlines()[:4] == [
        "Verdict: failed",
        "  it ended in       the cell train, in the stage training",
        "  what happened     SystemError: stop",
        "  likely cause      the recorded run ended in this step too",
    ]
    assert "Traceback" not in told


def test_import_writes_a_notebook_and_runs_nothing(command: Any, tiny_run: Answer, tiny_task: Path, desk: Path) -> None:
    done = command("import", tiny_run["provenance"], "--out", "again.ipynb", "--tasks", tiny_task)
    assert done.status == 0
    keys = {"notebook", "task", "parameters", "origins", "missing", "not_understood", "edited_steps"}
    assert keys <= set(done.found)
    assert set(done.found["origins"].values()) == {"imported"}
    assert [path.name for path in desk.iterdir()] == ["again.ipynb"]


def test_verify_is_content_with_an_unchanged_run(command: Any, tiny_run: Answer) -> None:
    done = command("verify", tiny_run["provenance"])
    assert done.status == 0
    assert {"valid", "problems", "unchecked"} <= set(done.found)
    assert (done.found["valid"], done.found["problems"], done.found["unchecked"]) == (True, [], [])


def test_verify_names_the_record_that_was_changed(command: Any, run_folder: Path) -> None:
    path = run_folder / "provenance.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"Descent"', '"Ascent"', 1), encoding="utf-8")
    done = command("verify", path)
    assert (done.status, done.found["valid"]) == (1, False)
    assert all({"code", "record", "message"} <= set(problem) for problem in done.found["problems"])
    assert [problem["code"] for problem in done.found["problems"]] == ["changed"]


def test_verify_names_the_file_that_was_changed(command: Any, run_folder: Path) -> None:
    (run_folder / "outputs" / "line.json").write_text("[]", encoding="utf-8")
    done = command("verify", run_folder / "provenance.json")
    assert done.status == 1
    assert [problem["code"] for problem in done.found["problems"]] == ["artifact_changed"]


def test_a_file_that_is_not_there_is_unchecked_and_no_problem(command: Any, run_folder: Path) -> None:
    (run_folder / "outputs" / "line.json").unlink()
    done = command("verify", run_folder / "provenance.json")
    assert (done.status, done.found["valid"], done.found["unchecked"]) == (0, True, ["outputs/line.json"])


def test_recover_answers_as_run_does(command: Any, run_folder: Path) -> None:
    (run_folder / "provenance.json").unlink()
    done = command("recover", run_folder / "journal.jsonl")
    assert done.status == 0
    assert set(done.found) >= RUN_KEYS
    assert done.found["status"] == "completed"


@pytest.mark.parametrize("form", FORMATS)
def test_export_writes_every_format(command: Any, tiny_run: Answer, form: str, desk: Path) -> None:
    done = command("export", tiny_run["provenance"], "--to", form, "--out", f"exported.{form}")
    assert (done.status, Path(done.found["path"])) == (0, Path(f"exported.{form}"))
    assert (desk / f"exported.{form}").stat().st_size > 100


def test_runs_lists_what_is_kept(command: Any, tiny_run: Answer) -> None:
    done = command("runs", "--runs", Path(tiny_run["run"]).parent)
    assert done.status == 0
    (one,) = done.found["runs"]
    assert {"run", "task", "status", "started", "seconds", "metrics", "provenance"} <= set(one)
    assert (one["task"], one["status"], one["metrics"]) == ("tiny", "completed", tiny_run["metrics"])


def test_runs_of_a_folder_that_is_not_there_are_none(command: Any) -> None:
    done = command("runs", "--runs", "nowhere")
    assert (done.status, done.found["runs"]) == (0, [])


def test_a_damaged_run_is_listed_with_what_is_wrong(command: Any, run_folder: Path) -> None:
    (run_folder / "provenance.json").write_text("{", encoding="utf-8")
    done = command("runs", "--runs", run_folder.parent)
    assert (done.found["runs"][0]["status"], done.status) == ("incomplete", 0)
    assert "this is not JSON" in done.found["runs"][0]["problem"]


def test_check_task_is_content_with_a_good_task(command: Any, tiny_task: Path) -> None:
    done = command("check-task", tiny_task)
    assert (done.status, done.found["valid"], done.found["problems"]) == (0, True, [])


def test_check_task_answers_no_and_says_why(command: Any, desk: Path) -> None:
    done = command("check-task", desk)
    assert (done.status, done.found["valid"]) == (1, False)
    assert done.found["problems"] == [f"{desk.resolve()}: there is no task.toml. Name a task's folder."]


@pytest.mark.slow
def test_demo_goes_through_the_whole_loop(command: Any) -> None:
    done = command("demo")
    assert done.status == 0
    assert set(done.found) >= RUN_KEYS | {"report"}
    assert done.found["metrics"]["accuracy"] > 0.8
    assert Path(done.found["report"]).is_file()


# Numbers that JSON has no name for --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["show", "reproduce", "runs"])
def test_a_metric_that_is_no_number_is_printed_as_json(
    command: Any, run_folder: Path, tiny_task: Path, name: str
) -> None:
    path = run_folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["entity"]["run:metric-loss"]["mls:hasValue"] = {"$": "NaN", "type": "xsd:double"}
    document["entity"]["run:metric-accuracy"]["mls:hasValue"] = {"$": "INF", "type": "xsd:double"}
    path.write_text(json.dumps(document), encoding="utf-8")
    arguments = {"show": [path], "reproduce": [path, "--tasks", tiny_task], "runs": ["--runs", run_folder.parent]}
    assert command(name, *arguments[name]).status in (0, 1)


# Nothing is overwritten -----------------------------------------------------------------------------------


@pytest.fixture
def overwriting(tiny_run: Answer, tiny_task: Path) -> dict[str, list[object]]:
    """The commands with ``--out``, each about to write over a file."""
    return {
        "generate": ["generate", "tiny", "--tasks", tiny_task, "--out", "there.ipynb"],
        "import": ["import", tiny_run["provenance"], "--tasks", tiny_task, "--out", "there.ipynb"],
        "export": ["export", tiny_run["provenance"], "--to", "json", "--out", "there.ipynb"],
    }


@pytest.mark.parametrize("name", ["generate", "import", "export"])
def test_an_existing_file_is_refused_and_stays(
    refused: Any, desk: Path, overwriting: dict[str, list[object]], name: str
) -> None:
    (desk / "there.ipynb").write_text("precious", encoding="utf-8")
    error = refused(*overwriting[name])
    assert (error["code"], error["field"], error["message"]) == ("exists", "there.ipynb", "this already exists")
    assert error["fix"] == "Choose another name, or move it away"
    assert (desk / "there.ipynb").read_text(encoding="utf-8") == "precious"


# Wrong use ------------------------------------------------------------------------------------------------

TABULAR = "multiclass_classification"


@pytest.mark.parametrize(
    ("arguments", "code", "field", "message", "fix"),
    [
        (["generate", "multiclas"], "task", "'multiclas'", "there is no such task", "Choose one of"),
        (
            ["generate", TABULAR, "--set", "epoch=3"],
            "value",
            "'epoch'",
            "has no such parameter",
            "Did you mean epochs?",
        ),
        (
            ["generate", TABULAR, "--set", "epochs=many"],
            "value",
            "epochs",
            "'many' is not a whole number",
            "at least 1",
        ),
        (["generate", TABULAR, "--set", "epochs=0"], "value", "epochs", "0 is out of range", "at least 1"),
        (["generate", TABULAR, "--set", "epochs="], "value", "epochs", "this may not be empty", "Give a whole number"),
        (
            ["generate", TABULAR, "--set", "optimizer=Adamm"],
            "value",
            "optimizer",
            "'Adamm' is not",
            "Did you mean Adam?",
        ),
        (["generate", TABULAR, "--set", "epochs"], "value", "epochs", "this is not NAME=VALUE", "--set epochs=50"),
        (
            ["generate", TABULAR, "--set", "epochs=1", "--set", "epochs=2"],
            "value",
            "epochs",
            "this is set twice",
            "Give it once",
        ),
        (["generate", TABULAR, "--out", "a.txt"], "value", "a.txt", "a notebook's name ends in .ipynb", "a.txt.ipynb"),
        (["generate", TABULAR, "--tasks", "nowhere"], "task", "nowhere", "no task.toml in this folder", "Name a task"),
        (
            ["generate", TABULAR, "--set", "dataset_id=csv"],
            "value",
            "data_file",
            "a data file is needed",
            "Give its path",
        ),
        (["run", "nowhere.ipynb"], "notebook", "nowhere.ipynb", "there is no such file", "mlprov generate"),
        (["run", "."], "notebook", ".", "this is a folder", "mlprov generate"),
        (["show", "nowhere.json"], "provenance", "nowhere.json", "there is no such file", "Check the path"),
        (["show", "."], "provenance", ".", "this is a folder", "provenance.json inside a run's folder"),
        (["verify", "nowhere.json"], "provenance", "nowhere.json", "there is no such file", "Check the path"),
        (["import", "nowhere.json"], "provenance", "nowhere.json", "there is no such file", "Check the path"),
        (["reproduce", "nowhere.json"], "provenance", "nowhere.json", "there is no such file", "Check the path"),
        (["reproduce", "x.json", "--repeat", "two"], "value", "repeat", "'two' is not a whole number", "for example"),
        (["recover", "nowhere.jsonl"], "provenance", "nowhere.jsonl", "cannot be read", "journal.jsonl"),
        (
            ["reproduce", "x", "--timeout", "soon"],
            "value",
            "timeout",
            "'soon' is not a number of seconds",
            "--timeout 600",
        ),
        (["run", "x.ipynb", "--timeout", "-1"], "value", "timeout", "'-1' is not a number of seconds", "--timeout 600"),
        (["demo", "--timeout", "nan"], "value", "timeout", "'nan' is not a number of seconds", "--timeout 600"),
    ],
)
def test_what_is_wrong_is_said_with_its_fix(
    refused: Any, arguments: list[str], code: str, field: str, message: str, fix: str
) -> None:
    error = refused(*arguments)
    assert (error["code"], error["field"]) == (code, field)
    assert message in error["message"]
    assert fix in error["fix"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["generat"], "invalid choice: 'generat'"),
        (["run"], "the following arguments are required: NOTEBOOK"),
        (["show", "a", "b"], "unrecognized arguments: b"),
        (["tasks", "--colour"], "unrecognized arguments: --colour"),
        (["tasks", "--js"], "unrecognized arguments: --js"),
        (["export", "a"], "the following arguments are required: --to, --out"),
    ],
)
def test_wrong_use_is_one_clear_line(refused: Any, arguments: list[str], message: str) -> None:
    error = refused(*arguments)
    assert error["code"] == "usage"
    assert message in error["message"]


def test_an_unknown_format_is_refused_with_the_known_ones(refused: Any, tiny_run: Answer, desk: Path) -> None:
    error = refused("export", tiny_run["provenance"], "--to", "rocrat", "--out", "a")
    assert (error["code"], error["field"], error["message"]) == ("value", "rocrat", "this format is not known")
    assert error["fix"].startswith("Did you mean rocrate? ")
    assert list(desk.iterdir()) == []


def test_a_notebook_without_a_plan_is_refused(refused: Any, desk: Path) -> None:
    nbformat.write(nbformat.v4.new_notebook(), desk / "bare.ipynb")
    error = refused("run", "bare.ipynb")
    assert error["message"] == "this is not a notebook that carries a Plan"
    assert [path.name for path in desk.iterdir()] == ["bare.ipynb"]


def test_a_notebook_is_no_provenance(refused: Any, ran: Path) -> None:
    error = refused("show", ran)
    assert (error["message"], error["fix"]) == ("this is a notebook", "Give the provenance.json of its run")


def test_a_full_or_forbidden_disk_is_one_clear_line(refused: Any, desk: Path, tiny_run: Answer) -> None:
    (desk / "taken").write_text("", encoding="utf-8")
    error = refused("export", tiny_run["provenance"], "--to", "json", "--out", desk / "taken" / "a.json")
    assert error["code"] == "os"


def test_an_error_does_not_obey_the_text_that_it_quotes(refused: Any) -> None:
    error = refused("generate", TABULAR, "--set", "epochs=\x1b[2J\n\u202eboom")
    assert error["message"].isprintable()


def test_ctrl_c_outside_of_a_run_is_an_answer_too(command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**options: object) -> Answer:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, "list_tasks", interrupted)
    done = command("tasks")
    assert (done.status, done.found["status"], done.errors.strip()) == (1, "cancelled", "mlprov: cancelled")


@pytest.mark.parametrize("verb", ["run", "demo", "recover", "reproduce"])
def test_ctrl_c_before_there_is_a_run_gives_the_keys_of_a_cancelled_one(
    command: Any, monkeypatch: pytest.MonkeyPatch, tiny_run: Answer, verb: str
) -> None:
    def interrupted(*arguments: object, **options: object) -> Answer:
        raise KeyboardInterrupt

    monkeypatch.setattr(verbs, verb, interrupted)
    given = [] if verb == "demo" else [tiny_run["provenance"]]
    done = command(verb, *given)
    assert (done.status, done.found["status"], done.errors.strip()) == (1, "cancelled", "mlprov: cancelled")
    assert set(tiny_run) - {"source"} <= set(done.found)
    if verb == "reproduce":
        assert (done.found["verdict"], done.found["first_divergence"]) == ("failed", None)
        assert {"differences", "missing", "environment_changes"} <= set(done.found)


def test_text_that_the_terminal_cannot_show_is_printed_all_the_same(run_folder: Path) -> None:
    path = run_folder / "provenance.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["entity"]["run:experiment_info"]["ml:title"] = "Blüten \N{CHERRY BLOSSOM}"
    path.write_text(json.dumps(document), encoding="utf-8")
    shown = subprocess.run(
        [sys.executable, "-m", "mlprov_widgets.cli", "show", str(path)],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert b"Bl\\xfcten \\U0001f338" in shown.stdout


# For people -----------------------------------------------------------------------------------------------


def test_an_error_prints_nothing_on_standard_output(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["generate", "multiclas"]) == 2
    printed, errors = capsys.readouterr()
    assert printed == ""
    assert errors.startswith("mlprov: 'multiclas': there is no such task. ")
    assert errors.count("\n") == 1


@pytest.mark.parametrize("name", ["show", "verify"])
def test_people_read_words_and_no_json(
    desk: Path, capsys: pytest.CaptureFixture[str], tiny_run: Answer, name: str
) -> None:
    assert main([name, tiny_run["provenance"]]) == 0
    printed, _ = capsys.readouterr()
    assert not printed.startswith("{")
    assert len(printed.splitlines()) >= 2


def test_every_command_has_a_help_text(desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    printed, _ = capsys.readouterr()
    assert ended.value.code == 0
    told = {line.split()[0] for line in printed.splitlines() if line.startswith("    ")}
    commands = {"demo", "tasks", "generate", "run", "show", "reproduce", "import", "verify", "recover", "export"}
    assert commands | {"runs", "check-task"} <= told


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    from mlprov_widgets import __version__

    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == f"mlprov_widgets {__version__}\n"


def test_a_reader_that_stops_early_gets_no_traceback(desk: Path, tiny_run: Answer) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "mlprov_widgets.cli", "show", tiny_run["provenance"], "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    errors = process.stderr.read()
    process.stderr.close()
    process.wait()
    assert errors == b""
