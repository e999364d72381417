"""Taking what is private out of texts before they are recorded."""

from __future__ import annotations

import os
import re

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_ABSOLUTE = re.compile(
    r"(?:(?<=file://)|(?<=file:///)|(?<![\w./<>\\]))"  # a path begins here, not a relative one's folder or a URL's host
    r"(?:/(?!/)|[A-Za-z]:[\\/]+|\\{2,})(?:[^\s'\"<>:|?*\\/]+[\\/]+)+([^\s'\"<>:|?*\\/,)]+)"
)
_SECRET = re.compile(r"TOKEN|SECRET|PASS|KEY|CREDENTIAL", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=://)[^\s/@'\"<>]+@")
_LONGEST = 2_000
_LONGEST_SECRET = 8_000


def scrub(text: str, longest: int = _LONGEST) -> str:
    """Return a text without terminal colours, folders of absolute paths, secrets of the environment and of addresses.

    ``/home/ada/project/data.csv`` becomes ``<outside>/data.csv``, the home folder itself ``<home>``, and
    the value of a variable such as ``API_TOKEN`` ``<secret>``, as does ``ada:password`` in ``https://ada:password@host``.
    """
    short = _ANSI.sub("", text)[: longest + _LONGEST_SECRET]  # one at the end must not be cut before it is known
    for name, value in os.environ.items():
        if len(value) >= 8 and value in short and _SECRET.search(name):
            short = short.replace(value, "<secret>")
    short = _CREDENTIALS.sub("<secret>@", short)
    home = os.path.expanduser("~")  # noqa: PTH111 - Path.home raises where there is none
    if len(home) > 1:
        short = re.sub(rf"(?<![\w/]){re.escape(home)}(?![\w/\\-])", "<home>", short)
    return _ABSOLUTE.sub(lambda match: f"<outside>/{match[1]}", short)[:longest]
