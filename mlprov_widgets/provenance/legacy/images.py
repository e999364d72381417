"""The parts of a MLProvCodeGen file that only its image classification has.

Its notebook recorded the transformations as PyTorch printed them; they are looked for in that text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from mlprov_widgets.provenance.legacy.values import number, put, whole

if TYPE_CHECKING:
    from mlprov_widgets.provenance.legacy.importer import LegacyRecord

DATASETS: Final = {"FakeData": "FakeData", "MNIST": "MNIST", "FashionMNIST": "FashionMNIST", "CIFAR10": "CIFAR10"}
_MODELS: Final = {name: name for name in ("resnet18", "shufflenet_v2_x1_0", "vgg16")}
_GREY: Final = ("MNIST", "FashionMNIST")


def read_images(record: LegacyRecord, part: Mapping[str, Mapping[str, Any]]) -> None:
    """Read the parts of an image classification.

    Parameters
    ----------
    record
        What is filled.
    part
        The entries of each of the file's groups.
    """
    data, printed = part["Data Ingestion Data"], str(part["Data Segregation Data"].get("training_dataset") or "")
    told = data.get("dataset_id")
    put(record, "dataset_id", DATASETS.get(str(told)), told, "which dataset was used", DATASETS)
    dataset = record.values.get("dataset_id")
    if dataset == "FakeData":
        classes = data.get("feature_classes")
        put(record, "dataset_classes", whole(classes), classes, "the number of classes")
        record.missing.append("dataset_id: the original drew other random images; they cannot be made again")
    _transformations(record, str(dataset), printed)
    record.values["validation_split"] = 0.0
    _model(record, part["Model Parameters Data"])
    _training(record, part["Training Data"])


def _transformations(record: LegacyRecord, dataset: str, printed: str) -> None:
    resized = re.search(r"Resize\(size=(\d{1,4})", printed)
    cropped = re.search(r"CenterCrop\(size=\((\d{1,4}), (\d{1,4})\)\)", printed)
    if cropped:
        size = int(cropped[1])
        record.values |= {"sizing": "center_crop", "image_size": size}
        if resized and int(resized[1]) != (ours := size * 8 // 7):  # as the task's cell prepare has it
            told = (
                f"sizing: the original resized to {resized[1]} before it cut out {size}; here it is resized to {ours}"
            )
            record.missing.append(told)
    elif resized:
        record.values |= {"sizing": "resize", "image_size": int(resized[1])}
    else:
        record.values |= {"sizing": "center_crop", "image_size": 224}
        record.missing.append("sizing: the file does not print the transformations; those of its form are taken")
    if dataset in _GREY:
        record.values["channels"] = "RGB"  # its networks take three
    record.values["normalisation"] = "imagenet" if "Normalize(mean=[0.485" in printed else "none"
    record.values["augmentation"] = "none"


def _model(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    told = data.get("model_name")
    put(record, "model_name", _MODELS.get(str(told)), told, "which network was used", _MODELS)
    pretrained = whole(data.get("pretrained"))
    if "model_name" in record.values:
        value = None if pretrained is None else bool(pretrained)
        put(record, "pretrained", value, data.get("pretrained"), "whether the weights were pretrained")
    kept = whole(data.get("save_checkpoint"))
    checkpoints = None if kept is None else ("every_epoch" if kept else "none")
    put(record, "save_checkpoint", checkpoints, data.get("save_checkpoint"), "whether checkpoints were written")
    rate = data.get("optimizer_learning_rate")
    put(record, "optimizer_learning_rate", number(rate), rate, "the learning rate")
    record.values["schedule"] = "none"


def _training(record: LegacyRecord, data: Mapping[str, Any]) -> None:
    for name, told, what in (
        ("epochs", "epochs", "the number of epochs"),
        ("batch_size", "batch_size", "the size of a batch"),
        ("random_seed", "seed", "the seed"),
    ):
        put(record, name, whole(data.get(told)), data.get(told), what)
    record.missing.append("initial weights: the original seeded torch after it had built the network")
    record.missing.append("print_progress: the original counted batches; here it counts epochs, and changes no result")
