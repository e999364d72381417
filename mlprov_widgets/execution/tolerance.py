"""How close is close enough: a band that reruns measure, not a number that somebody guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

ROUNDING: Final = 1e-6
"""What the rounding of single precision makes of a metric: some ten times its spacing at 1 (1.2e-7).

Relative for values above 1, absolute below. It holds without a measurement too.
"""


def within(expected: Any, measured: Sequence[Any]) -> bool:
    """Return whether a recorded value may be one of those that reruns gave.

    It may lie as far from the nearest of them as they lie from each other, or as rounding explains.

    Parameters
    ----------
    expected
        The recorded value: a number, or lists of numbers.
    measured
        The same value in each of the reruns.
    """
    if isinstance(expected, list):
        if not all(isinstance(value, list) and len(value) == len(expected) for value in measured):
            return False
        return all(within(item, [value[k] for value in measured]) for k, item in enumerate(expected))
    if not _is_number(expected) or not all(_is_number(value) for value in measured):
        return all(value == expected for value in measured)
    lowest, highest = min(measured), max(measured)
    if not lowest <= highest < float("inf") or lowest == -float("inf"):  # a NaN is in no order
        return all(value == expected or (value != value and expected != expected) for value in measured)
    slack = max(highest - lowest, ROUNDING * max(1.0, abs(expected)))
    return bool(lowest - slack <= expected <= highest + slack)


def bands(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the lowest and the highest value that reruns gave each metric, and how far those are apart.

    Parameters
    ----------
    runs
        The metrics of each rerun.

    Returns
    -------
    dict
        Metric to ``lowest``, ``highest``, ``spread`` and ``runs``; for a metric of several numbers, item by item.
    """
    names = dict.fromkeys(name for run in runs for name in run)
    found = {}
    for name in names:
        values = [run[name] for run in runs if name in run]
        lowest, highest = _each(min, values), _each(max, values)
        if lowest is not None and highest is not None:
            spread = _each(lambda pair: pair[0] - pair[1], [highest, lowest])
            found[name] = {"lowest": lowest, "highest": highest, "spread": spread, "runs": len(values)}
    return found


def _each(reduce: Any, values: Sequence[Any]) -> Any:
    """Reduce values item by item; None where they are no numbers, or of other shapes."""
    if all(_is_number(value) for value in values):
        return reduce(values)
    if not all(isinstance(value, list) and len(value) == len(values[0]) for value in values):
        return None
    items = [_each(reduce, [value[k] for value in values]) for k in range(len(values[0]))]
    return None if None in items else items


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
