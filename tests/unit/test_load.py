"""Task folders: found, read, and refused with the entry that is wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import TaskError
from mlprov_widgets.tasks import load
from mlprov_widgets.tasks.load import broken_packages, find_task, find_tasks, load_task
from mlprov_widgets.tasks.model import Choice, Kind, Sort

SHIPPED = "multiclass_classification"
CORRECT = "Correct the file."


def refusal(folder: Path) -> str:
    """Return what is said about a folder, without the path of its description."""
    with pytest.raises(TaskError) as caught:
        load_task(folder)
    path = str(folder / "task.toml")
    assert caught.value.field in (path, str(folder))
    return str(caught.value).removeprefix(f"{caught.value.field}: ")


# What a description holds ------------------------------------------------------------------------


def test_a_task_is_what_its_description_says(write_task: Any) -> None:
    task = load_task(write_task())
    assert (task.id, task.title, task.version) == ("toy", "A toy", "1.0.0")
    assert task.requirements == ("numpy", "no-such-distribution")
    assert [stage.id for stage in task.stages] == ["data_ingestion", "training"]
    assert task.stages[0].observe == {"dataset_id": "rows"}
    assert task.stages[1].not_applicable == {"pretrained": "There is nothing to train"}
    assert [cell.step for cell in task.cells] == ["imports", "setup", "load", "explain", "count"]


def test_a_parameter_is_what_its_table_says(write_task: Any) -> None:
    epochs = load_task(write_task()).parameter("epochs")
    assert epochs is not None
    assert (epochs.sort, epochs.kind, epochs.default) == (Sort.LITERAL, Kind.INTEGER, 3)
    assert (epochs.minimum, epochs.maximum, epochs.unit) == (1, 100, "rounds")


def test_a_choice_is_what_its_table_says(write_task: Any) -> None:
    dataset = load_task(write_task()).parameter("dataset_id")
    assert dataset is not None
    assert dataset.choice("large") == Choice("large", "Large", "", "range(1000)", {"samples": 1000})
    assert dataset.choice("huge") is None


def test_every_task_has_the_parameters_of_the_notebooks_frame(write_task: Any) -> None:
    names = [parameter.name for parameter in load_task(write_task()).parameters]
    assert names[-2:] == ["title", "author"]


def test_a_list_of_names_may_have_a_default(write_task: Any) -> None:
    folder = write_task(('name = "ignored_columns"', 'name = "ignored_columns"\ndefault = ["id"]'))
    ignored = load_task(folder).parameter("ignored_columns")
    assert ignored is not None
    assert ignored.default == ("id",)


def test_the_stage_of_a_step_is_known(write_task: Any) -> None:
    task = load_task(write_task())
    assert [task.stage_of_step(step) for step in ("count", "imports", "unknown")] == ["training", "", ""]
    assert task.stage("training") is task.stages[1]


# What is refused ---------------------------------------------------------------------------------


def test_a_folder_without_a_description_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "there is no task.toml. Name a task's folder."


def test_a_description_that_is_no_toml_is_refused(write_task: Any) -> None:
    message = refusal(write_task(('id = "toy"', "id = ")))
    assert message.startswith("task.toml cannot be read: Invalid value (at line 1")
    assert message.endswith(f" {CORRECT}")


def test_a_description_that_is_not_utf_8_is_refused(write_task: Any) -> None:
    folder = write_task()
    (folder / "task.toml").write_bytes(b"\xff")
    assert refusal(folder).startswith("task.toml cannot be read: 'utf-8' codec can't decode")


BROKEN = [
    ("no id", 'id = "toy"\n', "", "'id' is missing or is not a text. Correct the file."),
    ("blank title", 'title = "A toy"', 'title = " "', "'title' is missing or is not a text. Correct the file."),
    ("version", 'version = "1.0.0"', "version = 1.0", "'version' is missing or is not a text. Correct the file."),
    ("id", 'id = "toy"', 'id = "my toy"', "id 'my toy' must be made of a-z, 0-9 and _. Correct the file."),
    (
        "requirements",
        'requirements = ["numpy", "no-such-distribution"]',
        'requirements = "numpy"',
        "'requirements' must be a list of texts. Correct the file.",
    ),
    (
        "one table",
        "[[advice]]",
        "[advice]",
        "'advice' must be written as [[advice]] tables. Correct the file.",
    ),
    (
        "unknown key",
        'unit = "rounds"',
        'units = "rounds"',
        "[[parameters]] epochs: unknown key 'units'. Did you mean unit? Choose one of name, stage, label, help, sort, "
        "kind, default, choices, minimum, maximum, exclusive_minimum, exclusive_maximum, ….",
    ),
    (
        "missing key",
        'label = "Epochs"\nhelp = "How often."\n',
        "",
        "[[parameters]] epochs: missing 'label' and 'help'. Correct the file.",
    ),
    (
        "sort",
        'sort = "literal"\nkind = "integer"\ndefault = 3',
        'sort = "litteral"\nkind = "integer"\ndefault = 3',
        "[[parameters]] epochs: sort = 'litteral' is not known. Did you mean literal? Choose one of literal, choice.",
    ),
    (
        "no sort",
        'sort = "literal"\nkind = "integer"\ndefault = 3',
        'kind = "integer"\ndefault = 3',
        "[[parameters]] epochs: sort = None is not known. Choose one of literal, choice.",
    ),
    (
        "kind",
        'kind = "integer"\ndefault = 3',
        'kind = "int"\ndefault = 3',
        "[[parameters]] epochs: kind = 'int' is not known. Did you mean integer? Choose one of integer, number, "
        "boolean, text, choice, file, column, names.",
    ),
    (
        "no choices",
        'name = "shuffle"\nstage = "training"\nlabel = "Shuffle"\nhelp = "Whether the order changes."\n'
        'sort = "choice"\nkind = "boolean"\ndefault = false',
        'name = "shuffle"\nstage = "training"\nlabel = "Shuffle"\nhelp = "Whether the order changes."\n'
        'sort = "choice"\nkind = "choice"\ndefault = "no"',
        "[[parameters]] shuffle: a choice needs [[parameters.choices]]. Correct the file.",
    ),
    (
        "choices",
        "choices = [",
        "choices = [1,",
        "'choices' must be written as [[choices]] tables. Correct the file.",
    ),
    (
        "choice without label",
        'value = "large"\nlabel = "Large"',
        'value = "large"',
        "[[parameters.dataset_id.choices]] large: missing 'label'. Correct the file.",
    ),
    (
        "choice's key",
        'value = "large"\nlabel = "Large"\ncode',
        'value = "large"\nlabel = "Large"\nsource',
        "[[parameters.dataset_id.choices]] large: unknown key 'source'. Choose one of value, label, help, code, facts.",
    ),
    (
        "type of a text",
        'label = "Epochs"',
        "label = 5",
        "[[parameters]] epochs: label = 5 must be a text. Correct the file.",
    ),
    (
        "type of a bound",
        "minimum = 1\n",
        'minimum = "1"\n',
        "[[parameters]] epochs: minimum = '1' must be a number. Correct the file.",
    ),
    (
        "type of a flag",
        "exclusive_minimum = true",
        "exclusive_minimum = 1",
        "[[parameters]] patience: exclusive_minimum = 1 must be true or false. Correct the file.",
    ),
    (
        "type of a mapping",
        'dataset_id = "rows"',
        "dataset_id = 5",
        "[[stages]] data_ingestion: observe = {'dataset_id': 5} must be a table of texts. Correct the file.",
    ),
    (
        "type of facts",
        "samples = 1000 }",
        'samples = "many" }',
        "[[parameters.dataset_id.choices]] large: facts = {'samples': 'many'} must be a table of whole numbers. "
        "Correct the file.",
    ),
    (
        "type of a default",
        "default = 3",
        "default = { rounds = 3 }",
        "[[parameters]] epochs: default = {'rounds': 3} must be a value or a list of texts. Correct the file.",
    ),
    (
        "type of a name",
        'name = "epochs"',
        "name = 5",
        "[[parameters]] 5: name = 5 must be a text. Correct the file.",
    ),
    (
        "step",
        'step = "count"',
        'step = "Count it"',
        "[[cells]] 'Count it': a step is made of a-z, 0-9, _ and -. Correct the file.",
    ),
    (
        "cell's kind",
        'kind = "markdown"',
        'kind = "raw"',
        "[[cells]] explain: kind must be one of code, markdown. Correct the file.",
    ),
    (
        "template's folder",
        '"explain.md.jinja"',
        '"../explain.md.jinja"',
        "[[cells]] explain: the template must lie in the task's own folder. Correct the file.",
    ),
    (
        "template's folder on Windows",
        '"explain.md.jinja"',
        "'..\\explain.md.jinja'",
        "[[cells]] explain: the template must lie in the task's own folder. Correct the file.",
    ),
    ("two steps", 'step = "setup"', 'step = "imports"', "the step 'imports' is there twice. Correct the file."),
    (
        "two parameters",
        'name = "seed"',
        'name = "epochs"',
        "the parameter 'epochs' is there twice. Correct the file.",
    ),
    (
        "a parameter of the frame",
        'name = "seed"',
        'name = "title"',
        "the parameter 'title' is there twice. Correct the file.",
    ),
    (
        "two stages",
        'id = "training"',
        'id = "data_ingestion"',
        "the stage 'data_ingestion' is there twice. Correct the file.",
    ),
    (
        "parameter's name",
        'name = "seed"',
        'name = "seed-1"',
        "the parameter 'seed-1' must be made of a-z, 0-9 and _. Correct the file.",
    ),
    (
        "stage's name",
        'id = "training"',
        'id = "Training"',
        "the stage 'Training' must be made of a-z, 0-9 and _. Correct the file.",
    ),
    (
        "stage of a parameter",
        'name = "seed"\nstage = "training"',
        'name = "seed"\nstage = "trainings"',
        "the stage 'trainings' is used but not described. Did you mean training? Choose one of data_ingestion, "
        "training.",
    ),
    (
        "stage of a cell",
        'step = "count"\nstage = "training"',
        'step = "count"\nstage = "end"',
        "the stage 'end' is used but not described. Choose one of data_ingestion, training.",
    ),
]


@pytest.mark.parametrize(("old", "new", "message"), [case[1:] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_wrong_description_is_refused_with_the_entry_that_is_wrong(
    write_task: Any, old: str, new: str, message: str
) -> None:
    assert refusal(write_task((old, new))) == message


# Finding -----------------------------------------------------------------------------------------


def test_the_tasks_of_the_package_are_found() -> None:
    assert SHIPPED in find_tasks()


def test_a_task_is_found_in_its_own_folder(write_task: Any) -> None:
    assert find_task("toy", [write_task()]).title == "A toy"


def test_tasks_are_found_in_a_folder_of_folders(write_task: Any, tmp_path: Path) -> None:
    write_task(name="one")
    write_task(('id = "toy"', 'id = "other"'), name="two")
    (tmp_path / "not a task").mkdir()
    assert {"toy", "other", SHIPPED} <= set(find_tasks([tmp_path]))


def test_the_folder_of_the_templates_frame_is_no_task() -> None:
    assert "_frame" not in find_tasks()


def test_a_task_is_found_by_the_environment_variable(write_task: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    places = [write_task(name="one"), write_task(('id = "toy"', 'id = "other"'), name="two")]
    monkeypatch.setenv(load.ENVIRONMENT_VARIABLE, os.pathsep.join(str(place) for place in places))
    assert {"toy", "other"} <= set(find_tasks())


def test_a_folder_that_is_named_twice_is_one_task(write_task: Any) -> None:
    folder = write_task()
    assert find_task("toy", [folder, folder.parent]).folder == folder.resolve()


def test_an_unknown_task_is_refused_with_the_nearest(write_task: Any) -> None:
    with pytest.raises(TaskError) as caught:
        find_task("toi", [write_task()])
    assert str(caught.value) == (
        f"'toi': there is no such task. Did you mean toy? Choose one of {', '.join(sorted([*find_tasks(), 'toy']))}."
    )


def test_two_tasks_of_one_id_are_refused(write_task: Any) -> None:
    one, two = write_task(name="one"), write_task(name="two")
    with pytest.raises(TaskError) as caught:
        find_tasks([one, two])
    assert (
        str(caught.value) == f"toy: two folders hold a task of this id: {one} and {two}. Rename or remove one of them."
    )


def test_a_folder_without_a_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError) as caught:
        find_tasks([tmp_path])
    assert str(caught.value) == (
        f"{tmp_path}: no task.toml in this folder or directly below it. "
        "Name a task's folder, or a folder that holds task folders."
    )


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"no task\.toml in this folder"):
        find_tasks([tmp_path / "nowhere"])


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Return a function that installs a package with an entry point, and gives its folder."""

    def into_site(code: str) -> Path:
        site = tmp_path / "site"
        package, about = site / "toy_package", site / "toy_package-1.0.dist-info"
        package.mkdir(parents=True)
        about.mkdir()
        (package / "__init__.py").write_text(code)
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: toy_package\nVersion: 1.0\n")
        target = "toy_package:folder" if "folder" in code else "toy_package"
        (about / "entry_points.txt").write_text(f"[{load.ENTRY_POINTS}]\ncounting = {target}\n")
        monkeypatch.syspath_prepend(site)
        monkeypatch.delitem(sys.modules, "toy_package", raising=False)
        return package

    return into_site


def test_a_task_is_found_in_an_installed_package(install: Any, write_task: Any) -> None:
    package = install("")
    for path in write_task().iterdir():
        (package / path.name).write_bytes(path.read_bytes())
    assert find_task("toy").folder == package


def test_a_task_is_found_through_a_path_that_an_installed_package_gives(install: Any, write_task: Any) -> None:
    folder = write_task()
    install(f"folder = {str(folder)!r}")
    assert find_task("toy").folder == folder


def test_a_package_that_fails_to_load_is_named(install: Any) -> None:
    install("raise RuntimeError('torch is too old')")
    with pytest.raises(TaskError) as caught:
        find_task("toy")
    assert [str(error) for error in broken_packages()] == [str(caught.value)]
    assert str(caught.value) == (
        "counting: the installed task cannot be loaded: torch is too old. "
        "Repair or uninstall the package that offers it."
    )


def test_a_package_that_fails_to_load_does_not_stand_in_the_way_of_other_tasks(install: Any) -> None:
    install("raise RuntimeError('torch is too old')")
    assert find_task("multiclass_classification").id in find_tasks()


@pytest.mark.parametrize("name", ["facts", "history", "metrics", "outputs"])
def test_a_name_that_every_notebook_fills_is_no_parameter(write_task: Any, name: str) -> None:
    folder = write_task()
    text = (folder / "task.toml").read_text().replace('name = "', f'name = "{name}"  # "', 1)
    (folder / "task.toml").write_text(text)
    with pytest.raises(TaskError, match=f"the parameter '{name}' is made by every notebook itself"):
        load_task(folder)


def test_a_package_that_was_uninstalled_is_forgotten(install: Any, write_task: Any) -> None:
    install(f"folder = {str(write_task())!r}")
    find_task("toy")
    sys.path.pop(0)
    assert "toy" not in find_tasks()


# The digest --------------------------------------------------------------------------------------


def test_a_task_that_did_not_change_is_not_read_again(write_task: Any) -> None:
    folder = write_task()
    assert load_task(folder) is load_task(folder)


def test_a_changed_template_gives_another_digest(write_task: Any) -> None:
    folder = write_task()
    before = load_task(folder).digest
    (folder / "setup.py.jinja").write_text("total = 2 * epochs\n")
    assert load_task(folder).digest != before


def test_a_changed_description_is_read_again(write_task: Any) -> None:
    folder = write_task()
    before = load_task(folder)
    description = folder / "task.toml"
    description.write_text(description.read_text().replace("A toy", "Toys"))
    assert load_task(folder).title == "Toys"
    assert load_task(folder).digest != before.digest


def test_the_digest_does_not_depend_on_the_place(write_task: Any) -> None:
    assert load_task(write_task(name="one")).digest == load_task(write_task(name="two")).digest


def test_the_digest_does_not_depend_on_line_ends(write_task: Any) -> None:
    unix = load_task(write_task(name="one")).digest
    folder = write_task(name="two")
    for path in folder.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert load_task(folder).digest == unix


def test_a_hidden_file_does_not_count(write_task: Any) -> None:
    folder = write_task()
    before = load_task(folder).digest
    (folder / ".DS_Store").write_bytes(b"\x00")
    assert load_task(folder).digest == before


# Files that are no tables ------------------------------------------------------------------------


def test_a_file_may_say_how_its_name_ends(write_task: Any) -> None:
    parameter = load_task(write_task(('kind = "file"', 'kind = "file"\nsuffixes = ["zip"]'))).parameter("data_file")
    assert parameter is not None
    assert parameter.suffixes == ("zip",)


@pytest.mark.parametrize("suffixes", ['".zip"', '"zip"', "[1]", '["../x"]', '["ZIP"]'])
def test_suffixes_that_are_none_are_refused(write_task: Any, suffixes: str) -> None:
    folder = write_task(('kind = "file"', f'kind = "file"\nsuffixes = {suffixes}'))
    assert "must be a list of endings such as zip, without the dot" in refusal(folder)


def test_only_a_file_has_suffixes(write_task: Any) -> None:
    folder = write_task(('name = "epochs"', 'name = "epochs"\nsuffixes = ["zip"]'))
    assert refusal(folder) == f"[[parameters]] epochs: only a file has suffixes. {CORRECT}"
