"""Whatever `inspect_table` sees in a file, `pandas.read_csv` must see there too."""

from __future__ import annotations

import string
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlprov_widgets.errors import DataFileError
from mlprov_widgets.tasks.tables import SEPARATORS, Table, inspect_table

pandas = pytest.importorskip("pandas")

QUICK = settings(max_examples=200)

MISSING = st.sampled_from(["", "NA", "nan", "NULL", "None", "<NA>", "#N/A", "-1.#IND"])
ODD = st.sampled_from(["1_000", "True", "inf", "1e", "1e999", "NAN", " 5", "7 ", "+3", "\u0663", "1,5", "0x1", "x"])
WHOLE = st.integers(-(10**20), 10**20).map(str)
NUMBERS = st.one_of(
    st.integers(-(10**17), 10**17).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.from_regex(r"[+-]?[0-9]{1,4}\.[0-9]{0,4}([eE][+-]?[0-9]{1,2})?", fullmatch=True, alphabet=string.printable),
)
TEXTS = st.text(st.sampled_from("abAB01 .,;|\t\"'\n\rß\u3000\x0c\x1f"), max_size=4)
LABELS = st.one_of(
    st.sampled_from(
        [("u", "v"), ("1", "2", "10"), ("1", "1.0", "02"), ("true", "FALSE"), ("a", "1", "True", "")]
    ).flatmap(st.sampled_from),
    MISSING,
    TEXTS,
)


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    """Return where each example writes its file."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "table.csv")


def quote(cell: str, always: bool) -> str:
    """Return a cell as it is written in a file."""
    if always or any(c in cell for c in ',;|\t "\n\r') or not cell:
        return '"' + cell.replace('"', '""') + '"'
    return cell


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a separator and a file that is nearly always a usable table."""
    separator = draw(st.sampled_from(sorted(SEPARATORS)))
    width = draw(st.integers(2, 4))
    feature = draw(st.sampled_from([NUMBERS, st.one_of(NUMBERS, MISSING), st.one_of(NUMBERS, MISSING, ODD, WHOLE)]))
    label = draw(
        st.sampled_from(
            [
                LABELS,
                st.sampled_from(["1", "2", "10", "+2", "01"]),
                st.sampled_from(["1", "2", ""]),
                st.sampled_from(["1", "2", "3.0", "1e1", "0.5", "-.50"]),
                st.one_of(st.decimals(-100, 100, places=7).map(str), NUMBERS),
                st.sampled_from(["true", "False", "NA"]),
            ]
        )
    )
    names = [f"n{i}" for i in range(width)]
    rows = [names] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(2, 8))):
        rows.append([*(draw(feature) for _ in range(width - 1)), draw(label)])
    end = draw(st.sampled_from(["\n", "\r\n"]))
    mark = {"space": draw(st.sampled_from([" ", "  ", "\t"]))}.get(separator, SEPARATORS[separator])
    text = draw(st.sampled_from(["", "\ufeff"]))
    for row in rows:
        if draw(st.integers(0, 9)) == 0:
            text += draw(st.sampled_from(["", " ", "   "])) + end
        text += draw(st.sampled_from(["", " "])) if separator != "tab" else ""
        text += mark.join(quote(cell, draw(st.integers(0, 5)) == 0) for cell in row) + end
    return separator, text


def seen_by_pandas(table: Table) -> Any:
    """Return the file as the notebook reads it."""
    return pandas.read_csv(
        table.path,
        sep=r"\s+" if table.separator == "space" else SEPARATORS[table.separator],
        header=0 if table.header else None,
        skipinitialspace=True,
        encoding="utf-8-sig",
    )


def assert_same(table: Table) -> None:
    """Compare everything that both of them see."""
    frame = seen_by_pandas(table)
    if not table.header:
        frame.columns = [f"column_{position}" for position in range(1, frame.shape[1] + 1)]
    frame = frame[list(table.columns)]
    assert list(frame.columns) == list(table.columns)
    assert len(frame) == table.rows
    labels = frame[table.target_column]
    assert labels.isna().sum() == table.missing_target
    counts = labels.dropna().value_counts()
    assert [(str(label), counts[label]) for label in sorted(counts.index)] == list(table.classes.items())
    features = frame.drop(columns=table.target_column)
    assert all(kind.kind in "if" for kind in features.dtypes)
    missing = features.isna().sum()
    assert {name: count for name, count in missing.items() if count} == dict(table.missing)


@QUICK
@given(file=files(), detect=st.booleans())
def test_a_table_is_what_pandas_reads(path: Path, file: tuple[str, str], detect: bool) -> None:
    separator, text = file
    path.write_bytes(text.encode())
    try:
        table = inspect_table(path, separator=None if detect else separator)
    except DataFileError:
        return
    assert_same(table)


@QUICK
@given(
    cells=st.lists(
        st.one_of(NUMBERS, ODD, TEXTS.filter(lambda text: text.strip() and "\r" not in text)), min_size=1, max_size=3
    )
)
def test_a_number_is_what_pandas_takes_for_one(path: Path, cells: list[str]) -> None:
    path.write_bytes(("a,y\n1,u\n" + "".join(f"{quote(cell, True)},v\n" for cell in cells)).encode())
    try:
        inspect_table(path, separator="comma", header=True)
        accepted = True
    except DataFileError:
        accepted = False
    column = pandas.read_csv(path, skipinitialspace=True, encoding="utf-8-sig")["a"]
    # Numbers that are too large for the models are refused on purpose.
    usable = column.dtype.kind in "if" and column.abs().max() < 3.4e38
    assert accepted == usable


@QUICK
@given(text=st.text(st.sampled_from('12.,;| \t"\n\rab-eNA'), max_size=40))
def test_any_accepted_text_is_what_pandas_reads(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    for separator in SEPARATORS:
        try:
            table = inspect_table(path, separator=separator)
        except DataFileError:
            continue
        assert_same(table)


@QUICK
@given(
    content=st.one_of(
        st.binary(max_size=80),
        st.text(max_size=60).map(str.encode),
        st.binary(max_size=40).map(lambda tail: b"a,b\n1,u\n2,v\n" + tail),
    ),
    separator=st.sampled_from([None, *SEPARATORS]),
    header=st.sampled_from([None, True, False]),
    target=st.one_of(st.none(), st.text(max_size=3), st.integers(-4, 4).map(str)),
    ignored=st.lists(st.one_of(st.text(max_size=3), st.sampled_from(["a", "b", "column_1"])), max_size=2),
)
def test_any_bytes_give_a_table_or_a_clear_refusal(
    path: Path, content: bytes, separator: str | None, header: bool | None, target: str | None, ignored: list[str]
) -> None:
    path.write_bytes(content)
    try:
        table = inspect_table(path, separator=separator, header=header, target_column=target, ignored_columns=ignored)
    except DataFileError as error:
        said = (error.field, bool(error.message), bool(error.fix), str(error).isprintable())
    else:
        said = ("table.csv", len(table.classes) > 1, table.rows > 1, table.bytes == len(content))
    assert said == ("table.csv", True, True, True)
