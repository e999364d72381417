"""What the kernels of a page compile is kept, also where Python was told to keep nothing."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from mlprov_widgets.ui.compiled import with_compiled


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the compiled module would lie."""
    source = tmp_path / "installed" / "__init__.py"
    source.parent.mkdir()
    source.touch()
    monkeypatch.setattr("sys.pycache_prefix", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: SimpleNamespace(origin=str(source)))
    return Path(importlib.util.cache_from_source(str(source)))


def test_where_nothing_is_to_be_written_beside_the_modules_the_page_has_a_folder(beside: Path, tmp_path: Path) -> None:
    told = with_compiled({"PYTHONDONTWRITEBYTECODE": "1", "A": "b"}, tmp_path / "own")
    assert told == {"PYTHONPYCACHEPREFIX": str(tmp_path / "own"), "A": "b"}


def test_where_nothing_can_be_written_too(beside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert with_compiled({}, tmp_path / "own") == {"PYTHONPYCACHEPREFIX": str(tmp_path / "own")}


def test_where_only_some_modules_are_compiled_too(beside: Path, tmp_path: Path) -> None:
    beside.parent.mkdir()
    beside.touch()
    (beside.parents[1] / "another.py").touch()
    told = with_compiled({"PYTHONDONTWRITEBYTECODE": "1"}, tmp_path / "own")
    assert told == {"PYTHONPYCACHEPREFIX": str(tmp_path / "own")}


@pytest.mark.parametrize(
    ("environment", "compiled"),
    [
        ({}, False),
        ({"PYTHONDONTWRITEBYTECODE": "1"}, True),
        ({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/elsewhere"}, False),
    ],
)
def test_where_it_is_kept_or_can_be_nothing_changes(
    beside: Path, tmp_path: Path, environment: dict[str, str], compiled: bool
) -> None:
    if compiled:
        beside.parent.mkdir()
        beside.touch()
    assert with_compiled(environment, tmp_path / "own") == environment
