"""The kernel that a notebook asks for: a person's choice, recorded, and asked for again where it is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.notebook import kernels as module
from mlprov_widgets.notebook.kernels import Kernel, asking_for, installed, kernels
from mlprov_widgets.notebook.restore import restore
from mlprov_widgets.ui.wizard import Wizard

OTHER = Kernel("other", "Python of another <place>")
pytestmark = pytest.mark.usefixtures("closed_widgets")


@pytest.fixture
def two_kernels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this machine have two kernels that run Python, and one that does not."""
    for name, title, language in ((OTHER.name, OTHER.title, "python"), ("r", "R", "R")):
        folder = tmp_path / "jupyter" / "kernels" / name
        folder.mkdir(parents=True)
        spec = {"argv": ["python"], "display_name": title, "language": language}
        (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))


@pytest.fixture
def form(own_folder: Path, tiny_task: Path) -> Wizard:
    """Return a form of the tiny task."""
    made = Wizard(folder=own_folder, tasks=[tiny_task])
    made.start.task.value = "tiny"
    return made


def kernelspec(path: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["metadata"]["kernelspec"]
    return found


def test_the_kernels_that_run_python_are_told_with_the_usual_one_first(two_kernels: None) -> None:
    found = kernels()
    assert (found[0].name, [kernel.name for kernel in found if kernel.name == "r"]) == ("python3", [])
    assert (installed("other"), installed("nowhere")) == (OTHER, None)


def test_a_notebook_asks_for_the_chosen_kernel_and_is_the_same_otherwise(form: Wizard, two_kernels: None) -> None:
    form.go("review")
    usual = form.review.generate().read_text(encoding="utf-8")
    assert form.review._kernel_box.layout.display is None
    form.review.kernel.value = OTHER.name
    path = form.review.generate()
    assert kernelspec(path) == {"display_name": OTHER.title, "language": "python", "name": "other"}
    assert asking_for(usual, OTHER) == path.read_text(encoding="utf-8")
    form.undo()
    form.go("review")
    assert form.review.kernel.value == "python3"
    assert kernelspec(form.review.generate())["name"] == "python3"


def test_with_one_kernel_there_is_nothing_to_choose(form: Wizard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlprov_widgets.ui.review.kernels", lambda: [Kernel("python3", "Python 3")])
    form.go("review")
    assert form.review._kernel_box.layout.display == "none"


def test_the_choice_survives_a_reload(form: Wizard, tiny_task: Path, two_kernels: None) -> None:
    form.token.value = "a" * 32
    form.go("review")
    form.review.kernel.value = OTHER.name
    again = Wizard(folder=form.desk.folder, tasks=[tiny_task])
    again.token.value = "a" * 32
    assert again.desk.form.kernel == "other"
    assert again.review.kernel.value == "other"


def test_a_recorded_kernel_is_asked_for_again_where_it_is_installed(
    own_folder: Path, tiny_task: Path, tiny_run: dict[str, str], two_kernels: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))
    document["entity"]["plan:notebook"]["ml:kernel"] = "other"
    path = own_folder / "provenance.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    restored = restore(path, tasks=[tiny_task])
    assert (restored.kernel, json.loads(restored.text)["metadata"]["kernelspec"]["name"]) == (OTHER, "other")
    monkeypatch.setattr(module, "kernels", list)
    restored = restore(path, tasks=[tiny_task])
    assert json.loads(restored.text)["metadata"]["kernelspec"]["name"] == "python3"
    assert "the kernel 'other' is not installed here; python3 is taken" in restored.notes


def test_the_notebook_of_the_usual_kernel_is_the_one_that_the_command_line_makes(
    form: Wizard, own_folder: Path, tiny_task: Path
) -> None:
    written = verbs.generate("tiny", {}, out=own_folder / "by-verb.ipynb", tasks=[tiny_task])
    assert form.review.generate().read_bytes() == Path(written["notebook"]).read_bytes()
