"""Documents of older schema versions, brought to today's before anything reads them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from mlprov_widgets.tasks.model import SCHEMA_VERSION

Step: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]

STEPS: Final[dict[int, Step]] = {}
"""What makes a document of one version into one of the next. The first version is today's, so there is none yet."""


def readable() -> tuple[int, ...]:
    """Return the versions that can be read, today's last."""
    first = SCHEMA_VERSION
    while first - 1 in STEPS:
        first -= 1
    return tuple(range(first, SCHEMA_VERSION + 1))


def migrated(document: Mapping[str, Any], version: int) -> Mapping[str, Any]:
    """Return a document of a readable version as one of today's.

    The seal stays as it was written: it seals the document that the run wrote, not this one.
    """
    while version < SCHEMA_VERSION:
        document = STEPS[version](dict(document))
        version += 1
    return document
