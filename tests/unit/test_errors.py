"""Errors are one line that says what, what is wrong and what to do."""

from __future__ import annotations

import pytest

from mlprov_widgets import errors
from mlprov_widgets.errors import MlprovError, nearest, one_line, quoted

KINDS = [
    errors.TaskError,
    errors.ValueRefused,
    errors.DataFileError,
    errors.NotebookError,
    errors.ProvenanceError,
    errors.TargetExists,
    errors.ExecutionError,
]


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")

    __str__ = __repr__


def test_an_error_says_what_is_wrong_with_which_thing_and_what_to_do() -> None:
    error = MlprovError("this is wrong", field="epochs", fix="Give another")
    assert str(error) == "epochs: this is wrong. Give another."


def test_an_error_without_field_and_fix_is_one_sentence() -> None:
    assert str(MlprovError("this is wrong")) == "this is wrong."


def test_an_error_that_quotes_a_sentence_has_one_full_stop() -> None:
    assert str(MlprovError("it said: no.", fix="Ask: please.")) == "it said: no. Ask: please."


def test_an_error_as_json_has_code_field_message_and_fix() -> None:
    error = errors.ValueRefused("this is wrong", field="epochs", fix="Give another")
    assert error.as_dict() == {
        "code": "value",
        "field": "epochs",
        "message": "this is wrong",
        "fix": "Give another",
    }


def test_every_error_of_the_tree_has_a_code_of_its_own() -> None:
    assert len({kind.code for kind in [MlprovError, *KINDS]}) == len(KINDS) + 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_of_the_tree_is_caught_as_the_base(kind: type[MlprovError]) -> None:
    with pytest.raises(MlprovError):
        raise kind("this is wrong")


def test_the_tree_is_the_documented_one() -> None:
    assert MlprovError.__subclasses__() == KINDS
    assert all(kind.__name__ in str(errors.__doc__) for kind in KINDS)


@pytest.mark.parametrize("part", ["message", "field", "fix"])
def test_no_part_of_an_error_reaches_a_terminal_with_control_characters(part: str) -> None:
    parts = {"message": "wrong", part: "a\x1b[2Jb\r\nc\u202ed"}
    error = MlprovError(**parts)
    assert str(error).isprintable()
    assert "a [2Jb c d" in str(error)


def test_one_line_makes_one_space_of_any_white_space() -> None:
    assert one_line("  a \n\t b\u3000c ") == "a b c"


def test_one_line_cuts_a_long_text_and_says_so() -> None:
    assert one_line("x" * 11, longest=10) == "x" * 9 + "…"


def test_one_line_leaves_a_text_that_just_fits() -> None:
    assert one_line("x" * 10, longest=10) == "x" * 10


def test_a_quote_shows_the_type_of_a_value() -> None:
    assert (quoted("1"), quoted(1)) == ("'1'", "1")


def test_a_quote_is_short() -> None:
    assert len(quoted("x" * 10_000)) == 80


@pytest.mark.parametrize("value", [Unspeakable(), 10**5000], ids=["no repr", "too many digits"])
def test_a_value_that_cannot_be_shown_is_quoted_by_its_type(value: object) -> None:
    assert quoted(value) == f"<{type(value).__name__}>"


def test_the_nearest_choice_is_suggested() -> None:
    assert nearest("Adm", ["Adam", "SGD"]) == "Did you mean Adam? Choose one of Adam, SGD"


def test_nothing_is_suggested_when_nothing_is_near() -> None:
    assert nearest("momentum", ["Adam", "SGD"]) == "Choose one of Adam, SGD"


def test_only_the_first_of_many_choices_are_listed() -> None:
    assert nearest("?", [f"column_{n}" for n in range(20)], most=2) == "Choose one of column_0, column_1, …"


def test_the_nearest_choice_is_suggested_even_if_it_is_not_listed() -> None:
    assert nearest("bb", ["aaaa", "bbb"], most=1) == "Did you mean bbb? Choose one of aaaa, …"


def test_a_value_that_cannot_be_shown_is_near_to_nothing() -> None:
    assert nearest(Unspeakable(), ["Adam"]) == "Choose one of Adam"
