"""What one kernel tells JupyterLab, without a page: which commands it adds, and where a file lies for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets as widgets
import pytest

from mlprov_widgets.errors import ExecutionError
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.lab import COMMANDS, COMPARE, NEW, OPEN, Lab

pytestmark = pytest.mark.usefixtures("closed_widgets")


class Told:
    """What a widget of ipylab was told to send to its page."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[tuple[str, Any]] = []
        monkeypatch.setattr(widget, "send", lambda m: self.messages.append((m["func"], m["payload"])))

    def ids(self, func: str) -> list[str]:
        return [payload["id"] for name, payload in self.messages if name == func]


@pytest.fixture
def lab(own_folder: Path) -> Lab:
    made = Lab()
    made.serve(Desk(own_folder), {command: lambda: (widgets.HTML("shown"), "script") for command in COMMANDS})
    return made


def page_knows(lab: Lab, *commands: str) -> None:
    """Let the page say which commands it has."""
    lab.app.commands.set_trait("_command_list", list(commands))


def test_where_there_is_no_launcher_nothing_is_added(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    told = Told(lab.app.commands, monkeypatch)
    page_knows(lab, "notebook:run-cell")
    lab._on_ready()
    assert (told.messages, lab.is_there) == ([], False)
    assert lab._desk is not None
    assert lab._desk.open_file is None


def test_a_page_gets_the_commands_once_and_again_when_it_lost_them(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    told, palette = Told(lab.app.commands, monkeypatch), Told(lab._palette, monkeypatch)
    page_knows(lab, "launcher:create")
    lab._on_ready()
    assert told.ids("addCommand") == [NEW, OPEN, COMPARE]
    page_knows(lab, "launcher:create", *COMMANDS)
    told.messages.clear()
    # Loaded anew, or with commands of a kernel that is gone: they are taken away, and added when the page says so.
    lab._on_ready()
    assert (told.ids("removeCommand"), told.ids("addCommand")) == ([NEW, OPEN, COMPARE], [])
    page_knows(lab, "launcher:create", OPEN, COMPARE)
    assert told.ids("addCommand") == [NEW]
    assert palette.ids("addItem") == [NEW, OPEN, COMPARE]


def test_a_command_opens_a_tab_and_its_errors_are_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Told(lab.app.shell, monkeypatch)
    lab.open_tab(NEW)
    ((func, payload),) = shell.messages
    assert (func, payload["area"], payload["args"]) == ("add", "main", {"mode": "split-right"})
    lab._makers = {NEW: lambda: 1 / 0}  # type: ignore[dict-item, return-value]
    lab.open_tab(NEW)
    assert lab._desk is not None
    assert "ZeroDivisionError" in lab._desk.message.value


@pytest.mark.parametrize(
    ("sessions", "expected"),
    [([{"path": "deep/a.ipynb"}, {"path": "other.ipynb"}], "deep/new/b.ipynb"), ([], "new/b.ipynb")],
)
def test_a_notebook_is_named_from_the_folder_that_jupyterlab_shows(
    lab: Lab, own_folder: Path, monkeypatch: pytest.MonkeyPatch, sessions: list[dict[str, str]], expected: str
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", str(own_folder / "deep" / "a.ipynb"))
    lab.app.sessions.set_trait("sessions", sessions)
    told = Told(lab.app.commands, monkeypatch)
    lab.open_file(own_folder / "deep" / "new" / "b.ipynb")
    ((_, payload),) = told.messages
    assert (payload["id"], payload["args"]["path"]) == ("docmanager:open", expected)
    with pytest.raises(ExecutionError, match="JupyterLab does not show this folder"):
        lab.open_file(own_folder.parent / "b.ipynb")
