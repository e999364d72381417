"""What is seen in a data file, and what is refused with which words."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from mlprov_widgets.errors import DataFileError
from mlprov_widgets.tasks import tables
from mlprov_widgets.tasks.tables import SEPARATORS, Table, inspect_table

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a data file called ``flowers.csv``."""

    def to_file(content: str | bytes) -> Path:
        path = tmp_path / "flowers.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return to_file


def refusal(path: Path, **options: object) -> str:
    """Return what is said when a file is refused."""
    with pytest.raises(DataFileError) as caught:
        inspect_table(path, **options)  # type: ignore[arg-type]
    assert str(caught.value).isprintable()
    return str(caught.value)


FLOWERS = "length,width,kind\n5.1,3.5,setosa\n4.9,,setosa\n7.0,3.2,virginica\n6.1,2.8,\n"


def test_a_table_is_described(write: Write) -> None:
    path = write(FLOWERS)
    assert inspect_table(path) == Table(
        path=path,
        separator="comma",
        header=True,
        columns=("length", "width", "kind"),
        rows=4,
        target_column="kind",
        classes={"setosa": 2, "virginica": 1},
        complete={"setosa": 1, "virginica": 1},
        missing={"width": 1},
        missing_target=1,
        preview=(
            ("5.1", "3.5", "setosa"),
            ("4.9", "", "setosa"),
            ("7.0", "3.2", "virginica"),
            ("6.1", "2.8", ""),
        ),
        bytes=len(FLOWERS),
        sha256=hashlib.sha256(FLOWERS.encode()).hexdigest(),
    )


def test_the_preview_has_five_rows_without_ignored_columns(write: Write) -> None:
    path = write("id,a,y\n" + "".join(f"r{i},{i},{i % 2}\n" for i in range(9)))
    table = inspect_table(path, ignored_columns=["id"])
    assert table.columns == ("a", "y")
    assert table.preview == (("0", "0"), ("1", "1"), ("2", "0"), ("3", "1"), ("4", "0"))


@pytest.mark.parametrize("name", list(SEPARATORS))
def test_each_separator_is_detected_and_can_be_given(write: Write, name: str) -> None:
    path = write(FLOWERS.replace("4.9,,", "4.9,NA,").replace("2.8,\n", "2.8,NA\n").replace(",", SEPARATORS[name]))
    assert inspect_table(path).separator == name
    assert inspect_table(path, separator=name).classes == {"setosa": 2, "virginica": 1}


def test_spaces_behind_commas_are_not_the_separator(write: Write) -> None:
    assert inspect_table(write("a, b, y\n1, 2, u\n3, 4, v\n")).columns == ("a", "b", "y")


def test_runs_of_spaces_and_tabs_count_as_one_space(write: Write) -> None:
    table = inspect_table(write('  1   2\t"a b"x \n \t\n3 4 "c""d"\n5 6 e"f\n'), separator="space")
    assert table.classes == {"a bx": 1, 'c"d': 1, 'e"f': 1}
    assert table.rows == 3


def test_quoted_cells_may_hold_separators_and_line_ends(write: Write) -> None:
    table = inspect_table(write('a,y\n1,"u,\nv"\n2,"say ""hi"""\n'))
    assert table.classes == {'say "hi"': 1, "u,\nv": 1}


def test_blank_lines_and_a_byte_order_mark_are_skipped(write: Write) -> None:
    table = inspect_table(write("\ufeff\n \t\na,y\r\n\r\n1,u\r\n  \r\n2,v\r\n\n".encode()))
    assert (table.columns, table.rows) == (("a", "y"), 2)


@pytest.mark.parametrize(
    ("text", "header"),
    [("a,b\n1,u\n2,v\n", True), ("1,u\n2,v\n", False), ("NA,b\n1,u\n2,v\n", True), ("2019,kind\n1,u\n2,v\n", False)],
)
def test_a_header_is_a_first_line_without_numbers(write: Write, text: str, header: bool) -> None:
    assert inspect_table(write(text)).header is header


def test_a_file_of_texts_has_a_header(write: Write) -> None:
    message = refusal(write("colour,kind\nred,u\nblue,v\n"))
    assert message.startswith("flowers.csv: column 'colour' has 'red' in line 2")


def test_columns_without_a_header_get_names(write: Write) -> None:
    table = inspect_table(write("1,2,u\n3,4,v\n"))
    assert (table.header, table.columns, table.rows) == (False, ("column_1", "column_2", "column_3"), 2)


def test_a_header_of_numbers_can_be_asked_for(write: Write) -> None:
    table = inspect_table(write("1,2,3\n1,2,u\n3,4,v\n"), header=True)
    assert (table.columns, table.target_column) == (("1", "2", "3"), "3")


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("a,b,c", "c"),
        ("Class,b,c", "Class"),
        ("a,SPECIES,c", "SPECIES"),
        ("y,b,c", "y"),
        ("class,label,c", "c"),
    ],
)
def test_the_target_is_a_column_with_a_usual_name_or_the_last(write: Write, header: str, target: str) -> None:
    assert inspect_table(write(f"{header}\n1,1,1\n2,2,2\n")).target_column == target


def test_an_ignored_column_is_not_taken_for_the_target(write: Write) -> None:
    assert inspect_table(write("a,b,c\n1,1,1\n2,2,2\n"), ignored_columns=["c"]).target_column == "b"


@pytest.mark.parametrize(("given", "target"), [("b", "b"), ("1", "1"), ("2", "b"), ("-1", "1"), ("-3", "a")])
def test_the_target_can_be_given_as_name_or_position(write: Write, given: str, target: str) -> None:
    path = write("a,b,1\n1,1,1\n2,2,2\n")
    # "1" is also a name here, and a name wins over a position.
    assert inspect_table(path, header=True, target_column=given).target_column == target


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ("10 9 9", {"9": 2, "10": 1}),
        ("01 1 +2", {"1": 2, "2": 1}),
        ("1 1.0 2", {"1.0": 2, "2.0": 1}),
        ("0.5 .50 2", {"0.5": 2, "2.0": 1}),
        ("1 2 NA", {"1.0": 1, "2.0": 1}),
        ("1 10 b", {"1": 1, "10": 1, "b": 1}),
        ("true False TRUE", {"False": 1, "True": 2}),
        ("true 1 x", {"1": 1, "true": 1, "x": 1}),
        ("b B a", {"B": 1, "a": 1, "b": 1}),
        ("0" * 5000 + "7 8 8", {"7": 1, "8": 2}),
    ],
)
def test_labels_are_typed_and_sorted_as_pandas_does(write: Write, labels: str, classes: dict[str, int]) -> None:
    table = inspect_table(write("a,y\n" + "".join(f"1,{label}\n" for label in labels.split())))
    assert list(table.classes.items()) == list(classes.items())


def test_spaces_behind_a_label_are_part_of_it(write: Write) -> None:
    assert inspect_table(write("a,y\n1, u\n2,u \n3,u\n")).classes == {"u": 2, "u ": 1}


@pytest.mark.parametrize(
    "cell", ["1", "-1.5", "+.5", "2.", "1e5", "1E-400", " 7 ", '"\t8"', "1" * 17, "0." + "0" * 400]
)
def test_numbers_are_what_pandas_takes_for_numbers(write: Write, cell: str) -> None:
    assert inspect_table(write(f"a,y\n{cell},u\n2,v\n")).columns == ("a", "y")


@pytest.mark.parametrize(
    "cell", ["1_000", "x", "True", "+nan", "NAN", "0x10", "\u0661", "1e", "2020-01-01", "NA ", "'5'"]
)
def test_a_text_among_features_is_refused(write: Write, cell: str) -> None:
    assert refusal(write(f"a,b,y\n1,1,u\n1,{cell},v\n")) == (
        f"flowers.csv: column 'b' has {cell!r} in line 3, which is not a number. "
        """Leave it out with --set ignored_columns='["b"]', or change it to numbers."""
    )


def test_all_columns_with_texts_are_named_at_once_with_those_ignored_already(write: Write) -> None:
    path = write("id,name,a,größe,y\nr1,x,1,2,u\nr2,1,1,klein,v\n")
    assert refusal(path, ignored_columns=["id"]) == (
        "flowers.csv: column 'name' has 'x' in line 2, which is not a number, and so has 'größe'. "
        """Leave it out with --set ignored_columns='["id", "name", "größe"]', or change it to numbers."""
    )


def test_the_columns_to_leave_out_are_never_cut_off_and_work_when_used(write: Write) -> None:
    names = [f"a long name, it's {i}" for i in range(100)]
    path = write(",".join([f'"{name}"' for name in names]) + ",n,y\n" + "x," * 100 + "1,u\n" + "x," * 100 + "2,v\n")
    message = refusal(path)
    listed = message.split("ignored_columns='")[1].split("'")[0]
    assert json.loads(listed) == names
    assert inspect_table(path, ignored_columns=json.loads(listed)).columns == ("n", "y")


def test_a_text_comes_before_a_decimal_comma_in_the_same_column(write: Write) -> None:
    assert "has 'x' in line 3" in refusal(write("a;y\n1,5;u\nx;v\n"))


def test_a_decimal_comma_is_refused(write: Write) -> None:
    assert refusal(write("a;y\n1.5;u\n1,5;v\n")) == (
        "flowers.csv: column 'a' has '1,5' in line 3, with a decimal comma. "
        """Leave it out with --set ignored_columns='["a"]', or save the file with decimal points."""
    )


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "1e39", "9" * 20, "1" * 5000])
def test_an_infinite_or_too_large_feature_is_refused(write: Write, cell: str) -> None:
    message = refusal(write(f"a,y\n1,u\n{cell},v\n"))
    assert message.startswith(f"flowers.csv: column 'a' has '{cell[:5]}"[:36])
    assert message.endswith(
        "in line 3, which is infinite or too large. "
        """Leave it out with --set ignored_columns='["a"]', or correct that cell."""
    )


def test_a_feature_without_any_value_is_refused(write: Write) -> None:
    assert refusal(write("a,b,y\n1,,u\n2,NA,v\n")) == (
        "flowers.csv: column 'b' has only missing cells. "
        """Leave it out with --set ignored_columns='["b"]', or fill it in."""
    )


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.csv") == "none.csv: there is no such file. Check the path."


def test_a_path_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    assert "there is no such file" in refusal(tmp_path / "a\0b")
    assert "this file cannot be read (File name too long)" in refusal(tmp_path / ("x" * 5000))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path.name}: this is a folder, not a file. Give the path of a file."


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "pipe: this is not an ordinary file. Give the path of a file."


def test_a_file_without_permission_is_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(FLOWERS)
    monkeypatch.setattr(Path, "open", refuse)
    assert refusal(path) == (
        "flowers.csv: this file cannot be read (Permission denied). Check its path and its permissions."
    )


@pytest.mark.parametrize("content", ["", "\n \n\t\n", "\ufeff", "\t\t\n"])
def test_an_empty_file_is_refused(write: Write, content: str) -> None:
    assert refusal(write(content)) == "flowers.csv: this file is empty. Give a file with data in it."


def test_only_a_header_is_refused(write: Write) -> None:
    assert refusal(write("a,y\n")) == "flowers.csv: this file has only a header. Add rows of data."


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"PK\x03\x04rest", "an Excel workbook or another ZIP archive"),
        (b"PK\x05\x06rest", "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (b"\x1f\x8b\x08rest", "a gzip archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"PAR1\x15\x04\x15", "a Parquet file"),
        (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        (b"SQLite format 3\0rest", "an SQLite database"),
    ],
)
def test_known_formats_are_named(write: Write, content: bytes, what: str) -> None:
    assert refusal(write(content)) == f"flowers.csv: this is {what}, not a text file. Export it as CSV."


def test_a_header_may_begin_like_a_parquet_file(write: Write) -> None:
    assert inspect_table(write("PAR1,y\n1,u\n2,v\n")).columns == ("PAR1", "y")


def test_nul_bytes_are_refused(write: Write) -> None:
    expected = "flowers.csv: line 3 has a NUL: this is not a text file. Export it as CSV."
    assert refusal(write("a,y\n1,u\n2,\0v\n")) == expected


def test_utf_16_is_refused(write: Write) -> None:
    assert refusal(write(FLOWERS.encode("utf-16"))) == (
        "flowers.csv: this file is UTF-16 text, not UTF-8. Save it as UTF-8."
    )


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_other_encodings_are_refused_with_the_line(write: Write, end: str) -> None:
    text = end.join(["a,y", "1,u", "2,größe", ""])
    assert refusal(write(text.encode("latin-1"))) == ("flowers.csv: line 3 is not UTF-8 text. Save the file as UTF-8.")


def test_an_unknown_byte_far_down_is_found(write: Write) -> None:
    assert "line 50002 is not UTF-8 text" in refusal(write(b"a,y\n" + b"1,u\n" * 50_000 + b"1,\xff\n"))


@pytest.mark.parametrize(("row", "count"), [("1,2", 2), ("1,2,u,", 4), ('""', 1)])
def test_rows_of_unequal_length_are_refused(write: Write, row: str, count: int) -> None:
    assert refusal(write(f"a,b,y\n1,2,u\n\n{row}\n2,3,v\n")) == (
        f"flowers.csv: line 4 has {count} cell{'s' * (count != 1)} where 3 were expected. "
        "Correct that line, or choose another separator."
    )


@pytest.mark.parametrize("text", ["a,y\r1,u\r2,v\r", "a,y\n1,u\r\n2,v\n\r"])
def test_the_line_ends_of_an_old_mac_are_refused(write: Write, text: str) -> None:
    assert refusal(write(text)) == (
        f"flowers.csv: line {1 if text.count(chr(13)) == 3 else 4} ends with a carriage return alone. "
        "Save the file with the line ends of Windows, Linux or macOS."
    )


def test_two_columns_of_one_name_are_refused(write: Write) -> None:
    assert refusal(write("a,b,a\n1,2,u\n")) == (
        "flowers.csv: columns 1 and 3 are both called 'a' in the header in line 1. "
        "Give each column a name of its own there, or say that the file has no header."
    )


def test_a_column_without_a_name_is_refused(write: Write) -> None:
    assert refusal(write("\na,,y\n1,2,u\n")) == (
        "flowers.csv: column 2 has no name in the header in line 2. "
        "Give each column a name of its own there, or say that the file has no header."
    )


@pytest.mark.parametrize("name", ["a ", '" a"', "a\x1b[31m", '"a\nb"', "a" * 1001])
def test_a_name_that_cannot_be_typed_is_refused(write: Write, name: str) -> None:
    message = refusal(write(f"{name},y\n1,u\n2,v\n"))
    assert "of column 1 in line 1 could not be typed as a value. Rename that column: at most 1,000" in message


def test_a_single_column_is_refused(write: Write) -> None:
    assert refusal(write("a\n1\n2\n")) == (
        "flowers.csv: line 1 has only one column with the separator comma. "
        "Choose another separator: semicolon, tab, space, pipe."
    )
    assert "Choose another separator: comma, " in refusal(write(FLOWERS), separator="pipe")


def test_an_unknown_separator_is_refused(write: Write) -> None:
    assert refusal(write(FLOWERS), separator="coma") == (
        "flowers.csv: 'coma' is not a separator. Did you mean comma? Choose one of comma, semicolon, tab, space, pipe."
    )


def test_a_file_that_is_too_big_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("wb") as file:
        file.truncate(200_000_001)
    assert refusal(path) == "big.csv: this file is bigger than 200 MB. Use a part of the data."


def test_too_many_columns_are_refused(write: Write) -> None:
    assert refusal(write(",".join("1" for _ in range(10_001)) + "\n")) == (
        "flowers.csv: line 1 has 10,001 columns, more than 10,000. Use fewer columns, or choose another separator."
    )


def test_an_unterminated_quote_is_refused(write: Write) -> None:
    assert refusal(write('a,y\n1,u\n2,"v\n3,w\n')) == (
        "flowers.csv: lines 3 to 4 cannot be read (unexpected end of data). Check the quotation marks there."
    )
    assert refusal(write('a y\n1 "u\n2 v\n'), separator="space") == (
        "flowers.csv: line 2 cannot be read (a quoted cell does not end in its line). Check the quotation marks there."
    )


def test_a_cell_that_is_too_long_is_refused(write: Write) -> None:
    assert refusal(write("a,y\n1," + "u" * 200_000 + "\n")) == (
        "flowers.csv: line 2 cannot be read (field larger than field limit (131072)). Check the quotation marks there."
    )


@pytest.mark.timeout(20)
@pytest.mark.parametrize("start", ["0", "1", ".1", "1e1", "1,", " ", "+0", "1 "])
@pytest.mark.parametrize("end", ["", "x", ".5", ",5", "e"])
def test_long_cells_take_no_long_time(write: Write, start: str, end: str) -> None:
    cell = start + start[-1].replace(",", "1") * 100_000 + end
    path = write(f'a,b,y\n1,1,u\n"{cell}",1,v\n2,2,"{cell}"\n')
    for target in ("a", "y"):
        with suppress(DataFileError):  # some are numbers, and some are not
            inspect_table(path, target_column=target)


@pytest.mark.parametrize("content", ["1," * 3_000_000, '"\n",' * 1_500_000])
def test_a_row_without_end_is_refused_before_it_fills_the_memory(write: Write, content: str) -> None:
    message = refusal(write(content), separator="comma")
    assert "is too long. Check the line ends and quotes." in message


def test_a_single_class_is_refused(write: Write) -> None:
    assert refusal(write("a,y\n1,u\n2,u\n")) == (
        "flowers.csv: the target column 'y' has only the class 'u'. "
        "Choose another target column, or add rows of another class."
    )


def test_a_target_without_labels_is_refused(write: Write) -> None:
    assert refusal(write("a,y\n1,\n2,NA\n")) == (
        "flowers.csv: the target column 'y' has no labels, all its cells are missing. Choose another target column."
    )


def test_more_than_a_thousand_classes_are_refused(write: Write) -> None:
    rows = "".join(f"1,c{i}\n" * 3 for i in range(1001))
    assert refusal(write("a,y\n" + rows)) == (
        "flowers.csv: the target column 'y' has more than 1,000 different values: "
        "this looks like a number or an id, not a class. Choose another target column."
    )


def test_a_target_of_ids_is_refused(write: Write) -> None:
    rows = "".join(f"1,c{i}\n" for i in range(21))
    assert refusal(write("a,y\n" + rows)) == (
        "flowers.csv: the target column 'y' has 21 different values in 21 rows: "
        "this looks like a number or an id, not a class. Choose another target column."
    )


def test_twenty_rows_may_be_twenty_classes(write: Write) -> None:
    assert len(inspect_table(write("a,y\n" + "".join(f"1,c{i}\n" for i in range(20)))).classes) == 20


@pytest.mark.parametrize("label", ["0.12345678901", "1e-30", "inf", "1e15", "9" * 19])
def test_a_target_of_long_or_infinite_numbers_is_refused(write: Write, label: str) -> None:
    assert refusal(write(f"a,y\n1,1\n2,2\n3,{label}\n")) == (
        f"flowers.csv: the target column 'y' has the number '{label}': "
        "this looks like a number or an id, not a class. Choose another target column."
    )


@pytest.mark.parametrize("given", ["wdth", "0", "4", "-4", "1.0", "", "9" * 5000])
def test_an_unknown_target_is_refused_with_the_nearest_names(write: Write, given: str) -> None:
    message = refusal(write(FLOWERS), target_column=given)
    assert message.startswith("flowers.csv: there is no column '")
    assert " to be the target. " in message
    assert message.endswith("Choose one of length, width, kind.")
    assert ("Did you mean width? " in message) == (given == "wdth")


def test_an_unknown_ignored_column_is_refused_with_the_nearest_names(write: Write) -> None:
    assert refusal(write(FLOWERS), ignored_columns=["width", "lenth"]) == (
        "flowers.csv: there is no column 'lenth' to ignore. Did you mean length? Choose one of length, width, kind."
    )


def test_the_target_cannot_be_ignored(write: Write) -> None:
    assert refusal(write(FLOWERS), target_column="kind", ignored_columns=["kind"]) == (
        "flowers.csv: the target column 'kind' is one of the ignored columns. "
        "Choose another target column, or ignore fewer columns."
    )


def test_some_feature_must_be_left(write: Write) -> None:
    assert refusal(write(FLOWERS), ignored_columns=["length", "width"]) == (
        "flowers.csv: no feature column is left beside the target column. Ignore fewer columns."
    )
    assert refusal(write(FLOWERS), ignored_columns=["length", "width", "kind"]) == (
        "flowers.csv: every column is ignored. Ignore fewer columns."
    )


def test_control_characters_in_labels_do_not_reach_the_terminal(write: Write) -> None:
    message = refusal(write("a,y\n1,\x1b]0;owned\x07\n"))
    assert "\x1b" not in message
    assert "owned" in message


def test_texts_that_look_like_code_stay_texts(write: Write) -> None:
    table = inspect_table(write("a,y\n1,=cmd()\n2,__import__('os')\n"))
    assert table.classes == {"=cmd()": 1, "__import__('os')": 1}


def test_the_missing_texts_are_those_of_pandas() -> None:
    parsers = pytest.importorskip("pandas._libs.parsers")
    assert set(tables._MISSING) == parsers.STR_NA_VALUES
