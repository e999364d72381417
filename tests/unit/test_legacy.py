"""Files of MLProvCodeGen: looked up and read as numbers, never evaluated."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.legacy import is_legacy, read_legacy
from mlprov_widgets.provenance.replay import replay
from mlprov_widgets.tasks.load import find_task
from mlprov_widgets.tasks.plan import make_plan

LEGACY = Path(__file__).parents[1] / "data" / "legacy.json"

DATA = "ex:Data Ingestion Data"
PREPARATION = "ex:Data Preparation Data"
SPLIT = "ex:Data Segregation Data"
MODEL = "ex:Model Parameters Data"
TRAINING = "ex:Training Data"
EVALUATION = "ex:Evaluation Data"

HOSTILE = [
    '__import__("os").system("touch /tmp/x")',
    'nn.CrossEntropyLoss(); __import__("os").system("touch /tmp/x")',
    "nn.CrossEntropyLoss()\nimport os",
    "nn.CrossEntropyLoss() # x",
    "{{ ''.__class__ }}",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "",
]


@pytest.fixture
def document() -> dict[str, Any]:
    """Return a file as MLProvCodeGen laid it out, with invented values."""
    return json.loads(LEGACY.read_text(encoding="utf-8"))


def told(document: dict[str, Any], group: str, name: str, value: object) -> dict[str, Any]:
    """Return the document with another entry."""
    changed = copy.deepcopy(document)
    changed["entity"][group][f"ex:{name}"] = value
    return changed


def without(document: dict[str, Any], group: str, name: str = "") -> dict[str, Any]:
    """Return the document without an entry, or without a group."""
    changed = copy.deepcopy(document)
    if name:
        del changed["entity"][group][f"ex:{name}"]
    else:
        del changed["entity"][group]
    return changed


def test_a_file_of_the_original_is_recognised(document: dict[str, Any]) -> None:
    assert is_legacy(document)


@pytest.mark.parametrize("prefix", [None, {}, [], {"ex": "https://example.org/"}, {"ex": 5}])
def test_another_file_is_not_taken_for_one(prefix: object) -> None:
    assert not is_legacy({"prefix": prefix})


def test_the_values_are_read(document: dict[str, Any]) -> None:
    assert read_legacy(document).values == {
        "dataset_id": "spiral",
        "scaler": "standard",
        "testing_split": 0.3,
        "split_seed": 7,
        "stratify": False,
        "validation_split": 0.0,
        "gpu_enable": True,
        "neurons": 30,
        "hidden_layers": 2,
        "hidden_activation": "ReLU",
        "output_activation": "sigmoid",
        "loss_function": "MultiMarginLoss",
        "optimizer": "Adamax",
        "optimizer_learning_rate": 0.015,
        "epochs": 40,
        "batch_size": None,
    }


def test_nothing_in_a_whole_file_is_not_understood(document: dict[str, Any]) -> None:
    assert read_legacy(document).not_understood == []


def test_the_values_make_a_plan(document: dict[str, Any]) -> None:
    record = read_legacy(document)
    plan = make_plan(find_task(record.task), record.values, origin="imported").plan
    assert {name: plan.values[name] for name in record.values} == record.values
    assert {plan.origins[name] for name in record.values} == {"imported"}


def test_the_metrics_are_read_as_numbers(document: dict[str, Any]) -> None:
    assert read_legacy(document).metrics == {
        "accuracy": 0.8723404407501221,
        "loss": 0.21874137222766876,
        "auc": 0.95342,
        "confusion_matrix": [[28, 3, 1], [2, 27, 2], [0, 4, 27]],
        "f1_per_class": [0.90322581, 0.83076923, 0.8852459],
        "mae": 0.13829787234042554,
        "mse": 0.1595744680851064,
    }


def test_the_packages_are_read_under_their_distributions_names(document: dict[str, Any]) -> None:
    packages = read_legacy(document).packages
    assert packages["torch"] == "1.10.0+cpu"
    assert packages["pytorch-model-summary"] == "0.1.2"
    assert packages["scikit-learn"] == "1.0.1"


def test_what_the_original_never_recorded_is_said(document: dict[str, Any]) -> None:
    assert read_legacy(document).missing == [
        "dataset_id: the original's points are not in the file; the re-created ones are used",
        "random_seed: the original did not seed torch, so its weights cannot be made again; 2 is taken",
        "initial weights: not recorded",
    ]


# The choices of its form -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["Iris", "Spiral", "Aggregation", "R15"])
def test_every_dataset_of_the_original_is_known(document: dict[str, Any], name: str) -> None:
    assert read_legacy(told(document, DATA, "dataset_id", name)).values["dataset_id"] == name.lower()


@pytest.mark.parametrize("name", ["Adam", "Adadelta", "Adagrad", "Adamax", "RMSprop", "SGD"])
def test_every_optimizer_of_the_original_is_known(document: dict[str, Any], name: str) -> None:
    assert read_legacy(told(document, MODEL, "optimizer", f"torch.optim.{name}(")).values["optimizer"] == name


@pytest.mark.parametrize("name", ["CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"])
def test_every_loss_of_the_original_is_known(document: dict[str, Any], name: str) -> None:
    assert read_legacy(told(document, MODEL, "loss_function", f"nn.{name}()")).values["loss_function"] == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("F.softmax(self.layer3(x), dim=1)", "softmax"),
        ("torch.sigmoid(self.layer3(x))", "sigmoid"),
        ("torch.tanh(self.layer3(x))", "tanh"),
    ],
)
def test_every_activation_of_the_original_is_known(document: dict[str, Any], code: str, name: str) -> None:
    assert read_legacy(told(document, MODEL, "activation_function", code)).values["output_activation"] == name


@pytest.mark.parametrize(
    ("optimizer", "default", "rate", "value"),
    [
        ("Adam", 0, "0.001", 0.001),
        ("Adam", 0, "1e-05", 1e-05),
        ("Adam", 0, {"$": "0.5", "type": "string"}, 0.5),
        ("Adam", 0, {"$": 2, "type": "xsd:int"}, 2.0),
        ("Adam", 1, "None", None),
        ("SGD", 1, "None", 1.0),
        ("SGD", 0, "0.1", 0.1),
        ("Adam", 0, "0", None),
        ("SGD", 0, "0", None),
    ],
)
def test_the_learning_rate_is_the_one_that_its_notebook_used(
    document: dict[str, Any], optimizer: str, default: int, rate: object, value: float | None
) -> None:
    changed = told(document, MODEL, "optimizer", f"torch.optim.{optimizer}(")
    changed = told(changed, MODEL, "optimizer_default_learning_rate", {"$": default, "type": "xsd:int"})
    changed = told(changed, MODEL, "optimizer_learning_rate", rate)
    assert read_legacy(changed).values["optimizer_learning_rate"] == value


def test_a_file_without_preparation_is_not_scaled(document: dict[str, Any]) -> None:
    changed = without(told(document, PREPARATION, "number_operations", 0), PREPARATION, "transformation")
    assert read_legacy(changed).values["scaler"] == "none"


# What is missing ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("group", "name", "message"),
    [
        (DATA, "dataset_id", "dataset_id: the file does not say which dataset was used; the default is taken"),
        (PREPARATION, "transformation", "scaler: the file does not say how the features were scaled; "),
        (SPLIT, "test_size", "testing_split: the file does not say the share of the test set; the default is taken"),
        (SPLIT, "random_state", "split_seed: the file does not say the seed of the split; the default is taken"),
        (MODEL, "gpu_enable", "gpu_enable: the file does not say whether a GPU was wanted; the default is taken"),
        (MODEL, "neuron_number", "neurons: the file does not say the width of the layers; the default is taken"),
        (MODEL, "loss_function", "loss_function: the file does not say the loss function; the default is taken"),
        (MODEL, "optimizer", "optimizer: the file does not say the optimizer; the default is taken"),
        (MODEL, "activation_function", "output_activation: the file does not say the output activation; "),
        (TRAINING, "epochs", "epochs: the file does not say the number of epochs; the default is taken"),
        (EVALUATION, "Accuracy", "accuracy: not recorded, so it cannot be compared"),
        (EVALUATION, "Loss", "loss: not recorded, so it cannot be compared"),
        (EVALUATION, "AUC", "auc: not recorded, so it cannot be compared"),
        (EVALUATION, "Confusion Matrix", "confusion_matrix: not recorded, so it cannot be compared"),
        (EVALUATION, "F1 Score", "f1_per_class: not recorded, so it cannot be compared"),
        (EVALUATION, "Mean Absolute Error", "mae: not recorded, so it cannot be compared"),
        (EVALUATION, "Mean Squared Error", "mse: not recorded, so it cannot be compared"),
    ],
)
def test_an_entry_that_is_missing_is_said(document: dict[str, Any], group: str, name: str, message: str) -> None:
    record = read_legacy(without(document, group, name))
    assert any(missing.startswith(message) for missing in record.missing)
    assert message.partition(":")[0] not in {**record.values, **record.metrics}


@pytest.mark.parametrize("group", [DATA, PREPARATION, SPLIT, MODEL, TRAINING, EVALUATION, "ex:Packages Data"])
def test_a_group_that_is_missing_does_not_stop_the_reading(document: dict[str, Any], group: str) -> None:
    assert read_legacy(without(document, group)).task == "multiclass_classification"


def test_a_file_of_another_task_is_refused(document: dict[str, Any]) -> None:
    changed = told(document, "ex:Experiment Info Data", "task_type", "ImageClassification")
    with pytest.raises(ProvenanceError) as caught:
        read_legacy(changed)
    assert str(caught.value) == (
        "task_type: the file is of the task 'ImageClassification'. Readable is: MulticlassClassification."
    )


@pytest.mark.parametrize("entities", [None, [], "x"])
def test_a_file_without_entities_is_refused(document: dict[str, Any], entities: object) -> None:
    with pytest.raises(ProvenanceError) as caught:
        read_legacy({**document, "entity": entities})
    assert str(caught.value) == "entity: the file has no entities. Give a file that MLProvCodeGen wrote."


# Hostile files -----------------------------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE, ids=repr)
@pytest.mark.parametrize(
    ("group", "name", "parameter"),
    [
        (DATA, "dataset_id", "dataset_id"),
        (PREPARATION, "transformation", "scaler"),
        (MODEL, "loss_function", "loss_function"),
        (MODEL, "optimizer", "optimizer"),
        (MODEL, "activation_function", "output_activation"),
        (MODEL, "neuron_number", "neurons"),
        (MODEL, "gpu_enable", "gpu_enable"),
        (SPLIT, "test_size", "testing_split"),
        (SPLIT, "random_state", "split_seed"),
        (TRAINING, "epochs", "epochs"),
    ],
)
def test_code_in_place_of_a_value_is_not_understood(
    document: dict[str, Any], group: str, name: str, parameter: str, hostile: str
) -> None:
    record = read_legacy(told(document, group, name, hostile))
    assert parameter not in record.values
    assert [text.partition(":")[0] for text in record.not_understood] == [parameter]
    assert record.not_understood[0].isprintable()


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if text] + ["1; import os", "os.exit(1)", "1e"], ids=repr)
def test_code_in_place_of_the_learning_rate_is_not_understood(document: dict[str, Any], hostile: str) -> None:
    record = read_legacy(told(document, MODEL, "optimizer_learning_rate", hostile))
    assert "optimizer_learning_rate" not in record.values
    assert record.not_understood == [f"optimizer_learning_rate: {hostile!r}"]


@pytest.mark.parametrize(
    "code", ["torch.optim.Adam(model.parameters()); import os", "torch.optim.Adam(x", "torch.optim.AdamW("]
)
def test_code_behind_a_known_optimizer_is_not_understood(document: dict[str, Any], code: str) -> None:
    record = read_legacy(told(document, MODEL, "optimizer", code))
    assert record.not_understood == [f"optimizer: {code!r}"]


@pytest.mark.parametrize(
    "scaler", ["sklearn.preprocessing.StandardScaler; import os", "my.StandardScaler", "StandardScalerX"]
)
def test_code_around_a_known_scaler_is_not_understood(document: dict[str, Any], scaler: str) -> None:
    record = read_legacy(told(document, PREPARATION, "transformation", scaler))
    assert record.not_understood == [f"scaler: {scaler!r}"]


@pytest.mark.parametrize("matrix", ["[[1 2] [3 4]]", "[[ 1  2]\n [ 3  4]]"])
def test_a_printed_matrix_is_read(document: dict[str, Any], matrix: str) -> None:
    assert read_legacy(told(document, EVALUATION, "Confusion Matrix", matrix)).metrics["confusion_matrix"] == [
        [1, 2],
        [3, 4],
    ]


@pytest.mark.parametrize(
    "matrix",
    ["exit()", "[[1 ... 2]]", "", "[", "[[1e]]", "[[--1]]", "9" * 200_000, "[[" + "9" * 5000 + "]]", 5, None, {}],
    ids=lambda matrix: repr(matrix)[:20],
)
def test_a_matrix_that_is_none_is_missing(document: dict[str, Any], matrix: object) -> None:
    record = read_legacy(told(document, EVALUATION, "Confusion Matrix", matrix))
    assert "confusion_matrix" not in record.metrics
    assert "confusion_matrix: not recorded, so it cannot be compared" in record.missing


@pytest.mark.parametrize("value", [True, "0.9", None, [0.9], {"$": "0.9"}], ids=repr)
def test_a_metric_that_is_no_number_is_missing(document: dict[str, Any], value: object) -> None:
    assert "accuracy" not in read_legacy(told(document, EVALUATION, "Accuracy", value)).metrics


@pytest.mark.parametrize("value", [[], {}, None, 5, [[]], {"$": []}], ids=repr)
@pytest.mark.parametrize("group", [DATA, PREPARATION, SPLIT, MODEL, TRAINING, EVALUATION, "ex:Packages Data"])
def test_entries_of_odd_types_do_no_harm(document: dict[str, Any], group: str, value: object) -> None:
    changed = copy.deepcopy(document)
    changed["entity"][group] = dict.fromkeys(changed["entity"][group], value)
    assert isinstance(read_legacy(changed).not_understood, list)


def test_a_typed_value_that_is_none_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(ProvenanceError, match="'many' is not a xsd:int"):
        read_legacy(told(document, TRAINING, "epochs", {"$": "many", "type": "xsd:int"}))


# As a source -------------------------------------------------------------------------------------


def test_a_file_of_the_original_can_be_replayed() -> None:
    found = replay(LEGACY)
    assert (found.task, found.plan) == ("multiclass_classification", None)
    assert found.values["optimizer"] == "Adamax"
