"""The GPU that PyTorch computed on: its name, its software, and how it rounds.

Torch is never imported here: whatever it is asked, it is asked only where a notebook has loaded it.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

SOFTWARE: Final = {"gpu_driver": "driver", "cuda": "CUDA", "rocm": "ROCm", "cudnn": "cuDNN"}
"""What of a GPU's software is recorded, and what people call it."""

_DRIVER_FILE: Final = Path("/proc/driver/nvidia/version")
_VERSION: Final = re.compile(r"\b\d{3,}\.\d+(?:\.\d+)?\b")
_FIRST_WITH_TF32: Final = (8, 0)
_HIDDEN: Final = ("", "-1")
"""What people set CUDA_VISIBLE_DEVICES to, so that no GPU is used."""


def names() -> list[str]:
    """Return the names of the GPUs that torch sees; empty when torch is not loaded or sees none."""
    torch = sys.modules.get("torch")
    if torch is None:
        return []
    try:
        if torch.cuda.is_available():
            return [str(torch.cuda.get_device_name(i)) for i in range(torch.cuda.device_count())]
        if torch.backends.mps.is_available():
            return ["Apple MPS"]
    except (AttributeError, RuntimeError, AssertionError):
        pass
    return []


def seems_here() -> bool:
    """Return whether this machine seems to have a GPU that PyTorch uses; loading it to ask takes seconds."""
    if shutil.which("nvidia-smi") is not None:
        return os.environ.get("CUDA_VISIBLE_DEVICES") not in _HIDDEN
    return _is_apple()


def names_without_torch() -> list[str] | None:
    """Return the names that `names` is going to tell once a notebook has loaded torch; None where that is unknown."""
    if not seems_here():
        return []
    if _is_apple():
        return ["Apple MPS"]
    found = [line.strip() for line in _asked("name").splitlines() if line.strip()]
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is None:
        return found or None
    numbers = [int(item) for item in chosen.split(",") if item.strip().isdecimal()]
    # Others are named by identifiers, which are not looked up.
    known = len(numbers) == chosen.count(",") + 1 and all(number < len(found) for number in numbers)
    return [found[number] for number in numbers] if known else None


def _is_apple() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"


def _asked(field: str) -> str:
    """Return what NVIDIA's tool says of each GPU, a line each; empty where it says nothing."""
    command = ["nvidia-smi", f"--query-gpu={field}", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def numerics() -> dict[str, Any]:
    """Return on what PyTorch computed so far, and if that was a GPU, what decides its last digits.

    Returns
    -------
    dict
        ``device`` (``cpu``, ``cuda`` or ``mps``); of an NVIDIA or AMD GPU also ``gpu_driver``, ``cuda`` or ``rocm``,
        ``cudnn``, and ``float32_convolution_precision``: ``tf32``, where products are rounded to 10 binary places,
        or ``ieee``. What cannot be found out is left out. Empty when torch is not loaded.
    """
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    try:
        device = _device(torch)
        found = {"device": device, **(_of_cuda(torch) if device == "cuda" else {})}
    except (AttributeError, RuntimeError, AssertionError):  # loaded in part, or a GPU that was lost
        return {}
    return {name: value for name, value in found.items() if value}


def _device(torch: Any) -> str:
    # Memory, and not only a GPU that is there: a notebook may have left it alone.
    if torch.cuda.is_initialized():
        if any(torch.cuda.max_memory_allocated(i) for i in range(torch.cuda.device_count())):
            return "cuda"
    elif torch.backends.mps.is_available() and torch.mps.driver_allocated_memory():
        return "mps"
    return "cpu"


def _of_cuda(torch: Any) -> dict[str, str | None]:
    return {
        "gpu_driver": _driver(),
        "cuda": torch.version.cuda,
        "rocm": torch.version.hip,
        "cudnn": _cudnn(torch.backends.cudnn.version()),
        "float32_convolution_precision": _convolutions(torch),
    }


def _driver() -> str | None:
    """Return the version of NVIDIA's driver: of its own file or, where the system has none, of its tool."""
    try:
        told = _DRIVER_FILE.read_text(encoding="utf-8", errors="replace").partition("\n")[0]
    except OSError:
        told = ""
    found = _VERSION.search(told) or _VERSION.search(_asked("driver_version"))
    return found[0] if found else None


def _cudnn(number: int | None) -> str | None:
    """Return cuDNN's version in the form that its makers use: 91300 is 9.13.0, and 8902 was 8.9.2."""
    if not number:
        return None
    major = 10_000 if number >= 90_000 else 1_000
    return f"{number // major}.{number % major // 100}.{number % 100}"


def _convolutions(torch: Any) -> str:
    # Older GPUs have no TF32, and this variable of NVIDIA's goes before what a program asks for.
    if torch.cuda.get_device_capability() < _FIRST_WITH_TF32 or os.environ.get("NVIDIA_TF32_OVERRIDE") == "0":
        return "ieee"
    cudnn = torch.backends.cudnn
    told = getattr(getattr(cudnn, "conv", None), "fp32_precision", None)  # since PyTorch 2.9
    if told in ("ieee", "tf32"):
        return str(told)
    return "tf32" if cudnn.allow_tf32 else "ieee"
