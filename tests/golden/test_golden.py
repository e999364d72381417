"""Notebooks as they are rendered today: a change of a template is seen in the diff of these files.

Digests are left out of the files, or a new help text would change all of them. After a change
that is meant: ``MLPROV_UPDATE_GOLDEN=1 python -m pytest tests/golden``, then read ``git diff``.
"""

from __future__ import annotations

import difflib
import json
import os
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlprov_widgets.notebook.render import notebook_text, render_notebook
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.plan import make_plan

NOTEBOOKS = Path(__file__).parent / "notebooks"
FLOWERS = Path(__file__).parents[1] / "data" / "flowers.csv"
PETS = Path(__file__).parents[1] / "data" / "pets.zip"
UPDATE = "MLPROV_UPDATE_GOLDEN"

# Not the installed versions, or the files would change with them.
PINNED = ["torch==2.15.0", "scikit-learn==1.9.1", "pandas==3.1.1", "numpy==2.4.6", "matplotlib==3.11.2", "tqdm==4.70.1"]

TABLES: dict[str, dict[str, Any]] = {
    "iris": {},
    "wine": {
        "dataset_id": "wine",
        "scaler": "minmax",
        "stratify": True,
        "validation_split": 0.2,
        "early_stopping": 5,
        "optimizer": "SGD",
        "optimizer_learning_rate": 0.05,
        "title": "Three growers: 100% & <more>",
        "author": "Ada Example",
    },
    "digits": {
        "dataset_id": "digits",
        "scaler": "none",
        "loss_function": "NLLLoss",
        "save_checkpoint": True,
        "batch_size": None,
        "print_progress": 1,
    },
    "spiral": {
        "dataset_id": "spiral",
        "loss_function": "MultiMarginLoss",
        "hidden_layers": 4,
        "hidden_activation": "LeakyReLU",
        "optimizer": "Adamax",
        "split_seed": 7,
    },
    "own-data": {
        "dataset_id": "csv",
        "data_file": str(FLOWERS),
        "ignored_columns": ["id"],
        "missing_values": "median",
        "stratify": True,
    },
    "r15": {
        "dataset_id": "r15",
        "hidden_activation": "Tanh",
        "output_activation": "softmax",
        "optimizer": "RMSprop",
        "gpu_enable": False,
        "validation_split": 0.1,
    },
}
IMAGES: dict[str, dict[str, Any]] = {
    "image-digits": {},
    "image-fake": {
        "dataset_id": "FakeData",
        "dataset_classes": 4,
        "channels": "grayscale",
        "sizing": "center_crop",
        "image_size": 28,
        "augmentation": "flip_crop",
        "loss_function": "NLLLoss",
        "optimizer": "SGD",
        "optimizer_learning_rate": 0.05,
        "schedule": "step",
        "mixed_precision": "float16",
        "early_stopping": 3,
        "save_checkpoint": "best",
        "title": "Nothing to learn",
    },
    "image-resnet": {
        "dataset_id": "CIFAR10",
        "normalisation": "imagenet",
        "augmentation": "flip",
        "model_name": "resnet18",
        "pretrained": True,
        "optimizer": "AdamW",
        "schedule": "cosine",
        "mixed_precision": "bfloat16",
        "channels_last": True,
        "save_checkpoint": "every_epoch",
    },
    "image-own": {
        "dataset_id": "image_folder",
        "data_file": str(PETS),
        "split_by": "folders",
        "sizing": "resize",
        "image_size": 224,
        "channels": "RGB",
        "normalisation": "none",
        "model_name": "vgg16",
        "loss_function": "NLLLoss",
    },
}
PLANS = {
    **{name: ("multiclass_classification", values) for name, values in TABLES.items()},
    **{name: ("image_classification", values) for name, values in IMAGES.items()},
}


def rendered(name: str) -> str:
    """Return a Plan's notebook without its digests."""
    task_id, values = PLANS[name]
    task = find_task(task_id)
    plan = make_plan(task, values, requirements=PINNED).plan
    text = notebook_text(render_notebook(task, plan))
    about = json.loads(text)["metadata"]["mlprov"]
    digests = {about["digest"]: "plan", about["task_digest"]: "task", about["cells_digest"]: "cells"}
    digests |= {digest: step for step, digest in about["cells"].items()}
    for digest, what in digests.items():
        text = text.replace(digest, f"<digest of {what}>")
    return text


@pytest.mark.parametrize("name", PLANS)
def test_a_notebook_is_rendered_as_it_was(name: str) -> None:
    path = NOTEBOOKS / f"{name}.ipynb"
    now = rendered(name)
    if os.environ.get(UPDATE):
        path.write_bytes(now.encode())
    before = path.read_bytes().decode()
    changes = difflib.unified_diff(before.splitlines(), now.splitlines(), "golden", "rendered now", lineterm="", n=1)
    changed = "\n".join(changes)
    assert now == before, f"{changed}\n\nIf this is meant: {UPDATE}=1 python -m pytest tests/golden, and read git diff"


@pytest.mark.parametrize("name", PLANS)
def test_a_golden_notebook_is_a_notebook(name: str) -> None:
    nbformat.validate(nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4))


def test_no_golden_notebook_is_left_over() -> None:
    assert {path.stem for path in NOTEBOOKS.iterdir()} == set(PLANS)
