"""The recorded environment, built again: the task's own requirements at the recorded versions.

Only names that the installed task declares are installed, and what this package itself needs in a kernel; no other name
of a file ever is. Nothing is compiled: only wheels are taken.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import mlprov_widgets
from mlprov_widgets.errors import ExecutionError, one_line
from mlprov_widgets.tasks.load import frame_folder

KERNEL: Final = "mlprov-recorded"
_OWN: Final = ("ipykernel", "ipywidgets", "ipycytoscape", "jinja2", "numpy", "prov")
"""What a kernel needs to run a notebook and record it."""

_VERSION: Final = re.compile(r"[0-9][A-Za-z0-9.!_-]{0,60}")
_PATIENCE: Final = 1_800.0


@dataclass(frozen=True)
class BuiltEnvironment:
    """A virtual environment that was built for a run.

    Attributes
    ----------
    kernels : pathlib.Path
        A folder of kernels that has its kernel, `KERNEL`.
    installed : dict of str to str
        The version of each of the task's requirements.
    not_had : list of dict
        ``name``, ``expected``, ``actual``: what could not be had in the recorded version.
    """

    kernels: Path
    installed: dict[str, str]
    not_had: list[dict[str, Any]]


def requirements_of(names: Sequence[str], recorded: Mapping[str, str]) -> dict[str, str]:
    """Return the recorded version of each of a task's requirements; without a version where none is recorded.

    A build of a version, as in ``2.12.1+cpu``, names a place where it lies and not another version.
    """
    told = {name: recorded.get(name.lower(), "").partition("+")[0] for name in names}
    # A version from a file becomes an argument of uv: nothing but a version may stand there.
    return {name: number if _VERSION.fullmatch(number) else "" for name, number in told.items()}


def refuse_for_strangers() -> None:
    """Raise if this process serves strangers, for whom nothing is installed.

    Raises
    ------
    ExecutionError
        With what to do.
    """
    served = os.environ.get("VOILA_REQUEST_URL") or os.environ.get("VOILA_PREHEAT")
    if served and os.environ.get("MLPROV_TRUSTED") != "1":
        raise ExecutionError("no environment is built on a served page", fix="Use mlprov reproduce on your own machine")


@contextmanager
def built(wanted: Mapping[str, str]) -> Iterator[BuiltEnvironment]:
    """Build an environment in a folder of its own, which is gone afterwards.

    Parameters
    ----------
    wanted
        See `requirements_of`.

    Raises
    ------
    ExecutionError
        If uv is not here, or cannot build it at all.
    """
    refuse_for_strangers()
    uv = _uv()
    with TemporaryDirectory(prefix="mlprov-environment-") as place:
        folder = Path(place)
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder / "venv")], folder)
        python = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        pins = {name: number for name, number in wanted.items() if number}
        if not _install(uv, python, folder, wanted):
            missing = [name for name, number in pins.items() if not _can_be_had(uv, python, folder, name, number)]
            kept = {name: _installed(name) if name in missing else number for name, number in wanted.items()}
            if not _install(uv, python, folder, kept):
                # What can be had does not fit together: the names alone, and what came instead is told.
                _install(uv, python, folder, dict.fromkeys(wanted, ""), must=True)
        _copy_this_package(python)
        there = _versions(python, list(wanted))
        not_had = [
            {"name": name, "expected": number, "actual": there.get(name)}
            for name, number in pins.items()
            if there.get(name, "").partition("+")[0] != number
        ]
        yield BuiltEnvironment(_kernel(folder, python), there, not_had)


def _uv() -> str:
    found = shutil.which("uv") or os.environ.get("UV")
    if not found:
        raise ExecutionError("uv is not here, which builds environments", fix="Install it: pip install uv")
    return found


def _install(uv: str, python: Path, folder: Path, wanted: Mapping[str, str], *, must: bool = False) -> bool:
    own = [_pin(name, _installed(name)) for name in _OWN if name not in wanted]
    names = [*own, *(_pin(name, number) for name, number in wanted.items())]
    return _run([*_pip(uv, python), *names], folder, must=must)


def _can_be_had(uv: str, python: Path, folder: Path, name: str, number: str) -> bool:
    return _run([*_pip(uv, python), "--dry-run", "--no-deps", _pin(name, number)], folder, must=False)


def _pip(uv: str, python: Path) -> list[str]:
    return [uv, "pip", "install", "--quiet", "--python", str(python), "--only-binary", ":all:"]


def _pin(name: str, number: str) -> str:
    return f"{name}=={number}" if number else name


def _installed(name: str) -> str:
    try:
        return version(name).partition("+")[0]
    except PackageNotFoundError:
        return ""


def _run(command: Sequence[str], folder: Path, *, must: bool = True) -> bool:
    # In the new folder: uv would take settings from the project that it is called in.
    environment = {name: value for name, value in os.environ.items() if name not in ("UV_PROJECT", "VIRTUAL_ENV")}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ExecutionError(f"the environment cannot be built: {error}", fix="Try again") from None
    if done.returncode and must:
        raise ExecutionError(
            f"the environment cannot be built: {one_line(done.stderr, 250)}", fix="Run without --same-environment"
        )
    return done.returncode == 0


def _copy_this_package(python: Path) -> None:
    site = Path(_ask(python, "import sysconfig; print(sysconfig.get_path('purelib'))"))
    here = Path(mlprov_widgets.__file__).parent
    shutil.copytree(here, site / here.name, ignore=shutil.ignore_patterns("__pycache__", "templates"))
    shutil.copytree(frame_folder().parent, site / here.name / "templates")


def _versions(python: Path, names: Sequence[str]) -> dict[str, str]:
    code = (
        "import json, sys\nfrom importlib.metadata import version, PackageNotFoundError\nfound = {}\n"
        "for name in json.loads(sys.argv[1]):\n    try:\n        found[name] = version(name)\n"
        "    except PackageNotFoundError:\n        pass\nprint(json.dumps(found))"
    )
    return dict(json.loads(_ask(python, code, json.dumps(list(names)))))


def _ask(python: Path, code: str, *arguments: str) -> str:
    done = subprocess.run([str(python), "-I", "-c", code, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _kernel(folder: Path, python: Path) -> Path:
    place = folder / "kernels" / KERNEL
    place.mkdir(parents=True)
    argv = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "The recorded environment", "language": "python"}
    (place / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    return place.parent
