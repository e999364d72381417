"""A page's state on disk, so that a reload finds it again: what was filled in, and the run that was started.

A page under Voilà has a kernel of its own, which a reload replaces. Its address carries a token that
nobody can guess, made in the browser; under that token the state is kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlprov_widgets.files import write_atomically
from mlprov_widgets.provenance.replay import Code
from mlprov_widgets.tasks.model import Task
from mlprov_widgets.tasks.plan import DataFile
from mlprov_widgets.ui.form import Form

_TOKEN = re.compile(r"[0-9a-f]{32}")
_VERSION = 2
_MOST_RUNS = 20
MOST_STEPS = 30
"""Of the way back and of the way forth, how many steps outlast a reload."""
_LARGEST_WAY = 200_000  # characters: it is written again with every key that is pressed


@dataclass(frozen=True)
class StartedRun:
    """A run that was started from a page.

    Attributes
    ----------
    folder : pathlib.Path
    task : str
        The task's id.
    label : str
        What tells it from the others.
    epochs : int
        How many there are going to be, 0 if that is not known.
    expected : pathlib.Path or None
        The document that it is to reproduce.
    """

    folder: Path
    task: str
    label: str
    epochs: int = 0
    expected: Path | None = None


@dataclass(frozen=True)
class Draft:
    """What a page looked like.

    Attributes
    ----------
    form : Form
    page : str
        The page that was open.
    runs : tuple of StartedRun
        In the order in which they were started.
    shown : int
        Which of them is shown, counted from the end, from 1; 0 where there is none.
    past : tuple of Form
        What the form said before, the latest last.
    future : tuple of Form
        What was undone, the latest last.
    """

    form: Form
    page: str
    runs: tuple[StartedRun, ...] = ()
    shown: int = 0
    past: tuple[Form, ...] = ()
    future: tuple[Form, ...] = ()


@dataclass
class DraftStore:
    """Where one page keeps its state; nowhere until it has a token.

    Parameters
    ----------
    folder
        The folder of the experiments.
    """

    folder: Path
    path: Path | None = None
    _last: str = field(default="", repr=False)

    def open(self, token: str, tasks: Mapping[str, Task]) -> Draft | None:
        """Keep the state under a token from now on, and return what is kept there already.

        Parameters
        ----------
        token
            32 hexadecimal digits; anything else is ignored.
        tasks
            By id; the state of a task that is not here any more is not returned.
        """
        if not is_token(token):
            return None
        self.path = self.folder / "experiments" / "drafts" / f"{token}.json"
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            task = tasks[kept["task"]]
            return _read(kept, task, tasks) if kept["version"] == _VERSION else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def keep(self, draft: Draft) -> None:
        """Write the state down, if it changed."""
        if self.path is None:
            return
        text = json.dumps(
            {
                "version": _VERSION,
                **_content(draft.form),
                "page": draft.page,
                "runs": [vars(run) for run in draft.runs[-_MOST_RUNS:]],
                "shown": draft.shown,
                "past": _way(draft.past),
                "future": _way(draft.future),
            },
            default=str,
        )
        if text != self._last:
            write_atomically(self.path, text, replace=True)
            self._last = text


def is_token(text: str) -> bool:
    """Return whether a text can be the token of a page."""
    return _TOKEN.fullmatch(text) is not None


def _content(form: Form) -> dict[str, Any]:
    return {
        "task": form.task.id,
        "given": form.given,
        "origins": form.origins,
        "requirements": form.requirements,
        "files": {name: vars(file) for name, file in form.files.items()},
        "sources": {name: str(path) for name, path in form.sources.items()},
        "recorded_in": _told(form.recorded_in),
        "code": [vars(code) for code in form.code],
        "keep_code": form.keep_code,
        "kernel": form.kernel,
    }


def _way(versions: Sequence[Form]) -> list[dict[str, Any]]:
    """Return the latest versions, as many as there is room for."""
    kept: list[dict[str, Any]] = []
    room = _LARGEST_WAY
    for form in reversed(versions[-MOST_STEPS:]):
        content = _content(form)
        room -= len(json.dumps(content, default=str))
        if room < 0:
            break
        kept.append(content)
    return kept[::-1]


def _read(kept: Mapping[str, Any], task: Task, tasks: Mapping[str, Task]) -> Draft:
    form = _read_form(kept, task)
    runs = tuple(_run(run) for run in kept["runs"])
    past, future = (_read_way(kept.get(way), tasks) for way in ("past", "future"))
    return Draft(form, str(kept["page"]), runs, int(kept["shown"]), past, future)


def _read_way(kept: Any, tasks: Mapping[str, Task]) -> tuple[Form, ...]:
    """Return what can be gone back to; nothing if a step of it cannot be read, so that no gap goes unseen."""
    try:
        return tuple(_read_form(version, tasks[version["task"]]) for version in kept[-MOST_STEPS:])
    except (ValueError, KeyError, TypeError, AttributeError):
        return ()


def _read_form(kept: Mapping[str, Any], task: Task) -> Form:
    form = Form(task)
    form.given = {str(name): value for name, value in kept["given"].items() if task.parameter(name) is not None}
    form.origins = dict(kept["origins"])
    form.requirements = None if kept["requirements"] is None else tuple(kept["requirements"])
    form.files = {name: DataFile(**file) for name, file in kept["files"].items()}
    form.sources = {name: Path(path) for name, path in kept["sources"].items()}
    form.recorded_in = _path(kept["recorded_in"])
    form.code = tuple(Code(**code) for code in kept.get("code", []))
    form.keep_code = bool(kept.get("keep_code"))
    form.kernel = str(kept["kernel"])
    return form


def _run(kept: Mapping[str, Any]) -> StartedRun:
    expected = _path(kept["expected"])
    return StartedRun(Path(kept["folder"]), str(kept["task"]), str(kept["label"]), int(kept["epochs"]), expected)


def _told(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(told: str | None) -> Path | None:
    return None if told is None else Path(told)
