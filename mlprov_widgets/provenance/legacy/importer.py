"""Provenance files of MLProvCodeGen, the prototype this package re-implements.

Such a file holds the choices as pieces of code (``torch.optim.Adam(``) and the results as printed
arrays. Both are looked up in closed tables or read as numbers; none of it is ever evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mlprov_widgets.errors import ProvenanceError, quoted
from mlprov_widgets.provenance.legacy.images import read_images
from mlprov_widgets.provenance.legacy.values import number, printed_array, put, whole
from mlprov_widgets.provenance.reading import value_of

NAMESPACE = "MLProvCodeGen"

_IMAGES = "image_classification"
_TASKS = {
    "MulticlassClassification": "multiclass_classification",
    "ImageClassification": _IMAGES,
    "ImageClassification_pytorch": _IMAGES,
}
_GROUPS = (
    "Data Ingestion Data",
    "Data Preparation Data",
    "Data Segregation Data",
    "Model Parameters Data",
    "Training Data",
    "Evaluation Data",
)
_DATASETS = {"Iris": "iris", "Spiral": "spiral", "Aggregation": "aggregation", "R15": "r15"}
_OPTIMIZERS = ("Adam", "Adadelta", "Adagrad", "Adamax", "RMSprop", "SGD")
_LOSSES = ("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss")
_ACTIVATIONS = {"softmax": "softmax", "sigmoid": "sigmoid", "tanh": "tanh"}
_DISTRIBUTIONS = {"sklearn": "scikit-learn"}
_SCALERS = {"sklearn.preprocessing.StandardScaler": "standard", "sklearn.preprocessing.MinMaxScaler": "minmax"}


@dataclass
class LegacyRecord:
    """What a file of the original says.

    Attributes
    ----------
    task : str
    values : dict
        Parameters that could be read.
    missing : list of str
        What a rerun needs and the file lacks, with what is taken instead.
    not_understood : list of str
        Entries that were read and mean nothing here.
    metrics : dict
        As recorded.
    packages : dict
    """

    task: str
    values: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    not_understood: list[str] = field(default_factory=list)
    metrics: dict[str, Any] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)


def is_legacy(document: Mapping[str, Any]) -> bool:
    """Return whether a JSON object is a provenance file of MLProvCodeGen."""
    prefixes = document.get("prefix")
    return isinstance(prefixes, dict) and any(NAMESPACE in str(uri) for uri in prefixes.values())


def read_legacy(document: Mapping[str, Any]) -> LegacyRecord:
    """Read a file of MLProvCodeGen.

    Raises
    ------
    ProvenanceError
        If it is of a task that is not offered here, or lacks the records of an experiment.
    """
    entities = document.get("entity")
    if not isinstance(entities, dict):
        raise ProvenanceError("the file has no entities", field="entity", fix="Give a file that MLProvCodeGen wrote")
    part = {name: _attributes(entities, name) for name in _GROUPS}
    record = LegacyRecord(_task_of(str(_attributes(entities, "Experiment Info Data").get("task_type", "")), part))
    if record.task == _IMAGES:
        read_images(record, part)
    else:
        _data(record, part["Data Ingestion Data"], part["Data Preparation Data"])
        _split(record, part["Data Segregation Data"])
        _network(record, part["Model Parameters Data"])
        _training(record, part["Training Data"])
    _learning(record, part["Model Parameters Data"])
    _evaluation(record, part["Evaluation Data"])
    packages = _attributes(entities, "Packages Data")
    record.packages = {
        _DISTRIBUTIONS.get(name, name): str(number).split()[-1]
        for name, number in packages.items()
        if str(number).strip()
    }
    return record


def _task_of(told: str, part: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the task of a file; where the cell that says it failed, the parts that only one of them has tell it."""
    if told in _TASKS:
        return _TASKS[told]
    if not told and "neuron_number" in part["Model Parameters Data"]:
        return _TASKS["MulticlassClassification"]
    if not told and "model_name" in part["Model Parameters Data"]:
        return _IMAGES
    raise ProvenanceError(
        f"the file is of the task {quoted(told)}", field="task_type", fix=f"Readable is: {', '.join(_TASKS)}"
    )


def _attributes(entities: Mapping[str, Any], name: str) -> dict[str, Any]:
    raw = entities.get(f"ex:{name}")
    if not isinstance(raw, dict):
        return {}
    return {str(key).removeprefix("ex:"): value_of(value) for key, value in raw.items()}


def _data(record: LegacyRecord, data: Mapping[str, Any], preparation: Mapping[str, Any]) -> None:
    told = data.get("dataset_id")
    put(record, "dataset_id", _DATASETS.get(str(told)), told, "which dataset was used", _DATASETS)
    scaler = preparation.get("transformation")
    known = _SCALERS.get(str(scaler))
    if not preparation.get("number_operations") and scaler is None and preparation:
        known = "none"
    put(record, "scaler", known, scaler, "how the features were scaled", _SCALERS)
    if record.values.get("dataset_id") in ("spiral", "aggregation", "r15"):
        record.missing.append("dataset_id: the original's points are not in the file; the re-created ones are used")


def _split(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    put(record, "testing_split", number(data.get("test_size")), data.get("test_size"), "the share of the test set")
    seed = data.get("random_state")
    put(record, "split_seed", whole(seed), seed, "the seed of the split")
    record.values["stratify"] = False
    record.values["validation_split"] = 0.0


def _network(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    neurons = data.get("neuron_number")
    put(record, "neurons", whole(neurons), neurons, "the width of the layers")
    # Its network is always the same: three linear layers with ReLU between them.
    record.values["hidden_layers"] = 2
    record.values["hidden_activation"] = "ReLU"
    told = data.get("activation_function")
    match = re.fullmatch(r"(?:F|torch)\.(\w+)\(self\.layer3\(x\)(?:, dim=1)?\)", str(told))
    activation = _ACTIVATIONS.get(match[1]) if match else None
    put(record, "output_activation", activation, told, "the output activation", _ACTIVATIONS)


def _learning(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    """Read what both tasks have: as a piece of code in the one, by its name in the other."""
    gpu = data.get("gpu_enable")
    wanted = whole(gpu)
    put(record, "gpu_enable", None if wanted is None else bool(wanted), gpu, "whether a GPU was wanted")
    told = data.get("loss_function")
    offered = _LOSSES if record.task != _IMAGES else _LOSSES[:2]
    loss = next((name for name in offered if str(told) in (f"nn.{name}()", name)), None)
    put(record, "loss_function", loss, told, "the loss function", offered)
    told = data.get("optimizer")
    optimizer = next((name for name in _OPTIMIZERS if str(told) in (f"torch.optim.{name}(", name)), None)
    put(record, "optimizer", optimizer, told, "the optimizer", _OPTIMIZERS)
    if record.task != _IMAGES:
        _learning_rate(record, data.get("optimizer_default_learning_rate"), data.get("optimizer_learning_rate"))


def _learning_rate(record: LegacyRecord, default: Any, told: Any) -> None:
    number = re.fullmatch(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?", str(told).strip())
    zero = number is not None and float(number[0]) == 0
    if default in (1, True, "1", "True") or told in (None, "None", "") or zero:
        # Its notebooks leave PyTorch's default then, and only SGD gets 1.
        only_sgd = record.values.get("optimizer") == "SGD" and not zero
        record.values["optimizer_learning_rate"] = 1.0 if only_sgd else None
        return
    put(record, "optimizer_learning_rate", float(number[0]) if number else None, told, "the learning rate")


def _training(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    epochs = data.get("epochs")
    put(record, "epochs", whole(epochs), epochs, "the number of epochs")
    record.values["batch_size"] = None  # it trains on all rows at once
    record.missing.append(
        "random_seed: the original did not seed torch, so its weights cannot be made again; 2 is taken"
    )
    record.missing.append("initial weights: not recorded")


_METRICS = {
    "Accuracy": "accuracy",
    "Loss": "loss",
    "AUC": "auc",
    "Confusion Matrix": "confusion_matrix",
    "F1 Score": "f1_per_class",
    "Mean Absolute Error": "mae",
    "Mean Squared Error": "mse",
}
_IMAGE_METRICS = {"accuracy": "accuracy", "loss": "loss"}


def _evaluation(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    for told, name in (_IMAGE_METRICS if record.task == _IMAGES else _METRICS).items():
        raw = data.get(told)
        value: Any = number(raw)
        if name in ("confusion_matrix", "f1_per_class"):
            value = printed_array(str(raw)) if raw is not None else None
        if value is None:
            record.missing.append(f"{name}: not recorded, so it cannot be compared")
        else:
            record.metrics[name] = value
