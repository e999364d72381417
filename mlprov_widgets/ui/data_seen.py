"""What was seen in a person's own data, in words and pictures, to be compared with what they meant."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from math import prod

from mlprov_widgets.errors import some
from mlprov_widgets.tasks.pictures import Pictures
from mlprov_widgets.tasks.seen import Seen
from mlprov_widgets.tasks.tables import Table
from mlprov_widgets.ui import parts

_MOST_COLUMNS = 8
_MOST_CLASSES = 12
_LEAST = 3
_UNEQUAL = 3
"""How many times as large as the smallest class the largest may be before that is told."""


def table_html(table: Table) -> str:
    """Return what was seen in a table."""
    told = (
        f"{table.rows:,} rows, {_features(len(table.columns) - 1)}, separator {table.separator}, "
        f"target {table.target_column} with {len(table.classes)} classes: {_counted(table.classes)}. "
        f"Missing cells: {sum(table.missing.values()):,}."
    )
    rows = [row[:_MOST_COLUMNS] for row in table.preview]
    warning = unequal_html(table.classes, "rows")
    return parts.note(told, "fine") + warning + parts.table(rows, table.columns[:_MOST_COLUMNS])


def seen_html(seen: Seen) -> str:
    """Return what was seen in an archive of pictures or in files of NumPy's; why it is refused stands at the field."""
    if isinstance(seen, Pictures):
        return _counted_html(seen)
    rows = list(seen.found)
    found = parts.table(rows, ("Array in the file", "What it is")) if rows else ""
    doubt = parts.note(f"{seen.problem}.", "warn") if seen.problem and not seen.refusal else ""
    return doubt + (_counted_html(seen.pictures) if seen.pictures is not None else "") + found


def _counted_html(pictures: Pictures) -> str:
    if not pictures.classes:
        return ""
    count, several = sum(pictures.classes.values()), len(pictures.classes) > 1
    classes = f"{len(pictures.classes)} classes" if several else "1 class"
    told = f"{count:,} pictures in {classes}: {_counted(pictures.classes)}.{_sizes(pictures)}"
    if pictures.parts:
        told += " In folders of parts: " + ", ".join(f"{name} ({n:,})" for name, n in pictures.parts.items()) + "."
    images = "".join(
        f'<figure><img alt="one picture of the class {escape(name)}" src="data:{kind};base64,'
        f'{base64.b64encode(raw).decode()}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, kind, raw in pictures.samples
    )
    shown = f'<div class="mlprov-samples">{images}</div>' if images else ""
    kind = "" if pictures.refusal or pictures.doubtful or pictures.cut else "fine"
    warnings = (
        _doubts(pictures.doubtful) + _cut(pictures.cut) + _few(pictures) + unequal_html(pictures.classes, "pictures")
    )
    return parts.note(told, kind) + warnings + shown


def _doubts(names: Sequence[str]) -> str:
    if not names:
        return ""
    one = len(names) == 1
    those = "one file does not look like a picture" if one else f"{len(names):,} files do not look like pictures"
    told = f"By content or name, {those}, and the notebook stops at what is none: {some(names)}"
    return parts.note(f"{told}. Take {'it' if one else 'them'} out of the archive.", "warn")


def _cut(names: Sequence[str]) -> str:
    if not names:
        return ""
    one = len(names) == 1
    those = "The end of one picture is" if one else f"The ends of {len(names):,} pictures are"
    told = f"{those} missing, as after a copy that broke off, and the notebook stops there: {some(names)}"
    return parts.note(f"{told}. Copy {'it' if one else 'them'} anew, or take {'it' if one else 'them'} out.", "warn")


def _sizes(pictures: Pictures) -> str:
    """Return the sizes of the pictures in words, nothing where none was seen."""
    if not pictures.sizes:
        return ""
    seen = sum(pictures.sizes.values())
    whose = "All" if seen >= sum(pictures.classes.values()) else f"{seen:,} of them"
    least, most = min(pictures.sizes, key=prod), max(pictures.sizes, key=prod)
    if len(pictures.sizes) == 1:
        return f" {whose} are {_pixels(most)} pixels."
    return f" {whose} have {len(pictures.sizes):,} sizes, from {_pixels(least)} to {_pixels(most)} pixels."


def _pixels(size: tuple[int, int]) -> str:
    return f"{size[0]:,} x {size[1]:,}"


def _few(pictures: Pictures) -> str:
    """Return a warning if a class is too small to be in the training, the validation and the test."""
    few = [name for name, count in pictures.classes.items() if count < _LEAST]
    if not few or len(pictures.classes) < 2 or pictures.parts:
        return ""
    told = f"Fewer than {_LEAST} pictures to divide among training, validation and test: {some(few)}"
    return parts.note(f"{told}. Add some, or leave out what is so rare.", "warn")


def unequal_html(classes: Mapping[str, int], unit: str) -> str:
    """Return a warning if the classes are of very unequal size, else nothing.

    Parameters
    ----------
    classes
        Class to how many samples it has.
    unit
        What a sample is called, in the plural.
    """
    if len(classes) < 2 or max(classes.values()) < _UNEQUAL * min(classes.values()):
        return ""
    most, least = max(classes, key=lambda name: classes[name]), min(classes, key=lambda name: classes[name])
    share = classes[most] / sum(classes.values())
    return parts.note(
        f"The classes are of unequal size: {most} has {classes[most]:,} {unit}, {least} has {classes[least]:,}. "
        f"Whoever always says {most} is right in {share:.0%} of the cases, so judge the result by the F1 score "
        "and the confusion matrix, not by the accuracy alone.",
        "warn",
    )


def _counted(classes: Mapping[str, int]) -> str:
    return some([f"{label} ({count:,})" for label, count in classes.items()], _MOST_CLASSES)


def _features(count: int) -> str:
    return f"{count:,} feature{'s' if count != 1 else ''}"
