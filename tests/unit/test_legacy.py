"""Files of MLProvCodeGen: looked up and read as numbers, never evaluated."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.legacy.importer import is_legacy, read_legacy
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
    changed = told(document, "ex:Experiment Info Data", "task_type", "Clustering")
    with pytest.raises(ProvenanceError) as caught:
        read_legacy(changed)
    assert str(caught.value) == (
        "task_type: the file is of the task 'Clustering'. "
        "Readable is: MulticlassClassification, ImageClassification, ImageClassification_pytorch."
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
    assert record.not_understood[0].startswith(f"optimizer: {code!r}; refused, the default is taken. ")
    assert "Choose one of Adam, Adadelta, Adagrad, Adamax, RMSprop, SGD" in record.not_understood[0]


@pytest.mark.parametrize(
    "scaler", ["sklearn.preprocessing.StandardScaler; import os", "my.StandardScaler", "StandardScalerX"]
)
def test_code_around_a_known_scaler_is_not_understood(document: dict[str, Any], scaler: str) -> None:
    record = read_legacy(told(document, PREPARATION, "transformation", scaler))
    assert record.not_understood[0].startswith(f"scaler: {scaler!r}; refused, the default is taken. ")


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


@pytest.mark.parametrize("value", [True, "0.9.1", None, [0.9], {"$": "0,9"}], ids=repr)
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


# Values as printed text, and files of a run in which a cell failed ------------------------------------


@pytest.mark.parametrize("text", ["0.875", "tensor(0.875)", "tensor(0.875, device='cuda:0')", " 0.875 ", "8.75e-1"])
def test_a_printed_number_is_read(document: dict[str, Any], text: str) -> None:
    assert read_legacy(told(document, EVALUATION, "Accuracy", text)).metrics["accuracy"] == 0.875


def test_printed_whole_numbers_are_read(document: dict[str, Any]) -> None:
    changed = told(told(document, TRAINING, "epochs", "40"), MODEL, "gpu_enable", "False")
    record = read_legacy(changed)
    assert (record.values["epochs"], record.values["gpu_enable"]) == (40, False)


@pytest.mark.parametrize("text", ["[[1, 2], [3, 4]]", "tensor([[1, 2],\n        [3, 4]])", "array([[1, 2], [3, 4]])"])
def test_an_array_in_any_print_is_read(document: dict[str, Any], text: str) -> None:
    assert read_legacy(told(document, EVALUATION, "Confusion Matrix", text)).metrics["confusion_matrix"] == [
        [1, 2],
        [3, 4],
    ]


def test_the_task_is_known_when_the_cell_that_says_it_failed(document: dict[str, Any]) -> None:
    changed = without(document, "ex:Experiment Info Data")
    assert read_legacy(changed).task == "multiclass_classification"


def test_the_nearest_valid_value_is_named(document: dict[str, Any]) -> None:
    record = read_legacy(told(document, MODEL, "optimizer", "torch.optim.Adammax("))
    assert "Did you mean Adamax?" in record.not_understood[0]


# Images ------------------------------------------------------------------------------------------


@pytest.fixture
def images(document: dict[str, Any]) -> dict[str, Any]:
    """Return a file as its image classification laid it out, with invented values."""
    changed = copy.deepcopy(document)
    changed["entity"] |= {
        "ex:Experiment Info Data": {"ex:task_type": "ImageClassification_pytorch"},
        DATA: {"ex:dataset_id": "FashionMNIST", "ex:training_samples": 60000},
        PREPARATION: {"ex:preprocessing": "[]"},
        SPLIT: {
            "ex:training_dataset": "<bound method of Dataset\nTransform: Compose(\n  Resize(size=256, "
            "interpolation=bilinear)\n  CenterCrop(size=(224, 224))\n  ToTensor()\n  Lambda()\n)>"
        },
        MODEL: {
            "ex:model_name": "vgg16",
            "ex:save_checkpoint": {"$": 1, "type": "xsd:int"},
            "ex:pretrained": {"$": 0, "type": "xsd:int"},
            "ex:gpu_enable": "True",
            "ex:loss_function": "NLLLoss",
            "ex:optimizer": "SGD",
            "ex:optimizer_learning_rate": "0.01",
        },
        TRAINING: {"ex:batch_size": 64, "ex:epochs": "2", "ex:seed": 5, "ex:print_progress": 3},
        EVALUATION: {"ex:accuracy": "tensor(0.75)", "ex:loss": 0.5},
    }
    return changed


def test_the_values_of_images_are_read(images: dict[str, Any]) -> None:
    record = read_legacy(images)
    assert record.task == "image_classification"
    assert record.values == {
        "dataset_id": "FashionMNIST",
        "sizing": "center_crop",
        "image_size": 224,
        "channels": "RGB",
        "normalisation": "none",
        "augmentation": "none",
        "schedule": "none",
        "validation_split": 0.0,
        "model_name": "vgg16",
        "pretrained": False,
        "save_checkpoint": "every_epoch",
        "optimizer_learning_rate": 0.01,
        "epochs": 2,
        "batch_size": 64,
        "random_seed": 5,
        "gpu_enable": True,
        "loss_function": "NLLLoss",
        "optimizer": "SGD",
    }
    assert (record.metrics, record.not_understood) == ({"accuracy": 0.75, "loss": 0.5}, [])


@pytest.mark.parametrize(("resized", "told"), [(256, []), (300, ["resized to 300 before it cut out 224"])])
def test_another_size_before_the_cut_is_told(images: dict[str, Any], resized: int, told: list[str]) -> None:
    printed = images["entity"][SPLIT]["ex:training_dataset"].replace("size=256", f"size={resized}")
    images["entity"][SPLIT]["ex:training_dataset"] = printed
    missing = [item for item in read_legacy(images).missing if item.startswith("sizing")]
    assert len(missing) == len(told)
    assert all(text in item for text, item in zip(told, missing, strict=True))


def test_the_values_of_images_make_a_plan(images: dict[str, Any]) -> None:
    record = read_legacy(images)
    plan = make_plan(find_task(record.task), record.values, origin="imported").plan
    assert {name: plan.values[name] for name in record.values} == record.values


@pytest.mark.parametrize("dataset", ["FakeData", "MNIST", "FashionMNIST", "CIFAR10"])
@pytest.mark.parametrize("model", ["resnet18", "shufflenet_v2_x1_0", "vgg16"])
def test_every_dataset_and_network_of_the_original_makes_a_plan(
    images: dict[str, Any], dataset: str, model: str
) -> None:
    record = read_legacy(told(told(images, DATA, "dataset_id", dataset), MODEL, "model_name", model))
    plan = make_plan(find_task(record.task), record.values, origin="imported").plan
    assert (plan.values["dataset_id"], plan.values["model_name"]) == (dataset, model)


@pytest.mark.parametrize("group", [DATA, PREPARATION, SPLIT, MODEL, TRAINING, EVALUATION])
def test_images_with_a_part_missing_still_make_a_plan(images: dict[str, Any], group: str) -> None:
    record = read_legacy(without(images, group))
    assert make_plan(find_task(record.task), record.values, origin="imported").plan.task == "image_classification"
    assert group == PREPARATION or record.missing


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if text], ids=repr)
@pytest.mark.parametrize(
    ("group", "name", "parameter"),
    [(DATA, "dataset_id", "dataset_id"), (MODEL, "model_name", "model_name"), (TRAINING, "seed", "random_seed")],
)
def test_code_in_place_of_a_value_of_images_is_not_understood(
    images: dict[str, Any], group: str, name: str, parameter: str, hostile: str
) -> None:
    record = read_legacy(told(images, group, name, hostile))
    assert parameter not in record.values
    assert any(text.startswith(f"{parameter}: ") and text.isprintable() for text in record.not_understood)


# As a source -------------------------------------------------------------------------------------


def test_a_file_of_the_original_can_be_replayed() -> None:
    found = replay(LEGACY)
    assert (found.task, found.plan) == ("multiclass_classification", None)
    assert found.values["optimizer"] == "Adamax"
