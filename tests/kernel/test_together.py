"""Runs at the same time keep out of each other's way.

``MLPROV_RUNS_OF_A_POOL=100`` runs a hundred notebooks from the pool instead of a few.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlprov_widgets import verbs
from mlprov_widgets.provenance.capture.journal import read_journal

Answer = dict[str, Any]
Write = Callable[..., Path]
Run = Callable[..., Answer]
StartKernel = Callable[..., Any]

RUNS = int(os.environ.get("MLPROV_RUNS_OF_A_POOL", "4"))
AT_ONCE = 4


def is_whole(folder: Path) -> bool:
    """Return whether a run's folder holds one run, all of it, and nothing of another."""
    events = read_journal(folder / "journal.jsonl").events
    starts = sum(event["event"] == "start" for event in events)
    verdict = verbs.verify(folder / "provenance.json")
    said = verbs.show(folder / "provenance.json")["run"]
    return (
        starts == 1
        and events[-1]["event"] == "end"
        and verdict["valid"]
        and not verdict["unchecked"]
        and said["status"] == "completed"
        and f"urn:uuid:{events[0]['run']}#" in (folder / "provenance.json").read_text(encoding="utf-8")
    )


@pytest.mark.slow
def test_runs_of_one_notebook_from_a_pool_overwrite_nothing(notebook: Write, run: Run, own_folder: Path) -> None:
    table = own_folder / "points.csv"
    table.write_text("x,y,kind\n" + "".join(f"{n},{n % 3},{'ab'[n % 2]}\n" for n in range(20)), encoding="utf-8")
    path = notebook({"dataset_id": "csv", "data_file": str(table), "target_column": "kind"})
    (data,) = (path.parent / "data").iterdir()
    data.rename(path.parent / "points.csv")  # found by its name, and copied to its place by each run
    before = path.read_bytes()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        done = list(pool.map(lambda _: run(path), range(RUNS)))
    assert [one["message"] for one in done if one["status"] != "completed"] == []
    folders = [Path(one["run"]) for one in done]
    assert len(set(folders)) == RUNS
    assert sorted((own_folder / "runs").iterdir()) == sorted(folders)
    assert [folder for folder in folders if not is_whole(folder)] == []
    assert sorted(file.name for file in path.parent.rglob("*")) == sorted(["data", data.name, "points.csv", path.name])
    assert path.read_bytes() == before


def test_two_kernels_in_one_folder_keep_two_records(notebook: Write, kernel: StartKernel, recorded: Any) -> None:
    path = notebook()
    shells = [kernel(path.parent, MLPROV_NOTEBOOK=str(path)) for _ in range(2)]
    for step in ("recorder", "imports", "parameters", "load-data", "model", "train", "evaluate", "provenance"):
        for shell in shells:
            shell.run_steps(path, step)
    for shell in shells:
        shell.close()
    first, second = recorded()
    assert is_whole(first)
    assert is_whole(second)


def test_a_kernel_that_inherits_the_folder_of_a_run_leaves_that_run_alone(
    notebook: Write, kernel: StartKernel, recorded: Any, own_folder: Path
) -> None:
    path = notebook()
    folder = own_folder / "runs" / "first"
    folder.mkdir(parents=True)
    shells = [kernel(path.parent, MLPROV_NOTEBOOK=str(path), MLPROV_RUN_DIR=str(folder)) for _ in range(2)]
    shells[0].run_steps(path, "recorder", "imports")
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    shells[1].run_steps(path)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert [(place / "journal.jsonl").is_file() for place in recorded()] == [True, True]
