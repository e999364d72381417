"""A run that ended because some memory was too small, in words that a person can act on."""

from __future__ import annotations

import re
from typing import Final

_OF_GPU: Final = re.compile(r"OutOfMemoryError|(CUDA|HIP|MPS)\b.*out of memory|CU(BLAS|DNN)_STATUS_ALLOC_FAILED")
"""What PyTorch, cuBLAS or cuDNN says when a GPU's memory was too small."""

_OF_MACHINE: Final = re.compile(r"MemoryError|DefaultCPUAllocator: (can't|not enough)|Cannot allocate memory")
"""What Python, NumPy or PyTorch says when the machine's was."""

_TOO_SMALL: Final = "memory is too small for this: choose a smaller batch, smaller images or a smaller network"
_WANTED: Final = re.compile(r"[Tt]ried to allocate ([\d.]+ \w+)")
_THERE: Final = re.compile(r"total capacity of ([\d.]+ \w+)")


def in_words(message: str) -> str:
    """Return a cell's error with what to do about it, if the memory was too small for it; else as it is.

    PyTorch's own text goes on for ten lines about settings of its allocator.
    """
    gpu = _OF_GPU.search(message) is not None
    if not gpu and not _OF_MACHINE.search(message):
        return message
    advice = f"the GPU's {_TOO_SMALL}, or compute on the processor" if gpu else f"the {_TOO_SMALL}"
    wanted, there = _WANTED.search(message), _THERE.search(message)
    if wanted:
        return f"{advice} (it asked for {wanted[1]} more{f', of {there[1]} in all' if there else ''})"
    return f"{advice} ({message.splitlines()[0][:200]})"
