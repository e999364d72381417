"""Where the kernels of a page keep the modules that they compile, if Python keeps them nowhere.

Containers are often told to write no compiled modules. Then every kernel compiles the same ones from their source: one
with a form takes the processor for twice as long, and a training compiles all of torch.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from pathlib import Path

_NEVER = "PYTHONDONTWRITEBYTECODE"
_ELSEWHERE = "PYTHONPYCACHEPREFIX"
_OF_A_KERNEL = ("ipykernel", "IPython", "ipywidgets", "tornado")


def with_compiled(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return an environment in which what was compiled once is not compiled again.

    Parameters
    ----------
    environment
        Returned as it is where compiled modules lie beside their sources, can be written there, or have another place.
    folder
        Where they are kept otherwise: of torch and all the others, some 100 MB.
    """
    sources = [source for name in _OF_A_KERNEL if (source := _source(name)) is not None]
    if not sources or environment.get(_ELSEWHERE):
        return dict(environment)
    writable = not environment.get(_NEVER) and os.access(sources[0].parent, os.W_OK)
    if writable or all(map(_is_compiled, sources)):
        return dict(environment)
    kept = {name: value for name, value in environment.items() if name != _NEVER}
    return kept | {_ELSEWHERE: str(folder.resolve())}


def _source(package: str) -> Path | None:
    origin = getattr(importlib.util.find_spec(package), "origin", None)
    return Path(origin) if origin else None


def _is_compiled(source: Path) -> bool:
    # Each file: what somebody imported once, who may write, is compiled, and all the rest is not.
    return all(Path(importlib.util.cache_from_source(str(file))).is_file() for file in source.parent.glob("*.py"))
