"""The vocabulary: namespaces, and the groups and fields of the original paper's Table 1."""

from __future__ import annotations

from typing import Final

NAMESPACES: Final = {
    "p-plan": "http://purl.org/net/p-plan#",
    "mls": "http://www.w3.org/ns/mls#",
    "schema": "https://schema.org/",
    "pypi": "https://pypi.org/project/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "ml": "https://pypi.org/project/mlprov-widgets/#",
}
"""Prefixes of every document; ``run`` and ``plan`` are made for each."""

DATE_AND_DURATION: Final = ("start_time", "end_time", "execution_time")

TABLE1: Final[dict[str, tuple[str, ...]]] = {
    "experiment_info": ("creation_date", "file_size", "modification_date", "task_type", "title"),
    "hardware_info": ("CPU", "GPUs", "Operating_System", "RAM"),
    "packages": (),
    "notebook": (
        "prov:type",
        "creation_date",
        "file_format",
        "name",
        "kernel",
        "programming_language",
        "programming_language_version",
    ),
    "data_ingestion": (
        *DATE_AND_DURATION,
        "data_format",
        "dataset_id",
        "dataset_classes",
        "feature_dimensions",
        "dataset_description",
        "root_location",
        "training_samples",
        "testing_samples",
        "validation_samples",
    ),
    "data_preparation": (*DATE_AND_DURATION, "number_of_operations", "operations"),
    "data_segregation": (*DATE_AND_DURATION, "training_split", "testing_split", "validation_split"),
    "model_parameters": (
        *DATE_AND_DURATION,
        "gpu_enable",
        "pretrained",
        "save_checkpoint",
        "model_name",
        "model_description",
        "activation_function",
        "output_neurons",
        "loss_function",
        "optimizer",
        "optimizer_learning_rate",
    ),
    "model_training": (
        *DATE_AND_DURATION,
        "random_seed",
        "resulting_model_seed",
        "batch_size",
        "epochs",
        "print_progress",
    ),
    "model_evaluation": (
        *DATE_AND_DURATION,
        "accuracy",
        "loss",
        "AUC",
        "confusion matrix",
        "F1",
        "MAE",
        "MSE",
    ),
}
"""Group to fields, under the paper's own names."""

GROUP_TITLES: Final = {
    "experiment_info": "Experiment",
    "hardware_info": "Machine",
    "packages": "Packages",
    "notebook": "Notebook",
    "data_ingestion": "Data",
    "data_preparation": "Preparation",
    "data_segregation": "Split",
    "model_parameters": "Model",
    "model_training": "Training",
    "model_evaluation": "Evaluation",
}
"""What people call a group."""

GROUP_OF_STAGE: Final = {
    "data_ingestion": "data_ingestion",
    "data_preparation": "data_preparation",
    "data_segregation": "data_segregation",
    "model": "model_parameters",
    "training": "model_training",
    "evaluation": "model_evaluation",
}
"""The group that a stage of this name fills; a stage of another name is a group of its own."""

HEADLINES: Final = {
    "accuracy": "Accuracy",
    "majority_baseline": "Majority class",
    "loss": "Loss",
    "auc": "AUC",
    "f1_macro": "F1, macro",
    "mae": "MAE",
    "mse": "MSE",
}
"""The metrics that stand out, and what people call them."""


def group_of(stage: str) -> str:
    """Return the group that a stage fills."""
    return GROUP_OF_STAGE.get(stage, stage)


def home_of(field: str, stage: str) -> str:
    """Return the group where a field that was observed in `stage` belongs.

    Table 1 has the numbers of samples under data_ingestion; they exist once the split is made.
    """
    own = group_of(stage)
    if field in TABLE1.get(own, ()):
        return own
    return next((group for group, names in TABLE1.items() if field in names and group in GROUP_OF_STAGE.values()), own)
