"""One value for one parameter: typed, bounded, from the closed list."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from mlprov_widgets.errors import ValueRefused
from mlprov_widgets.tasks.model import Choice, Kind, Parameter, Sort
from mlprov_widgets.tasks.values import LONGEST_TEXT, MOST_NAMES, display, read_value

OPTIMIZERS = tuple(Choice(name, name) for name in ("Adam", "Adamax", "SGD", "sgd"))


def shown(item: object) -> str:
    """Return the id of a test's parameter."""
    try:
        return str(item) if isinstance(item, Kind) else repr(item)[:30]
    except ValueError:
        return "huge"


def parameter(kind: Kind, **about: Any) -> Parameter:
    return Parameter("thing", "training", "Thing", "A thing.", Sort.LITERAL, kind, **about)


def refusal(kind: Kind, raw: object, **about: Any) -> str:
    with pytest.raises(ValueRefused) as caught:
        read_value(parameter(kind, **about), raw)
    assert caught.value.field == "thing"
    return str(caught.value)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (Kind.INTEGER, 3, 3),
        (Kind.INTEGER, "3", 3),
        (Kind.INTEGER, " -3 ", -3),
        (Kind.INTEGER, "+3", 3),
        (Kind.INTEGER, 3.0, 3),
        (Kind.NUMBER, 3, 3.0),
        (Kind.NUMBER, "1e-3", 0.001),
        (Kind.NUMBER, " .5 ", 0.5),
        (Kind.BOOLEAN, True, True),
        (Kind.BOOLEAN, "Yes", True),
        (Kind.BOOLEAN, "on", True),
        (Kind.BOOLEAN, 1, True),
        (Kind.BOOLEAN, "FALSE", False),
        (Kind.BOOLEAN, "no", False),
        (Kind.BOOLEAN, 0, False),
        (Kind.TEXT, "  two words ", "two words"),
        (Kind.FILE, " a b.csv ", "a b.csv"),
        (Kind.COLUMN, "kind", "kind"),
        (Kind.COLUMN, 5, "5"),
        (Kind.COLUMN, -1, "-1"),
        (Kind.NAMES, '["a", "b"]', ("a", "b")),
        (Kind.NAMES, ["a", " b "], ("a", "b")),
        (Kind.NAMES, ("a",), ("a",)),
        (Kind.NAMES, "one name", ("one name",)),
        (Kind.NAMES, "[]", ()),
    ],
    ids=shown,
)
def test_a_value_is_read_as_its_kind(kind: Kind, raw: object, value: object) -> None:
    read = read_value(parameter(kind), raw)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("kind", "raw", "message"),
    [
        (Kind.INTEGER, "3.5", "'3.5' is not a whole number. Give a whole number."),
        (Kind.INTEGER, 3.5, "3.5 is not a whole number. Give a whole number."),
        (Kind.INTEGER, "1e3", "'1e3' is not a whole number. Give a whole number."),
        (Kind.INTEGER, "٣", "'٣' is not a whole number. Give a whole number."),
        (Kind.INTEGER, True, "True is not a whole number. Give a whole number."),
        (Kind.INTEGER, 1e300, "1e+300 is not a whole number. Give a whole number."),
        (Kind.INTEGER, math.inf, "inf is not a whole number. Give a whole number."),
        (Kind.INTEGER, "9" * 20, f"'{'9' * 20}' has too many digits. Give a whole number."),
        (Kind.INTEGER, 10**19, f"{10**19} is not a whole number. Give a whole number."),
        (Kind.INTEGER, 10**5000, "<int> is not a whole number. Give a whole number."),
        (Kind.INTEGER, [3], "[3] is not a whole number. Give a whole number."),
        (Kind.NUMBER, "many", "'many' is not a finite number. Give a number."),
        (Kind.NUMBER, "nan", "'nan' is not a finite number. Give a number."),
        (Kind.NUMBER, "-inf", "'-inf' is not a finite number. Give a number."),
        (Kind.NUMBER, 10**400, f"{str(10**400)[:79]}… is not a finite number. Give a number."),
        (Kind.NUMBER, 10**5000, "<int> is not a finite number. Give a number."),
        (Kind.NUMBER, False, "False is not a number. Give a number."),
        (Kind.NUMBER, {}, "{} is not a finite number. Give a number."),
        (Kind.BOOLEAN, "maybe", "'maybe' is not yes or no. Give true or false."),
        (Kind.BOOLEAN, 2, "2 is not yes or no. Give true or false."),
        (Kind.BOOLEAN, 10**5000, "<int> is not yes or no. Give true or false."),
        (Kind.BOOLEAN, 1.0, "1.0 is not yes or no. Give true or false."),
        (Kind.TEXT, 5, "5 is not a text. Give a text."),
        (Kind.TEXT, "a\nb", "'a\\nb' is not on one line without control characters. Give a text."),
        (Kind.TEXT, "a\x1b[2J", "'a\\x1b[2J' is not on one line without control characters. Give a text."),
        (Kind.TEXT, "\ud800", "'\\ud800' is not on one line without control characters. Give a text."),
        (Kind.TEXT, "x" * 1001, "this text has 1001 characters. Use at most 1000."),
        (Kind.FILE, ["a.csv"], "['a.csv'] is not a text. Give the path of a file."),
        (Kind.COLUMN, 1.5, "1.5 is not a text. Give a column's name or position."),
        (Kind.COLUMN, 10**5000, "<int> is not a text. Give a column's name or position."),
        (Kind.NAMES, "[1", '\'[1\' is not a JSON list. Give a list such as ["a", "b"].'),
        (Kind.NAMES, 5, '5 is not a list of names. Give a list such as ["a", "b"].'),
        (Kind.NAMES, [5], '5 is not a text. Give a list of names such as ["a", "b"].'),
    ],
    ids=shown,
)
def test_what_is_not_of_the_kind_is_refused_with_what_would_be(kind: Kind, raw: object, message: str) -> None:
    assert refusal(kind, raw) == f"thing: {message}"


def test_a_list_of_names_has_a_limit() -> None:
    assert refusal(Kind.NAMES, ["a"] * (MOST_NAMES + 1)).endswith(
        'is not a list of names. Give a list such as ["a", "b"].'
    )


def test_a_list_that_is_nested_too_deeply_is_refused() -> None:
    assert "is not a JSON list" in refusal(Kind.NAMES, "[" * 100_000)


def test_a_list_in_many_lists_is_refused() -> None:
    raw: list[object] = []
    for _ in range(5000):
        raw = [raw]
    assert refusal(Kind.NAMES, raw) == 'thing: <list> is not a text. Give a list of names such as ["a", "b"].'


def test_a_text_of_the_greatest_length_is_taken() -> None:
    assert read_value(parameter(Kind.TEXT), "x" * LONGEST_TEXT) == "x" * LONGEST_TEXT


@pytest.mark.parametrize("kind", [Kind.INTEGER, Kind.NUMBER])
def test_a_number_on_its_bounds_is_taken(kind: Kind) -> None:
    bounded = parameter(kind, minimum=1, maximum=5)
    assert [read_value(bounded, 1), read_value(bounded, 5)] == [1, 5]


@pytest.mark.parametrize("raw", [0, 6, "0", "6", -(10**18)], ids=shown)
def test_a_number_beyond_its_bounds_is_refused(raw: object) -> None:
    assert refusal(Kind.INTEGER, raw, minimum=1, maximum=5).endswith(
        " is out of range. Give a whole number of at least 1 and at most 5."
    )


@pytest.mark.parametrize("raw", [0.0, -0.0, 1.0])
def test_an_exclusive_bound_is_refused_itself(raw: float) -> None:
    message = refusal(
        Kind.NUMBER, raw, default=0.2, minimum=0, maximum=1, exclusive_minimum=True, exclusive_maximum=True
    )
    assert message == f"thing: {display(raw)} is out of range. Give a number above 0 and below 1, such as 0.2."


def test_the_fix_says_that_an_optional_value_may_be_left_empty() -> None:
    message = refusal(Kind.INTEGER, "x", optional=True, default=16, minimum=1)
    assert (
        message == "thing: 'x' is not a whole number. Give a whole number of at least 1, such as 16, or leave it empty."
    )


@pytest.mark.parametrize("raw", ["", "   ", None])
@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.NAMES])
def test_an_optional_value_may_be_left_empty(kind: Kind, raw: object) -> None:
    assert read_value(parameter(kind, optional=True, choices=OPTIMIZERS), raw) is None


def test_a_value_that_is_detected_may_be_left_empty() -> None:
    assert read_value(parameter(Kind.COLUMN, detect="target_column"), "") is None


def test_an_empty_list_of_names_is_a_list() -> None:
    assert read_value(parameter(Kind.NAMES), "") == ()


@pytest.mark.parametrize("raw", ["", None])
def test_a_needed_value_may_not_be_left_empty(raw: object) -> None:
    message = refusal(Kind.INTEGER, raw, default=2, minimum=0)
    assert message == "thing: this may not be empty. Give a whole number of at least 0, such as 2."


def test_a_choice_is_taken_from_the_closed_list() -> None:
    assert read_value(parameter(Kind.CHOICE, choices=OPTIMIZERS), "Adam") == "Adam"


def test_a_choice_may_be_typed_in_another_case() -> None:
    assert read_value(parameter(Kind.CHOICE, choices=OPTIMIZERS), " adamax ") == "Adamax"


def test_a_choice_whose_case_decides_is_not_guessed() -> None:
    assert refusal(Kind.CHOICE, "Sgd", choices=OPTIMIZERS).startswith("thing: 'Sgd' is not one of the choices.")


def test_a_near_miss_of_a_choice_names_the_choice() -> None:
    assert refusal(Kind.CHOICE, "Adem", choices=OPTIMIZERS) == (
        "thing: 'Adem' is not one of the choices. Did you mean Adam? Choose one of Adam, Adamax, SGD, sgd."
    )


@pytest.mark.parametrize("raw", [5, ["Adam"], {"Adam": 1}, "torch.optim.Adam(", 10**5000], ids=shown)
def test_anything_else_than_a_choice_is_refused(raw: object) -> None:
    assert refusal(Kind.CHOICE, raw, choices=OPTIMIZERS).endswith("Choose one of Adam, Adamax, SGD, sgd.")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (0.001, "0.001"),
        (2.0, "2"),
        (0.0, "0"),
        (10.5, "10.5"),
        (16, "16"),
        ("iris", "iris"),
        (("a", "é"), '["a", "é"]'),
        ((), "[]"),
    ],
)
def test_a_value_is_displayed_as_it_would_be_typed(value: Any, text: str) -> None:
    assert display(value) == text


def test_a_displayed_list_is_json() -> None:
    assert json.loads(display(('"', "\\"))) == ['"', "\\"]
