"""How much one visitor of a page for strangers may take: space, runs, time."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mlprov_widgets.errors import MlprovError

_VARIABLES = {
    "megabytes": ("MLPROV_VISITOR_MB", 500),
    "runs": ("MLPROV_VISITOR_RUNS", 20),
    "minutes": ("MLPROV_RUN_MINUTES", 30),
}
_FIX = "Download what you need, and ask the person who serves this page to make room"


@dataclass(frozen=True)
class Quota:
    """What a visitor may take.

    Attributes
    ----------
    megabytes : int
        Of files in the visitor's folder: uploads, notebooks, runs.
    runs : int
        Kept runs.
    minutes : int
        Of one run, from when it starts to when it is ended.
    """

    megabytes: int
    runs: int
    minutes: int

    def check_space(self, folder: Path, more: int = 0) -> None:
        """Raise if a visitor's folder would be too large with `more` bytes.

        Raises
        ------
        MlprovError
            With what was reached.
        """
        if size_of(folder) + more > self.megabytes * 10**6:
            raise MlprovError(
                f"your files have reached the {self.megabytes:,} MB that each visitor of this page has", fix=_FIX
            )

    def check_runs(self, runs: Path) -> None:
        """Raise if there are as many runs in a visitor's folder of runs as there may be.

        Raises
        ------
        MlprovError
            With what was reached.
        """
        if sum(place.is_dir() and not place.name.startswith(".") for place in runs.glob("*")) >= self.runs:
            raise MlprovError(f"you have reached the {self.runs:,} runs that each visitor of this page has", fix=_FIX)


def quota_of_visitors() -> Quota:
    """Return what the person who serves the page set in the environment, or what is usual."""
    told = {name: os.environ.get(variable, "") for name, (variable, _) in _VARIABLES.items()}
    return Quota(
        **{name: int(told[name]) if told[name].isdigit() else usual for name, (_, usual) in _VARIABLES.items()}
    )


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder; links are not followed."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink() and path.is_file())
