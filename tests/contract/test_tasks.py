"""What every task that comes with the package keeps, and what of it is frozen."""

from __future__ import annotations

import math
import subprocess
from pathlib import Path

import pytest

from mlprov_widgets.notebook.check import check_task
from mlprov_widgets.notebook.render import render_cells
from mlprov_widgets.provenance.terms import DATE_AND_DURATION, GROUP_OF_STAGE, TABLE1, home_of
from mlprov_widgets.tasks.load import find_task, find_tasks, load_task, templates_folder
from mlprov_widgets.tasks.model import Kind, Task
from mlprov_widgets.tasks.plan import make_plan

FOLDERS = sorted(path.parent for path in templates_folder().glob("*/task.toml"))
PIPELINE = ["data_ingestion", "data_preparation", "data_segregation", "model", "training", "evaluation"]

# Frozen: a parameter or a choice is never renamed or removed, or recorded runs could not be reproduced.
FROZEN = {
    "image_classification": {
        "dataset_id": ["digits", "FakeData", "MNIST", "FashionMNIST", "CIFAR10", "image_folder", "npz", "npy"],
        "data_file": [],
        "labels_file": [],
        "images_array": [],
        "labels_array": [],
        "dataset_classes": [],
        "channels": ["native", "RGB", "grayscale"],
        "sizing": ["native", "resize", "center_crop"],
        "image_size": [],
        "normalisation": ["training", "imagenet", "none"],
        "memory_limit": [],
        "augmentation": ["none", "flip", "crop", "flip_crop"],
        "split_by": ["seed", "folders"],
        "split_seed": [],
        "testing_split": [],
        "validation_split": [],
        "stratify": [],
        "model_name": [
            "small_cnn",
            "resnet18",
            "resnet50",
            "shufflenet_v2_x1_0",
            "vgg16",
            "mobilenet_v3_small",
            "efficientnet_b0",
        ],
        "pretrained": [],
        "loss_function": ["CrossEntropyLoss", "NLLLoss"],
        "optimizer": ["Adam", "Adadelta", "Adagrad", "Adamax", "RMSprop", "SGD", "AdamW"],
        "optimizer_learning_rate": [],
        "schedule": ["none", "step", "cosine"],
        "schedule_step": [],
        "schedule_factor": [],
        "gpu_enable": [],
        "threads": [],
        "mixed_precision": ["none", "tf32", "bfloat16", "float16"],
        "channels_last": [],
        "save_checkpoint": ["none", "best", "every_epoch"],
        "checkpoints_kept": [],
        "random_seed": [],
        "resume_from": [],
        "epochs": [],
        "batch_size": [],
        "early_stopping": [],
        "print_progress": [],
        "title": [],
        "author": [],
    },
    "multiclass_classification": {
        "dataset_id": ["iris", "wine", "breast_cancer", "digits", "spiral", "aggregation", "r15", "csv"],
        "data_file": [],
        "separator": ["comma", "semicolon", "tab", "space", "pipe"],
        "header": [],
        "target_column": [],
        "ignored_columns": [],
        "missing_values": ["none", "drop_rows", "mean", "median", "most_frequent"],
        "scaler": ["standard", "minmax", "none"],
        "split_seed": [],
        "testing_split": [],
        "validation_split": [],
        "stratify": [],
        "hidden_layers": [],
        "neurons": [],
        "hidden_activation": ["auto", "ReLU", "LeakyReLU", "GELU", "Tanh", "Sigmoid"],
        "output_activation": ["auto", "none", "softmax", "log_softmax", "sigmoid", "tanh"],
        "loss_function": ["CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"],
        "optimizer": ["Adam", "Adadelta", "Adagrad", "Adamax", "RMSprop", "SGD", "AdamW"],
        "optimizer_learning_rate": [],
        "gpu_enable": [],
        "save_checkpoint": [],
        "random_seed": [],
        "epochs": [],
        "batch_size": [],
        "early_stopping": [],
        "print_progress": [],
        "title": [],
        "author": [],
    },
}


@pytest.fixture(params=FOLDERS, ids=[folder.name for folder in FOLDERS])
def folder(request: pytest.FixtureRequest) -> Path:
    """Return the folder of each task in turn."""
    return request.param


@pytest.fixture
def task(folder: Path) -> Task:
    """Return each task in turn."""
    return load_task(folder)


# Every task --------------------------------------------------------------------------------------


def test_the_tasks_of_the_package_are_all_found() -> None:
    assert {task.folder for task in find_tasks().values()} >= set(FOLDERS)


def test_nothing_is_wrong_with_a_task(folder: Path) -> None:
    assert check_task(folder) == []


def test_a_task_is_called_as_its_folder(task: Task) -> None:
    assert task.id == task.folder.name


def test_a_task_has_the_stages_of_the_field_in_order(task: Task) -> None:
    assert [stage.id for stage in task.stages] == PIPELINE


def test_every_stage_and_parameter_is_explained(task: Task) -> None:
    told = [*task.stages, *(p for p in task.parameters), *(c for p in task.parameters for c in p.choices)]
    assert all(getattr(thing, "title", "") or getattr(thing, "label", "") for thing in told)
    assert [p.name for p in task.parameters if not p.help] == []


def test_no_template_is_left_over(task: Task) -> None:
    assert {path.name for path in task.folder.glob("*.jinja")} == {cell.template for cell in task.cells}


def test_no_python_file_lies_among_the_templates(folder: Path) -> None:
    assert list(folder.rglob("*.py")) == []


@pytest.mark.parametrize("group", sorted(set(GROUP_OF_STAGE.values())))
def test_every_field_of_table_1_is_observed_or_said_not_to_apply(task: Task, group: str) -> None:
    told = {
        field
        for stage in task.stages
        for field in [*stage.observe, *stage.not_applicable]
        if home_of(field, stage.id) == group
    }
    assert set(TABLE1[group]) - set(DATE_AND_DURATION) - told == set()


def test_no_field_is_both_observed_and_said_not_to_apply(task: Task) -> None:
    assert [
        (stage.id, field) for stage in task.stages for field in stage.observe if field in stage.not_applicable
    ] == []


def test_what_does_not_apply_has_a_reason(task: Task) -> None:
    reasons = [reason for stage in task.stages for reason in stage.not_applicable.values()]
    assert all(len(reason.split()) > 3 and not reason.endswith(".") for reason in reasons)


def test_every_requirement_has_a_name_that_a_file_may_hold(task: Task) -> None:
    assert all(name.replace("-", "").isalnum() for name in task.requirements)


def test_a_number_has_a_default_within_its_bounds(task: Task) -> None:
    numbers = [p for p in task.parameters if p.kind in (Kind.INTEGER, Kind.NUMBER) and p.default is not None]
    assert all(
        (p.minimum if p.minimum is not None else -math.inf) <= p.default  # type: ignore[operator]
        and p.default <= (p.maximum if p.maximum is not None else math.inf)  # type: ignore[operator]
        for p in numbers
    )


def test_the_notebook_of_the_defaults_reads_nothing_from_outside_of_its_folder(task: Task) -> None:
    code = "\n".join(cell.source for cell in render_cells(task, make_plan(task, {}).plan) if cell.kind == "code")
    assert not any(text in code for text in ("http://", "https://", '"/', "'/", "~", "urlretrieve", "download=True"))


def test_no_cell_speaks_of_provenance_but_the_recorders_and_the_last(task: Task) -> None:
    own = {cell.step for cell in task.cells}
    cells = [cell for cell in render_cells(task, make_plan(task, {}).plan) if cell.step in own]
    assert [cell.step for cell in cells if "prov" in cell.source.lower()] == []


def test_the_templates_are_what_git_keeps() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", *map(str, templates_folder().rglob("*"))],
        cwd=templates_folder(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ignored.stdout == ""


# What is frozen ----------------------------------------------------------------------------------


@pytest.mark.parametrize("task_id", FROZEN)
def test_the_parameters_are_the_frozen_ones(task_id: str) -> None:
    assert [parameter.name for parameter in find_task(task_id).parameters] == list(FROZEN[task_id])


@pytest.mark.parametrize(("task_id", "name"), [(task_id, name) for task_id, names in FROZEN.items() for name in names])
def test_the_choices_of_a_parameter_are_the_frozen_ones(task_id: str, name: str) -> None:
    parameter = find_task(task_id).parameter(name)
    assert parameter is not None
    assert [choice.value for choice in parameter.choices] == FROZEN[task_id][name]


def test_every_task_of_the_package_is_frozen() -> None:
    assert {folder.name for folder in FOLDERS} == set(FROZEN)
