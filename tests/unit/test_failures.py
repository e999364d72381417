"""A run that was to reproduce another and did not complete: where it ended, and why probably."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets.execution.failures import failed
from mlprov_widgets.execution.run import without_record
from mlprov_widgets.provenance.reading import read_provenance
from mlprov_widgets.provenance.replay import replay
from mlprov_widgets.tasks.load import load_task
from mlprov_widgets.ui.verdict import failure_html

Answer = dict[str, Any]


@pytest.mark.parametrize(
    ("status", "message", "cause"),
    [
        ("cancelled", "cancelled", "somebody cancelled it"),
        (
            "failed",
            "ModuleNotFoundError: No module named 'sklearn.svm'",
            "the module sklearn.svm is not installed here",
        ),
        ("failed", "URLError: <urlopen error [Errno -2] Name or service not known>", "look at the connection"),
        ("failed", "the kernel died, probably out of memory", "the memory was probably too small"),
        ("failed", "the GPU's memory is too small for this: choose", "this GPU has less memory than the recorded one"),
        ("failed", "OSError: [Errno 28] No space left on device", "the disk is full"),
        ("failed", "the time limit of 6 seconds was reached", "allow it more time"),
        ("failed", "FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'", "a file that the notebook reads"),
        ("failed", "ValueError: odd", "nothing that was recorded explains it"),
    ],
)
def test_a_message_leads_to_a_likely_cause(tiny_run: Answer, status: str, message: str, cause: str) -> None:
    found = failed(replay(tiny_run["provenance"]), status=status, message=message, step="train", stage="training")
    assert found.first is not None
    assert (found.verdict, found.first.stage, found.first.item) == ("failed", "training", "train")
    assert cause in found.first.cause
    assert found.happened == message


def test_another_version_is_the_cause_where_nothing_else_is(tiny_run: Answer, tmp_path: Path) -> None:
    document = json.loads(Path(tiny_run["provenance"]).read_text(encoding="utf-8"))
    for version in ("1.0.0", "2.0.0"):
        document["entity"]["run:packages"]["pypi:numpy"] = version
        (tmp_path / version).write_text(json.dumps(document), encoding="utf-8")
    recorded, actual = replay(tmp_path / "1.0.0"), read_provenance(tmp_path / "2.0.0")
    found = failed(recorded, status="failed", message="TypeError: odd", step="train", actual=actual)
    assert found.first is not None
    assert found.first.cause == "numpy 2.0.0 instead of 1.0.0"


def test_the_card_of_a_failed_reproduction_names_the_cell_and_escapes(tiny_run: Answer, tiny_task: Path) -> None:
    result = without_record("failed", "ValueError: <b>odd</b>") | {"failed_step": "train"}
    html = failure_html(Path(tiny_run["provenance"]), result, load_task(tiny_task))
    assert 'class="mlprov-verdict mlprov-bad"' in html
    assert "the cell train, in the stage training" in html
    assert "ValueError: &lt;b&gt;odd&lt;/b&gt;" in html


def test_the_card_is_there_when_the_recorded_file_is_gone(tiny_run: Answer, tiny_task: Path, tmp_path: Path) -> None:
    html = failure_html(tmp_path / "gone.json", without_record("cancelled", "x"), load_task(tiny_task))
    assert "the recorded run cannot be read" in html
