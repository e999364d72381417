"""A document in other forms."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from mlprov_widgets.errors import ProvenanceError, ValueRefused, nearest
from mlprov_widgets.files import already_there, write_atomically
from mlprov_widgets.provenance.pipeline import pipeline_svg
from mlprov_widgets.provenance.reading import ProvenanceFile
from mlprov_widgets.provenance.replay import replay_of
from mlprov_widgets.provenance.report import report
from mlprov_widgets.provenance.view import view


def _json(file: ProvenanceFile) -> str:
    return json.dumps(file.document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _provn(file: ProvenanceFile) -> str:
    import prov
    import prov.model as pm

    try:
        with warnings.catch_warnings():  # about what the file holds; its writer is not here to read them
            warnings.simplefilter("ignore")
            document = pm.ProvDocument.deserialize(content=json.dumps(file.document), format="json")
            return str(document.get_provn()) + "\n"
    except (prov.Error, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise ProvenanceError(
            f"the document is not PROV-JSON: {error}", field="provenance", fix="Use an unchanged file"
        ) from None


def _svg(file: ProvenanceFile) -> str:
    return pipeline_svg(view(file)) + "\n"


def _py(file: ProvenanceFile) -> str:
    replay = replay_of(file)
    changed = {code.step: code.source for code in replay.code}
    steps = {step["step"]: step for step in view(file).steps}
    parts = ["# The code of a recorded run, cell by cell, as it ran.\n"]
    for step, about in steps.items():
        source = changed.get(step) or replay.planned.get(step) or ""
        # A line of IPython's (%pip, !ls) is no Python.
        lines = [f"# {line}" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
        parts.append(f"# %% {' '.join(str(about['title']).split())}\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


_FORMATS: Final[Mapping[str, Callable[[ProvenanceFile], str]]] = {
    "provn": _provn,
    "json": _json,
    "html": report,
    "svg": _svg,
    "py": _py,
}

FORMATS: Final = tuple(_FORMATS)


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
    """
    text = export_text(file, to)
    if out.exists():
        raise already_there(out)
    return write_atomically(out, text)


def export_text(file: ProvenanceFile, to: str) -> str:
    """Return a document in another form; see `export`."""
    if to not in _FORMATS:
        raise ValueRefused("this format is not known", field=to, fix=nearest(to, FORMATS))
    return _FORMATS[to](file)
