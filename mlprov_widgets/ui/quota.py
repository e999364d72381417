"""How much the visitors of a page for strangers may take: space, runs, time, and for how long it is kept."""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from mlprov_widgets.errors import MlprovError

_VARIABLES = {
    "megabytes": ("MLPROV_VISITOR_MB", 500),
    "runs": ("MLPROV_VISITOR_RUNS", 20),
    "minutes": ("MLPROV_RUN_MINUTES", 30),
    "days": ("MLPROV_VISITOR_DAYS", 7),
    "all_megabytes": ("MLPROV_VISITORS_MB", 10_000),
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
    days : int
        For which a visitor's folder is kept after the last visit.
    all_megabytes : int
        Of files of all visitors together.
    """

    megabytes: int
    runs: int
    minutes: int
    days: int
    all_megabytes: int

    def told(self) -> str:
        """Return what a visitor has to know, in plain words."""
        days = "1 day" if self.days == 1 else f"{self.days:,} days"
        return (
            "The address of this page is yours: whoever has it finds this work again, so keep it, and keep it to "
            f"yourself. What nobody opens or changes for {days} is deleted; download what you need. You have room for "
            f"{self.megabytes:,} MB and {self.runs:,} runs of {self.minutes:,} minutes."
        )

    def check_space(self, folder: Path, more: int = 0) -> None:
        """Raise if a visitor's folder, or those of all, would be too large with `more` bytes.

        Raises
        ------
        MlprovError
            With what was reached.
        """
        own = size_of(folder)
        if own + more > self.megabytes * 10**6:
            raise MlprovError(
                f"your files have reached the {self.megabytes:,} MB that each visitor of this page has", fix=_FIX
            )
        others = sum(size_of(place) for place in folder.parent.glob("*") if place != folder)
        if own + others + more > self.all_megabytes * 10**6:
            raise MlprovError(
                f"the visitors of this page together have reached its {self.all_megabytes:,} MB",
                fix="Try again later, or ask the person who serves this page to make room",
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
    """Return the bytes of all files below a folder; links are not followed, and what is just going counts nothing."""
    size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                told = Path(place, name).lstat()
                size += told.st_size if stat.S_ISREG(told.st_mode) else 0
    return size
