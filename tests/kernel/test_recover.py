"""A journal is enough: what a killed run had done is not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.errors import NotebookError, ProvenanceError

Answer = dict[str, Any]
Write = Callable[..., Path]
Run = Callable[..., Answer]
StartKernel = Callable[..., Any]

BLOCKED = "import os\n(outputs / 'pid').write_text(str(os.getpid()))\nhistory = {'loss': [0.5]}\nwhile True:\n    pass"


@pytest.fixture
def killed(notebook: Write, own_folder: Path, tiny_task: Path, wait_for: Any, recorded: Any) -> Path:
    """The folder of a run whose runner and kernel were killed while it trained."""
    path, runs = notebook(edit={"train": BLOCKED}), own_folder / "runs"
    command = [sys.executable, "-m", "mlprov_widgets.cli", "run", str(path), "--runs", str(runs)]
    process = subprocess.Popen(
        [*command, "--tasks", str(tiny_task)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(lambda: any('"values": [0.5]' in file.read_text() for file in runs.glob("*/journal.jsonl")))
    finally:
        process.kill()
        process.wait()
        for file in runs.glob("*/outputs/pid"):
            os.kill(int(file.read_text()), signal.SIGKILL)
    folder: Path = recorded()[0]
    return folder


def test_a_killed_run_is_recovered_from_its_journal(killed: Path) -> None:
    assert not (killed / "provenance.json").exists()
    done = verbs.recover(killed / "journal.jsonl")
    assert (done["status"], done["failed_step"]) == ("incomplete", "train")
    assert done["notes"] == ["The run did not end by itself; its record was recovered from the journal."]
    ran = [(step["step"], step["status"]) for step in verbs.show(done["provenance"])["steps"]]
    assert ran[-2:] == [("model", "ok"), ("train", "died")]
    assert verbs.verify(done["provenance"])["valid"]


def test_a_run_that_was_killed_while_it_wrote_is_recovered(killed: Path) -> None:
    journal = killed / "journal.jsonl"
    with journal.open("a", encoding="utf-8") as file:
        file.write('{"event": "history", "time": "2026-')
    done = verbs.recover(journal)
    assert done["notes"][0].startswith("The last line of the journal was cut off")
    assert verbs.show(done["provenance"])["table1"]["model_parameters"]["optimizer"]["value"] == "Descent"


def test_recovering_leaves_the_journal_as_it_is(killed: Path) -> None:
    before = (killed / "journal.jsonl").read_bytes()
    verbs.recover(killed)
    assert (killed / "journal.jsonl").read_bytes() == before


def test_a_run_that_was_not_recovered_yet_is_listed_as_incomplete(killed: Path) -> None:
    listed = verbs.list_runs(runs=killed.parent)["runs"]
    assert [(one["run"], one["status"]) for one in listed] == [(str(killed), "incomplete")]


def test_recovering_a_run_that_ended_gives_the_same_document(notebook: Write, run: Run) -> None:
    done = run(notebook())
    before = Path(done["provenance"]).read_bytes()
    Path(done["provenance"]).unlink()
    again = verbs.recover(done["run"])
    assert Path(again["provenance"]).read_bytes() == before
    assert {name: again[name] for name in ("status", "metrics", "notebook", "notes")} == {
        name: done[name] for name in ("status", "metrics", "notebook", "notes")
    }


# A journal that does not know its notebook ------------------------------------------------------------


@pytest.fixture
def unknown(notebook: Write, kernel: StartKernel, recorded: Any) -> tuple[Path, Path]:
    """The journal of a run that did not find its notebook, and that notebook."""
    path = notebook()
    shell = kernel()
    shell.run_steps(path, ids=False)
    shell.close()
    return recorded()[0] / "journal.jsonl", path


def test_an_unknown_plan_cannot_be_imported_and_the_message_says_how_to_attach_it(
    unknown: tuple[Path, Path], tiny_task: Path
) -> None:
    with pytest.raises(ProvenanceError, match=r"mlprov recover JOURNAL --notebook FILE"):
        verbs.import_provenance(unknown[0].with_name("provenance.json"), tasks=[tiny_task])


def test_a_notebook_is_attached_to_a_journal(unknown: tuple[Path, Path], tiny_task: Path) -> None:
    journal, path = unknown
    done = verbs.recover(journal, notebook=path)
    assert done["status"] == "completed"
    table1 = verbs.show(done["provenance"])["table1"]
    assert table1["experiment_info"]["file_size"]["value"] == path.stat().st_size
    assert verbs.import_provenance(done["provenance"], tasks=[tiny_task])["parameters"]["epochs"] == 4


def test_the_cells_of_an_attached_notebook_are_known_by_their_source(unknown: tuple[Path, Path]) -> None:
    journal, path = unknown
    steps = verbs.show(verbs.recover(journal, notebook=path)["provenance"])["steps"]
    assert [(step["step"], step["code"]) for step in steps][:3] == [
        ("recorder", "as planned"),
        ("imports", "as planned"),
        ("parameters", "as planned"),
    ]


def test_a_run_with_its_notebook_attached_is_reproduced(unknown: tuple[Path, Path], tiny_task: Path) -> None:
    done = verbs.recover(unknown[0], notebook=unknown[1])
    assert verbs.reproduce(done["provenance"], tasks=[tiny_task])["verdict"] == "identical"


def test_another_notebook_is_not_attached(unknown: tuple[Path, Path], notebook: Write) -> None:
    with pytest.raises(NotebookError, match="the journal is of another notebook"):
        verbs.recover(unknown[0], notebook=notebook({"epochs": 9}))


def test_what_is_no_journal_is_refused(own_folder: Path) -> None:
    path = own_folder / "journal.jsonl"
    path.write_text('{"event": "end", "time": "2026-01-01T00:00:00+00:00"}\n', encoding="utf-8")
    with pytest.raises(ProvenanceError, match="it does not begin with a start event"):
        verbs.recover(path)
