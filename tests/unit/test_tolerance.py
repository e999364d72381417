"""The band that reruns measure."""

from __future__ import annotations

from typing import Any

import pytest

from mlprov_widgets.execution.tolerance import bands, within

NAN = float("nan")


@pytest.mark.parametrize(
    ("expected", "measured", "is_within"),
    [
        (0.5, [0.5], True),
        (0.5, [0.5 + 1e-9], True),
        (0.5, [0.5005], False),
        (1000.0, [1000.0005], True),
        (0.5, [0.4, 0.6], True),
        (0.7, [0.4, 0.6], True),
        (0.81, [0.4, 0.6], False),
        (0.19, [0.4, 0.6], False),
        ([[1, 0], [0, 9]], [[[1, 0], [0, 9]]], True),
        ([[1, 0], [0, 9]], [[[1, 0], [1, 8]]], False),
        ([[1, 0], [0, 9]], [[[1, 0], [0, 8]], [[1, 0], [0, 7]]], True),
        ([1, 2], [[1, 2, 3]], False),
        (NAN, [NAN], True),
        (NAN, [0.5], False),
        (0.5, [NAN, 0.5], False),
        (float("inf"), [float("inf")], True),
        (0.5, [None], False),
        (None, [None], True),
        ("x", ["x"], True),
        (True, [True], True),
    ],
)
def test_a_value_is_within_what_the_reruns_span(expected: Any, measured: list[Any], is_within: bool) -> None:
    assert within(expected, measured) is is_within


def test_a_band_holds_the_extremes_of_each_number() -> None:
    runs = [{"loss": 0.5, "f1": [0.1, 0.4]}, {"loss": 0.25, "f1": [0.2, 0.3], "odd": "x"}]
    assert bands(runs) == {
        "loss": {"lowest": 0.25, "highest": 0.5, "spread": 0.25, "runs": 2},
        "f1": {"lowest": [0.1, 0.3], "highest": [0.2, 0.4], "spread": [0.1, 0.10000000000000003], "runs": 2},
    }
