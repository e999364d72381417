"""The code of a run as a script: Python whatever ran, in the order in which it ran."""

from __future__ import annotations

import ast
import json
from typing import Any

import nbformat
import pytest

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.provenance.export.script import code_that_ran, notebook, script
from mlprov_widgets.provenance.reading import ProvenanceFile

TYPE = "xsd:QName"


def document(*cells: tuple[str, str], **more: Any) -> ProvenanceFile:
    """Return a document of cells by step and source, each of which ran a second after the one before it."""
    found: dict[str, Any] = {"entity": {}, "activity": {"run:run": {"ml:status": "completed"}}, "used": {}}
    for number, (step, source) in enumerate(cells):
        record, code = f"run:exec-{step}-{number}", f"run:cell-{step}-{number}"
        found["entity"][code] = {
            "prov:type": {"$": "ml:AddedCell", "type": TYPE},
            "ml:step": step,
            "ml:source": {"$": json.dumps(source), "type": "rdf:JSON"},
            "schema:sha256": sha256_of_text(source),
        }
        found["activity"][record] = {
            "prov:type": {"$": "p-plan:Activity", "type": TYPE},
            "prov:startTime": f"2026-01-01T00:00:{number:02}+00:00",
            "ml:status": "ok",
            **more,
        }
        found["used"][f"_:{number}"] = {"prov:activity": record, "prov:entity": code}
    return ProvenanceFile(found)


def cells_of(text: str) -> list[str]:
    return [part.partition("\n")[2].strip() for part in text.split("# %% ")[1:]]


def test_a_cell_that_ran_twice_stands_there_twice_and_between_them_what_ran_then() -> None:
    text = script(document(("a", "x = 1"), ("b", "x = 2"), ("a", "x = 3")))
    assert cells_of(text) == ["x = 1", "x = 2", "x = 3"]
    assert [line for line in text.splitlines() if line.startswith("# %%")] == [
        "# %% a (added)",
        "# %% b (added)",
        "# %% a (execution 2; added)",
    ]


def test_a_cell_that_failed_says_how() -> None:
    failed = document(("a", "1 / 0"), **{"ml:status": "error", "ml:error": "ZeroDivisionError:\n division"})
    assert "# %% a (added; error: ZeroDivisionError: division)\n1 / 0\n" in script(failed)


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("x = 1\n\n", "x = 1"),
        ("%matplotlib inline\nx = 1", "# %matplotlib inline\nx = 1"),
        ("if True:\n    x = 1\n!ls\nx?", "if True:\n    x = 1\n# !ls\n# x?"),
        ("%%bash\nx=1", "# %%bash\n# x=1"),
        ('text = """\n%not a magic\n"""', 'text = """\n%not a magic\n"""'),
        ("x = (", "# x = ("),
        ("await thing()", "await thing()"),
        ("x = 1\r\ny = 2\rz = 3", "x = 1\ny = 2\nz = 3"),
        ("!x\rimport os", "# !x\nimport os"),
        ("a\x00b", "# a\N{REPLACEMENT CHARACTER}b"),
        ("", ""),
    ],
)
def test_what_is_no_python_is_a_comment(source: str, written: str) -> None:
    text = script(document(("a", source)))
    assert cells_of(text) == [written]
    compile(text, "script", "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("text", ["a\nimport os", "a\rimport os", "a\x0cb", "a\u2028import os", "a\x00b"])
def test_no_title_leaves_its_comment(text: str) -> None:
    written = script(document((text, "x = 1"), **{"ml:status": "error", "ml:error": text}))
    assert ast.dump(ast.parse(written)) == ast.dump(ast.parse("x = 1"))


def test_code_that_was_changed_is_refused() -> None:
    file = document(("a", "x = 1"))
    file.entity("run:cell-a-0")["schema:sha256"] = "0" * 64  # type: ignore[index]
    with pytest.raises(ProvenanceError, match=r"^a: the recorded code of this cell was changed"):
        code_that_ran(file)


def test_the_notebook_has_each_execution_as_a_cell() -> None:
    made = nbformat.reads(notebook(document(("a", "%pwd"), ("b", "x = 2"), ("a", "x = 3"))), as_version=4)
    nbformat.validate(made)
    assert [cell.source for cell in made.cells] == ["%pwd", "x = 2", "x = 3"]
    assert [cell.metadata["name"] for cell in made.cells][2] == "a (execution 2; added)"
