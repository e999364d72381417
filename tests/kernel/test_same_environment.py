"""The recorded environment is built again, of the task's own requirements alone."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import cli, verbs
from mlprov_widgets.errors import ExecutionError
from mlprov_widgets.execution.background import BackgroundRun
from mlprov_widgets.execution.same_environment import built, requirements_of

Answer = dict[str, Any]


@pytest.fixture(scope="module")
def task(tiny_task: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny task with a requirement."""
    folder = shutil.copytree(tiny_task, tmp_path_factory.mktemp("task") / "tiny")
    text = (folder / "task.toml").read_text(encoding="utf-8")
    (folder / "task.toml").write_text(text.replace("requirements = []", 'requirements = ["tqdm"]'), encoding="utf-8")
    imports = folder / "imports.py.jinja"
    imports.write_text(imports.read_text(encoding="utf-8") + "\nimport tqdm\n", encoding="utf-8")
    return folder


@pytest.fixture
def recorded(task: Path, own_folder: Path) -> Any:
    """Return a function that writes the document of a run in which tqdm had another version."""
    verbs.generate("tiny", {}, out=own_folder / "desk" / "tiny.ipynb", tasks=[task])
    done = verbs.run(own_folder / "desk" / "tiny.ipynb", runs=own_folder / "runs", tasks=[task])

    def with_version(number: str) -> Path:
        document = json.loads(Path(done["provenance"]).read_text(encoding="utf-8"))
        document["entity"]["run:packages"] |= {"pypi:tqdm": number, "pypi:attrs": "20.1.0"}
        path = own_folder / "recorded.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return with_version


def test_nothing_but_declared_names_and_versions_is_asked_for() -> None:
    recorded = {"tqdm": "4.66.5+local", "numpy": "1.0 @ file:///tmp/evil", "evil": "1.0", "pandas": "-r evil.txt"}
    wanted = requirements_of(["tqdm", "numpy", "pandas"], recorded)
    assert wanted == {"tqdm": "4.66.5", "numpy": "", "pandas": ""}


def test_strangers_build_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://127.0.0.1:8866/")
    with pytest.raises(ExecutionError, match="no environment is built on a served page"), built({}):
        pass


def test_without_consent_nothing_is_installed(recorded: Any, task: Path, own_folder: Path, capsys: Any) -> None:
    path = recorded("4.66.5")
    arguments = ["reproduce", str(path), "--same-environment", "--json", "--tasks", str(task)]
    assert cli.main([*arguments, "--runs", str(own_folder / "again")]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["fix"] == "Agree with --yes"
    assert not (own_folder / "again").exists()


@pytest.mark.skipif(not (shutil.which("uv") or os.environ.get("UV")), reason="uv builds environments")
@pytest.mark.slow
@pytest.mark.parametrize(("number", "not_had"), [("4.66.5", False), ("0.0.1", True)])
def test_a_run_is_reproduced_in_its_environment_and_what_could_not_be_had_is_listed(
    recorded: Any, task: Path, own_folder: Path, number: str, not_had: bool
) -> None:
    done = verbs.reproduce(recorded(number), runs=own_folder / "again", tasks=[task], same_environment=True)
    assert done["verdict"] == "identical"
    assert [item["expected"] for item in done["not_had"]] == ([number] if not_had else [])
    ran_with = verbs.show(done["provenance"])["table1"]["packages"]["tqdm"]["value"]
    assert (ran_with == number) is not not_had


@pytest.mark.skipif(not (shutil.which("uv") or os.environ.get("UV")), reason="uv builds environments")
@pytest.mark.slow
def test_a_run_of_the_form_has_the_environment_that_it_was_asked_for(
    task: Path, own_folder: Path, wait_for: Callable[[Callable[[], bool]], None]
) -> None:
    verbs.generate("tiny", {}, out=own_folder / "desk" / "tiny.ipynb", tasks=[task])
    run = BackgroundRun(
        own_folder / "desk" / "tiny.ipynb", own_folder / "runs", "tiny", [task], packages={"tqdm": "4.66.5"}
    )
    try:
        wait_for(lambda: run.look().title == "Building the recorded environment")
        wait_for(lambda: run.look().result is not None)
    finally:
        run.kill()
    result = run.look().result
    assert result is not None
    assert (result["status"], result["not_had"]) == ("completed", []), result["message"]
    assert verbs.show(result["provenance"])["table1"]["packages"]["tqdm"]["value"] == "4.66.5"
