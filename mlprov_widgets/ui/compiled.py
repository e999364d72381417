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
_ONE_OF_MANY = "ipykernel"


def with_compiled(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """Return an environment in which what was compiled once is not compiled again.

    Parameters
    ----------
    environment
        Returned as it is where compiled modules lie beside their sources, can be written there, or have another place.
    folder
        Where they are kept otherwise: of torch and all the others, some 100 MB.
    """
    source = getattr(importlib.util.find_spec(_ONE_OF_MANY), "origin", None)
    if source is None or environment.get(_ELSEWHERE):
        return dict(environment)
    beside = Path(importlib.util.cache_from_source(source))
    if beside.is_file() or (not environment.get(_NEVER) and os.access(Path(source).parent, os.W_OK)):
        return dict(environment)
    kept = {name: value for name, value in environment.items() if name != _NEVER}
    return kept | {_ELSEWHERE: str(folder.resolve())}
