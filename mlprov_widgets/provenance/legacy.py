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
from mlprov_widgets.provenance.reading import value_of

NAMESPACE = "MLProvCodeGen"

_TASKS = {"MulticlassClassification": "multiclass_classification"}
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
    told = str(_attributes(entities, "Experiment Info Data").get("task_type", ""))
    if told not in _TASKS:
        raise ProvenanceError(
            f"the file is of the task {quoted(told)}", field="task_type", fix=f"Readable is: {', '.join(_TASKS)}"
        )
    record = LegacyRecord(_TASKS[told])
    _data(record, _attributes(entities, "Data Ingestion Data"), _attributes(entities, "Data Preparation Data"))
    _split(record, _attributes(entities, "Data Segregation Data"))
    _model(record, _attributes(entities, "Model Parameters Data"))
    _training(record, _attributes(entities, "Training Data"))
    _evaluation(record, _attributes(entities, "Evaluation Data"))
    packages = _attributes(entities, "Packages Data")
    record.packages = {
        _DISTRIBUTIONS.get(name, name): str(number).split()[-1]
        for name, number in packages.items()
        if str(number).strip()
    }
    return record


def _attributes(entities: Mapping[str, Any], name: str) -> dict[str, Any]:
    raw = entities.get(f"ex:{name}")
    if not isinstance(raw, dict):
        return {}
    return {str(key).removeprefix("ex:"): value_of(value) for key, value in raw.items()}


def _put(record: LegacyRecord, name: str, value: Any, told: Any, what: str) -> None:
    """Take a value over, or say that it was there and means nothing here, or that it was not there."""
    if value is not None:
        record.values[name] = value
    elif told is None:
        record.missing.append(f"{name}: the file does not say {what}; the default is taken")
    else:
        record.not_understood.append(f"{name}: {quoted(told)}")


def _data(record: LegacyRecord, data: Mapping[str, Any], preparation: Mapping[str, Any]) -> None:
    told = data.get("dataset_id")
    _put(record, "dataset_id", _DATASETS.get(str(told)), told, "which dataset was used")
    scaler = preparation.get("transformation")
    known = _SCALERS.get(str(scaler))
    if not preparation.get("number_operations") and scaler is None and preparation:
        known = "none"
    _put(record, "scaler", known, scaler, "how the features were scaled")
    if record.values.get("dataset_id") in ("spiral", "aggregation", "r15"):
        record.missing.append("dataset_id: the original's points are not in the file; the re-created ones are used")


def _split(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    _put(record, "testing_split", _number(data.get("test_size")), data.get("test_size"), "the share of the test set")
    seed = data.get("random_state")
    _put(record, "split_seed", seed if isinstance(seed, int) else None, seed, "the seed of the split")
    record.values["stratify"] = False
    record.values["validation_split"] = 0.0


def _model(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    gpu = data.get("gpu_enable")
    _put(record, "gpu_enable", bool(gpu) if isinstance(gpu, int) else None, gpu, "whether a GPU was wanted")
    neurons = data.get("neuron_number")
    _put(record, "neurons", neurons if isinstance(neurons, int) else None, neurons, "the width of the layers")
    # Its network is always the same: three linear layers with ReLU between them.
    record.values["hidden_layers"] = 2
    record.values["hidden_activation"] = "ReLU"
    told = data.get("activation_function")
    match = re.fullmatch(r"(?:F|torch)\.(\w+)\(self\.layer3\(x\)(?:, dim=1)?\)", str(told))
    _put(record, "output_activation", _ACTIVATIONS.get(match[1]) if match else None, told, "the output activation")
    told = data.get("loss_function")
    loss = next((name for name in _LOSSES if str(told) == f"nn.{name}()"), None)
    _put(record, "loss_function", loss, told, "the loss function")
    told = data.get("optimizer")
    optimizer = next((name for name in _OPTIMIZERS if str(told) == f"torch.optim.{name}("), None)
    _put(record, "optimizer", optimizer, told, "the optimizer")
    _learning_rate(record, data.get("optimizer_default_learning_rate"), data.get("optimizer_learning_rate"))


def _learning_rate(record: LegacyRecord, default: Any, told: Any) -> None:
    number = re.fullmatch(r"[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?", str(told).strip())
    zero = number is not None and float(number[0]) == 0
    if default in (1, True, "1", "True") or told in (None, "None", "") or zero:
        # Its notebooks leave PyTorch's default then, and only SGD gets 1.
        only_sgd = record.values.get("optimizer") == "SGD" and not zero
        record.values["optimizer_learning_rate"] = 1.0 if only_sgd else None
        return
    _put(record, "optimizer_learning_rate", float(number[0]) if number else None, told, "the learning rate")


def _training(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    epochs = data.get("epochs")
    _put(record, "epochs", epochs if isinstance(epochs, int) else None, epochs, "the number of epochs")
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


def _evaluation(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    for told, name in _METRICS.items():
        value = data.get(told)
        if name in ("confusion_matrix", "f1_per_class"):
            value = _printed_array(str(value)) if value is not None else None
        else:
            value = _number(value)
        if value is None:
            record.missing.append(f"{name}: not recorded, so it cannot be compared")
        else:
            record.metrics[name] = value


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _printed_array(text: str) -> list[Any] | None:
    """Read an array as NumPy prints it: rows of numbers without commas."""
    if len(text) > 100_000 or not re.fullmatch(r"[\[\]\s0-9.eE+-]+", text):
        return None
    rows = re.findall(r"\[([^\[\]]*)\]", text)
    try:
        numbers = [[float(item) if re.search(r"[.eE]", item) else int(item) for item in row.split()] for row in rows]
    except ValueError:
        return None
    return numbers if text.strip().startswith("[[") else (numbers[0] if numbers else None)
