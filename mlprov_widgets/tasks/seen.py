"""What can be seen in a person's own pictures and arrays before a notebook reads them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from mlprov_widgets.tasks.arrays import Arrays, look_into_arrays
from mlprov_widgets.tasks.model import Kind, Parameter, Task, Value
from mlprov_widgets.tasks.pictures import Pictures, look_into

Seen = Pictures | Arrays


def seen_in(
    task: Task, applies: Collection[str], values: Mapping[str, Value], paths: Mapping[str, Path]
) -> dict[str, Seen]:
    """Return what is in the data files that are no tables, by parameter.

    Parameters
    ----------
    task
        Its parameters say which files there are, and which others tell of what is in them.
    applies
        The parameters that apply.
    values
        What they are, such as the names of arrays.
    paths
        Where the files lie.
    """
    found = {}
    for parameter in task.parameters:
        path = paths.get(parameter.name)
        if parameter.kind is Kind.FILE and parameter.name in applies and path is not None:
            told = {p.shows: p for p in task.parameters if p.of == parameter.name and p.name in applies}
            seen = _look(path, parameter, told, values, paths)
            if seen is not None:
                found[parameter.name] = seen
    return found


def _look(
    path: Path,
    parameter: Parameter,
    told: Mapping[str, Parameter],
    values: Mapping[str, Value],
    paths: Mapping[str, Path],
) -> Seen | None:
    ending = path.suffix.lower().removeprefix(".")
    if ending not in parameter.suffixes:
        return None
    if ending == "zip":
        return look_into(path)
    if "labels" not in told:  # the file with the classes: what is in it is shown with the images
        return None
    images, labels = (str(values.get(told[what].name) or "") if what in told else "" for what in ("images", "labels"))
    return look_into_arrays(path, images, labels, paths.get(told["labels"].name))
