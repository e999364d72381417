"""Whatever a value is, its source gives it back and a formatter leaves it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlprov_widgets.notebook.literals import assignment, literal, markdown
from mlprov_widgets.notebook.readback import literals_of
from mlprov_widgets.tasks.values import LONGEST_TEXT

ANY_TEXT = st.text(st.characters(), max_size=200)
# What read_value lets through: one line, no control characters.
ODD = st.sampled_from(["'", '"', "\\", "\\n", "{", "}", "#", "%", "é", "漢", "😀", "e\u0301", " ", "x" * 30])
TYPED_TEXT = st.one_of(
    st.text(st.characters().filter(str.isprintable), max_size=120), st.lists(ODD, max_size=30).map("".join)
)
NUMBERS = st.one_of(
    st.integers(-(10**19), 10**19),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e16, 1e-5, -0.0]),
)
VALUES = st.one_of(st.none(), st.booleans(), NUMBERS, ANY_TEXT, st.lists(ANY_TEXT, max_size=5).map(tuple))
TYPED = st.one_of(st.booleans(), NUMBERS, TYPED_TEXT, st.lists(TYPED_TEXT, max_size=5).map(tuple))


def as_read(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@settings(max_examples=500)
@given(VALUES)
@example("\ud800")
@example("'\"\\")
@example(("\n", '"', "'"))
def test_a_literal_gives_its_value_back(value: Any) -> None:
    found = ast.literal_eval(literal(value))
    assert found == as_read(value)
    assert repr(found) == repr(as_read(value))  # tells 1 from True and 0.0 from -0.0


@settings(max_examples=300)
@given(VALUES)
def test_a_literal_is_one_line_and_one_expression(value: Any) -> None:
    source = literal(value)
    assert len(source.splitlines()) == 1
    assert isinstance(ast.parse(source, mode="eval").body, ast.Constant | ast.List | ast.UnaryOp)


@settings(max_examples=300)
@given(TYPED, st.text(st.sampled_from("abc #"), max_size=90).map(lambda text: f"x{text}x"))
def test_an_assignment_is_read_back(value: Any, comment: str) -> None:
    source = assignment("epochs", value, comment)
    assert literals_of(source) == ({"epochs": as_read(value)}, [])


@settings(max_examples=300)
@given(st.text(st.characters(), max_size=100))
@example("\\<b>")
@example("&lt;")
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    shown = markdown(text)
    assert "<" not in shown
    assert unescape(re.sub(r"\\(.)", r"\1", shown)) == " ".join(text.split())


def formatted(folder: Path) -> str:
    """Return what ruff would change in a folder."""
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--isolated", "--line-length", "88", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def test_a_formatter_leaves_every_assignment_as_it_is(tmp_path: Path) -> None:
    written: list[str] = []

    @settings(max_examples=600, derandomize=True)
    @given(st.sampled_from(["x", "target_column", "n" * 60]), TYPED, st.integers(1, 90))
    @example("title", '"' * 40, 5)
    @example("title", "漢" * 40, 5)
    @example("title", "漢" * 45, 5)
    @example("title", "e\u0301" * 60, 5)
    @example("title", "x" * LONGEST_TEXT, 5)
    @example("rate", 1e300, 5)
    def collect(name: str, value: Any, length: int) -> None:
        written.append(assignment(name, value, "c" * length))

    collect()
    (tmp_path / "assignments.py").write_text("\n".join(written) + "\n", encoding="utf-8")
    assert len(written) >= 600
    assert formatted(tmp_path) == ""


def test_a_formatter_would_say_if_it_changed_something(tmp_path: Path) -> None:
    (tmp_path / "assignments.py").write_text("x = 'a'\n")
    assert '+x = "a"' in formatted(tmp_path)


@pytest.mark.parametrize("width", [40, 88, 120])
def test_an_assignment_keeps_to_its_width_where_it_can(width: int) -> None:
    names = tuple(f"column_{number}" for number in range(50))
    assert max(len(line) for line in assignment("names", names, "Names", width).splitlines()) <= width
