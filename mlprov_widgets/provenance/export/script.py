"""The code of a run as a plain script and as a notebook: what ran, in the order it ran, out of the document alone."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from typing import Any, Final

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.provenance.reading import ProvenanceFile, value_of
from mlprov_widgets.provenance.view import View, view

_LINE_END: Final = re.compile(r"\r\n|[\r\n]")
_OWN_LINE: Final = re.compile(r"\s*[%!?]|.*\?\s*$")


@dataclass(frozen=True)
class Ran:
    """One execution of a cell.

    Attributes
    ----------
    heading : str
        The cell's title on one line, and what was unusual about the execution.
    source : str
        The code as it ran.
    step : dict
        The execution as `view` lays it out.
    """

    heading: str
    source: str
    step: dict[str, Any]


def code_that_ran(file: ProvenanceFile, laid_out: View | None = None) -> list[Ran]:
    """Return the code of each execution, in the order they began.

    Parameters
    ----------
    file
        The document.
    laid_out
        Its view, where there is one already.

    Raises
    ------
    ProvenanceError
        If recorded code is not what its digest says.
    """
    entities = file.code_run()
    times: dict[str, int] = {}
    found = []
    for step in (laid_out or view(file)).steps:
        entity = file.entity(entities.get(step["record"], ""))
        source = value_of(entity.get("ml:source"))
        if isinstance(source, str) and sha256_of_text(source) != entity.get("schema:sha256"):
            raise ProvenanceError(
                "the recorded code of this cell was changed: its digest differs",
                field=step["step"],
                fix="Use an unchanged file",
            )
        number = times[step["step"]] = times.get(step["step"], 0) + 1
        unusual = [
            f"execution {number}" if number > 1 else "",
            "" if step["code"] == "as planned" else str(step["code"]),
            "" if step["status"] == "ok" else f"{step['status']}: {step['error'] or 'it did not end'}",
        ]
        told = "; ".join(text for text in unusual if text)
        heading = " ".join(f"{step['title']}{f' ({told})' if told else ''}".split())
        found.append(Ran(heading, source if isinstance(source, str) else "", step))
    return found


def script(file: ProvenanceFile) -> str:
    """Return the code that ran as one script in the percent format, which Jupytext and editors read as cells.

    A line of IPython's own, and a cell that is no Python, stand there as comments.

    Raises
    ------
    ProvenanceError
        If recorded code is not what its digest says.
    """
    laid_out = view(file)
    about = " ".join(f"{laid_out.run['task']}, {laid_out.run['started']}, {laid_out.run['status']}".split())
    parts = [f"# The code of the recorded run {' '.join(str(laid_out.run['id']).split())} ({about}), as it ran.\n"]
    for ran in code_that_ran(file, laid_out):
        source = _plain_python(ran.source)
        parts.append(f"# %% {_visible(ran.heading)}\n" + (f"{source}\n" if source else ""))
    return "\n".join(parts)


def notebook(file: ProvenanceFile) -> str:
    """Return the code that ran as a notebook without outputs; see `script`."""
    from mlprov_widgets.notebook_format import nbformat

    cells = []
    for number, ran in enumerate(code_that_ran(file), 1):
        cell = nbformat.v4.new_code_cell(ran.source, id=f"execution-{number}", metadata={"name": ran.heading})
        cells.append(cell)
    language = {"name": "python", "display_name": "Python 3", "language": "python"}
    made = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": {**language, "name": "python3"}})
    return str(nbformat.writes(made)) + "\n"


def _plain_python(source: str) -> str:
    lines = _LINE_END.split(source.rstrip())
    if _is_python("\n".join(lines)):
        return "\n".join(lines)
    own = [f"# {_visible(line)}" if _OWN_LINE.match(line) else line for line in lines]
    # `%%bash` makes all of its cell something else.
    if not source.lstrip().startswith("%%") and _is_python("\n".join(own)):
        return "\n".join(own)
    return "\n".join(f"# {_visible(line)}" for line in lines)


def _is_python(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as of an invalid escape, which is whoever wrote the code's
            # As IPython does, which allows await outside of a function.
            compile(source, "<cell>", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _visible(line: str) -> str:
    return line.replace("\x00", "\N{REPLACEMENT CHARACTER}")
