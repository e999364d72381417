"""What is put off is not imported, and there when it is used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mlprov_widgets.later import put_off

# Another process: what these tests import would stay.
OF_THE_GRAPH = """
import sys
from mlprov_widgets.ui.graph import Canvas
Canvas(print)
assert not {"pandas", "networkx"} & set(sys.modules), "not put off"
import ipycytoscape, networkx, pandas
widget = ipycytoscape.CytoscapeWidget(networkx.path_graph(3))
assert len(widget.graph.edges) == 2
assert ipycytoscape.cytoscape.pd.DataFrame is pandas.DataFrame
"""
OF_THE_NOTEBOOK = """
import sys
from mlprov_widgets.notebook_format import nbformat
nbformat.validate(nbformat.v4.new_notebook())
assert not {"rfc3987_syntax", "lark"} & set(sys.modules), "not put off"
import jsonschema
checker = jsonschema.FormatChecker()
checker.check("http://example.org/é", "iri")
try:
    checker.check("no address", "iri")
except jsonschema.exceptions.FormatError:
    print("refused")
"""


@pytest.mark.parametrize(("code", "told"), [(OF_THE_GRAPH, ""), (OF_THE_NOTEBOOK, "refused")])
def test_what_the_form_never_uses_is_not_imported_and_works_for_others(code: str, told: str) -> None:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout.strip()) == ("", told)


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a package that can be imported."""
    (tmp_path / "slow_package").mkdir()
    (tmp_path / "slow_package" / "__init__.py").write_text(
        "def twice(n):\n    return 2 * n\n\nclass Number:\n    pass\n"
    )
    (tmp_path / "slow_package" / "part.py").write_text("word = 'deep'\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("slow_package", "slow_package.part"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return "slow_package"


def test_a_function_that_was_taken_by_name_works(slow: str) -> None:
    with put_off(slow, by_name=True):
        from slow_package import twice  # type: ignore[import-not-found]
    assert slow not in sys.modules
    assert twice(n=4) == 8
    assert slow in sys.modules


def test_nothing_is_of_a_class_that_nobody_has_imported_and_what_is_is_known(slow: str) -> None:
    with put_off(slow):
        import slow_package as taken
    assert not isinstance(4, taken.Number)
    assert slow not in sys.modules
    import slow_package

    assert isinstance(slow_package.Number(), taken.Number)
    assert not isinstance(4, taken.Number)


def test_what_another_thread_imports_meanwhile_is_whole(slow: str) -> None:
    with put_off(slow):
        import slow_package.part  # type: ignore[import-not-found]

        assert slow_package.part.word == "deep"
    assert sys.modules[slow].twice(1) == 2


def test_what_is_not_installed_stays_so() -> None:
    with put_off("no_such_package_at_all"), pytest.raises(ModuleNotFoundError):
        import no_such_package_at_all  # type: ignore[import-not-found]  # noqa: F401


def test_what_is_imported_already_is_left_alone(slow: str) -> None:
    import slow_package

    with put_off(slow):
        assert sys.modules[slow] is slow_package
    assert sys.modules[slow] is slow_package
