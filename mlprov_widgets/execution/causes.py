"""Why two runs differ, in words that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlprov_widgets.execution.surroundings import PYTHON

if TYPE_CHECKING:
    from mlprov_widgets.execution.differences import Difference

_DECIDE_NUMBERS: Final = (
    ("device", "computed on"),
    ("torch", "torch"),
    ("torchvision", "torchvision"),
    ("numpy", "numpy"),
    ("scikit-learn", "scikit-learn"),
    ("pandas", "pandas"),
    ("default_dtype", "numbers of the type"),
    ("float32_convolution_precision", "precision of convolutions:"),
    ("GPUs", "GPUs:"),
    ("cudnn", "cuDNN"),
    ("cuda", "CUDA"),
    ("rocm", "ROCm"),
    ("gpu_driver", "the GPU's driver"),
    ("torch_threads", "threads of PyTorch:"),
    ("deterministic_algorithms", "deterministic algorithms:"),
    ("float32_matmul_precision", "precision of matrix products:"),
    (PYTHON, "Python"),
    ("CPU", "processor:"),
)
"""What is known to change numbers, the likeliest first, and what people call it."""

_DEVICES: Final = {"cpu": "the processor", "cuda": "a GPU (CUDA)", "mps": "an Apple GPU"}

_PARTS: Final = {
    "code": "the code",
    "data_ingestion": "the data",
    "data_preparation": "the preparation",
    "data_segregation": "the split",
    "model": "the initial weights",
    "training": "the training",
}
_UNEXPLAINED: Final = "nothing that was recorded explains it: look for a random number without a seed"


def environment_cause(changes: Sequence[Mapping[str, Any]]) -> str:
    """Return the likeliest change of the environment in words, such as ``torch 2.13.0 instead of 2.12.1``."""
    by_name = {change["name"]: change for change in changes}
    for name, _ in _DECIDE_NUMBERS:
        if name in by_name:
            return change_in_words(by_name[name])
    return ""


def change_in_words(change: Mapping[str, Any]) -> str:
    """Return any change of the environment in words."""
    name, actual, expected = (change[key] for key in ("name", "actual", "expected"))
    called = dict(_DECIDE_NUMBERS).get(name, name)
    if name == "device":
        actual, expected = (_DEVICES.get(str(value), value) for value in (actual, expected))
    return f"{called} {_told(actual)} instead of {_told(expected)}"


def row_in_words(change: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return a change of the environment as a row: its name, what was recorded, and what is here."""
    before, now = (
        "not here" if change[key] in (None, "", []) else _told(change[key]) for key in ("expected", "actual")
    )
    return str(change["name"]), before, now


def first_cause(first: Difference, same: Sequence[str], changes: Sequence[Mapping[str, Any]]) -> str:
    """Return the likely cause of the first divergence.

    Parameters
    ----------
    first
        The divergence.
    same
        The stages that were compared, came before it and are identical, in order.
    changes
        Of the environment.
    """
    why = first.cause or environment_cause(changes)
    if not why and first.stage == "data_ingestion":
        why = "the data is not the recorded data"
    parts = [why or _UNEXPLAINED]
    if first.stage in ("code", "environment", "artifacts"):
        return parts[0]
    known = [_PARTS[stage] for stage in same if stage in _PARTS]
    if known:
        parts.append(f"{_listed(known)} {'is' if len(known) == 1 and known[0] != _PARTS['model'] else 'are'} identical")
    parts.append(_where(first))
    return "; ".join(parts)


def _where(first: Difference) -> str:
    if first.epoch is not None:
        called = "losses" if first.item == "loss" else f"values of {first.item.replace('_', ' ')}"
        return f"the {called} part at epoch {first.epoch}"
    if first.stage == "metrics":
        return f"the runs part in the metric {first.item}"
    if first.stage == "model" and first.is_model:
        return "the runs part in the initial weights"
    return f"the runs part in {first.item}, in the stage {first.stage.replace('_', ' ')}"


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    return "none" if value is None else str(value)
