"""Where a value becomes source or Markdown."""

from __future__ import annotations

import ast
from typing import Any

import pytest

from mlprov_widgets.notebook.literals import Source, assignment, literal, markdown


@pytest.mark.parametrize(
    ("value", "source"),
    [
        (None, "None"),
        (True, "True"),
        (False, "False"),
        (16, "16"),
        (-1, "-1"),
        (0.001, "0.001"),
        (1e-05, "1e-05"),
        (1e16, "1e16"),
        (-0.0, "-0.0"),
        ("iris", '"iris"'),
        ("", '""'),
        ("it's", '"it\'s"'),
        ('say "hi"', "'say \"hi\"'"),
        ('it\'s "it"', "'it\\'s \"it\"'"),
        ("it's 'it' \"", "\"it's 'it' \\\"\""),
        ("'", '"\'"'),
        ("'\"", '"\'\\""'),
        ("\\", '"\\\\"'),
        ("\\'", '"\\\\\'"'),
        ('\\"', "'\\\\\"'"),
        ("a\nb", '"a\\nb"'),
        ("\x00\x1b\u202e", '"\\x00\\x1b\\u202e"'),
        ("größe", '"größe"'),
        ((), "[]"),
        (("a", "it's"), '["a", "it\'s"]'),
    ],
    ids=repr,
)
def test_a_value_has_the_source_that_a_formatter_would_leave(value: Any, source: str) -> None:
    assert literal(value) == source


def test_code_in_a_value_stays_a_text() -> None:
    hostile = '"); import os; os.system("x") #\n'
    assert ast.literal_eval(literal(hostile)) == hostile


def test_a_text_that_says_it_is_source_is_quoted_all_the_same() -> None:
    assert literal(Source("import os")) == '"import os"'


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_number_without_a_literal_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match=f"{number!r} has no literal"):
        literal(number)


@pytest.mark.parametrize("value", [["a"], {"a": 1}, b"a", 1j, object()], ids=lambda value: type(value).__name__)
def test_another_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match=f"{type(value).__name__} has no literal"):
        literal(value)


def test_a_comment_follows_where_there_is_room() -> None:
    assert assignment("epochs", 100, "Epochs") == "epochs = 100  # Epochs"


def test_a_comment_goes_before_a_line_that_it_would_make_too_long() -> None:
    comment = "x" * 73
    assert assignment("epochs", 100, comment) == f"# {comment}\nepochs = 100"


def test_a_comment_follows_when_it_just_fits() -> None:
    assert len(assignment("epochs", 100, "x" * 72)) == 88


def test_a_long_text_gets_a_line_of_its_own() -> None:
    text = "x" * 80
    assert assignment("title", text, "Title") == f'# Title\ntitle = (\n    "{text}"\n)'


def test_a_text_that_fits_on_no_line_stays_on_one() -> None:
    text = "x" * 100
    assert assignment("title", text, "Title") == f'# Title\ntitle = "{text}"'


def test_a_long_list_gets_a_line_for_each_name() -> None:
    names = ("a" * 40, "b" * 40)
    assert assignment("ignored_columns", names, "Left out") == (
        f'# Left out\nignored_columns = [\n    "{names[0]}",\n    "{names[1]}",\n]'
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("two\n\nlines", "two lines"),
        ("# no heading", "\\# no heading"),
        ("[no](link)", "\\[no\\]\\(link\\)"),
        ("*no* _emphasis_", "\\*no\\* \\_emphasis\\_"),
        ("<script>", "&lt;script&gt;"),
        ("&lt;", "&amp;lt;"),
        ("\\<b>", "\\\\&lt;b&gt;"),
        ("\\\\<b>", "\\\\\\\\&lt;b&gt;"),
        ("$x$", "\\$x\\$"),
        ("http://x.y", "http\\://x\\.y"),
    ],
)
def test_a_text_in_markdown_is_shown_as_it_is(text: str, shown: str) -> None:
    assert markdown(text) == shown
