"""What is recorded of a GPU, by a torch that answers as one on such a machine does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlprov_widgets.provenance.capture import gpu

DRIVER = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (dvs-builder)\nGCC version:  gcc version 13.3.0\n"


def torch_that(
    cuda: int = 0, *, taken: int = 0, mps: bool = False, tf32: bool = True, turing: bool = False, **cudnn: Any
) -> Any:
    """Return a torch with so many GPUs, on which so many bytes were taken."""
    return SimpleNamespace(
        version=SimpleNamespace(cuda="13.0", hip=None),
        cuda=SimpleNamespace(
            is_available=lambda: cuda > 0,
            is_initialized=lambda: cuda > 0,
            device_count=lambda: cuda,
            get_device_name=lambda index: f"GPU {index}",
            get_device_capability=lambda: (7, 5) if turing else (9, 0),
            # The last one was computed on.
            max_memory_allocated=lambda index: taken if index == cuda - 1 else 0,
        ),
        mps=SimpleNamespace(driver_allocated_memory=lambda: taken),
        backends=SimpleNamespace(
            mps=SimpleNamespace(is_available=lambda: mps),
            cudnn=SimpleNamespace(version=lambda: 91300, allow_tf32=tf32, **cudnn),
        ),
    )


@pytest.fixture
def tool(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Return a function that puts NVIDIA's tool, which answers as told, and its driver's file on this machine."""

    def put(answer: str | None, driver: str | None = None) -> None:
        file = tmp_path / "version"
        if driver is not None:
            file.write_text(driver, encoding="utf-8")
        monkeypatch.setattr(gpu, "_DRIVER_FILE", file)
        monkeypatch.setattr(gpu.shutil, "which", lambda name: None if answer is None else f"/usr/bin/{name}")
        monkeypatch.setattr(gpu.sys, "platform", "linux")

        def run(command: list[str], **options: Any) -> Any:
            if not answer:
                raise subprocess.CalledProcessError(9, command)
            return SimpleNamespace(stdout=answer)

        monkeypatch.setattr(gpu.subprocess, "run", run)

    return put


@pytest.mark.parametrize(
    ("torch", "names"),
    [
        (torch_that(2), ["GPU 0", "GPU 1"]),
        (torch_that(mps=True), ["Apple MPS"]),
        (torch_that(), []),
        (SimpleNamespace(), []),
        (None, []),
    ],
    ids=["two", "apple", "none", "odd torch", "no torch"],
)
def test_the_gpus_are_those_that_torch_sees(monkeypatch: pytest.MonkeyPatch, torch: Any, names: list[str]) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert gpu.names() == names


def test_a_gpu_that_was_computed_on_is_told_with_its_software(
    monkeypatch: pytest.MonkeyPatch, tool: Callable[..., None]
) -> None:
    tool(None, DRIVER)
    monkeypatch.setitem(sys.modules, "torch", torch_that(2, taken=1000))
    assert gpu.numerics() == {
        "device": "cuda",
        "gpu_driver": "580.159.04",
        "cuda": "13.0",
        "cudnn": "9.13.0",
        "float32_convolution_precision": "tf32",
    }


@pytest.mark.parametrize(
    ("torch", "device"),
    [
        (torch_that(2), {"device": "cpu"}),
        (torch_that(), {"device": "cpu"}),
        (torch_that(mps=True), {"device": "cpu"}),
        (torch_that(mps=True, taken=1), {"device": "mps"}),
        (SimpleNamespace(), {}),
        (None, {}),
    ],
    ids=["left alone", "no GPU", "Apple's left alone", "Apple's", "odd torch", "no torch"],
)
def test_the_device_is_the_one_that_was_computed_on(
    monkeypatch: pytest.MonkeyPatch, torch: Any, device: dict[str, str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert gpu.numerics() == device


@pytest.mark.parametrize(
    ("torch", "precision"),
    [
        (torch_that(1, taken=1), "tf32"),
        (torch_that(1, taken=1, turing=True), "ieee"),
        (torch_that(1, taken=1, tf32=False), "ieee"),
        (torch_that(1, taken=1, tf32=False, conv=SimpleNamespace(fp32_precision="none")), "ieee"),
        (torch_that(1, taken=1, conv=SimpleNamespace(fp32_precision="ieee")), "ieee"),
    ],
)
def test_the_precision_of_convolutions_is_the_one_that_was_set(
    monkeypatch: pytest.MonkeyPatch, tool: Callable[..., None], torch: Any, precision: str
) -> None:
    tool(None, DRIVER)
    monkeypatch.setitem(sys.modules, "torch", torch)
    assert gpu.numerics()["float32_convolution_precision"] == precision


@pytest.mark.parametrize(("number", "version"), [(91300, "9.13.0"), (90100, "9.1.0"), (8902, "8.9.2"), (None, None)])
def test_the_version_of_cudnn_is_written_as_its_makers_do(number: int | None, version: str | None) -> None:
    assert gpu._cudnn(number) == version


@pytest.mark.parametrize(
    ("answer", "driver", "version"),
    [
        (None, DRIVER, "580.159.04"),
        ("560.35.03\n560.35.03\n", None, "560.35.03"),
        ("571.96\n", "nothing of use", "571.96"),
        ("Failed to initialize NVML: Driver/library version mismatch\n", None, None),
        ("", None, None),
    ],
)
def test_the_driver_is_that_of_its_file_or_its_tool(
    tool: Callable[..., None], answer: str | None, driver: str | None, version: str | None
) -> None:
    tool(answer, driver)
    assert gpu._driver() == version


@pytest.mark.parametrize(
    ("answer", "visible", "names"),
    [
        (None, None, []),
        ("NVIDIA A\nNVIDIA B\n", None, ["NVIDIA A", "NVIDIA B"]),
        ("NVIDIA A\nNVIDIA B\n", "1", ["NVIDIA B"]),
        ("NVIDIA A\nNVIDIA B\n", "", []),
        ("NVIDIA A\nNVIDIA B\n", "-1", []),
        ("NVIDIA A\nNVIDIA B\n", "GPU-5ebe9f43", None),
        ("NVIDIA A\n", "4", None),
        ("", None, None),
    ],
)
def test_the_gpus_are_told_before_torch_is_loaded(
    monkeypatch: pytest.MonkeyPatch,
    tool: Callable[..., None],
    answer: str | None,
    visible: str | None,
    names: list[str] | None,
) -> None:
    tool(answer)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu.names_without_torch() == names
    assert gpu.seems_here() is (names != [])


def test_a_variable_that_takes_tf32_away_is_heeded(monkeypatch: pytest.MonkeyPatch, tool: Callable[..., None]) -> None:
    tool(None, DRIVER)
    monkeypatch.setitem(sys.modules, "torch", torch_that(1, taken=1))
    monkeypatch.setenv("NVIDIA_TF32_OVERRIDE", "0")
    assert gpu.numerics()["float32_convolution_precision"] == "ieee"
