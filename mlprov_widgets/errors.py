"""Every error a caller can meet, in one tree.

::

    MlprovError                 the base; carries code, field, message and fix
    +-- TaskError               a task folder is missing, unknown or wrong
    +-- ValueRefused            a value does not fit its parameter, or values do not fit each other
    +-- DataFileError           a data file cannot be used
    +-- NotebookError           a notebook cannot be read, or carries no Plan
    +-- ProvenanceError         a provenance file or journal cannot be read or used
    +-- TargetExists            something would have been overwritten
    +-- ExecutionError          a notebook could not be started at all

An error is made of what a person needs: which thing (``field``), what is wrong
(``message``) and what to do (``fix``). The command line prints them as one line
and exits with 2; nothing here stands for a run that ran and failed, which is a
result and not an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import ClassVar

_LONGEST_QUOTE = 80


class MlprovError(Exception):
    """The base of the tree.

    Parameters
    ----------
    message
        What is wrong, in one sentence, without a full stop at its end.
    field
        The name of the thing that is wrong: a parameter, a file, a column. Empty when there is none.
    fix
        What to do about it, in one sentence, without a full stop at its end.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, field: str = "", fix: str = "") -> None:
        super().__init__(message)
        # What is quoted from elsewhere often has a full stop of its own.
        self.message = one_line(message).rstrip(".")
        self.field = one_line(field)
        self.fix = one_line(fix).rstrip(".")

    def __str__(self) -> str:
        text = f"{self.field}: {self.message}" if self.field else self.message
        return f"{text}. {self.fix}." if self.fix else f"{text}."

    def as_dict(self) -> dict[str, str]:
        """Return the error as the object that ``--json`` prints."""
        return {"code": self.code, "field": self.field, "message": self.message, "fix": self.fix}


class TaskError(MlprovError):
    """A task folder is missing, unknown or wrong."""

    code = "task"


class ValueRefused(MlprovError):
    """A value does not fit its parameter, or values do not fit each other."""

    code = "value"


class DataFileError(MlprovError):
    """A data file cannot be used."""

    code = "data_file"


class NotebookError(MlprovError):
    """A notebook cannot be read, or carries no Plan."""

    code = "notebook"


class ProvenanceError(MlprovError):
    """A provenance file or journal cannot be read or used."""

    code = "provenance"


class TargetExists(MlprovError):
    """Something would have been overwritten."""

    code = "exists"


class ExecutionError(MlprovError):
    """A notebook could not be started at all."""

    code = "execution"


def one_line(text: str, longest: int = 400) -> str:
    """Return `text` on one line, without control characters and at most `longest` characters long.

    Messages quote what a file or a person supplied; a terminal must not obey what is in there.
    """
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= longest else flat[: longest - 1] + "…"


def quoted(value: object) -> str:
    """Return a short, quoted, one-line form of any value for use in a message."""
    try:
        return one_line(repr(value), _LONGEST_QUOTE)
    except Exception:  # a number of too many digits, a list in too many lists, any object's own __repr__
        return f"<{type(value).__name__}>"


def nearest(value: object, valid: Iterable[str], most: int = 12) -> str:
    """Return a sentence that names the valid choices nearest to `value`.

    Parameters
    ----------
    value
        What was given.
    valid
        The closed list it should have come from.
    most
        How many choices to name at most.
    """
    names = list(valid)
    close = difflib.get_close_matches(value, names, n=1, cutoff=0.6) if isinstance(value, str) else []
    listed = ", ".join(names[:most]) + (", …" if len(names) > most else "")
    return f"Did you mean {close[0]}? Choose one of {listed}" if close else f"Choose one of {listed}"


def some(names: Sequence[str], most: int = 3) -> str:
    """Return the first of some names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")
