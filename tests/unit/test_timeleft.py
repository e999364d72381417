"""How long a training is going to take is told once it can be known, and no more exactly than that."""

from __future__ import annotations

import pytest

from mlprov_widgets.ui.timeleft import TimeLeft, in_words


def test_the_time_left_follows_from_the_speed_of_the_last_epochs() -> None:
    left = TimeLeft(100)
    assert [left.after(10 + n, n) for n in (0, 1)] == ["", ""]
    assert left.after(15, 5) == "about 2 min left"
    for second in range(16, 100):  # the machine got ten times slower
        told = left.after(float(second), 5 + (second - 15) // 10)
    assert told == "about 14 min left"


@pytest.mark.parametrize("done", [0, 100, 120])
def test_nothing_is_told_before_the_first_epoch_and_after_the_last(done: int) -> None:
    left = TimeLeft(100)
    left.after(1.0, 10)
    assert left.after(5.0, done) == ""


def test_nothing_is_told_where_the_number_of_epochs_is_not_known() -> None:
    left = TimeLeft(0)
    assert [left.after(float(n), n) for n in range(5)] == [""] * 5


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (1, "a few seconds left"),
        (22, "about 20 s left"),
        (88, "about 90 s left"),
        (100, "about 2 min left"),
        (5399, "about 90 min left"),
        (9000, "about 2.5 h left"),
    ],
)
def test_a_time_is_told_in_words(seconds: float, told: str) -> None:
    assert in_words(seconds) == told
