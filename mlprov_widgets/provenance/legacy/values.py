"""Values in a MLProvCodeGen file: numbers, or what Python printed for them. Nothing is evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mlprov_widgets.errors import nearest, quoted

if TYPE_CHECKING:
    from mlprov_widgets.provenance.legacy.importer import LegacyRecord

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?"
_PRINTED = re.compile(rf"\s*(?:tensor\(|array\(|np\.float64\()?\s*({_NUMBER})\s*(?:,\s*[a-z_]+=[^()]*)?\)?\s*")
_LONGEST = 200


def put(record: LegacyRecord, name: str, value: Any, told: Any, what: str, valid: Iterable[str] = ()) -> None:
    """Take a value over, or say that it was there and is not offered here, or that it was not there.

    Parameters
    ----------
    record
        What is filled.
    name, value
        The parameter and what was read for it, None for nothing.
    told
        What stands in the file.
    what
        What it is, for a person.
    valid
        What could stand there, of which the nearest are named.
    """
    if value is not None:
        record.values[name] = value
    elif told is None:
        record.missing.append(f"{name}: the file does not say {what}; the default is taken")
    else:
        names = list(valid)
        core = next(iter(re.findall(r"[A-Za-z_]\w*", str(told)[:_LONGEST])[-1:]), "")
        hint = f"; refused, the default is taken. {nearest(core, names)}" if names else ""
        record.not_understood.append(f"{name}: {quoted(told)}{hint}")


def number(value: Any) -> float | None:
    """Return a number, also where it stands as text, as in ``tensor(0.93)``; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = _PRINTED.fullmatch(value) if isinstance(value, str) and len(value) <= _LONGEST else None
    return float(found[1]) if found else None


def whole(value: Any) -> int | None:
    """Return a whole number, also where it stands as text, or as a printed truth value; None for anything else."""
    if isinstance(value, str) and value.strip() in ("True", "False"):
        return int(value.strip() == "True")
    found = number(value)
    return int(found) if found is not None and found == int(found) and abs(found) < 1e15 else None


def printed_array(text: str) -> list[Any] | None:
    """Read an array as NumPy prints it, or PyTorch, or a list: rows of numbers, with or without commas."""
    text = re.sub(
        r"^\s*(?:array|tensor)\((.*?)(?:,\s*(?:dtype|device)=[^()]*)?\)\s*$", r"\1", text[:100_001], flags=re.S
    )
    if len(text) > 100_000 or not re.fullmatch(r"[\[\]\s0-9.,eE+-]+", text):
        return None
    rows = re.findall(r"\[([^\[\]]*)\]", text)
    try:
        numbers = [
            [float(item) if re.search(r"[.eE]", item) else int(item) for item in row.replace(",", " ").split()]
            for row in rows
        ]
    except ValueError:
        return None
    return numbers if text.strip().startswith("[[") else (numbers[0] if numbers else None)
