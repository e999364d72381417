"""Facts about machine, interpreter and packages, from an allow-list.

No environment variable, no user name and no path below a home folder is ever read into a record.
"""

from __future__ import annotations

import functools
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from mlprov_widgets.provenance.capture import gpu


def cpu() -> str:
    """Return the processor's name and the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {cores()} cores"


def cores() -> int:
    """Return on how many of the machine's processors this process may run."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1


def ram_bytes() -> int | None:
    """Return the machine's memory in bytes, or None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


def operating_system() -> str:
    """Return the system's name and release."""
    try:
        pretty = platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        pretty = ""
    return f"{platform.system()} {platform.release()} {platform.machine()}" + (f" ({pretty})" if pretty else "")


def numerics() -> dict[str, Any]:
    """Return how PyTorch calculates now, which decides the last digits of a sum; empty when it is not loaded."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    try:
        return {
            "torch_threads": int(torch.get_num_threads()),
            "default_dtype": str(torch.get_default_dtype()).removeprefix("torch."),
            "deterministic_algorithms": bool(torch.are_deterministic_algorithms_enabled()),
            "float32_matmul_precision": str(torch.get_float32_matmul_precision()),
            **gpu.numerics(),
        }
    except (AttributeError, RuntimeError):  # loaded in part
        return {}


def git_commit(folder: Path) -> dict[str, Any] | None:
    """Return the commit that `folder` is checked out at, and whether it was changed; None outside git."""
    # core.fsmonitor names a program that git would run: a hostile checkout must not choose it.
    git = ["git", "-c", "core.fsmonitor=false", "-C", str(folder)]
    if not any((parent / ".git").exists() for parent in (folder, *folder.parents)):
        return None
    try:
        commit = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=2, check=True)
        status = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            timeout=2,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"commit": commit.stdout.strip()[:64], "changed": bool(status.stdout.strip())}


@functools.lru_cache(maxsize=4096)
def _distribution_of(module: str) -> tuple[str, str] | None:
    return _by_folder().get(module)


@functools.cache
def _by_folder() -> dict[str, tuple[str, str]]:
    # importlib.metadata.packages_distributions reads the RECORD of every installed package, 0.4 s
    # here; the names of the *.dist-info folders cost a listing, and nearly all packages are called
    # as their module is. top_level.txt settles the others.
    found: dict[str, tuple[str, str]] = {}
    for place in sys.path:
        try:
            entries = [entry for entry in os.scandir(place or ".") if entry.name.endswith(".dist-info")]
        except OSError:
            continue
        for entry in entries:
            name, _, number = entry.name.removesuffix(".dist-info").partition("-")
            found.setdefault(_normalised(name), (name.replace("_", "-").lower(), number))
            for module in _top_level(entry.path):
                found.setdefault(module, (name.replace("_", "-").lower(), number))
    return found


def _top_level(folder: str) -> list[str]:
    try:
        with open(os.path.join(folder, "top_level.txt"), encoding="utf-8") as file:  # noqa: PTH123, PTH118 - 300 files: pathlib doubles the cost
            return file.read(10_000).split()
    except (OSError, UnicodeDecodeError):
        return []


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "_", name).lower()


_KNOWN_MODULES = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "rpds": "rpds-py",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
    "zmq": "pyzmq",
}
"""Modules whose distribution has another name and no top_level.txt."""


def packages() -> dict[str, str]:
    """Return the distributions of all modules that are loaded now, with their versions, by name."""
    return dict(sorted(_packages()))


def _packages() -> Iterator[tuple[str, str]]:
    roots = {name.partition(".")[0] for name in list(sys.modules)} - set(sys.stdlib_module_names)
    for root in roots:
        if root in _KNOWN_MODULES:
            try:
                yield _KNOWN_MODULES[root], version(_KNOWN_MODULES[root])
                continue
            except PackageNotFoundError:
                pass
        found = _distribution_of(root) or _distribution_of(_normalised(root))
        if found is not None:
            yield found


def environment(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the facts that are known at a run's start.

    Returns
    -------
    dict
        Fact to ``{"value", "function"}``; the function is what obtained it.
    """
    facts: dict[str, tuple[Any, str]] = {
        "CPU": (cpu(), "platform.processor"),
        "RAM": (ram_bytes(), "os.sysconf"),
        "Operating_System": (operating_system(), "platform.system"),
        "programming_language": (platform.python_implementation(), "platform.python_implementation"),
        "programming_language_version": (platform.python_version(), "platform.python_version"),
        "git": (git_commit(folder), "git.rev-parse"),
    }
    return {name: {"value": value, "function": function} for name, (value, function) in facts.items()}
