"""The journal of a run: one JSON object a line, appended and flushed event by event.

A killed kernel loses nothing that was journaled. The first event, ``start``, holds the whole Plan;
all other modules make what they need from the events alone.

Events
------
``start``
    Run id, Plan, the notebook's cells, who records.
``environment``
    Facts about machine and interpreter, each with the function that obtained it.
``cell_start``, ``cell``
    An execution of a cell: before it, and after it with all that was seen.
``history``
    New values of the training series, about once a second.
``packages``
    The distributions of the modules loaded so far.
``notebook``
    The notebook's file, where it was saved since the run began: its cells, and the code of those that changed.
``note``
    Something that a person should know.
``end``
    The run is over.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from mlprov_widgets.errors import ProvenanceError, one_line

Event: TypeAlias = dict[str, Any]

FILE_NAME = "journal.jsonl"
LARGEST_JOURNAL = 512 * 2**20
_LONGEST_LINE = 32 * 2**20


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the microsecond."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def plain(value: Any, depth: int = 12) -> Any:
    """Return `value` as plain JSON data: no NumPy scalars, no tuples, no NaN.

    A NaN or an infinity becomes the text ``NaN``, ``Infinity`` or ``-Infinity``, as XML Schema spells
    them nearly; what JSON cannot hold becomes its type's name in angle brackets.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    if isinstance(value, int):
        # Python refuses to write integers of more than 4,300 digits.
        return int(value) if value.bit_length() <= 10_000 else f"<int of {value.bit_length()} bits>"
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if depth <= 0:
        return f"<{type(value).__name__}>"
    if isinstance(value, dict):
        return {str(key): plain(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        return [plain(item, depth - 1) for item in items]
    for method in ("tolist", "item"):  # NumPy, pandas and torch scalars and arrays
        try:
            convert = getattr(value, method, None)
            if callable(convert) and not isinstance(value, type):
                return plain(convert(), depth - 1)
        except Exception:  # noqa: S112 - any object at all may stand here, with any __getattr__
            continue
    if isinstance(value, Path):
        return value.as_posix()
    return f"<{type(value).__name__}>"


def size_of(event: Event) -> int:
    """Return how many bytes an event takes in the file."""
    return len(json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")) + 1


class Journal:
    """An append-only journal.

    Parameters
    ----------
    path
        The file; it must not exist, unless `extend` is true.
    warn
        Called once with a sentence when the file cannot be written. Events then wait in memory and
        are tried again with each new one.
    extend
        Whether to add to an existing journal.
    """

    def __init__(self, path: Path, warn: Callable[[str], None], *, extend: bool = False) -> None:
        self.path = path
        self.events: list[Event] = []
        self.lost = False
        self._warn = warn
        self._waiting: list[bytes] = []
        self._lock = threading.Lock()
        self._handle: int | None = None
        try:
            # No file object: what could not be written would stay in its buffer and come again.
            flags = os.O_CREAT | os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0) | (0 if extend else os.O_EXCL)
            self._handle = os.open(path, flags, 0o666)
        except OSError as error:
            self._fail(error)

    def append(self, kind: str, **content: Any) -> Event:
        """Append one event and flush it to the operating system."""
        event: Event = {"event": kind, "time": now(), **content}
        text = json.dumps(event, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            line = text.encode()
        except UnicodeEncodeError:  # half a surrogate pair is no text; the event is the one that a reader gets
            line = text.encode("utf-8", "replace")
            event = json.loads(line)
        with self._lock:
            self.events.append(event)
            self._waiting.append(line)
            self._flush()
        return event

    def _flush(self) -> None:
        if self._handle is None:
            return
        try:
            while self._waiting:
                written = os.write(self._handle, self._waiting[0])
                self._waiting[0] = self._waiting[0][written:]  # a nearly full disk takes a part
                if not self._waiting[0]:
                    del self._waiting[0]
        except OSError as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        if not self.lost:
            self.lost = True
            self._warn(
                f"The journal {self.path} cannot be written ({error}). The cells run on; the record is incomplete."
            )

    def close(self) -> None:
        """Close the file; the events stay readable."""
        with self._lock:
            if self._handle is not None:
                with contextlib.suppress(OSError):
                    os.close(self._handle)
                self._handle = None


@dataclass(frozen=True)
class ReadJournal:
    """A journal as read.

    Attributes
    ----------
    events : list of dict
    truncated : bool
        Whether the last line was cut off, as by a killed process.
    """

    events: list[Event]
    truncated: bool


def read_journal(path: Path) -> ReadJournal:
    """Read a journal, trusting nothing in it.

    Raises
    ------
    ProvenanceError
        If it is no journal.
    """
    try:
        if path.stat().st_size > LARGEST_JOURNAL:
            raise ProvenanceError(
                "the journal is larger than 512 MiB", field=path.name, fix="Use the journal as the run wrote it"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise ProvenanceError(
            f"the journal cannot be read: {error.strerror}", field=str(path), fix="Give the path of a journal.jsonl"
        ) from None
    events: list[Event] = []
    lines = raw.split(b"\n")
    truncated = bool(lines.pop())
    for number, line in enumerate(lines, 1):
        events.append(_event(line, number, path))
    if not events or events[0].get("event") != "start":
        raise ProvenanceError(
            "this is not a journal: it does not begin with a start event",
            field=path.name,
            fix="Give the journal.jsonl of a run",
        )
    return ReadJournal(events, truncated)


def _event(line: bytes, number: int, path: Path) -> Event:
    try:
        if len(line) > _LONGEST_LINE:
            raise ValueError("the line is too long")
        event = json.loads(line)
        if not isinstance(event, dict) or not isinstance(event.get("event"), str):
            raise ValueError("not an event")
        if not isinstance(event.get("time"), str):
            raise ValueError("an event without its time")
        datetime.fromisoformat(event["time"])
    except (ValueError, RecursionError) as error:
        raise ProvenanceError(
            f"line {number} of the journal cannot be read: {one_line(str(error), 100)}",
            field=path.name,
            fix="Use the journal as the run wrote it",
        ) from None
    return event


class JournalReader:
    """Reads a journal that is still being written, a piece at a time.

    Parameters
    ----------
    path
        The journal; it may not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._rest = b""
        self._lines = 0

    def new_events(self) -> list[Event]:
        """Return the events that were finished since the last call.

        Raises
        ------
        ProvenanceError
            If a finished line is no event.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self._position)
                new = file.read()
        except FileNotFoundError:
            return []
        self._position += len(new)
        *lines, self._rest = (self._rest + new).split(b"\n")
        self._lines += len(lines)
        return [_event(line, self._lines - len(lines) + number, self.path) for number, line in enumerate(lines, 1)]


def follow(path: Path, *, stop: Callable[[], bool], pause: float = 0.2) -> Iterator[Event]:
    """Yield the events of a journal that is still being written, until its end.

    Parameters
    ----------
    path
        The journal; it may not exist yet.
    stop
        Asked whenever there is nothing new; true ends the iteration.
    pause
        Seconds between two looks.
    """
    reader = JournalReader(path)
    while True:
        finished = stop()
        new = reader.new_events()
        yield from new
        if any(event["event"] == "end" for event in new) or (finished and not new):
            return
        if not new:
            time.sleep(pause)
