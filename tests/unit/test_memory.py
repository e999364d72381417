"""A memory that was too small, in words; the texts are PyTorch's, NumPy's and cuBLAS's own."""

from __future__ import annotations

import pytest

from mlprov_widgets.execution.memory import in_words

CUDA = (
    "OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total capacity of 79.18 GiB of which "
    "11.94 GiB is free. Including non-PyTorch memory, this process has 67.23 GiB memory in use. Of the allocated memory "
    "65.02 GiB is allocated by PyTorch, and 1.56 GiB is reserved by PyTorch but unallocated. If reserved but unallocated "
    "memory is large try setting PYTORCH_ALLOC_CONF=expandable_segments:True to avoid fragmentation."
)
SMALLER = "memory is too small for this: choose a smaller batch, smaller images or a smaller network"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (CUDA, f"the GPU's {SMALLER}, or compute on the processor (it asked for 20.00 GiB more, of 79.18 GiB in all)"),
        (
            "RuntimeError: MPS backend out of memory (MPS allocated: 5.05 GB, max allowed: 18.13 GB). Tried to allocate 1.12 GB on private pool.",
            f"the GPU's {SMALLER}, or compute on the processor (it asked for 1.12 GB more)",
        ),
        (
            "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
            f"the GPU's {SMALLER}, or compute on the processor (RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`)",
        ),
        (
            "RuntimeError: [enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 4096000000000 bytes. Error code 12 (Cannot allocate memory)",
            f"the {SMALLER} (it asked for 4096000000000 bytes more)",
        ),
        (
            "ArrayMemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000) and data type float64",
            f"the {SMALLER} (ArrayMemoryError: Unable to allocate 7.28 TiB for an array with shape (1000000, 1000000) and data type float64)",
        ),
    ],
    ids=["CUDA", "Apple", "cuBLAS", "processor", "NumPy"],
)
def test_it_is_told_which_memory_was_too_small_and_what_to_do(message: str, told: str) -> None:
    assert in_words(message) == told


def test_another_error_stays_as_it_is() -> None:
    assert in_words("ValueError: odd") == "ValueError: odd"
