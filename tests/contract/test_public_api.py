"""The names that everybody may use, and what importing them costs."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from typing import Any

import pytest

import mlprov_widgets

PUBLIC = [
    "Wizard",
    "list_tasks",
    "generate",
    "run",
    "show",
    "reproduce",
    "import_provenance",
    "verify",
    "recover",
    "export",
    "list_runs",
    "compare",
    "check_task",
    "record",
    "show_provenance",
    "explore",
]

HEAVY = {
    "IPython",
    "ipycytoscape",
    "ipywidgets",
    "jinja2",
    "matplotlib",
    "nbclient",
    "nbformat",
    "numpy",
    "pandas",
    "prov",
    "sklearn",
    "torch",
    "torchvision",
}


def loaded_by(code: str) -> set[str]:
    """Return the packages that a new process has loaded after some code."""
    code = f"import sys\n{code}\nimport json\nprint(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


def test_the_public_names_are_the_documented_ones() -> None:
    assert mlprov_widgets.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_used_and_says_what_it_does(name: str) -> None:
    found = getattr(mlprov_widgets, name)
    assert callable(found)
    assert found.__doc__


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_is_seen_before_it_is_loaded(name: str) -> None:
    assert name in dir(mlprov_widgets)


def test_a_star_import_gives_the_public_names() -> None:
    namespace: dict[str, Any] = {}
    exec("from mlprov_widgets import *", namespace)
    assert set(namespace) - {"__builtins__"} == set(PUBLIC)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'mlprov_widgets' has no attribute 'runs'"):
        _ = mlprov_widgets.runs


@pytest.mark.parametrize("name", PUBLIC)
def test_no_package_bears_the_name_of_a_public_name(name: str) -> None:
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module(f"mlprov_widgets.{name}")


def test_the_version_is_a_version() -> None:
    assert [part.isdigit() for part in mlprov_widgets.__version__.split(".")] == [True] * 3


@pytest.mark.parametrize(
    "code",
    [
        "import mlprov_widgets",
        "import mlprov_widgets.cli",
        "from mlprov_widgets import generate, run, reproduce",
        "from mlprov_widgets import list_tasks\nlist_tasks()",
    ],
    ids=["package", "command line", "verbs", "tasks"],
)
def test_what_is_not_needed_yet_is_not_loaded(code: str) -> None:
    assert loaded_by(code) & HEAVY == set()


def test_recording_loads_little_into_a_persons_kernel() -> None:
    assert loaded_by("from mlprov_widgets import record") & HEAVY == set()


def test_showing_provenance_loads_neither_the_notebook_format_nor_a_graph() -> None:
    loaded = loaded_by("from mlprov_widgets import show_provenance")
    assert loaded & {"nbformat", "nbclient", "ipycytoscape", "ipywidgets", "jinja2", "torch", "pandas"} == set()


def test_generating_a_notebook_loads_nothing_that_the_notebook_imports() -> None:
    code = (
        "from mlprov_widgets.notebook.render import notebook_text, render_notebook\n"
        "from mlprov_widgets.tasks.load import find_task\n"
        "from mlprov_widgets.tasks.plan import make_plan\n"
        "task = find_task('multiclass_classification')\n"
        "notebook_text(render_notebook(task, make_plan(task, {}).plan))\n"
    )
    assert loaded_by(code) & {"torch", "torchvision", "sklearn", "pandas", "matplotlib", "numpy"} == set()
