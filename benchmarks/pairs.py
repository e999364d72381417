"""Runs that cover all pairs of a task's options: every option of one parameter beside every one of each other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Options = Mapping[str, Sequence[Any]]
Pair = frozenset[tuple[str, Any]]

_TRIES = 40
_MOST_TRIES = 1000


def pairs_of(row: Mapping[str, Any]) -> set[Pair]:
    """Return all pairs of options in a row."""
    return {frozenset(pair) for pair in itertools.combinations(row.items(), 2)}


def covering(
    options: Options, accepted: Callable[[Mapping[str, Any]], bool]
) -> tuple[list[dict[str, Any]], list[Pair]]:
    """Return rows that hold every pair of options at least once, greedily and always the same, and the pairs left.

    Parameters
    ----------
    options
        Parameter to its options; ``None`` leaves the parameter out.
    accepted
        Whether a row's values can run together. A pair that stands in no row that was tried is left.
    """
    chance = random.Random(0)
    todo = {
        frozenset(pair) for one, other in itertools.combinations(options, 2) for pair in _between(options, one, other)
    }
    rows: list[dict[str, Any]] = []
    left: list[Pair] = []
    while todo:
        wanted = min(todo, key=_order)
        best: dict[str, Any] | None = None
        gain = 0
        for number in range(_MOST_TRIES):
            if best is not None and number >= _TRIES:
                break
            row = {name: chance.choice(list(values)) for name, values in options.items()} | dict(wanted)
            new = len(pairs_of(row) & todo)
            if new > gain and accepted(row):
                best, gain = row, new
        if best is None:
            todo.discard(wanted)
            left.append(wanted)
        else:
            rows.append(best)
            todo -= pairs_of(best)
    return rows, left


def _between(options: Options, one: str, other: str) -> Iterable[tuple[tuple[str, Any], tuple[str, Any]]]:
    return (((one, a), (other, b)) for a, b in itertools.product(options[one], options[other]))


def _order(pair: Pair) -> list[str]:
    return sorted(map(str, pair))
