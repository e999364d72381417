"""Whatever is chosen, the code is formatted and has nothing that a linter would say."""

from __future__ import annotations

import itertools
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.notebook.render import notebook_text, render_notebook
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.model import Kind, Task
from mlprov_widgets.tasks.plan import make_plan
from mlprov_widgets.tasks.tables import SEPARATORS

TABLES = find_task("multiclass_classification")
IMAGES = find_task("image_classification")
ROWS = [["length", "width", "kind"], *([f"{n}.5", f"{n % 7}", "ab"[n % 2]] for n in range(30))]

# A value for each parameter that is no choice, and what else it takes for it to apply.
OTHERS: dict[str, list[dict[str, Any]]] = {
    "split_seed": [{"split_seed": 0}],
    "testing_split": [{"testing_split": 0.5}],
    "validation_split": [{"validation_split": 0.2}],
    "hidden_layers": [{"hidden_layers": 1}, {"hidden_layers": 20}],
    "neurons": [{"neurons": 1}],
    "optimizer_learning_rate": [{"optimizer_learning_rate": 1e-05}, {"optimizer_learning_rate": 1e16}],
    "random_seed": [{"random_seed": 4294967295}],
    "epochs": [{"epochs": 1}],
    "batch_size": [{"batch_size": None}, {"batch_size": 1}],
    "early_stopping": [{"early_stopping": 3, "validation_split": 0.2}],
    "print_progress": [{"print_progress": 100}],
    "dataset_classes": [{"dataset_id": "FakeData", "dataset_classes": 30}],
    "image_size": [{"sizing": "resize", "image_size": 16}],
    "schedule_step": [{"schedule": "step", "schedule_step": 2}],
    "schedule_factor": [{"schedule": "step", "schedule_factor": 0.5}],
    "memory_limit": [{"memory_limit": 0}],
    "threads": [{"threads": 2}],
    "checkpoints_kept": [{"save_checkpoint": "every_epoch", "checkpoints_kept": 1}],
    "title": [{"title": 'It\'s "mine": ' + "long " * 20}],
    "author": [{"author": "Ada Example"}],
}
NETWORKS = ("resnet18", "resnet50", "shufflenet_v2_x1_0", "vgg16", "mobilenet_v3_small", "efficientnet_b0")
OWN_DATA = ("csv", "image_folder", "npz", "npy")
OWN = (
    "data_file",
    "labels_file",
    "resume_from",
    "images_array",
    "labels_array",
    "split_by",
    "separator",
    "header",
    "target_column",
    "ignored_columns",
    "missing_values",
)


BESIDE = [
    ("loss_function", "output_activation"),
    ("dataset_id", "scaler"),
    ("dataset_id", "validation_split"),
    ("loss_function", "gpu_enable"),
    ("augmentation", "normalisation"),
    ("augmentation", "sizing"),
    ("channels", "sizing"),
    ("save_checkpoint", "early_stopping"),
]


def files(folder: Path) -> Iterator[dict[str, Any]]:
    """Write data files and yield the options that read them."""
    for name, mark in SEPARATORS.items():
        path = folder / f"{name}.csv"
        path.write_text("".join(mark.join(row) + "\n" for row in ROWS))
        yield {"dataset_id": "csv", "data_file": str(path), "separator": name}
    headless = folder / "headless.csv"
    headless.write_text("".join(",".join(row) + "\n" for row in ROWS[1:]))
    yield {"dataset_id": "csv", "data_file": str(headless), "header": False}
    holes = folder / "holes.csv"
    holes.write_text("".join(",".join(row) + "\n" for row in [*ROWS, ["", "5", "a"]]))
    yield {"dataset_id": "csv", "data_file": str(holes), "header": True}
    for way in ("drop_rows", "mean", "median", "most_frequent"):
        yield {"dataset_id": "csv", "data_file": str(holes), "missing_values": way}
    whole = {"dataset_id": "csv", "data_file": str(folder / "comma.csv")}
    yield {**whole, "missing_values": "none"}
    yield {**whole, "target_column": "1", "testing_split": 0.5, "ignored_columns": ["kind"]} | {
        "target_column": "width"
    }
    yield {**whole, "ignored_columns": ["length"], "scaler": "none"}
    many = folder / "many.csv"
    names = [f"a rather long name of column {n}" for n in range(8)]
    many.write_text(
        ",".join([*names, "y"]) + "\n" + "".join(",".join(["1"] * 8 + ["ab"[n % 2]]) + "\n" for n in range(9))
    )
    yield {"dataset_id": "csv", "data_file": str(many), "ignored_columns": names[:6]}


def images(folder: Path) -> Iterator[dict[str, Any]]:
    """Write files of images, in which nothing looks before the notebook does, and yield options with them."""
    for ending in ("zip", "npz", "npy", "pt"):
        (folder / f"mine.{ending}").write_bytes(b"something")
    zipped = {"dataset_id": "image_folder", "data_file": str(folder / "mine.zip")}
    yield {**zipped, "split_by": "seed"}
    yield {**zipped, "split_by": "folders", "early_stopping": 2}
    yield {**zipped, "sizing": "resize", "image_size": 30}
    yield {"dataset_id": "npz", "data_file": str(folder / "mine.npz"), "images_array": "x", "labels_array": "y"}
    file = str(folder / "mine.npy")
    yield {"dataset_id": "npy", "data_file": file, "labels_file": file}
    yield {"normalisation": "imagenet", "channels": "RGB"}
    resumed = {"save_checkpoint": "every_epoch", "resume_from": str(folder / "mine.pt")}
    yield resumed
    yield {**resumed, "save_checkpoint": "best", "early_stopping": 2, "schedule": "step", "mixed_precision": "float16"}
    yield {**resumed, "gpu_enable": False, "schedule": "cosine", "mixed_precision": "bfloat16", "channels_last": True}
    for name in NETWORKS:
        fitting = {"model_name": name, "sizing": "resize", "image_size": 224, "channels": "RGB"}
        yield fitting
        yield {**fitting, "pretrained": True, "gpu_enable": False, "loss_function": "NLLLoss"}


def options(task: Task, own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return every single option of a task at least once, and pairs of them."""
    single: list[dict[str, Any]] = []
    for parameter in task.parameters:
        if parameter.name in OWN:
            continue
        if parameter.kind is Kind.CHOICE:
            single += [{parameter.name: choice.value} for choice in parameter.choices if choice.value not in OWN_DATA]
        elif parameter.kind is Kind.BOOLEAN:
            single += [{parameter.name: True}, {parameter.name: False}]
        else:
            single += [given for given in OTHERS[parameter.name] if all(map(task.parameter, given))]
    single += own
    # Where one choice's code stands beside another's.
    beside = [
        both(one, other)
        for first, second in BESIDE
        for one, other in itertools.product(single, single)
        if first in one and second in other
    ]
    seeded = random.Random(2)
    pairs = [both(*seeded.sample(single, 2)) for _ in range(40)]
    triples = [both(both(*seeded.sample(single, 2)), seeded.choice(single)) for _ in range(20)]
    return [{}, *single, *beside, *pairs, *triples]


def both(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return two options together; another dataset takes the options of a file with it."""
    kept = {name: value for name, value in one.items() if name not in OWN or "dataset_id" not in other}
    return {**kept, **other}


# What one of the tasks takes and the other refuses. Of images, a batch has two or more; ImageNet's
# numbers are for colours, and the default's images are grey.
# Its images are too small for the networks of torchvision, and only these are pretrained.
ALONE_REFUSED = [{"batch_size": None}, {"batch_size": 1}, {"normalisation": "imagenet"}]
ALONE_REFUSED += [{"model_name": name} for name in NETWORKS]
ALONE_REFUSED += [{"pretrained": True}, {"pretrained": False}]


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a notebook of each combination that the tasks accept."""
    folder = tmp_path_factory.mktemp("notebooks")
    beside = tmp_path_factory.mktemp("files")
    for task, own in ((TABLES, list(files(beside))), (IMAGES, list(images(beside)))):
        used: set[str] = set()
        for number, given in enumerate(options(task, own)):
            try:
                plan = make_plan(task, given, requirements=["torch==2.15.0"]).plan
            except MlprovError:
                assert len(given) > 1 or given in ALONE_REFUSED, f"{given} is refused"
                continue
            text = notebook_text(render_notebook(task, plan))
            (folder / f"{task.id}-{number:03}.ipynb").write_text(text, encoding="utf-8")
            used |= {f"{name}={value}" for name, value in plan.values.items()}
        every = {f"{p.name}={choice.value}" for p in task.parameters for choice in p.choices}
        assert every - used == set()
    return folder


def ruff(*arguments: object) -> str:
    """Return what ruff says."""
    command = [sys.executable, "-m", "ruff", *map(str, arguments), "--isolated", "--line-length", "88", "--no-cache"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def test_there_are_notebooks_of_many_combinations(notebooks: Path) -> None:
    assert len(list(notebooks.iterdir())) > 200


def test_a_formatter_leaves_every_notebook_as_it_is(notebooks: Path) -> None:
    assert ruff("format", "--diff", notebooks) == ""


def test_a_linter_has_nothing_to_say(notebooks: Path) -> None:
    found = ruff("check", "--select", "E,F,I,B,UP,SIM", "--output-format", "concise", notebooks)
    assert found == "All checks passed!\n"


def test_every_parameter_that_applies_is_used_by_the_code(notebooks: Path) -> None:
    for path in notebooks.iterdir():
        text = path.read_text(encoding="utf-8")
        cells = re.findall(r'"source": \[\n(.*?)\n   \]', text, re.DOTALL)
        parameters = next(cell for cell in cells if '"random_seed = ' in cell)
        names = re.findall(r'^\s*"(\w+) = ', parameters, re.MULTILINE)
        rest = "\n".join(cell for cell in cells if cell is not parameters)
        assert [name for name in names if not re.search(rf"\b{name}\b", rest)] == [], path.name
