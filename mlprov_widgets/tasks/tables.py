"""Looking at a person's table of numbers before anything is made of it.

The notebook reads the same file later with ``pandas.read_csv(path, sep=..., header=...,
skipinitialspace=True, encoding="utf-8-sig")``. What is found here must be what pandas finds there,
so everything below follows its rules: which texts are missing, what is a number, which lines are
blank. Where pandas guesses or goes on regardless, such as with rows of unequal length, this refuses.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from mlprov_widgets.errors import DataFileError, nearest, quoted
from mlprov_widgets.files import sha256_of_file
from mlprov_widgets.tasks.values import LONGEST_TEXT

SEPARATORS: Final[Mapping[str, str]] = {"comma": ",", "semicolon": ";", "tab": "\t", "space": " ", "pipe": "|"}
"""What may stand between two cells, by name. Runs of spaces and tabs count as one space."""

MOST_BYTES: Final = 200_000_000
MOST_COLUMNS: Final = 10_000
MOST_CLASSES: Final = 1_000
_LONGEST_RECORD = 1 << 22
_SAMPLE = 20
_PREVIEW = 5
_MOST_NAMED = 3

# pandas' own list (pandas.io.parsers.readers.STR_NA_VALUES), case and all.
_MISSING = frozenset(
    {
        "",
        "#N/A",
        "#N/A N/A",
        "#NA",
        "-1.#IND",
        "-1.#QNAN",
        "-NaN",
        "-nan",
        "1.#IND",
        "1.#QNAN",
        "<NA>",
        "N/A",
        "NA",
        "NULL",
        "NaN",
        "None",
        "n/a",
        "nan",
        "null",
    }
)
_TARGET_NAMES = ("target", "class", "label", "species", "y")

# Python's float() also takes "1_000", "+nan" and other scripts' digits; pandas does not. In none of these
# may two repetitions of the same characters meet: a cell of 100,000 digits would take minutes to fail.
_NUMBER = re.compile(r"\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)
_INFINITY = re.compile(r"[+-]?inf(inity)?", re.ASCII | re.IGNORECASE)
_INTEGER = re.compile(r"\s*([+-]?)([0-9]+)\s*", re.ASCII)
# The cells that need no second look: nearly all, in a file worth reading.
_is_plain = re.compile(r"[+-]?[0-9]{1,17}(\.[0-9]*)?", re.ASCII).fullmatch
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?\s*", re.ASCII)
_LARGEST = 3.4e38  # the notebook's models compute with 32 bits
_LARGEST_INTEGER = 1e18  # beyond 64 bits pandas changes the type of the whole column

_SPACE_FIELD = re.compile(r'"([^"]*(?:""[^"]*)*)"(?!")([^ \t\r\n]*)|([^ \t\r\n"][^ \t\r\n]*)|"')

_MAGIC = {
    b"PK\x03\x04": "an Excel workbook or another ZIP archive",
    b"PK\x05\x06": "a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG picture",
    b"PAR1\x00": "a Parquet file",
    b"PAR1\x15": "a Parquet file",
    b"\x89HDF": "an HDF5 file",
    b"SQLite format 3\x00": "an SQLite database",
}
_OTHER_UNICODE = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Table:
    """What was seen in a data file.

    Attributes
    ----------
    path : pathlib.Path
    separator : str
        One of the names in `SEPARATORS`.
    header : bool
        Whether the first line names the columns.
    columns : tuple of str
        The names in the file's order, with the target and without the ignored columns.
    rows : int
        How many data rows there are, whether or not cells are missing.
    target_column : str
    classes : Mapping of str to int
        How many rows each label has, in the order in which scikit-learn lists the classes.
    complete : Mapping of str to int
        The same, of the rows in which no cell is missing.
    missing : Mapping of str to int
        The feature columns with missing cells, and how many.
    missing_target : int
        How many rows have no label.
    preview : tuple of tuple of str
        The cells of the first rows, in the order of `columns`, as they are in the file.
    bytes : int
    sha256 : str
    """

    path: Path
    separator: str
    header: bool
    columns: tuple[str, ...]
    rows: int
    target_column: str
    classes: Mapping[str, int]
    complete: Mapping[str, int]
    missing: Mapping[str, int]
    missing_target: int
    preview: tuple[tuple[str, ...], ...]
    bytes: int
    sha256: str


def inspect_table(
    path: Path,
    *,
    separator: str | None = None,
    header: bool | None = None,
    target_column: str | None = None,
    ignored_columns: Sequence[str] = (),
) -> Table:
    """Look at a whole data file and say what is in it.

    Parameters
    ----------
    path
        The file: UTF-8 text, one row a line.
    separator
        One of the names in `SEPARATORS`. None finds it in the first lines.
    header
        Whether the first line names the columns. None takes it for names when no cell in it is a number.
    target_column
        The column with the labels, as its name or as its position: ``"1"`` is the first, ``"-1"`` the
        last. None takes the one called target, class, label, species or y, or else the last.
    ignored_columns
        The names of columns to leave out. Columns without a header are called ``column_1`` and so on.

    Raises
    ------
    DataFileError
        If the file cannot be read, or cannot be learned from.
    """
    try:
        size = _check_file(path)
        separator = _detect_separator(path) if separator is None else separator
        if separator not in SEPARATORS:
            raise _refused(path, f"{quoted(separator)} is not a separator", nearest(separator, SEPARATORS))
        names, header = _column_names(path, separator, header)
        ignored = _ignored(path, names, ignored_columns)
        target = _target(path, names, target_column, ignored)
        kept = [index for index, name in enumerate(names) if name not in ignored]
        if len(kept) < 2:
            raise _refused(path, "no feature column is left beside the target column", "Ignore fewer columns")
        with closing(_records(path, separator)) as records:
            seen = _scan(path, islice(records, 1 if header else 0, None), names, kept, target)
        digest = sha256_of_file(path)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(path, f"this file cannot be read ({reason})", "Check its path and its permissions") from None
    if not seen.rows:
        raise _refused(path, "this file has only a header", "Add rows of data")
    classes, complete = _classes(path, names[target], seen)
    _check_features(path, names, kept, ignored, seen)
    return Table(
        path=path,
        separator=separator,
        header=header,
        columns=tuple(names[index] for index in kept),
        rows=seen.rows,
        target_column=names[target],
        classes=classes,
        complete=complete,
        missing={names[index]: seen.missing[index] for index in sorted(seen.missing)},
        missing_target=seen.missing_target,
        preview=tuple(seen.preview),
        bytes=size,
        sha256=digest,
    )


def check_file(path: Path) -> int:
    """Return the size of a file that is no table; what is in it is for others to say.

    Raises
    ------
    DataFileError
        If it cannot be read or is empty.
    """
    try:
        size = _check_ordinary(path)
        with path.open("rb"):
            return size
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise _refused(path, f"this file cannot be read ({reason})", "Check its path and its permissions") from None


def column_names(path: Path, separator: str | None = None, header: bool | None = None) -> tuple[str, ...]:
    """Return the names of all columns of a table, none if they cannot be told.

    A table that `inspect_table` refuses may be fine once a column of it is left out.
    """
    try:
        _check_file(path)
        separator = _detect_separator(path) if separator is None else separator
        return tuple(_column_names(path, separator, header)[0])
    except (DataFileError, OSError):
        return ()


def _refused(path: Path, message: str, fix: str) -> DataFileError:
    return DataFileError(message, field=path.name or str(path), fix=fix)


def _check_file(path: Path) -> int:
    """Return the file's size; refuse what is not a text file of a size to be read."""
    size = _check_ordinary(path)
    if size > MOST_BYTES:
        raise _refused(path, f"this file is bigger than {MOST_BYTES // 1_000_000} MB", "Use a part of the data")
    with path.open("rb") as file:
        start = file.read(16)
    for magic, what in _MAGIC.items():
        if start.startswith(magic):
            raise _refused(path, f"this is {what}, not a text file", "Export it as CSV")
    if start.startswith(_OTHER_UNICODE):
        raise _refused(path, "this file is UTF-16 text, not UTF-8", "Save it as UTF-8")
    return size


def _check_ordinary(path: Path) -> int:
    if path.is_dir():
        raise _refused(path, "this is a folder, not a file", "Give the path of a file")
    if not path.exists():
        raise _refused(path, "there is no such file", "Check the path")
    if not path.is_file():  # reading from a pipe or a device might never end
        raise _refused(path, "this is not an ordinary file", "Give the path of a file")
    size = path.stat().st_size
    if size == 0:
        raise _refused(path, "this file is empty", "Give a file with data in it")
    return size


class _Lines:
    """The lines of a text file, counted, so that a message can name one."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._file = file
        self.number = 0
        self.last = ""
        self.record = 0  # the characters since the record began; a reader sets it back

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        self.last = self._file.readline(_LONGEST_RECORD + 1)
        if not self.last:
            raise StopIteration
        self.number += 1
        self.record += len(self.last)
        if "\0" in self.last:
            raise _refused(self._path, f"line {self.number} has a NUL: this is not a text file", "Export it as CSV")
        if self.last.endswith("\r"):  # pandas makes a row of a blank one of these
            message = f"line {self.number} ends with a carriage return alone"
            raise _refused(self._path, message, "Save the file with the line ends of Windows, Linux or macOS")
        if self.record > _LONGEST_RECORD:
            raise _refused(self._path, f"the row in line {self.number} is too long", "Check the line ends and quotes")
        return self.last


def _records(path: Path, separator: str) -> Generator[tuple[int, list[str]], None, None]:
    """Yield each row with the number of the line on which it begins, without blank lines."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(path, file)
        reader = (
            _split_on_spaces(lines)
            if separator == "space"
            else csv.reader(lines, delimiter=SEPARATORS[separator], skipinitialspace=True, strict=True)
        )
        while True:
            begin = lines.number + 1
            lines.record = 0
            try:
                row = next(reader, None)
            except csv.Error as error:
                where = f"line {begin}" if lines.number <= begin else f"lines {begin} to {lines.number}"
                raise _refused(path, f"{where} cannot be read ({error})", "Check the quotation marks there") from None
            except UnicodeDecodeError:
                raise _refused(path, f"line {_undecodable(path)} is not UTF-8 text", "Save the file as UTF-8") from None
            if row is None:
                return
            if len(row) > 1 or lines.last.strip(" \t\r\n"):
                yield begin, row


def _split_on_spaces(lines: Iterable[str]) -> Iterator[list[str]]:
    # The csv module cannot take a run of spaces and tabs for one separator.
    for line in lines:
        row = []
        for match in _SPACE_FIELD.finditer(line):
            inside, behind, plain = match.groups()
            if plain is None and inside is None:
                raise csv.Error("a quoted cell does not end in its line")
            row.append(plain if inside is None else inside.replace('""', '"') + behind)
        yield row


def _undecodable(path: Path) -> int:
    """Return the number of the first line that is not UTF-8; the decoder reads ahead and cannot tell."""
    number = 0
    with path.open("rb") as file:
        for line in file:
            number += 1
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return number + line[: error.start].count(b"\r")
    return number


def _detect_separator(path: Path) -> str:
    """Return the separator with which the most of the first rows have the width of the very first."""
    best, most = "comma", 0
    # In this order, because a cell may well hold a decimal comma or a space, but seldom a tab.
    for name in ("tab", "semicolon", "pipe", "comma", "space"):
        widths: list[int] = []
        # Whatever is wrong, the real reading meets it too and says so.
        with suppress(DataFileError), closing(_records(path, name)) as records:
            for _, row in islice(records, _SAMPLE):
                widths.append(len(row) if any(row) else 0)
        alike = widths.count(widths[0]) if widths and widths[0] > 1 else 0
        if alike > most:
            best, most = name, alike
    return best


def _column_names(path: Path, separator: str, header: bool | None) -> tuple[list[str], bool]:
    with closing(_records(path, separator)) as records:
        line, first = next(records, (0, []))
    if not first:
        raise _refused(path, "this file is empty", "Give a file with data in it")
    if len(first) == 1:
        others = ", ".join(name for name in SEPARATORS if name != separator)
        message = f"line {line} has only one column with the separator {separator}"
        raise _refused(path, message, f"Choose another separator: {others}")
    if len(first) > MOST_COLUMNS:
        message = f"line {line} has {len(first):,} columns, more than {MOST_COLUMNS:,}"
        raise _refused(path, message, "Use fewer columns, or choose another separator")
    if header is None:
        header = all(_number(cell) is None for cell in first)
    if not header:
        return [f"column_{position}" for position in range(1, len(first) + 1)], header
    _check_names(path, line, first)
    return first, header


def _check_names(path: Path, line: int, names: list[str]) -> None:
    fix = "Give each column a name of its own there, or say that the file has no header"
    before: dict[str, int] = {}
    for position, name in enumerate(names, 1):
        if not name:
            raise _refused(path, f"column {position} has no name in the header in line {line}", fix)
        if name in before:
            both = f"columns {before[name]} and {position}"
            raise _refused(path, f"{both} are both called {quoted(name)} in the header in line {line}", fix)
        # A name must survive being typed as a value, or the column could be neither target nor ignored.
        if name != name.strip() or not name.isprintable() or len(name) > LONGEST_TEXT:
            message = f"the name {quoted(name)} of column {position} in line {line} could not be typed as a value"
            must = f"at most {LONGEST_TEXT:,} characters, without control characters and without spaces around them"
            raise _refused(path, message, f"Rename that column: {must}")
        before[name] = position


def _ignored(path: Path, names: list[str], given: Sequence[str]) -> frozenset[str]:
    known = set(names)
    for name in given:
        if name not in known:
            raise _refused(path, f"there is no column {quoted(name)} to ignore", nearest(name, names))
    return frozenset(given)


def _target(path: Path, names: list[str], given: str | None, ignored: frozenset[str]) -> int:
    """Return the index of the column with the labels."""
    if given is None:
        free = [index for index, name in enumerate(names) if name not in ignored]
        if not free:
            raise _refused(path, "every column is ignored", "Ignore fewer columns")
        called = [index for index in free if names[index].lower() in _TARGET_NAMES]
        return called[0] if len(called) == 1 else free[-1]
    if given in names:
        index = names.index(given)
    else:
        position = int(given) if re.fullmatch(r"-?[0-9]{1,6}", given) else 0
        index = position - 1 if position > 0 else len(names) + position
        if position == 0 or not 0 <= index < len(names):
            raise _refused(path, f"there is no column {quoted(given)} to be the target", nearest(given, names))
    if names[index] in ignored:
        message = f"the target column {quoted(names[index])} is one of the ignored columns"
        raise _refused(path, message, "Choose another target column, or ignore fewer columns")
    return index


def _number(cell: str) -> float | None:
    """Return the number that pandas reads in a cell, None if it reads a text."""
    if _NUMBER.fullmatch(cell):
        return float(cell)
    return math.inf if _INFINITY.fullmatch(cell) else None


@dataclass
class _Seen:
    """What a scan met. Columns are counted by their index in the file."""

    rows: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    complete: Counter[str] = field(default_factory=Counter)
    missing_target: int = 0
    missing: Counter[int] = field(default_factory=Counter)
    faults: dict[int, tuple[str, int, str]] = field(default_factory=dict)
    preview: list[tuple[str, ...]] = field(default_factory=list)


def _scan(
    path: Path, records: Iterable[tuple[int, list[str]]], names: list[str], kept: list[int], target: int
) -> _Seen:
    seen = _Seen()
    features = [index for index in kept if index != target]
    for line, row in records:
        if len(row) != len(names):
            message = f"line {line} has {len(row)} cell{'s' * (len(row) != 1)} where {len(names)} were expected"
            raise _refused(path, message, "Correct that line, or choose another separator")
        seen.rows += 1
        if seen.rows <= _PREVIEW:
            seen.preview.append(tuple(row[index] for index in kept))
        if row[target] in _MISSING:
            seen.missing_target += 1
        else:
            seen.labels[row[target]] += 1
            if len(seen.labels) > MOST_CLASSES:
                raise _not_classes(path, names[target], f"more than {MOST_CLASSES:,} different values")
        gaps = 0
        for index in features:
            cell = row[index]
            if _is_plain(cell):
                continue
            if cell in _MISSING:
                gaps += 1
                seen.missing[index] += 1
            elif index not in seen.faults or seen.faults[index][0] != "text":
                fault = _fault(cell)
                if fault == "text" or (fault and index not in seen.faults):
                    seen.faults[index] = fault, line, cell
        if not gaps and row[target] not in _MISSING:
            seen.complete[row[target]] += 1
    return seen


def _fault(cell: str) -> str:
    """Return what is wrong with a feature's cell, empty if it is a number to calculate with."""
    value = _number(cell)
    if value is None:
        return "comma" if _DECIMAL_COMMA.fullmatch(cell) else "text"
    whole = _INTEGER.fullmatch(cell) is not None
    return "large" if abs(value) > _LARGEST or (whole and abs(value) >= _LARGEST_INTEGER) else ""


def _not_classes(path: Path, target: str, what: str) -> DataFileError:
    message = f"the target column {quoted(target)} has {what}: this looks like a number or an id, not a class"
    return _refused(path, message, "Choose another target column")


def _classes(path: Path, target: str, seen: _Seen) -> tuple[dict[str, int], dict[str, int]]:
    """Return the labels as pandas types them and scikit-learn sorts them, counted in all rows and in whole rows."""
    labelled = seen.labels.total()
    if not labelled:
        message = f"the target column {quoted(target)} has no labels, all its cells are missing"
        raise _refused(path, message, "Choose another target column")
    labels = _typed(path, target, seen)
    classes = _counted(labels, seen.labels)
    if len(classes) == 1:
        message = f"the target column {quoted(target)} has only the class {quoted(next(iter(classes)))}"
        raise _refused(path, message, "Choose another target column, or add rows of another class")
    if len(classes) > 20 and len(classes) > labelled / 2:
        raise _not_classes(path, target, f"{len(classes):,} different values in {labelled:,} rows")
    return classes, _counted(labels, seen.complete)


def _counted(labels: Mapping[str, int | float | str], texts: Mapping[str, int]) -> dict[str, int]:
    counts: Counter[int | float | str] = Counter()
    for text, count in texts.items():
        counts[labels[text]] += count
    return {str(label): counts[label] for label in sorted(counts)}  # never texts among numbers


def _typed(path: Path, target: str, seen: _Seen) -> dict[str, int | float | str]:
    numbers = {text: _number(text) for text in seen.labels}
    # pandas has no missing value among whole numbers: one missing label makes floats of them.
    whole = not seen.missing_target and all(_INTEGER.fullmatch(text) for text in numbers)
    numeric = None not in numbers.values()
    truths = all(text.lower() in ("true", "false") for text in numbers)
    labels: dict[str, int | float | str] = {}
    for text, number in numbers.items():
        label: int | float | str = text
        if numeric and number is not None:
            if not _names_a_class(text, number, whole):
                raise _not_classes(path, target, f"the number {quoted(text)}")
            label = _as_int(text) if whole else number
        elif truths:
            label = text.capitalize()
        labels[text] = label
    return labels


def _names_a_class(text: str, number: float, whole: bool) -> bool:
    if whole:
        return abs(number) < _LARGEST_INTEGER
    # pandas rounds the last digit of a long number in its own way, which would make it another label.
    return abs(number) < 1e15 and len(text) <= 16 and round(number, 9) == number


def _as_int(text: str) -> int:
    # Not by way of a float, which is not exact, and without the zeros, of which int() takes only so many.
    match = _INTEGER.fullmatch(text)
    return int(match[1] + (match[2].lstrip("0") or "0")) if match else 0


def _check_features(path: Path, names: list[str], kept: list[int], ignored: frozenset[str], seen: _Seen) -> None:
    """Refuse features that are no numbers, worst first, each kind for all columns at once."""
    for fault, what, instead in (
        ("text", "which is not a number", "change it to numbers"),
        ("comma", "with a decimal comma", "save the file with decimal points"),
        ("large", "which is infinite or too large", "correct that cell"),
    ):
        bad = [index for index in kept if seen.faults.get(index, ("",))[0] == fault]
        if bad:
            _, line, cell = seen.faults[bad[0]]
            more = _and_more([names[index] for index in bad[1:]])
            message = f"column {quoted(names[bad[0]])} has {quoted(cell)} in line {line}, {what}{more}"
            raise _leave_out(path, message, names, bad, ignored, instead)
    empty = [index for index in kept if seen.missing[index] == seen.rows]
    if empty:
        more = _and_more([names[index] for index in empty[1:]])
        message = f"column {quoted(names[empty[0]])} has only missing cells{more}"
        raise _leave_out(path, message, names, empty, ignored, "fill it in")


def _and_more(others: list[str]) -> str:
    if not others:
        return ""
    if len(others) > _MOST_NAMED:
        return f", and so have {len(others):,} more columns"
    return f", and so ha{'s' if len(others) == 1 else 've'} {' and '.join(quoted(name) for name in others)}"


def _leave_out(
    path: Path, message: str, names: list[str], bad: list[int], ignored: frozenset[str], instead: str
) -> DataFileError:
    # What is ignored already is part of the new value. A quote in a name would end the shell's quoting.
    leave = ignored.union(names[index] for index in bad)
    out = [name for name in names if name in leave]
    listed = json.dumps(out, ensure_ascii=False).replace("'", "\\u0027")
    fix = f"Leave it out with --set ignored_columns='{listed}', or {instead}"
    error = _refused(path, message, fix)
    error.fix = fix  # whole, however long: it is there to be copied, and its names are all printable
    return error
