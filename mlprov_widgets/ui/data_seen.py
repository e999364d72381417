"""What was seen in a person's own data, in words and pictures, to be compared with what they meant."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from html import escape

from mlprov_widgets.tasks.arrays import Arrays
from mlprov_widgets.tasks.pictures import Pictures
from mlprov_widgets.tasks.tables import Table
from mlprov_widgets.ui import parts

_MOST_COLUMNS = 8
_MOST_CLASSES = 12
_UNEQUAL = 3
"""How many times as large as the smallest class the largest may be before that is told."""


def table_html(table: Table) -> str:
    """Return what was seen in a table."""
    told = (
        f"{table.rows:,} rows, {len(table.columns) - 1} features, separator {table.separator}, "
        f"target {table.target_column} with {len(table.classes)} classes: {_counted(table.classes)}. "
        f"Missing cells: {sum(table.missing.values())}."
    )
    rows = [row[:_MOST_COLUMNS] for row in table.preview]
    warning = unequal_html(table.classes, "rows")
    return parts.note(told, "fine") + warning + parts.table(rows, table.columns[:_MOST_COLUMNS])


def pictures_html(pictures: Pictures) -> str:
    """Return what was seen in an archive of pictures."""
    if not pictures.classes:
        return parts.note(
            "There is no picture in a folder in this archive: each class needs a folder of its own.", "warn"
        )
    return _counted_html(pictures)


def arrays_html(arrays: Arrays) -> str:
    """Return what was seen in files of NumPy's."""
    rows = list(arrays.found)
    found = parts.table(rows, ("Array in the file", "What it is")) if rows else ""
    if arrays.problem:
        return parts.note(f"{arrays.problem}.", "warn") + found
    return (_counted_html(arrays.pictures) if arrays.pictures is not None else "") + found


def _counted_html(pictures: Pictures) -> str:
    count = sum(pictures.classes.values())
    told = f"{count:,} pictures in {len(pictures.classes)} classes: {_counted(pictures.classes)}."
    if pictures.parts:
        told += " In folders of parts: " + ", ".join(f"{name} ({n:,})" for name, n in pictures.parts.items()) + "."
    if pictures.others:
        told += f" Other files: {pictures.others:,}."
    images = "".join(
        f'<figure><img alt="one picture of the class {escape(name)}" src="data:{kind};base64,'
        f'{base64.b64encode(raw).decode()}"><figcaption>{escape(name)}</figcaption></figure>'
        for name, kind, raw in pictures.samples
    )
    shown = f'<div class="mlprov-samples">{images}</div>' if images else ""
    return parts.note(told, "fine") + unequal_html(pictures.classes, "pictures") + shown


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
    shown = ", ".join(f"{label} ({count})" for label, count in list(classes.items())[:_MOST_CLASSES])
    return shown + ("" if len(classes) <= _MOST_CLASSES else ", …")
