"""A small task of the tests' own: what these tests say must hold for any task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlprov_widgets.tasks.load import load_task
from mlprov_widgets.tasks.model import Task

TOY = """\
id = "toy"
title = "A toy"
version = "1.0.0"
description = "Counts."
requirements = ["numpy", "no-such-distribution"]

[[stages]]
id = "data_ingestion"
title = "Data"
help = "Rows come in."

[stages.observe]
dataset_id = "rows"

[[stages]]
id = "training"
title = "Training"
help = "Numbers go up."

[stages.not_applicable]
pretrained = "There is nothing to train"

[[parameters]]
name = "dataset_id"
stage = "data_ingestion"
label = "Dataset"
help = "What to count."
sort = "choice"
kind = "choice"
default = "small"

[[parameters.choices]]
value = "small"
label = "Small"
code = "range(10)"
facts = { samples = 10 }

[[parameters.choices]]
value = "large"
label = "Large"
code = "range(1000)"
facts = { samples = 1000 }

[[parameters.choices]]
value = "own"
label = "Own"

[[parameters]]
name = "data_file"
stage = "data_ingestion"
label = "Data file"
help = "The rows to count."
sort = "literal"
kind = "file"
when = "dataset_id == 'own'"

[[parameters]]
name = "separator"
stage = "data_ingestion"
label = "Separator"
help = "What stands between two cells."
sort = "choice"
kind = "choice"
when = "dataset_id == 'own'"
of = "data_file"
detect = "separator"
choices = [
    { value = "comma", label = "Comma", code = '","' },
    { value = "semicolon", label = "Semicolon", code = '";"' },
]

[[parameters]]
name = "target_column"
stage = "data_ingestion"
label = "Class"
help = "What to tell apart."
sort = "literal"
kind = "column"
when = "dataset_id == 'own'"
of = "data_file"
detect = "target_column"

[[parameters]]
name = "ignored_columns"
stage = "data_ingestion"
label = "Leave out"
help = "Columns that do not count."
sort = "literal"
kind = "names"
when = "dataset_id == 'own'"
of = "data_file"

[[parameters]]
name = "epochs"
stage = "training"
label = "Epochs"
help = "How often."
sort = "literal"
kind = "integer"
default = 3
minimum = 1
maximum = 100
unit = "rounds"

[[parameters]]
name = "shuffle"
stage = "training"
label = "Shuffle"
help = "Whether the order changes."
sort = "choice"
kind = "boolean"
default = false

[[parameters]]
name = "seed"
stage = "training"
label = "Seed"
help = "Decides the order."
sort = "literal"
kind = "integer"
default = 2
when = "shuffle"

[[parameters]]
name = "patience"
stage = "training"
label = "Patience"
help = "How long to wait."
sort = "literal"
kind = "integer"
optional = true
minimum = 0
exclusive_minimum = true
when = "shuffle and seed is not none"

[[cells]]
step = "imports"
stage = ""
kind = "code"
title = "Imports"
template = "imports.py.jinja"

[[cells]]
step = "setup"
stage = ""
kind = "code"
title = "Set-up"
template = "setup.py.jinja"
after_parameters = true

[[cells]]
step = "load"
stage = "data_ingestion"
kind = "code"
title = "Load"
template = "load.py.jinja"

[[cells]]
step = "explain"
stage = "training"
kind = "markdown"
title = "Explain"
template = "explain.md.jinja"

[[cells]]
step = "count"
stage = "training"
kind = "code"
title = "Count"
template = "count.py.jinja"

[[rules]]
require = "facts.samples == 0 or facts.samples >= epochs"
field = "epochs"
message = "there are fewer rows than epochs"
fix = "Lower epochs"

[[rules]]
require = "dataset_id != 'own' or facts.missing == 0"
field = "data_file"
message = "the file has missing values"
fix = "Fill them in"

[[advice]]
when = "epochs > 5"
field = "epochs"
message = "this takes long"
"""

TEMPLATES = {
    "imports.py.jinja": "import math\n",
    "setup.py.jinja": "total = math.floor(epochs)\n",
    "load.py.jinja": (
        '{% if dataset_id == "own" %}\n'
        "rows = open(data_file).read().split({{ separator.code }})\n"
        "wanted, unwanted = target_column, ignored_columns\n"
        "{% else %}\n"
        "rows = {{ dataset_id.code }}  # {{ dataset_id.label }}\n"
        "{% endif %}\n"
    ),
    "explain.md.jinja": "It counts to the end.\n",
    "count.py.jinja": (
        "for _ in rows:\n"
        "    total += 1\n"
        "{% if shuffle %}\n"
        "    total += seed{% if patience is not none %} * patience{% endif %}\n"
        "{% endif %}\n"
    ),
}

WriteTask = Callable[..., Path]


@pytest.fixture(autouse=True)
def settings_of_nobody(plain_environment: None) -> None:
    """Leave out the settings of whoever runs the tests."""


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in a folder of the test's own, and not under Voilà."""
    for name in ("VOILA_REQUEST_URL", "VOILA_PREHEAT", "MLPROV_TRUSTED", "MLPROV_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def closed_widgets(own_folder: Path) -> Iterator[None]:
    """Forget a test's widgets; ipywidgets keeps all of them otherwise."""
    import ipywidgets

    yield
    ipywidgets.Widget.close_all()


@pytest.fixture
def write_task(tmp_path: Path) -> WriteTask:
    """Return a function that writes the toy's folder, with some texts replaced."""

    def to_folder(
        *replaced: tuple[str, str], templates: dict[str, str | None] | None = None, name: str = "toy", more: str = ""
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        description = TOY
        for old, new in replaced:
            assert old in description
            description = description.replace(old, new, 1)
        (folder / "task.toml").write_text(description + more, encoding="utf-8")
        for template, text in {**TEMPLATES, **(templates or {})}.items():
            if text is not None:
                (folder / template).write_text(text, encoding="utf-8")
        return folder

    return to_folder


@pytest.fixture
def toy(write_task: WriteTask) -> Task:
    """Return the toy task as loaded."""
    return load_task(write_task())
