"""The measure of the whole loop: choices, notebook, run, provenance, and the same again."""

from __future__ import annotations

import random
import statistics
import time
from pathlib import Path
from typing import Any

import images

from mlprov_widgets import verbs

SETS = 20


def _table_sets() -> list[dict[str, Any]]:
    """Return sets of values for the tabular task, drawn by chance and always the same."""
    chance = random.Random(0)
    return [
        {
            "dataset_id": chance.choice(["iris", "wine", "breast_cancer", "digits", "spiral", "aggregation", "r15"]),
            "optimizer": chance.choice(["Adam", "SGD", "RMSprop", "Adagrad", "Adadelta", "Adamax", "AdamW"]),
            "loss_function": chance.choice(["CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"]),
            "scaler": chance.choice(["standard", "minmax", "none"]),
            "split_seed": chance.randrange(100),
            "random_seed": chance.randrange(100),
            "batch_size": chance.choice([16, 64, None]),
            "epochs": chance.randrange(2, 12),
        }
        for _ in range(SETS)
    ]


def measure_identical(folder: Path) -> dict[str, Any]:
    """Both tasks with 20 sets of values each, run and reproduced: every verdict, and what a reproduction costs."""
    image_sets, _ = images.rows_of_pairs(folder)
    told: dict[str, Any] = {"limit": "identical", "limit_ratio": 1.2}
    for task, sets in (("multiclass_classification", _table_sets()), ("image_classification", image_sets[:SETS])):
        verdicts: list[str] = []
        ratios = []
        for number, values in enumerate(sets):
            notebook = verbs.generate(task, values, out=folder / task / str(number) / "n.ipynb")["notebook"]
            began = time.perf_counter()
            done = verbs.run(notebook, runs=folder / "runs")
            middle = time.perf_counter()
            again = verbs.reproduce(done["provenance"], runs=folder / "again")
            ratios.append((time.perf_counter() - middle) / (middle - began))
            verdicts.append(again["verdict"])
        told[task] = {
            "verdicts": {verdict: verdicts.count(verdict) for verdict in sorted(set(verdicts))},
            "ratio": round(statistics.median(ratios), 3),
        }
    return told


MEASURES = {"identical": measure_identical}
