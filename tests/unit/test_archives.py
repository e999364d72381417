"""A folder becomes one archive, the same one for the same files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from mlprov_widgets.errors import DataFileError
from mlprov_widgets.tasks.archives import packed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("cat/b.png", "cat/a.png", "dog/c.png", ".hidden/d.png", "dog/.e.png"):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "pets"


def test_an_archive_holds_the_files_that_can_be_seen_in_order(folder: Path) -> None:
    with zipfile.ZipFile(packed(folder)) as archive:
        assert archive.namelist() == ["cat/a.png", "cat/b.png", "dog/c.png"]
        assert archive.read("dog/c.png") == b"dog/c.png"


def test_equal_files_give_an_equal_archive_whenever_they_were_written(folder: Path) -> None:
    before = packed(folder).read_bytes()
    os.utime(folder / "cat" / "a.png", (0, 0))
    again = packed(folder)
    assert again.read_bytes() == before


def test_it_is_packed_once_and_again_when_a_file_changes(folder: Path) -> None:
    first = packed(folder)
    assert packed(folder) == first
    (folder / "cat" / "a.png").write_bytes(b"another")
    assert packed(folder) != first


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFileError, match="this folder holds no files"):
        packed(tmp_path)


def test_a_folder_of_too_many_files_is_refused_before_all_of_it_was_looked_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mlprov_widgets.tasks.archives.MOST_FILES", 2)
    with pytest.raises(DataFileError, match="more than 2 files"):
        packed(folder)


def test_a_folder_for_which_there_is_no_room_is_refused_before_it_is_packed(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(folder)._replace(free=3)
    monkeypatch.setattr("mlprov_widgets.tasks.archives.shutil.disk_usage", lambda place: full)
    with pytest.raises(
        DataFileError, match=r"this folder has 0\.0 GB, and where it would be packed is room for 0\.0 GB"
    ):
        packed(folder)


def test_a_link_to_nowhere_is_left_out(folder: Path) -> None:
    (folder / "cat" / "gone.png").symlink_to(folder / "nowhere.png")
    with zipfile.ZipFile(packed(folder)) as archive:
        assert "cat/gone.png" not in archive.namelist()


_PACKS = """
import sys
from pathlib import Path
from mlprov_widgets.tasks.archives import packed
print(packed(Path(sys.argv[1])).parent, flush=True)
sys.stdin.read()
"""


def test_what_a_killed_process_packed_goes_with_the_next_folder_that_is_packed(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    others = [
        subprocess.Popen(
            [sys.executable, "-c", _PACKS, str(folder)],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    places = [Path((other.stdout.readline() if other.stdout else "").strip()) for other in others]
    killed, alive = others
    killed.kill()
    killed.communicate()
    unlocked = temporary / "mlprov-folder-of-somebody"
    unlocked.mkdir()
    try:
        archive = packed(folder)
        assert [place.is_dir() for place in places] == [True, True]  # one that is so new may not be locked yet
        for place in (*places, unlocked, archive.parent):
            os.utime(place, (time.time() - 7200,) * 2)
        (folder / "cat" / "a.png").write_bytes(b"another")
        packed(folder)
        assert [place.is_dir() for place in (*places, unlocked, archive.parent)] == [False, True, True, True]
    finally:
        alive.communicate("")
    assert not places[1].exists()
