"""What a run ran in: its packages, its interpreter, its machine, and how its numbers were calculated."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from mlprov_widgets.provenance.capture import environment as here
from mlprov_widgets.provenance.capture import gpu
from mlprov_widgets.provenance.reading import ProvenanceFile, value_of
from mlprov_widgets.provenance.view import packages_of

NUMERICS: Final = (
    "device",
    "torch_threads",
    "default_dtype",
    "deterministic_algorithms",
    "float32_matmul_precision",
    "float32_convolution_precision",
    *gpu.SOFTWARE,
)
"""How PyTorch calculated: what can change the last digits of a sum."""

_MACHINE: Final = (("CPU", here.cpu), ("Operating_System", here.operating_system))
PROCESSOR: Final = "cpu"
"""The `device` of a run that used no GPU."""

PYTHON: Final = "programming_language_version"


def environment_changes(expected: ProvenanceFile, actual: ProvenanceFile) -> Iterator[dict[str, Any]]:
    """Yield what is another version, another setting or another machine than in the recorded run.

    GPUs that neither run computed on are no part of what it ran in.
    """
    yield from package_changes(packages_of(expected), packages_of(actual))
    before, after = numerics_of(expected), numerics_of(actual)
    for name in NUMERICS:
        # A document of an earlier version of this package does not say.
        if name in before and name in after and before[name] != after[name]:
            yield _change(name, before[name], after[name])
    for group, name in (
        ("notebook", PYTHON),
        ("hardware_info", "CPU"),
        ("hardware_info", "GPUs"),
        ("hardware_info", "Operating_System"),
    ):
        a, b = (value_of(f.entity(f"run:{group}").get(f"ml:{name}")) for f in (expected, actual))
        if name == "GPUs" and before.get("device") == after.get("device") == PROCESSOR:
            continue
        if a != b:
            yield _change(name, a, b)


def package_changes(expected: Mapping[str, str], actual: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the packages whose version is another one, or that only one run loaded."""
    for name in sorted({*expected, *actual}):
        if expected.get(name) != actual.get(name):
            yield _change(name, expected.get(name), actual.get(name))


def numerics_of(file: ProvenanceFile) -> dict[str, Any]:
    """Return how the recorded run calculated, as far as the document says."""
    entity = file.entity("run:numerics")
    return {name: value_of(entity[f"ml:{name}"]) for name in NUMERICS if f"ml:{name}" in entity}


def changes_before_run(file: ProvenanceFile) -> list[dict[str, Any]]:
    """Return what is another here than in the recorded run, as far as it can be told without running.

    What a kernel has to load first, such as how PyTorch calculates, is told after the run.
    """
    found = installed_changes(packages_of(file))
    told = value_of(file.entity("run:notebook").get(f"ml:{PYTHON}"))
    if told is not None and told != platform.python_version():
        found.append(_change(PYTHON, told, platform.python_version()))
    for name, look in _MACHINE:
        told = value_of(file.entity("run:hardware_info").get(f"ml:{name}"))
        if told is not None and told != (now := look()):
            found.append(_change(name, told, now))
    return [*found, *_gpus_before_run(file)]


def _gpus_before_run(file: ProvenanceFile) -> Iterator[dict[str, Any]]:
    """Yield other GPUs than those that were computed on, or those that are here where there was none."""
    told, here_now = value_of(file.entity("run:hardware_info").get("ml:GPUs")), gpu.names_without_torch()
    used = numerics_of(file).get("device", PROCESSOR) != PROCESSOR
    if isinstance(told, list) and here_now is not None and here_now != told and (used or not told):
        yield _change("GPUs", told, here_now)


def installed_changes(recorded: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return which recorded packages are installed here in another version, or not at all."""
    return list(package_changes(recorded, {name: number for name in recorded if (number := _installed(name))}))


def is_software(change: Mapping[str, Any]) -> bool:
    """Return whether a change is of a version or of a setting, and not of the machine, or of what was merely loaded."""
    if change["name"] in ("CPU", "GPUs", "Operating_System", "device"):
        return False
    return change["expected"] is not None and change["actual"] is not None


def _change(name: str, expected: Any, actual: Any) -> dict[str, Any]:
    return {"name": name, "expected": expected, "actual": actual}


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except (PackageNotFoundError, ValueError):
        return None
