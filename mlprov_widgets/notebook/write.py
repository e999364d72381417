"""A Plan becomes files: the notebook, and beside it the data that it reads."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlprov_widgets.errors import DataFileError, ValueRefused
from mlprov_widgets.files import already_there, sha256_of_file, sha256_of_text, write_atomically
from mlprov_widgets.notebook.render import notebook_text, render_notebook
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import Draft, Plan


@dataclass(frozen=True)
class WrittenNotebook:
    """A notebook on disk.

    Attributes
    ----------
    path : pathlib.Path
    sha256 : str
        Of the file.
    """

    path: Path
    sha256: str


def write_notebook(task: Task, draft: Draft, path: Path) -> WrittenNotebook:
    """Write a Plan's notebook and the data files that it reads.

    Parameters
    ----------
    task, draft
        What to render, and where its data files were found.
    path
        The notebook's file; its data goes to ``data/`` beside it, under the data's digest.

    Raises
    ------
    TargetExists
        If the notebook is there already; nothing is written then.
    ValueRefused
        If the path does not end in ``.ipynb``.
    DataFileError
        If a data file changed since it was looked at.
    """
    text = notebook_text(render_notebook(task, draft.plan))
    return WrittenNotebook(write_text(text, draft, path), sha256_of_text(text))


def write_text(text: str, draft: Draft, path: Path) -> Path:
    """Write a notebook that is rendered already, and its data; see `write_notebook`."""
    if path.suffix != ".ipynb":
        raise ValueRefused("a notebook's name ends in .ipynb", field=str(path), fix=f"Use {path.name}.ipynb")
    if path.exists():
        raise already_there(path)
    copy_data(draft.plan, draft.sources, path.parent)
    return write_atomically(path, text)


def copy_data(plan: Plan, sources: Mapping[str, Path], folder: Path) -> None:
    """Copy a Plan's own data files to their places below a folder.

    Raises
    ------
    DataFileError
        If one is nowhere to be found, or is not the planned one any more.
    """
    for name, file in plan.files.items():
        target = folder / str(plan.values[name])
        if target.is_file() and sha256_of_file(target) == file.sha256:
            continue
        source = sources.get(name)
        if source is None or not source.is_file():
            raise missing_data(name, file.name, file.sha256)
        if sha256_of_file(source) != file.sha256:
            raise DataFileError("the file has changed since it was looked at", field=source.name, fix="Start again")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Two runs at once may both copy it: each needs a temporary file of its own.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".copy-") as partial:
            shutil.copyfile(source, Path(partial) / target.name).replace(target)


def missing_data(parameter: str, name: str, sha256: str) -> DataFileError:
    """Return the error for a data file that only its digest is known of."""
    return DataFileError(
        f"the data file {name} (SHA-256 {sha256[:12]}…) is not here",
        field=parameter,
        fix=f"Put it beside the provenance file or into data/, or give it with --data {name}",
    )


def find_data(plan: Plan, places: list[Path]) -> dict[str, Path]:
    """Look for a Plan's own data files by content.

    Parameters
    ----------
    plan
        What is looked for.
    places
        Files, and folders in which ``data/<digest>``, and files of the recorded name, are tried.
    """
    found: dict[str, Path] = {}
    for name, file in plan.files.items():
        for place in places:
            candidates = [place] if place.is_file() else [place / str(plan.values[name]), place / file.name]
            match = next((c for c in candidates if file.matches(c)), None)
            if match is not None:
                found[name] = match
                break
    return found
