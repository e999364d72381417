"""What one kernel and JupyterLab tell each other, without a page: what is opened in a tab, and where a file lies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import comm
import ipywidgets as widgets
import pytest

from mlprov_widgets import ui
from mlprov_widgets.errors import ExecutionError
from mlprov_widgets.ui.desk import Desk
from mlprov_widgets.ui.lab import COMMANDS, LINE, NEW, Lab

pytestmark = pytest.mark.usefixtures("closed_widgets")


class Told:
    """What a widget of ipylab was told to send to its page."""

    def __init__(self, widget: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        self.messages: list[tuple[str, Any]] = []
        monkeypatch.setattr(widget, "send", lambda m: self.messages.append((m["func"], m["payload"])))


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


def test_a_page_of_jupyterlab_is_taken_note_of(lab: Lab) -> None:
    page_knows(lab, "launcher:create")
    lab._on_ready()
    assert lab._desk is not None
    assert lab._desk.open_file == lab.open_file


def asked(lab: Lab, command: object, **more: object) -> None:
    """Let the labextension ask for what a command opens."""
    lab._line.handle_msg({"content": {"data": {"command": command, **more}}})


def test_a_page_finds_the_line_to_a_kernel_by_its_name(lab: Lab) -> None:
    assert comm.get_comm_manager().get_comm(lab._line.comm_id) is lab._line
    script = Path(ui.__file__).with_name("jupyter") / "labextensions" / "mlprov-widgets" / "static" / "remoteEntry.js"
    text = script.read_text(encoding="utf-8")
    assert f'const NAME = "{LINE}"' in text
    assert set(re.findall(r'command: "(.*?)"', text)) == set(COMMANDS)


def test_a_command_opens_a_tab_and_its_errors_are_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Told(lab.app.shell, monkeypatch)
    asked(lab, NEW)
    ((func, payload),) = shell.messages
    assert (func, payload["area"], payload["args"]) == ("add", "main", {"mode": "split-right"})
    asked(lab, NEW, narrow=True)
    assert shell.messages[-1][1]["args"] == {"mode": "tab-after"}
    lab._makers = {NEW: lambda: 1 / 0}  # type: ignore[dict-item, return-value]
    asked(lab, NEW)
    assert lab._desk is not None
    assert "ZeroDivisionError" in lab._desk.message.value


@pytest.mark.parametrize("command", ["mlprov:something-else", None, ["mlprov:new-experiment"], {}])
def test_what_is_no_command_opens_nothing(lab: Lab, monkeypatch: pytest.MonkeyPatch, command: object) -> None:
    shell = Told(lab.app.shell, monkeypatch)
    asked(lab, command)
    assert shell.messages == []


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
