"""The journal of a run: appended event by event, read again whatever happened."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.execution.run import drop_partial_line
from mlprov_widgets.provenance.capture import journal as module
from mlprov_widgets.provenance.capture.journal import Journal, follow, now, plain, read_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the journal goes."""
    return tmp_path / "journal.jsonl"


@pytest.fixture
def warnings_seen() -> list[str]:
    """Return the warnings that were given."""
    return []


@pytest.fixture
def open_journal(path: Path, warnings_seen: list[str]) -> Iterator[Callable[..., Journal]]:
    """Return a function that opens a journal, which is closed when the test is over."""
    opened: list[Journal] = []

    def one(at: Path = path, **options: Any) -> Journal:
        opened.append(Journal(at, warnings_seen.append, **options))
        return opened[-1]

    yield one
    for journal in opened:
        journal.close()


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in events]


def refusal(path: Path) -> str:
    with pytest.raises(ProvenanceError) as caught:
        read_journal(path)
    return str(caught.value)


def line(kind: str, **content: Any) -> str:
    return json.dumps({"event": kind, "time": now(), **content}) + "\n"


# Writing and reading -----------------------------------------------------------------------------


def test_what_was_appended_is_read(path: Path, open_journal: Any, warnings_seen: list[str]) -> None:
    journal = open_journal()
    journal.append("start", run="1")
    journal.append("cell", source="x = 'é'\n", values=[1, 2.5, None])
    journal.close()
    assert read_journal(path).events == journal.events
    assert read_journal(path).truncated is False
    assert warnings_seen == []


def test_every_event_has_its_time(open_journal: Any) -> None:
    before = now()
    event = open_journal().append("start")
    assert before <= event["time"] <= now()


def test_an_event_is_in_the_file_before_the_journal_is_closed(path: Path, open_journal: Any) -> None:
    journal = open_journal()
    journal.append("start")
    assert kinds(read_journal(path).events) == ["start"]


def test_an_event_of_a_killed_process_is_in_the_file(path: Path) -> None:
    code = (
        "import os, pathlib, sys\n"
        "from mlprov_widgets.provenance.capture.journal import Journal\n"
        "Journal(pathlib.Path(sys.argv[1]), print).append('start')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert kinds(read_journal(path).events) == ["start"]


def test_every_event_is_one_line(path: Path, open_journal: Any) -> None:
    journal = open_journal()
    journal.append("start", source="a\nb\r\n\u2028c")
    journal.append("end")
    assert path.read_bytes().count(b"\n") == 2


def test_a_journal_is_not_written_over_another(path: Path, open_journal: Any, warnings_seen: list[str]) -> None:
    path.write_text(line("start"))
    before = path.read_bytes()
    journal = open_journal()
    journal.append("start")
    assert path.read_bytes() == before
    assert (journal.lost, len(warnings_seen)) == (True, 1)


def test_a_journal_can_be_extended(path: Path, open_journal: Any) -> None:
    path.write_text(line("start"))
    journal = open_journal(extend=True)
    journal.append("end")
    journal.close()
    assert kinds(read_journal(path).events) == ["start", "end"]


def test_a_journal_that_was_cut_off_can_be_extended(path: Path, open_journal: Any) -> None:
    path.write_text(line("start") + line("cell")[:20])
    drop_partial_line(path)
    journal = open_journal(extend=True)
    journal.append("end")
    journal.close()
    assert kinds(read_journal(path).events) == ["start", "end"]


def test_events_of_many_threads_do_not_run_together(path: Path, open_journal: Any) -> None:
    journal = open_journal()
    journal.append("start")
    threads = [
        threading.Thread(target=lambda: [journal.append("history", text="x" * 500) for _ in range(50)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert read_journal(path).events == journal.events
    assert len(journal.events) == 401


def test_a_text_that_no_file_could_hold_does_not_stop_the_journal(
    path: Path, open_journal: Any, warnings_seen: list[str]
) -> None:
    journal = open_journal()
    journal.append("start", text="a\ud800b")
    journal.append("end")
    journal.close()
    assert read_journal(path).events == journal.events
    assert len(journal.events) == 2
    assert warnings_seen == []


def test_what_is_no_json_is_refused_and_the_journal_goes_on(path: Path, open_journal: Any) -> None:
    journal = open_journal()
    journal.append("start")
    with pytest.raises(ValueError, match="not JSON compliant"):
        journal.append("cell", value=math.nan)
    journal.append("end")
    assert kinds(read_journal(path).events) == kinds(journal.events) == ["start", "end"]


# A disk that is full -----------------------------------------------------------------------------


@pytest.fixture
def room() -> Iterator[Callable[[int | None], None]]:
    """Return a function that says up to how many bytes a file may grow: a disk that is full beyond."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def up_to(count: int | None) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, before if count is None else (count, before[1]))

    yield up_to
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_once(path: Path, open_journal: Any, warnings_seen: list[str], room: Any) -> None:
    journal = open_journal()
    room(0)
    journal.append("start")
    journal.append("end")
    room(None)
    assert warnings_seen == [
        f"The journal {path} cannot be written ([Errno 27] File too large). The cells run on; the record is incomplete."
    ]


def test_events_wait_in_memory_while_the_disk_is_full(open_journal: Any, room: Any) -> None:
    journal = open_journal()
    room(0)
    journal.append("start")
    journal.append("cell")
    room(None)
    assert kinds(journal.events) == ["start", "cell"]
    assert journal.lost


@pytest.mark.parametrize("rest", [0, 1, 30, 100])
def test_events_are_written_once_when_there_is_room_again(path: Path, open_journal: Any, room: Any, rest: int) -> None:
    journal = open_journal()
    journal.append("start")
    room(path.stat().st_size + rest)
    journal.append("cell", number=1)
    journal.append("cell", number=2)
    room(None)
    journal.append("end")
    journal.close()
    assert read_journal(path).events == journal.events
    assert len(journal.events) == 4


def test_closing_on_a_full_disk_does_not_raise(open_journal: Any, room: Any) -> None:
    journal = open_journal()
    room(0)
    journal.append("start")
    journal.close()
    room(None)
    assert kinds(journal.events) == ["start"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_real_full_disk_is_told(open_journal: Any, warnings_seen: list[str]) -> None:
    journal = open_journal(Path("/dev/full"), extend=True)
    journal.append("start")
    journal.close()
    assert journal.lost
    assert "No space left on device" in warnings_seen[0]


def test_a_folder_that_is_not_there_is_told(tmp_path: Path, open_journal: Any, warnings_seen: list[str]) -> None:
    journal = open_journal(tmp_path / "nowhere" / "journal.jsonl")
    journal.append("start")
    journal.close()
    assert kinds(journal.events) == ["start"]
    assert "No such file or directory" in warnings_seen[0]


def test_an_event_after_the_end_stays_in_memory(path: Path, open_journal: Any) -> None:
    journal = open_journal()
    journal.append("start")
    journal.close()
    journal.append("note")
    assert kinds(journal.events) == ["start", "note"]
    assert kinds(read_journal(path).events) == ["start"]


# Reading what was not written well ---------------------------------------------------------------


def test_a_last_line_that_was_cut_off_is_left_out_and_said(path: Path) -> None:
    path.write_text(line("start") + line("cell")[:-5])
    read = read_journal(path)
    assert (kinds(read.events), read.truncated) == (["start"], True)


def test_a_journal_that_is_not_there_is_refused(path: Path) -> None:
    assert refusal(path) == (
        f"{path}: the journal cannot be read: No such file or directory. Give the path of a journal.jsonl."
    )


@pytest.mark.parametrize("content", ["", "no line end", line("cell")], ids=["empty", "cut", "no start"])
def test_what_does_not_begin_with_a_start_is_no_journal(path: Path, content: str) -> None:
    path.write_text(content)
    assert refusal(path) == (
        "journal.jsonl: this is not a journal: it does not begin with a start event. Give the journal.jsonl of a run."
    )


@pytest.mark.parametrize(
    ("second", "what"),
    [
        ("no JSON\n", "Expecting value: line 1 column 1 (char 0)"),
        ("\n", "Expecting value: line 1 column 1 (char 0)"),
        ("[]\n", "not an event"),
        ('{"event": 5}\n', "not an event"),
        ('{"event": "cell"}\n', "an event without its time"),
        ('{"event": "cell", "time": 5}\n', "an event without its time"),
        ('{"event": "cell", "time": "noon"}\n', "Invalid isoformat string: 'noon'"),
        ("[" * 100_000 + "\n", "maximum recursion depth exceeded while decoding a JSON array from a unicode string"),
    ],
    ids=["text", "blank", "list", "kind", "no time", "time", "noon", "nested"],
)
def test_a_line_that_is_no_event_is_refused_with_its_number(path: Path, second: str, what: str) -> None:
    path.write_text(line("start") + second)
    assert refusal(path) == (
        f"journal.jsonl: line 2 of the journal cannot be read: {what}. Use the journal as the run wrote it."
    )


def test_bytes_that_are_no_text_are_refused(path: Path) -> None:
    path.write_bytes(line("start").encode() + b"\xff\xfe\n")
    assert "line 2 of the journal cannot be read" in refusal(path)


def test_a_line_that_is_too_long_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_LONGEST_LINE", 100)
    path.write_text(line("start", text="x" * 100))
    assert "line 1 of the journal cannot be read: the line is too long" in refusal(path)


def test_a_journal_that_is_too_large_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_JOURNAL", 10)
    path.write_text(line("start"))
    assert refusal(path).startswith("journal.jsonl: the journal is larger than 512 MiB.")


# Following ---------------------------------------------------------------------------------------


def never() -> bool:
    return False


def after(looks: int) -> Callable[[], bool]:
    """Return a function that says to stop after it was asked so many times."""
    left = iter(range(looks))
    return lambda: next(left, None) is None


def test_following_ends_with_the_end_event(path: Path) -> None:
    path.write_text(line("start") + line("end"))
    assert kinds(list(follow(path, stop=never, pause=0))) == ["start", "end"]


def test_following_gives_what_is_there_before_it_stops(path: Path) -> None:
    path.write_text(line("start") + line("cell"))
    assert kinds(list(follow(path, stop=lambda: True, pause=0))) == ["start", "cell"]


def test_following_waits_for_a_journal_that_is_not_there_yet(path: Path) -> None:
    def stop() -> bool:
        path.write_text(line("start") + line("end"))
        return False

    assert kinds(list(follow(path, stop=stop, pause=0))) == ["start", "end"]


def test_following_a_journal_that_never_comes_ends_when_told(path: Path) -> None:
    assert list(follow(path, stop=after(3), pause=0)) == []


def test_following_gives_an_event_only_when_its_line_is_whole(path: Path) -> None:
    whole = line("start") + line("cell", source="é") + line("end")
    written = iter(whole.encode()[at : at + 7] for at in range(0, len(whole.encode()), 7))
    path.touch()

    def write_more() -> bool:
        with path.open("ab") as file:
            file.write(next(written, b""))
        return False

    assert list(follow(path, stop=write_more, pause=0)) == [json.loads(text) for text in whole.splitlines()]


def test_following_a_broken_journal_says_which_line_is_broken(path: Path) -> None:
    path.write_text(line("start") + "no JSON\n")
    with pytest.raises(ProvenanceError, match="line 2 of the journal cannot be read"):
        list(follow(path, stop=never, pause=0))


def shown(value: object) -> str:
    """Return the id of a test's parameter."""
    return "huge" if isinstance(value, int) and value > 10**9 else f"{type(value).__name__} {value!r}"


# Values as JSON ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "json_value"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (math.nan, "NaN"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        ((1, (2, 3)), [1, [2, 3]]),
        ({3, 1, 2}, [1, 2, 3]),
        ({1: {"a": (1,)}}, {"1": {"a": [1]}}),
        (np.float64(0.5), 0.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3),
        (np.bool_(True), True),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array([np.nan]), ["NaN"]),
        (Path("a") / "b", "a/b"),
        (slice(1), "<slice>"),
        (int, "<type>"),
        (10**5000, "<int of 16610 bits>"),
        ("a\ud800b", "a?b"),
    ],
    ids=shown,
)
def test_a_value_becomes_plain_json(value: Any, json_value: Any) -> None:
    made = plain(value)
    assert made == json_value
    assert type(made) is type(json_value)


def test_a_value_in_itself_ends() -> None:
    value: list[Any] = []
    value.append(value)
    assert json.dumps(plain(value)) == "[" * 12 + '"<list>"' + "]" * 12
