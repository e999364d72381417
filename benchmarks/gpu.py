"""The measures that take a GPU: whether two runs agree, whether every option runs, and how fast it trains.

Each is skipped where PyTorch sees no NVIDIA GPU. A measure by itself, or one of its cases:

    sh .ci/uv run python benchmarks/gpu.py gpu_throughput
    sh .ci/uv run python benchmarks/gpu.py gpu_verdicts digits
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import images
from records import spread

from mlprov_widgets import verbs
from mlprov_widgets.errors import MlprovError
from mlprov_widgets.provenance.reading import read_provenance, value_of
from mlprov_widgets.tasks.load import find_task

TABLES, IMAGES = "multiclass_classification", images.TASK
HIDDEN = "CUDA_VISIBLE_DEVICES"
_FAST = {"mixed_precision": "bfloat16", "channels_last": True}
_SKIPPED = {"skipped": "PyTorch sees no NVIDIA GPU here"}


def _network(name: str, **values: Any) -> dict[str, Any]:
    size = {"sizing": "resize", "image_size": 224 if name == "vgg16" else 64}
    return {"dataset_id": "FakeData", "model_name": name, "epochs": 2, **size, **values}


# Case to task, values, where it is recorded, and where it is reproduced.
VERDICTS: dict[str, tuple[str, dict[str, Any], str, Sequence[str]]] = {
    "digits": (IMAGES, {}, "gpu", ("gpu", "cpu")),
    "digits_on_processor": (IMAGES, {}, "cpu", ("gpu", "cpu")),
    "digits_tf32": (IMAGES, {"mixed_precision": "tf32"}, "gpu", ("gpu", "cpu")),
    "digits_bfloat16": (IMAGES, {"mixed_precision": "bfloat16"}, "gpu", ("gpu", "cpu")),
    "digits_float16": (IMAGES, {"mixed_precision": "float16"}, "gpu", ("gpu", "cpu")),
    "digits_left_alone": (IMAGES, {"gpu_enable": False}, "gpu", ("gpu", "cpu")),
    "iris": (TABLES, {}, "gpu", ("gpu", "cpu")),
    "iris_on_processor": (TABLES, {}, "cpu", ("gpu",)),
    "resnet18": (IMAGES, _network("resnet18", threads=8), "gpu", ("gpu", "cpu")),
    "resnet18_of_much": (
        IMAGES,
        _network("resnet18", augmentation="flip_crop", save_checkpoint="best", early_stopping=2, **_FAST),
        "gpu",
        ("gpu",),
    ),
    "resnet50": (IMAGES, _network("resnet50", mixed_precision="tf32"), "gpu", ("gpu",)),
    "shufflenet": (IMAGES, _network("shufflenet_v2_x1_0", memory_limit=0), "gpu", ("gpu",)),
    "mobilenet": (IMAGES, _network("mobilenet_v3_small", loss_function="NLLLoss"), "gpu", ("gpu",)),
    "efficientnet": (IMAGES, _network("efficientnet_b0", optimizer="SGD"), "gpu", ("gpu",)),
    "vgg16": (IMAGES, _network("vgg16", mixed_precision="float16"), "gpu", ("gpu",)),
}
_FIELDS = ("device", "gpu_enable", "mixed_precision", "gpu_memory_peak", "same_numbers_again", "GPUs", "GPU_software")


def _gpu() -> str:
    """Return the GPU's name, empty without one; asked for in a process of its own, since it keeps memory."""
    code = "import torch; print(torch.cuda.get_device_name() if torch.cuda.is_available() else '')"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()


def _on(where: str) -> None:
    """Give the kernels that are started from now on the GPU, or hide it from them."""
    os.environ.pop(HIDDEN, None)
    if where == "cpu":
        os.environ[HIDDEN] = ""


def _notebook(folder: Path, task: str, values: Mapping[str, Any]) -> str:
    return str(verbs.generate(task, dict(values), out=folder / "n.ipynb")["notebook"])


def _told(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what matters of a run and of its record."""
    told = {name: run[name] for name in ("status", "message", "failed_step", "seconds") if run.get(name)}
    if run.get("status") != "completed":
        return told
    fields = {
        name: item["value"]
        for group in verbs.show(run["provenance"])["table1"].values()
        for name, item in group.items()
    }
    numerics = read_provenance(run["provenance"]).entity("run:numerics")
    return {
        **told,
        "loss": run["metrics"]["loss"],
        "accuracy": run["metrics"]["accuracy"],
        "fields": {name: fields.get(name) for name in _FIELDS},
        "numerics": {
            key.removeprefix("ml:"): value_of(value) for key, value in numerics.items() if key.startswith("ml:")
        },
    }


def verdict(folder: Path, case: str) -> dict[str, Any]:
    """Record a case and reproduce it on the GPU and on the processor: the verdicts, and how far metrics are apart."""
    task, values, recorded_on, reproduced_on = VERDICTS[case]
    _on(recorded_on)
    first = verbs.run(_notebook(folder / "recorded", task, values), runs=folder / "runs")
    found: dict[str, Any] = {"recorded": _told(first), "capture_seconds": first["capture_seconds"]}
    for where in reproduced_on if first["status"] == "completed" else ():
        _on(where)
        before: list[Any] = []
        again = verbs.reproduce(
            first["provenance"],
            runs=folder / "runs",
            before=lambda _, changes, told=before: told.extend(changes),
        )
        found[f"on_{where}"] = {
            **_told(again),
            "verdict": again["verdict"],
            "first": again["first_divergence"],
            "before": before,
            "changes": again["environment_changes"],
            "metrics": {
                item["item"]: _apart(item["expected"], item["actual"])
                for item in again["differences"]
                if item["stage"] == "metrics"
            },
            "losses": [
                _apart(d["expected"], d["actual"]) for d in again["differences"] if d["epoch"] and d["item"] == "loss"
            ],
        }
    return found


def _apart(expected: Any, actual: Any) -> Any:
    """Return by how much two metrics differ; of several numbers, the most."""
    if isinstance(expected, list) and isinstance(actual, list):
        return max((_apart(a, b) for a, b in zip(expected, actual, strict=True)), default=0)
    return abs(expected - actual) if isinstance(expected, int | float) and isinstance(actual, int | float) else None


def resumed(folder: Path, precision: str) -> dict[str, Any]:
    """A training that goes on from a checkpoint, against one that was never cut short; and on another device."""
    values = {"save_checkpoint": "every_epoch", "epochs": 4, "checkpoints_kept": 4, "mixed_precision": precision}
    found: dict[str, Any] = {}
    for start, goes_on in (("gpu", "gpu"), ("gpu", "cpu"), ("cpu", "gpu")):
        place = folder / f"{start}_to_{goes_on}"
        _on(start)
        whole = verbs.run(_notebook(place / "a", IMAGES, values), runs=place)
        from_here = {"resume_from": str(Path(whole["run"]) / "outputs" / "checkpoint-000002.pt")}
        _on(goes_on)
        again = verbs.run(_notebook(place / "b", IMAGES, {**values, **from_here}), runs=place)
        same = whole["metrics"] == again["metrics"] and _model(whole) == _model(again)
        found[place.name] = {"status": again["status"], "message": again["message"][:300], "same": same}
    return found


def _model(run: Mapping[str, Any]) -> bytes:
    path = Path(run["run"]) / "outputs" / "model.pt"
    return path.read_bytes() if path.is_file() else b""


def too_large(folder: Path) -> dict[str, Any]:
    """A batch that no GPU's memory holds: what a person is told."""
    _on("gpu")
    values = _network("resnet50", image_size=640, batch_size=400, validation_split=0, testing_split=0.1)
    return _told(verbs.run(_notebook(folder, IMAGES, values), runs=folder / "runs"))


# Notebooks one after the other in one process, each from a clean start, up to its metrics.
_MANY = (
    images._CELLS
    + """
import gc, torch
assert torch.cuda.is_available()
told = []
for path in json.loads(sys.argv[2]):
    os.chdir(os.path.dirname(path))
    space = {"__name__": "__main__", "print": lambda *a, **k: None}
    try:
        for cell in json.load(open(path, encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "code" and cell["id"] not in SKIPPED:
                seconds("".join(cell["source"]))
            if cell["id"] == "evaluate":
                break
    except Exception as error:
        told.append({"path": path, "step": cell["id"], "message": f"{type(error).__name__}: {error}"[:400]})
    space.clear()
    gc.collect()
    torch.cuda.empty_cache()
print(json.dumps(told))
"""
).replace("SKIPPED", "('recorder', 'installs', 'provenance', 'plot-data', 'training-curves')")


def _tables() -> list[dict[str, Any]]:
    """Return values of the table task: every optimizer with every loss."""
    task = find_task(TABLES)
    choices = {
        name: [choice.value for choice in parameter.choices]
        for name in ("optimizer", "loss_function")
        if (parameter := task.parameter(name))
    }
    return [
        {"optimizer": a, "loss_function": b, "epochs": 2, "batch_size": 32, "validation_split": 0.2}
        for a in choices["optimizer"]
        for b in choices["loss_function"]
    ]


def options(folder: Path, part: int, parts: int) -> dict[str, Any]:
    """Run a part of the rows that hold all pairs of options of the image task, and of the table task's, on the GPU."""
    rows = [(IMAGES, row) for row in images.rows_of_pairs(folder)[0]] + [(TABLES, row) for row in _tables()]
    made, refused = {}, 0
    for number, (task, row) in enumerate(rows):
        if number % parts == part:
            try:
                made[verbs.generate(task, row, out=folder / f"n{number}" / "n.ipynb")["notebook"]] = row
            except MlprovError:
                refused += 1
    wrong = images._run_cells(_MANY, next(iter(made)), json.dumps(list(made)))
    told = [{"values": made[one["path"]], "step": one["step"], "message": one["message"]} for one in wrong]
    return {"completed": len(made) - len(told), "refused": refused, "wrong": told}


# Trainings of one network in one process, in turn, each to its end on the GPU.
_IN_TURN = (
    images._CELLS
    + """
import torch
ways, times, last = json.loads(sys.argv[2]), int(sys.argv[3]), json.loads(sys.argv[4])
for step, source in cells.items():
    if step == "train":
        break
    seconds(source)
x, y = space["finish"](space["train_data"].kept), space["train_data"].labels
if last:
    x = x.contiguous(memory_format=torch.channels_last)
space |= {"x": x, "y": y, "x_there": x.to("cuda"), "y_there": y.to("cuda")}
rounds = []
for number in range(times + 1):
    took = {}
    for way, replaced in ways.items():
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        each = seconds(replaced or cells["train"])
        took[way] = {"per_s": len(x) * space["epochs"] / each, "mb": torch.cuda.max_memory_allocated() / 2**20}
    rounds.append(took)
rounds = rounds[1:]  # the first one is slower: memory is asked for, and algorithms are chosen
print(json.dumps({way: {key: [one[way][key] for one in rounds] for key in ("per_s", "mb")} for way in ways}))
"""
)

# The same steps of the same network over tensors that are on the GPU already, or come from the machine's memory.
_BARE = """
torch.use_deterministic_algorithms({deterministic})
for epoch in range(epochs):
    model.train()
    loss_sum = torch.zeros((), device=device)
    for numbers in torch.randperm(len({x}), device={x}.device).split(batch_size):
        optimizer.zero_grad()
        with torch.autocast("cuda", dtype=torch.bfloat16, enabled={half}):
            scores = model({x}[numbers].to(device))
        loss = criterion(scores.float(), {y}[numbers].to(device))
        loss.backward()
        optimizer.step()
        loss_sum += loss.detach() * len(numbers)
    loss_sum.item()
torch.use_deterministic_algorithms(True)
"""
# What the notebook does for a batch beside the network: the loader alone, and with its way to the GPU.
_LOADER = """
for epoch in range(epochs):
    for inputs, targets in train_loader:
        pass
"""
_TO_GPU = """
for epoch in range(epochs):
    for inputs, targets in train_loader:
        targets = targets.to(device, non_blocking=True)
        inputs = finish(inputs.to(device, non_blocking=True))
    torch.cuda.synchronize()
"""

# Case to values, and rounds.
TRAININGS: dict[str, tuple[dict[str, Any], int]] = {
    "small_cnn_28": ({"epochs": 2}, 7),
    "resnet18_224": ({"epochs": 1, "batch_size": 64}, 3),
    "resnet18_224_tf32": ({"epochs": 1, "batch_size": 64, "mixed_precision": "tf32"}, 3),
    "resnet18_224_bfloat16": ({"epochs": 1, "batch_size": 64, "mixed_precision": "bfloat16"}, 3),
    "resnet18_224_bfloat16_channels_last": ({"epochs": 1, "batch_size": 64, **_FAST}, 3),
}


def throughput(folder: Path, case: str) -> dict[str, Any]:
    """Images a second in training over a bare loop over tensors on the GPU."""
    import numpy as np

    _on("gpu")
    folder.mkdir(exist_ok=True)
    values, times = TRAININGS[case]
    if case == "small_cnn_28":
        pixels = np.random.default_rng(0).integers(0, 256, (8000, 28, 28), dtype=np.uint8)
        np.savez(folder / "small.npz", images=pixels, labels=np.arange(8000) % 10)
        data = {"dataset_id": "npz", "data_file": str(folder / "small.npz"), "validation_split": 0}
    else:
        data = images._photographs(folder, 640)
    how = {"half": values.get("mixed_precision") == "bfloat16"}
    there, from_host = {"x": "x_there", "y": "y_there"}, {"x": "x", "y": "y"}
    ways = {
        "notebook": "",
        "bare": _BARE.format(deterministic=True, **there, **how),
        "bare_from_host": _BARE.format(deterministic=True, **from_host, **how),
        "bare_not_deterministic": _BARE.format(deterministic=False, **there, **how),
        "loader": _LOADER,
        "loader_and_gpu": _TO_GPU,
    }
    path = _notebook(folder / "n", IMAGES, {**data, **values})
    last = json.dumps(bool(values.get("channels_last")))
    seen = images._run_cells(_IN_TURN, path, json.dumps(ways), str(times), last)
    found: dict[str, Any] = {f"{way}_per_s": spread(of["per_s"]) for way, of in seen.items()}
    pairs = zip(seen["notebook"]["per_s"], seen["bare"]["per_s"], strict=True)
    found["notebook_over_bare"] = spread([a / b for a, b in pairs])
    found["mb"] = {way: round(max(seen[way]["mb"])) for way in ("notebook", "bare")}
    return found


def measure_gpu_verdicts(folder: Path) -> dict[str, Any]:
    """Every case recorded and reproduced, on the GPU and on the processor, and trainings that were cut short."""
    card = _gpu()
    if not card:
        return _SKIPPED
    return {
        "gpu": card,
        **{case: verdict(folder / case, case) for case in VERDICTS},
        "resumed": resumed(folder / "resumed"),
    }


def measure_gpu_options(folder: Path) -> dict[str, Any]:
    """All pairs of options run to their end on the GPU, and a batch that is too large is told in words."""
    card = _gpu()
    if not card:
        return _SKIPPED
    return {"gpu": card, "limit": "no other outcome", **options(folder, 0, 1), "too_large": too_large(folder / "large")}


def measure_gpu_throughput(folder: Path) -> dict[str, Any]:
    """Training on the GPU over a bare loop over tensors that are there already."""
    card = _gpu()
    if not card:
        return _SKIPPED
    return {"gpu": card, "limit_ratio": 0.95, **{case: throughput(folder / case, case) for case in TRAININGS}}


MEASURES: dict[str, Callable[[Path], dict[str, Any]]] = {
    name.removeprefix("measure_"): value for name, value in list(globals().items()) if name.startswith("measure_")
}
_PARTS: dict[str, Callable[..., dict[str, Any]]] = {
    "gpu_verdicts": verdict,
    "gpu_throughput": throughput,
    "resumed": resumed,
    "too_large": too_large,
    "gpu_options": lambda folder, part, parts: options(folder, int(part), int(parts)),
}


def main(name: str, *arguments: str) -> None:
    """Measure one thing, or one case of it."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        measure = _PARTS[name] if arguments or name not in MEASURES else MEASURES[name]
        found = measure(Path(folder), *arguments)
        print(
            json.dumps({"measure": " ".join([name, *arguments]), "s": round(time.perf_counter() - began, 1), **found})
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
