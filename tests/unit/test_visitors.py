"""The folders of a page's visitors: kept as long as promised, and never deleted under somebody's feet."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.background import LOCK
from mlprov_widgets.ui import visitors
from mlprov_widgets.ui.quota import quota_of_visitors
from mlprov_widgets.ui.visitors import enter, tidy

A, B = "a" * 32, "b" * 32
HOLD = "import fcntl, sys, time; f = open(sys.argv[1], 'r+'); fcntl.flock(f, {}); print(flush=True); time.sleep(60)"


@pytest.fixture(autouse=True)
def no_page_is_open_in_this_process(tmp_path: Path) -> Iterator[None]:
    # Somebody looked a moment ago, so that nothing is deleted but by the test.
    (tmp_path / "visitors").mkdir()
    (tmp_path / "visitors" / visitors._TIDIED).touch()
    yield
    leave()


def leave() -> None:
    """End the visits of this process, as the end of its kernel does."""
    while visitors._open:
        os.close(visitors._open.popitem()[1])


def age(folder: Path, days: float) -> None:
    """Make it look as if nothing happened in a folder for so many days."""
    then = time.time() - days * 86400
    for path in [*folder.rglob("*"), folder]:
        os.utime(path, (then, then))


def left_behind(home: Path, token: str, days: float, file: str = "experiments/uploads/x/rows.csv") -> Path:
    folder = enter(home, token, 7)
    leave()
    (folder / file).parent.mkdir(parents=True)
    (folder / file).write_text("1")
    age(folder, days)
    return folder


def test_a_folder_is_kept_for_as_long_as_promised_and_deleted_after(tmp_path: Path) -> None:
    kept, old = left_behind(tmp_path, A, 6.9), left_behind(tmp_path, B, 7.1)
    assert tidy(tmp_path, 7) == [B]
    assert (kept / "experiments/uploads/x/rows.csv").is_file()
    assert not old.exists()
    assert [path.name for path in (tmp_path / "visitors").iterdir() if path.is_dir()] == [A]


def test_a_visit_counts_from_now(tmp_path: Path) -> None:
    folder = left_behind(tmp_path, A, 30)
    enter(tmp_path, A, 365)
    leave()
    assert tidy(tmp_path, 7) == []
    assert folder.is_dir()


@pytest.mark.parametrize("file", [f"experiments/drafts/{A}.json", "mlprov_runs/iris/result.json"])
def test_what_changed_last_counts_too(tmp_path: Path, file: str) -> None:
    folder = left_behind(tmp_path, A, 30, file)
    os.utime(folder / file)
    assert tidy(tmp_path, 7) == []


def test_a_folder_whose_page_is_open_stays(tmp_path: Path) -> None:
    folder = enter(tmp_path, A, 7)
    age(folder, 30)
    assert tidy(tmp_path, 7) == []
    leave()
    assert tidy(tmp_path, 7) == [A]


@pytest.mark.parametrize(("file", "lock"), [(f"mlprov_runs/iris/{LOCK}", "fcntl.LOCK_EX"), (".seen", "fcntl.LOCK_SH")])
def test_a_run_or_a_page_of_another_process_keeps_its_folder_until_it_ends(
    tmp_path: Path, file: str, lock: str
) -> None:
    folder = left_behind(tmp_path, A, 30)
    (folder / file).parent.mkdir(parents=True, exist_ok=True)
    (folder / file).touch()
    holder = subprocess.Popen([sys.executable, "-c", HOLD.format(lock), str(folder / file)], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        age(folder, 30)
        assert tidy(tmp_path, 7) == []
        holder.kill()
    assert tidy(tmp_path, 7) == [A]


def test_what_was_left_half_deleted_is_deleted(tmp_path: Path) -> None:
    half = tmp_path / "visitors" / ".going-0123456789abcdef"
    half.mkdir()
    tidy(tmp_path, 7)
    assert not half.exists()


def test_opening_a_page_deletes_at_most_once_an_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []

    class Now:
        def __init__(self, target: object, args: tuple[Path, float], **_: object) -> None:
            asked.append(args[0])

        def start(self) -> None:
            pass

    monkeypatch.setattr(visitors.threading, "Thread", Now)
    enter(tmp_path, A, 7)
    assert asked == []
    age(tmp_path / "visitors", 0.1)
    enter(tmp_path, B, 7)
    enter(tmp_path, A, 7)
    assert asked == [tmp_path]


def test_all_visitors_together_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPROV_VISITORS_MB", "1")
    mine, other = enter(tmp_path, A, 7), enter(tmp_path, B, 7)
    (other / "large.npz").write_bytes(b"1" * 600_000)
    quota = quota_of_visitors()
    quota.check_space(mine, 300_000)
    with pytest.raises(MlprovError, match="together have reached its 1 MB") as refused:
        quota.check_space(mine, 500_000)
    assert "Try again later" in refused.value.fix


def test_before_anybody_has_a_folder_nothing_is_full(tmp_path: Path) -> None:
    quota_of_visitors().check_space(tmp_path / "visitors" / A, 1000)
    quota_of_visitors().check_space(tmp_path / "nowhere" / "visitors" / A, 1000)


def test_a_visitor_is_told_what_they_have_and_for_how_long() -> None:
    told = quota_of_visitors().told()
    assert "for 7 days is deleted" in told
    assert "500 MB and 20 runs of 30 minutes" in told
