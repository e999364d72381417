"""The files of a run to take along, each made when it is asked for: a page that carried them all would be heavy."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

import ipywidgets as widgets

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.files import megabytes
from mlprov_widgets.provenance.export.crate import crate
from mlprov_widgets.provenance.export.formats import export_text
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.desk import Desk, row

_SUFFIXES: Final = {"json": "json", "provn": "provn", "provx": "xml", "ttl": "ttl", "jsonld": "jsonld"}
_TITLES: Final = {
    "json": "PROV-JSON",
    "provn": "PROV-N",
    "provx": "PROV-XML",
    "ttl": "Turtle (RDF)",
    "jsonld": "JSON-LD (RDF)",
}


@dataclass(frozen=True)
class Offer:
    """One file that can be taken along.

    Attributes
    ----------
    label : str
        What the button says.
    name : str
        What the file is called.
    make : callable
        Returns its bytes.
    """

    label: str
    name: str
    make: Callable[[], bytes]


class Downloads:
    """Buttons that make a file and hand it to the browser.

    Parameters
    ----------
    desk
        What the pages share.
    file
        The document of a run; what lies beside it is offered too.
    """

    def __init__(self, desk: Desk, file: ProvenanceFile) -> None:
        self.link = desk.html()
        children: list[widgets.Widget] = []
        for (title, told), offers in offers_of(file).items():
            buttons = [desk.button(offer.label, lambda offer=offer: self._give(offer)) for offer in offers]  # type: ignore[misc]
            children += [desk.html(f"<h4>{title}</h4>{parts.help_text(told)}"), row(*buttons)]
        self.widget = desk.box(*children, self.link, css="mlprov-downloads")

    def _give(self, offer: Offer) -> None:
        raw = offer.make()
        if len(raw) > parts.LARGEST_LINK:
            raise MlprovError(
                f"the file has {megabytes(len(raw))}, and a page can hand over {megabytes(parts.LARGEST_LINK)}",
                field=offer.name,
                fix="Take its parts one by one, or copy the folder of the run",
            )
        # The page's script clicks it; where no script runs, a person does.
        link = parts.data_link(offer.name, parts.mime_of(offer.name), raw, f"Save {offer.name}", css="mlprov-now")
        self.link.value = f'<div class="mlprov-links" role="status">Ready: {link}</div>'


def offers_of(file: ProvenanceFile) -> Mapping[tuple[str, str], Sequence[Offer]]:
    """Return what can be taken along of a run, under a title and a sentence that says what it is for."""
    if file.path is None:
        return {}
    folder = file.path.parent
    code: list[Offer] = []
    executed = next(iter(sorted(folder.glob("*.ipynb"))), None)
    if executed is not None:
        stem = executed.stem
        code = [
            Offer("Executed notebook", executed.name, executed.read_bytes),
            Offer("Notebook with its data (zip)", f"{stem}.zip", partial(notebook_with_data, executed)),
            Offer("Python script (.py)", f"{stem}.py", partial(as_script, executed)),
        ]
    share = [Offer("Picture (SVG)", "pipeline.svg", lambda: export_text(file, "svg").encode())]
    if (folder / "report.html").is_file():
        share.insert(0, Offer("Report (HTML)", "report.html", (folder / "report.html").read_bytes))
    share += [
        Offer("Research crate (zip)", "crate.zip", lambda: crate(file)),
        Offer("Everything (zip)", f"{folder.name}.zip", lambda: whole_folder(folder)),
    ]
    records = [
        Offer(_TITLES[form], f"provenance.{suffix}", lambda form=form: export_text(file, form).encode())  # type: ignore[misc]
        for form, suffix in _SUFFIXES.items()
        if form != "json"
    ]
    records.insert(0, Offer(_TITLES["json"], "provenance.json", file.path.read_bytes))
    groups = {
        ("The code", "To run again, to change, or to read."): code,
        (
            "The provenance",
            "What was run, with what, and what came of it. Keep PROV-JSON: it makes the same experiment again.",
        ): records,
        (
            "To pass on",
            "A report is one page for people; a research crate (RO-Crate) holds the whole run for an archive.",
        ): share,
    }
    return {told: offers for told, offers in groups.items() if offers}


def notebook_with_data(executed: Path) -> bytes:
    """Return a zip of a run's notebook as it was before it ran, and of the data files it reads.

    Parameters
    ----------
    executed
        The executed copy in the run's folder; beside it may lie ``data/``.
    """
    notebook = json.loads(executed.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None
            cell.get("metadata", {}).pop("execution", None)
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(f"{executed.stem}/{executed.name}", json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
        for path in sorted((executed.parent / "data").glob("*")):
            if path.is_file() and not path.is_symlink():
                packed.write(path, f"{executed.stem}/data/{path.name}")
    return stream.getvalue()


def as_script(notebook: Path) -> bytes:
    """Return a notebook as a Python script with a ``# %%`` line before each cell, which editors read as cells."""
    import jupytext

    return str(jupytext.writes(jupytext.read(notebook), fmt="py:percent")).encode()


def whole_folder(folder: Path) -> bytes:
    """Return a zip of all files of a run."""
    stream = BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file() and not path.is_symlink():
                packed.write(path, path.relative_to(folder).as_posix())
    return stream.getvalue()
