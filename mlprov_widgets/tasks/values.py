"""Reading one value for one parameter: typed, bounded, from the closed list."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from mlprov_widgets.errors import ValueRefused, nearest, quoted
from mlprov_widgets.tasks.model import Kind, Parameter, Value

LONGEST_TEXT = 1_000
MOST_NAMES = 10_000
_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_DIGITS = re.compile(r"[+-]?[0-9]+")


def read_value(parameter: Parameter, raw: object) -> Value:
    """Return `raw` as a value of `parameter`.

    Parameters
    ----------
    parameter
        What the value is for.
    raw
        A Python value, or its text as typed in a form or on a command line. An empty text and
        None both mean "left empty".

    Raises
    ------
    ValueRefused
        If it does not fit; the message says what would.
    """
    if isinstance(raw, str) and (parameter.kind is not Kind.TEXT or not raw.strip()):
        raw = raw.strip() or None
    if raw is None:
        return _empty(parameter)
    value: Value = _READERS[parameter.kind](parameter, raw)
    if isinstance(value, int | float) and not isinstance(value, bool):
        _check_bounds(parameter, value)
    return value


def _refused(parameter: Parameter, raw: object, what: str, fix: str = "") -> ValueRefused:
    return ValueRefused(f"{quoted(raw)} is not {what}", field=parameter.name, fix=fix or _fix(parameter))


def _fix(parameter: Parameter) -> str:
    empty = ", or leave it empty" if parameter.optional else ""
    example = "" if parameter.default is None else f", such as {display(parameter.default)}"
    return f"Give {_ARTICLES[parameter.kind]}{_bounds(parameter)}{example}{empty}"


def display(value: Value) -> str:
    """Return a value as a person would type it on the command line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return json.dumps(list(value), ensure_ascii=False)
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _empty(parameter: Parameter) -> Value:
    if parameter.kind is Kind.NAMES:
        return ()
    if not parameter.optional and not parameter.detect:
        raise ValueRefused("this may not be empty", field=parameter.name, fix=_fix(parameter))
    return None


def _bounds(parameter: Parameter) -> str:
    parts = []
    if parameter.minimum is not None:
        parts.append(f"{'above' if parameter.exclusive_minimum else 'at least'} {parameter.minimum:,.12g}")
    if parameter.maximum is not None:
        parts.append(f"{'below' if parameter.exclusive_maximum else 'at most'} {parameter.maximum:,.12g}")
    of = "of " if parts and parts[0].startswith("at ") else ""
    return f" {of}{' and '.join(parts)}" if parts else ""


def _check_bounds(parameter: Parameter, value: float) -> None:
    low, high = parameter.minimum, parameter.maximum
    too_low = low is not None and (value < low or (parameter.exclusive_minimum and value == low))
    too_high = high is not None and (value > high or (parameter.exclusive_maximum and value == high))
    if too_low or too_high:
        raise ValueRefused(f"{display(value)} is out of range", field=parameter.name, fix=_fix(parameter))


def _boolean(parameter: Parameter, raw: object) -> bool:
    if isinstance(raw, int) and raw in (0, 1):
        return bool(raw)
    text = raw.lower() if isinstance(raw, str) else ""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise _refused(parameter, raw, "yes or no", "Give true or false")


def _integer(parameter: Parameter, raw: object) -> int:
    if isinstance(raw, str) and _INTEGER.fullmatch(raw):
        return int(raw)
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 2**53:
        return int(raw)
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < 10**19:
        return raw
    if isinstance(raw, str) and _DIGITS.fullmatch(raw):
        raise ValueRefused(f"{quoted(raw)} has too many digits", field=parameter.name, fix=_fix(parameter))
    raise _refused(parameter, raw, "a whole number")


def _number(parameter: Parameter, raw: object) -> float:
    if isinstance(raw, bool):
        raise _refused(parameter, raw, "a number")
    try:
        value = float(raw) if isinstance(raw, int | float | str) else math.nan
    except (ValueError, OverflowError):
        value = math.nan
    if not math.isfinite(value):
        raise _refused(parameter, raw, "a finite number")
    return value


def _text(parameter: Parameter, raw: object) -> str:
    if not isinstance(raw, str):
        raise _refused(parameter, raw, "a text")
    if len(raw) > LONGEST_TEXT:
        raise ValueRefused(
            f"this text has {len(raw)} characters", field=parameter.name, fix=f"Use at most {LONGEST_TEXT}"
        )
    if not raw.isprintable():
        raise _refused(parameter, raw, "on one line without control characters")
    return raw.strip()


def _choice(parameter: Parameter, raw: object) -> str:
    valid = [choice.value for choice in parameter.choices]
    if isinstance(raw, str):
        if raw in valid:
            return raw
        same = [value for value in valid if value.lower() == raw.lower()]
        if len(same) == 1:
            return same[0]
    raise _refused(parameter, raw, "one of the choices", nearest(raw, valid))


def _column(parameter: Parameter, raw: object) -> str:
    # A position is resolved to a name when the file is looked at.
    if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) < 10**6:
        raw = str(raw)
    return _text(parameter, raw)


def _names(parameter: Parameter, raw: object) -> tuple[str, ...]:
    if isinstance(raw, str):
        try:
            raw = json.loads(raw) if raw.startswith("[") else [raw]
        except (ValueError, RecursionError):
            raise _refused(parameter, raw, "a JSON list", 'Give a list such as ["a", "b"]') from None
    if not isinstance(raw, list | tuple) or len(raw) > MOST_NAMES:
        raise _refused(parameter, raw, "a list of names", 'Give a list such as ["a", "b"]')
    return tuple(_text(parameter, item) for item in raw)


_READERS: Mapping[Kind, Any] = {
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.TEXT: _text,
    Kind.CHOICE: _choice,
    Kind.FILE: _text,
    Kind.COLUMN: _column,
    Kind.NAMES: _names,
}

_ARTICLES: Mapping[Kind, str] = {
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.TEXT: "a text",
    Kind.CHOICE: "one of the choices",
    Kind.FILE: "the path of a file",
    Kind.COLUMN: "a column's name or position",
    Kind.NAMES: 'a list of names such as ["a", "b"]',
}
