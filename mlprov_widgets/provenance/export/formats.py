"""A document in other forms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from mlprov_widgets.errors import ProvenanceError, ValueRefused, nearest
from mlprov_widgets.files import already_there, write_atomically
from mlprov_widgets.provenance.export.crate import crate
from mlprov_widgets.provenance.export.pipeline import pipeline_svg
from mlprov_widgets.provenance.export.report import report
from mlprov_widgets.provenance.export.script import script
from mlprov_widgets.provenance.export.serialisations import json_ld, prov_json, prov_n, prov_xml, turtle
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.view import view


def _svg(file: ProvenanceFile) -> str:
    drawn = pipeline_svg(view(file))
    if not drawn:
        raise ProvenanceError("no cell ran, so there is no picture", field="provenance", fix="Export html or json")
    return drawn + "\n"


_TEXTS: Final[Mapping[str, Callable[[ProvenanceFile], str]]] = {
    "json": prov_json,
    "provn": prov_n,
    "provx": prov_xml,
    "ttl": turtle,
    "jsonld": json_ld,
    "html": report,
    "svg": _svg,
    "py": script,
}

FORMATS: Final = (*_TEXTS, "rocrate")


def export(file: ProvenanceFile, to: str, out: Path) -> Path:
    """Write a document in another form.

    Parameters
    ----------
    file
        The document.
    to
        One of `FORMATS`.
    out
        The file to write; it must not exist.

    Raises
    ------
    ValueRefused
        If the format is not known.
    TargetExists
        If `out` is there already.
    ProvenanceError
        If the document, or what lies beside it, cannot be written in this form.
    OSError
        If the disk or the folder refuses.
    """
    if to not in FORMATS:
        raise ValueRefused("this format is not known", field=to, fix=nearest(to, FORMATS))
    if out.exists():
        raise already_there(out)
    return write_atomically(out, crate(file) if to == "rocrate" else export_text(file, to))


def export_text(file: ProvenanceFile, to: str) -> str:
    """Return a document in one of the forms that are text; see `export`."""
    if to not in _TEXTS:
        raise ValueRefused("this format is not known, or is no text", field=to, fix=nearest(to, _TEXTS))
    return _TEXTS[to](file)
