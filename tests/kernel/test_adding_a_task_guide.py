"""docs/adding-a-task.md, followed to the letter by somebody who has nothing but the guide."""

from __future__ import annotations

import json
import os
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import check_task, cli, generate, list_tasks, run, show
from mlprov_widgets.tasks.load import ENTRY_POINTS

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-task.md").read_text(encoding="utf-8")
TASK = "nearest_neighbours"

# A line with a file's name, and below it the file.
FILE = re.compile(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write_files(folder: Path) -> None:
    for name, content in FILE.findall(GUIDE):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def typed_commands() -> Iterator[list[str]]:
    """The guide's command lines, as a shell hands them over."""
    for block in COMMANDS.findall(GUIDE):
        for line in block.splitlines():
            program, *words = shlex.split(line)
            assert program == "mlprov"
            yield [str(path) for word in words for path in (sorted(Path().glob(word)) if "*" in word else [word])]


@pytest.fixture
def task_folder(own_folder: Path) -> Path:
    write_files(own_folder)
    return own_folder / TASK


def test_the_guide_holds_a_whole_task(task_folder: Path) -> None:
    description = tomllib.loads((task_folder / "task.toml").read_text(encoding="utf-8"))
    assert sorted(path.name for path in task_folder.iterdir()) == sorted(
        ["task.toml", *(cell["template"] for cell in description["cells"])]
    )
    assert len(description["cells"]) == 5


def test_its_commands_lead_from_the_files_to_an_identical_reproduction(
    task_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers: dict[str, dict[str, Any]] = {}
    for words in typed_commands():
        assert cli.main([*words, "--json"]) == 0, words
        answers[words[0]] = json.loads(capsys.readouterr().out)
    assert list(answers) == ["check-task", "generate", "run", "show", "reproduce"]
    assert answers["check-task"]["problems"] == []
    assert answers["generate"]["parameters"]["power"] == 3.0
    assert answers["run"]["status"] == "completed"
    assert 0.8 < answers["run"]["metrics"]["accuracy"] <= 1.0
    assert answers["reproduce"]["verdict"] == "identical"
    assert answers["reproduce"]["differences"] == []


def test_its_commands_print_what_the_guide_says(task_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = ""
    for words in typed_commands():
        assert cli.main(words) == 0, words
        printed += capsys.readouterr().out
    told = [
        line
        for block in re.findall(r"^```sh\n.*?^```\n\n```text\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
        for line in block.splitlines()
        if line.strip() != "..."
    ]
    assert len(told) > 5
    assert [line for line in told if line not in printed.splitlines()] == []


def test_the_mistakes_in_the_guide_are_told_as_it_says(task_folder: Path) -> None:
    model = task_folder / "model.py.jinja"
    model.write_text(model.read_text(encoding="utf-8").replace("neighbours,", "{{ neighbors | literal }},", 1))
    problems = [f"- {problem}" for problem in check_task(task_folder)["problems"]]
    assert problems
    assert "\n".join(problems) in GUIDE


def test_what_the_stages_observe_was_seen_and_not_planned(task_folder: Path) -> None:
    written = generate(TASK, {"neighbours": 7, "scaling": "no"}, out="n.ipynb", tasks=[task_folder])
    done = run(written["notebook"], tasks=[task_folder])
    table1 = show(done["provenance"])["table1"]
    description = tomllib.loads((task_folder / "task.toml").read_text(encoding="utf-8"))
    fields = [field for stage in description["stages"] for field in stage["observe"]]
    seen = {name: item for group in table1.values() for name, item in group.items() if name in fields}
    assert sorted(seen) == sorted(fields)
    assert {item["status"] for item in seen.values()} == {"observed"}
    assert seen["scaling"]["value"] is False


def test_a_package_made_as_the_guide_says_offers_the_task(
    task_folder: Path, own_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = tomllib.loads((own_folder / "mlprov-nearest-neighbours" / "pyproject.toml").read_text(encoding="utf-8"))
    [(name, package)] = project["project"]["entry-points"][ENTRY_POINTS].items()
    # What an installer leaves behind: the package, and beside it what is known of it.
    site = own_folder / "site-packages"
    site.mkdir()
    task_folder.rename(site / package)
    (site / package / "__init__.py").touch()
    about = site / f"{package}-{project['project']['version']}.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['project']['name']}\nVersion: 1.0.0\n")
    (about / "entry_points.txt").write_text(f"[{ENTRY_POINTS}]\n{name} = {package}\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)

    assert TASK in [task["id"] for task in list_tasks()["tasks"]]
    done = run(generate(TASK, out="installed.ipynb")["notebook"])
    assert done["status"] == "completed"
    assert show(done["provenance"])["table1"]["model_parameters"]["distance"]["status"] == "observed"
