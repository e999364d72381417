"""Every value of a task settled: read, detected, checked, and where each came from."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import DataFileError, ProvenanceError, TaskError, ValueRefused
from mlprov_widgets.files import sha256_of_file
from mlprov_widgets.tasks.load import load_task
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import (
    DataFile,
    Plan,
    applicable,
    impossible_choices,
    make_plan,
    plan_from_dict,
    recorded_digest,
)

DIGEST = "a" * 64


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Return a data file with semicolons."""
    path = tmp_path / "my rows.csv"
    path.write_text("length;kind\n1;a\n2;b\n3;a\n")
    return path


def refusal(task: Task, given: dict[str, object], **options: Any) -> str:
    with pytest.raises(ValueRefused) as caught:
        make_plan(task, given, **options)
    return str(caught.value)


def own(path: Path, **given: object) -> dict[str, object]:
    return {"dataset_id": "own", "data_file": str(path), **given}


# Values ------------------------------------------------------------------------------------------


def test_without_choices_every_value_is_its_default(toy: Task) -> None:
    plan = make_plan(toy, {}).plan
    assert dict(plan.values) == {
        "dataset_id": "small",
        "epochs": 3,
        "shuffle": False,
        "title": None,
        "author": None,
    }
    assert set(plan.origins.values()) == {"default"}


def test_a_given_value_is_read_and_marked(toy: Task) -> None:
    plan = make_plan(toy, {"epochs": "7"}).plan
    assert (plan.values["epochs"], plan.origins["epochs"]) == (7, "user")


def test_a_default_that_is_given_is_the_users_all_the_same(toy: Task) -> None:
    assert make_plan(toy, {"epochs": 3}).plan.origins["epochs"] == "user"


def test_the_origin_of_all_given_values_can_be_told(toy: Task) -> None:
    origins = make_plan(toy, {"epochs": 7}, origin="imported").plan.origins
    assert (origins["epochs"], origins["dataset_id"]) == ("imported", "default")


def test_the_origin_of_each_given_value_can_be_told(toy: Task) -> None:
    plan = make_plan(toy, {"epochs": 7, "shuffle": True}, origin="imported", origins={"epochs": "user"}).plan
    assert (plan.origins["epochs"], plan.origins["shuffle"]) == ("user", "imported")


def test_the_values_are_in_the_tasks_order(toy: Task) -> None:
    plan = make_plan(toy, {"title": "T", "shuffle": True, "dataset_id": "large"}).plan
    assert list(plan.values) == [p.name for p in toy.parameters if p.name in plan.values]


def test_an_unknown_parameter_is_refused_with_the_nearest(toy: Task) -> None:
    assert refusal(toy, {"epoch": 3}) == (
        "'epoch': the task toy has no such parameter. Did you mean epochs? Choose one of dataset_id, data_file, "
        "separator, target_column, ignored_columns, epochs, shuffle, seed, patience, title, author."
    )


def test_a_value_that_does_not_fit_is_refused(toy: Task) -> None:
    assert refusal(toy, {"epochs": 0}) == (
        "epochs: 0 is out of range. Give a whole number of at least 1 and at most 100, such as 3."
    )


# Whether a value applies -------------------------------------------------------------------------


def test_a_value_that_does_not_apply_is_not_in_the_plan(toy: Task) -> None:
    assert "seed" not in make_plan(toy, {}).plan.values


def test_a_value_that_applies_takes_its_default(toy: Task) -> None:
    plan = make_plan(toy, {"shuffle": True}).plan
    assert (plan.values["seed"], plan.values["patience"]) == (2, None)


def test_a_given_value_that_does_not_apply_is_refused(toy: Task) -> None:
    assert refusal(toy, {"seed": 5}) == (
        "seed: this applies only when shuffle. Leave it out, or change the other value."
    )


def test_a_value_of_zero_that_does_not_apply_is_refused_too(toy: Task) -> None:
    assert refusal(toy, {"seed": 0}).startswith("seed: this applies only when shuffle.")


@pytest.mark.parametrize("empty", ["", " ", None])
@pytest.mark.parametrize("name", ["data_file", "separator", "ignored_columns", "patience"])
def test_an_empty_value_that_does_not_apply_is_left_out(toy: Task, name: str, empty: object) -> None:
    assert make_plan(toy, {name: empty}).plan.values == make_plan(toy, {}).plan.values


def test_a_value_with_a_default_may_not_be_left_empty(toy: Task) -> None:
    assert refusal(toy, {"epochs": ""}) == (
        "epochs: this may not be empty. Give a whole number of at least 1 and at most 100, such as 3."
    )


def test_a_value_that_hangs_on_one_that_does_not_apply_does_not_apply_either(toy: Task) -> None:
    assert refusal(toy, {"patience": 3}).startswith("patience: this applies only when shuffle and seed is not none.")


# Rules and advice --------------------------------------------------------------------------------


def test_values_that_cannot_run_together_are_refused_with_the_rules_words(toy: Task) -> None:
    assert refusal(toy, {"epochs": 11}) == "epochs: there are fewer rows than epochs. Lower epochs."


def test_a_rule_knows_the_facts_of_the_chosen(toy: Task) -> None:
    assert make_plan(toy, {"epochs": 11, "dataset_id": "large"}).plan.values["epochs"] == 11


def test_a_rule_knows_the_facts_of_the_data_file(toy: Task, rows: Path) -> None:
    assert refusal(toy, own(rows, epochs=4)).startswith("epochs: there are fewer rows than epochs.")


def test_rows_that_lack_a_value_are_counted(toy: Task, rows: Path) -> None:
    rows.write_text(rows.read_text() + ";b\n")
    assert refusal(toy, own(rows, epochs=1)) == "data_file: the file has missing values. Fill them in."


def test_what_is_discouraged_is_advised_against(toy: Task) -> None:
    assert make_plan(toy, {"epochs": 6}).advice == ("epochs: this takes long",)


def test_there_is_no_advice_when_there_is_nothing_to_say(toy: Task) -> None:
    assert make_plan(toy, {"epochs": 5}).advice == ()


def test_a_rule_that_fails_is_the_tasks_fault(write_task: Any) -> None:
    task = load_task(write_task(("facts.samples >= epochs", "facts.samples >= wrong")))
    with pytest.raises(TaskError) as caught:
        make_plan(task, {})
    assert str(caught.value) == (
        "'facts.samples == 0 or facts.samples >= wrong': this expression fails: 'wrong' is undefined. "
        "Correct task.toml."
    )


def test_a_rule_that_cannot_be_read_is_the_tasks_fault(write_task: Any) -> None:
    task = load_task(write_task(("facts.samples >= epochs", "facts.samples >=")))
    with pytest.raises(TaskError, match=r"this expression cannot be read: .* Correct task\.toml\."):
        make_plan(task, {})


def test_a_rule_cannot_leave_the_sandbox(write_task: Any) -> None:
    task = load_task(write_task(("facts.samples >= epochs", "''.__class__.__mro__")))
    with pytest.raises(TaskError, match="access to attribute '__class__' of 'str' object is unsafe"):
        make_plan(task, {"dataset_id": "small"})


# What a form asks --------------------------------------------------------------------------------


def test_a_form_learns_which_parameters_apply(toy: Task) -> None:
    values = {parameter.name: parameter.default for parameter in toy.parameters}
    assert {"seed", "patience"} & applicable(toy, values) == set()
    assert {"seed", "patience"} <= applicable(toy, {**values, "shuffle": True, "seed": 2})


def test_asking_what_applies_changes_no_value(toy: Task) -> None:
    values = {parameter.name: parameter.default for parameter in toy.parameters}
    before = dict(values)
    applicable(toy, values)
    assert values == before


def test_a_form_learns_which_choices_a_rule_would_refuse(toy: Task) -> None:
    draft = make_plan(toy, {"dataset_id": "large", "epochs": 11})
    assert impossible_choices(toy, draft) == {"dataset_id": {"small": "there are fewer rows than epochs"}}


def test_a_form_learns_that_every_choice_is_possible(toy: Task) -> None:
    assert impossible_choices(toy, make_plan(toy, {"dataset_id": "large", "epochs": 10})) == {}


def test_a_choice_that_brings_other_parameters_is_not_judged(toy: Task) -> None:
    assert "own" not in impossible_choices(toy, make_plan(toy, {"dataset_id": "large"})).get("dataset_id", {})


# Data files --------------------------------------------------------------------------------------


def test_what_is_left_empty_is_detected_in_the_file(toy: Task, rows: Path) -> None:
    plan = make_plan(toy, own(rows)).plan
    assert (plan.values["separator"], plan.values["target_column"]) == ("semicolon", "kind")


def test_what_was_detected_is_marked_as_derived(toy: Task, rows: Path) -> None:
    origins = make_plan(toy, own(rows)).plan.origins
    assert (origins["separator"], origins["target_column"], origins["data_file"]) == ("derived", "derived", "user")


def test_what_was_given_is_not_detected(toy: Task, rows: Path) -> None:
    rows.write_text("length;kind\n1;3\n2;4\n1;3\n")
    plan = make_plan(toy, own(rows, target_column="length")).plan
    assert (plan.values["target_column"], plan.origins["target_column"]) == ("length", "user")


def test_a_columns_position_becomes_its_name(toy: Task, rows: Path) -> None:
    plan = make_plan(toy, own(rows, target_column="-1")).plan
    assert (plan.values["target_column"], plan.origins["target_column"]) == ("kind", "user")


def test_a_data_file_is_planned_by_its_content(toy: Task, rows: Path) -> None:
    draft = make_plan(toy, own(rows))
    digest = sha256_of_file(rows)
    assert draft.plan.values["data_file"] == f"data/{digest}.csv"
    assert draft.plan.files == {"data_file": DataFile("my_rows.csv", digest, rows.stat().st_size)}
    assert draft.sources == {"data_file": rows}


@pytest.mark.parametrize(("name", "suffix"), [("a.TSV", ".tsv"), ("a.data", ".data"), ("a.py", ".csv"), ("a", ".csv")])
def test_the_planned_file_keeps_only_the_suffix_of_a_table(toy: Task, rows: Path, name: str, suffix: str) -> None:
    path = rows.rename(rows.with_name(name))
    assert str(make_plan(toy, own(path)).plan.values["data_file"]).endswith(suffix)


def test_the_place_of_the_data_does_not_change_the_plan(toy: Task, rows: Path, tmp_path: Path) -> None:
    before = make_plan(toy, own(rows)).plan
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    assert make_plan(toy, own(rows.rename(elsewhere / rows.name))).plan == before


def test_a_file_that_changed_is_looked_at_again(toy: Task, rows: Path) -> None:
    before = make_plan(toy, own(rows)).plan.values["data_file"]
    rows.write_text("length;kind\n1;a\n2;b\n3;b\n4;b\n")
    draft = make_plan(toy, own(rows))
    assert draft.plan.values["data_file"] != before
    assert draft.tables["data_file"].rows == 4


def test_what_was_seen_in_the_file_is_there_for_the_form(toy: Task, rows: Path) -> None:
    table = make_plan(toy, own(rows)).tables["data_file"]
    assert (table.rows, table.classes) == (3, {"a": 2, "b": 1})


@pytest.mark.parametrize("given", [{}, {"data_file": ""}])
def test_own_data_without_a_file_is_refused(toy: Task, given: dict[str, object]) -> None:
    assert refusal(toy, {"dataset_id": "own", **given}) == (
        "data_file: a data file is needed. Give its path: The rows to count."
    )


def test_a_data_file_that_is_not_there_is_refused(toy: Task, tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="there is no such file"):
        make_plan(toy, own(tmp_path / "nowhere.csv"))


def recorded(path: Path) -> tuple[str, dict[str, DataFile]]:
    digest = sha256_of_file(path)
    return f"data/{digest}.csv", {"data_file": DataFile("rows.csv", digest, path.stat().st_size)}


def test_a_recorded_file_is_looked_at_where_it_is_now(toy: Task, rows: Path) -> None:
    value, files = recorded(rows)
    draft = make_plan(toy, own(Path(value)), files=files, sources={"data_file": rows})
    assert (draft.plan.values["data_file"], draft.plan.values["separator"]) == (value, "semicolon")


def test_a_recorded_file_need_not_be_there_when_all_is_known(toy: Task, rows: Path) -> None:
    value, files = recorded(rows)
    draft = make_plan(toy, own(Path(value), separator="semicolon", target_column="kind"), files=files)
    assert (draft.plan.values["data_file"], draft.sources, draft.tables) == (value, {}, {})


def test_what_cannot_be_detected_without_the_file_is_asked_for(toy: Task, rows: Path) -> None:
    value, files = recorded(rows)
    assert refusal(toy, own(Path(value)), files=files) == (
        "separator: this is needed and could not be detected. Give it: What stands between two cells."
    )


def test_another_file_in_the_recorded_ones_place_is_refused(toy: Task, rows: Path) -> None:
    value, files = recorded(rows)
    rows.write_text("length;kind\n9;a\n2;b\n3;a\n")
    with pytest.raises(DataFileError) as caught:
        make_plan(toy, own(Path(value)), files=files, sources={"data_file": rows})
    assert str(caught.value).startswith("my rows.csv: this is not the recorded file: its digest differs.")


def test_a_recorded_name_that_is_not_of_the_recorded_digest_is_refused(toy: Task, rows: Path) -> None:
    _, files = recorded(rows)
    with pytest.raises(DataFileError) as caught:
        make_plan(toy, own(Path(f"data/{DIGEST}.csv")), files=files)
    assert str(caught.value).startswith("data_file: the recorded name and digest differ.")


@pytest.mark.parametrize(
    ("value", "digest"),
    [
        (f"data/{DIGEST}.csv", DIGEST),
        (f"data/{DIGEST}.zip", DIGEST),
        (f"data/{DIGEST}.a/b", ""),
        (f"data/{DIGEST}", ""),
        (f"../data/{DIGEST}.csv", ""),
        (f"data/{DIGEST}.csv\n", ""),
        (None, ""),
    ],
)
def test_the_digest_is_read_from_a_recorded_path_only(value: object, digest: str) -> None:
    assert recorded_digest(value) == digest


# Requirements and digests ------------------------------------------------------------------------


def test_requirements_are_pinned_to_what_is_installed(toy: Task) -> None:
    assert make_plan(toy, {}).plan.requirements == (f"numpy=={version('numpy')}", "no-such-distribution")


def test_recorded_requirements_are_taken_over(toy: Task) -> None:
    assert make_plan(toy, {}, requirements=["numpy==1.0"]).plan.requirements == ("numpy==1.0",)


def test_equal_choices_give_an_equal_digest(toy: Task) -> None:
    assert make_plan(toy, {"epochs": "7"}).plan.digest == make_plan(toy, {"epochs": 7.0}).plan.digest


@pytest.mark.parametrize("given", [{"epochs": 4}, {"shuffle": True}, {"title": "T"}])
def test_another_value_gives_another_digest(toy: Task, given: dict[str, object]) -> None:
    assert make_plan(toy, given).plan.digest != make_plan(toy, {}).plan.digest


def test_other_requirements_give_another_digest(toy: Task) -> None:
    assert make_plan(toy, {}, requirements=["numpy==1.0"]).plan.digest != make_plan(toy, {}).plan.digest


def test_where_a_value_came_from_does_not_change_the_digest(toy: Task) -> None:
    assert make_plan(toy, {"epochs": 3}).plan.digest == make_plan(toy, {}).plan.digest


def test_another_task_gives_another_digest(toy: Task, write_task: Any) -> None:
    other = load_task(write_task(("A toy", "Toys"), name="other"))
    assert make_plan(other, {}).plan.digest != make_plan(toy, {}).plan.digest


# A Plan as JSON ----------------------------------------------------------------------------------


@pytest.fixture
def raw(toy: Task, rows: Path) -> dict[str, Any]:
    """Return a Plan as it stands in a file."""
    return json.loads(json.dumps(make_plan(toy, own(rows, title="T", ignored_columns=["x"])).plan.as_dict()))


@pytest.fixture(autouse=True)
def _ignored_column(request: pytest.FixtureRequest) -> None:
    if "raw" in request.fixturenames:
        request.getfixturevalue("rows").write_text("x;length;kind\n1;1;a\n2;2;b\n3;3;a\n")


def test_a_plan_is_read_as_it_was_written(toy: Task, rows: Path) -> None:
    plan = make_plan(toy, own(rows, title="T")).plan
    assert plan_from_dict(json.loads(json.dumps(plan.as_dict()))) == plan


def test_a_list_is_read_as_names(raw: dict[str, Any]) -> None:
    assert plan_from_dict(raw).values["ignored_columns"] == ("x",)


def test_an_unknown_origin_is_read_as_imported(raw: dict[str, Any]) -> None:
    raw["origins"] = {"epochs": "<script>", "title": ["user"]}
    assert plan_from_dict(raw).origins == {"epochs": "imported", "title": "imported"}


def test_the_name_of_a_data_file_is_made_safe(raw: dict[str, Any]) -> None:
    raw["files"]["data_file"]["name"] = "../../<img>.csv"
    assert plan_from_dict(raw).files["data_file"].name == "img_.csv"


def test_a_plan_without_files_is_a_plan(raw: dict[str, Any]) -> None:
    del raw["files"]
    assert plan_from_dict(raw).files == {}


def spoilt(raw: dict[str, Any], *place: str, value: object) -> str:
    part = raw
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    with pytest.raises(ProvenanceError) as caught:
        plan_from_dict(raw)
    return str(caught.value)


@pytest.mark.parametrize("version", [2, "1", None])
def test_a_plan_of_another_schema_is_refused(raw: dict[str, Any], version: object) -> None:
    assert spoilt(raw, "schema_version", value=version) == (
        f"schema_version: the Plan has schema version {version!r}; this package reads 1. "
        "Install a newer mlprov_widgets."
    )


@pytest.mark.parametrize("thing", [[], "plan", None, 5])
def test_what_is_no_object_is_no_plan(thing: object) -> None:
    with pytest.raises(ProvenanceError) as caught:
        plan_from_dict(thing)
    assert str(caught.value) == f"the Plan: {thing!r} is not what belongs here. Use an unchanged file."


@pytest.mark.parametrize("part", ["task", "version", "task_digest", "values", "origins", "requirements", "files"])
def test_a_part_of_a_wrong_type_is_named(raw: dict[str, Any], part: str) -> None:
    assert spoilt(raw, part, value=5) == f"{part}: 5 is not what belongs here. Use an unchanged file."


@pytest.mark.parametrize("part", ["task", "version", "task_digest", "values", "origins", "requirements"])
def test_a_part_that_is_missing_is_named(raw: dict[str, Any], part: str) -> None:
    del raw[part]
    with pytest.raises(ProvenanceError) as caught:
        plan_from_dict(raw)
    assert str(caught.value) == f"{part}: None is not what belongs here. Use an unchanged file."


@pytest.mark.parametrize("value", [{}, [1], [["a"]]], ids=repr)
def test_a_value_of_no_known_type_is_refused(raw: dict[str, Any], value: object) -> None:
    assert spoilt(raw, "values", "epochs", value=value).startswith(f"epochs: {value!r} is not a value.")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_has_no_end_is_refused(raw: dict[str, Any], number: float) -> None:
    assert spoilt(raw, "values", "epochs", value=number).startswith(f"epochs: {number!r} is not a value.")


@pytest.mark.parametrize(
    "requirement",
    ["numpy; import os", "numpy\n!rm -rf ~", "--index-url=x", "numpy>=1", "numpy @ http://x", "", 5, ["numpy"]],
    ids=repr,
)
def test_a_requirement_that_is_no_name_and_version_is_refused(raw: dict[str, Any], requirement: object) -> None:
    assert spoilt(raw, "requirements", value=[requirement]).startswith(
        f"requirements: {requirement!r} is not a name==version."
    )


@pytest.mark.parametrize("digest", ["", "a" * 63, "A" * 64, "a" * 64 + "\n"], ids=repr)
def test_a_task_digest_that_is_none_is_refused(raw: dict[str, Any], digest: str) -> None:
    assert spoilt(raw, "task_digest", value=digest).startswith("task_digest: this is not a SHA-256.")


def test_a_files_digest_that_is_none_is_refused(raw: dict[str, Any]) -> None:
    message = spoilt(raw, "files", "data_file", "sha256", value="../x")
    assert message.startswith("files.data_file.sha256: this is not a SHA-256.")


@pytest.mark.parametrize("part", ["name", "sha256", "bytes"])
def test_a_files_part_of_a_wrong_type_is_named(raw: dict[str, Any], part: str) -> None:
    assert spoilt(raw, "files", "data_file", part, value=None).startswith(
        f"files.data_file.{part}: None is not what belongs here."
    )


def test_a_value_from_a_file_never_goes_unchecked_into_a_plan(toy: Task, raw: dict[str, Any]) -> None:
    raw["values"]["epochs"] = "1\nimport os"
    assert isinstance(plan_from_dict(raw), Plan)
    assert refusal(toy, {"epochs": plan_from_dict(raw).values["epochs"]}).startswith("epochs: '1\\nimport os' is not")


@pytest.mark.parametrize(
    "value", [None, "../../.bashrc", "/etc/passwd", f"data/{DIGEST}.csv", f"data/../{DIGEST}.csv", 5, ["x"]], ids=repr
)
def test_a_data_file_whose_place_is_not_named_by_its_digest_is_refused(raw: dict[str, Any], value: object) -> None:
    assert spoilt(raw, "values", "data_file", value=value) == (
        "data_file: a data file is named by its digest. Use an unchanged file."
    )


def test_a_data_file_of_no_value_is_refused(raw: dict[str, Any]) -> None:
    file = raw["files"]["data_file"]
    assert spoilt(raw, "files", "more", value=file) == (
        "more: a data file is named by its digest. Use an unchanged file."
    )


# Files that are no tables ------------------------------------------------------------------------

NOTHING_IS_DETECTED = (
    ('kind = "file"', 'kind = "file"\nsuffixes = ["zip", "npz"]'),
    ('detect = "separator"', "optional = true"),
    ('detect = "target_column"', "optional = true"),
)


@pytest.fixture
def packed(write_task: Any) -> Task:
    """Return the toy task with a data file that is an archive."""
    return load_task(write_task(*NOTHING_IS_DETECTED, name="packed"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a file that is no table."""
    path = tmp_path / "My Pictures.ZIP"
    path.write_bytes(b"PK\x03\x04 and so on")
    return path


def test_a_file_that_is_no_table_is_planned_by_its_content(packed: Task, archive: Path) -> None:
    draft = make_plan(packed, own(archive))
    digest = sha256_of_file(archive)
    assert draft.plan.values["data_file"] == f"data/{digest}.zip"
    assert draft.plan.files["data_file"].sha256 == digest
    assert draft.plan.files["data_file"].bytes == archive.stat().st_size
    assert draft.sources == {"data_file": archive}
    assert draft.tables == {}


def test_a_recorded_file_that_is_no_table_is_found_again(packed: Task, archive: Path) -> None:
    plan = plan_from_dict(make_plan(packed, own(archive)).plan.as_dict())
    again = make_plan(packed, plan.values, files=plan.files, sources={"data_file": archive})
    assert again.plan.values == plan.values
    assert again.sources == {"data_file": archive}
    assert make_plan(packed, plan.values, files=plan.files).sources == {}


def test_another_archive_in_the_recorded_ones_place_is_refused(packed: Task, archive: Path) -> None:
    plan = make_plan(packed, own(archive)).plan
    archive.write_bytes(b"PK\x03\x04 something else")
    with pytest.raises(DataFileError, match="this is not the recorded file: its digest differs"):
        make_plan(packed, plan.values, files=plan.files, sources={"data_file": archive})


def test_a_recorded_name_ends_as_the_task_says(packed: Task, toy: Task, archive: Path) -> None:
    plan = make_plan(packed, own(archive)).plan
    given = {"dataset_id": "own", "data_file": plan.values["data_file"]}
    with pytest.raises(DataFileError, match=r"a recorded file cannot end in \.zip here"):
        make_plan(toy, given, files=plan.files, sources={"data_file": archive})


def test_only_a_file_is_a_file_of_the_plan(toy: Task) -> None:
    title = f"data/{DIGEST}.zip"
    assert make_plan(toy, {"title": title}, files={"title": DataFile("a", DIGEST, 1)}).plan.files == {}


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"1,2", "a.csv: its name does not end in .zip or .npz. The rows to count."),
        ("a.zip", b"", "a.zip: this file is empty."),
        ("no/a.zip", None, "a.zip: there is no such file."),
    ],
)
def test_what_cannot_be_such_a_file_is_refused(
    packed: Task, tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataFileError) as caught:
        make_plan(packed, own(path))
    assert str(caught.value).startswith(said)
