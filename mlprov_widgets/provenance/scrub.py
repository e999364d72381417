"""Taking what is private out of texts before they are recorded."""

from __future__ import annotations

import re

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ABSOLUTE = re.compile(r"(?<![\w.:/<>])(?:/|[A-Za-z]:[\\/])(?:[^\s'\"<>:|?*\\/]+[\\/])+([^\s'\"<>:|?*\\/,)]+)")
_LONGEST = 2_000


def scrub(text: str) -> str:
    """Return a message without terminal colours and without the folders of absolute paths.

    ``/home/ada/project/data.csv`` becomes ``<outside>/data.csv``.
    """
    short = _ANSI.sub("", text)[:_LONGEST]
    return _ABSOLUTE.sub(lambda match: f"<outside>/{match[1]}", short)
