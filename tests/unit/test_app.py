"""The form as a page of its own: what Voilà is started with. No server is started here."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlprov_widgets.errors import ExecutionError, ValueRefused
from mlprov_widgets.ui import app
from mlprov_widgets.ui.app import App, serve


class Started:
    """What a process was started with."""

    def __init__(self, command: list[str], env: dict[str, str], **options: Any) -> None:
        self.command, self.env, self.options = command, env, options
        self.asked: list[str] = []
        self.obeys = True

    def wait(self, timeout: float | None = None) -> int:
        self.asked.append("wait")
        if not self.obeys and timeout is not None:
            raise subprocess.TimeoutExpired(self.command, timeout)
        return 0

    def terminate(self) -> None:
        self.asked.append("terminate")

    def kill(self) -> None:
        self.asked.append("kill")


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start nothing."""
    monkeypatch.setattr(app.subprocess, "Popen", Started)
    monkeypatch.setattr(app.shutil, "which", lambda *_, **__: "/bin/voila")


def started(served: App) -> Started:
    assert isinstance(served.process, Started)
    return served.process


def option(served: App, name: str) -> str:
    values = [part.partition("=")[2] for part in started(served).command if part.startswith(f"--{name}=")]
    assert len(values) == 1
    return values[0]


def test_the_page_is_three_lines_of_a_valid_notebook(tmp_path: Path) -> None:
    serve(tmp_path)
    notebook = nbformat.read(tmp_path / "page" / "experiment.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == ["from mlprov_widgets import Wizard\n\nWizard().show()"]
    assert notebook.metadata.kernelspec.name == "python3"


def test_the_page_lies_alone_in_its_folder(tmp_path: Path) -> None:
    served = serve(tmp_path)
    (page,) = (tmp_path / "page").iterdir()
    assert started(served).command[:2] == ["/bin/voila", str(page)]


def test_the_same_folder_can_be_served_again(tmp_path: Path) -> None:
    serve(tmp_path)
    assert serve(tmp_path).url


def test_the_url_names_the_port_that_voila_is_given(tmp_path: Path) -> None:
    served = serve(tmp_path)
    assert served.url == f"http://127.0.0.1:{option(served, 'port')}/"
    assert int(option(served, "port")) > 0


def test_only_this_machine_is_served(tmp_path: Path) -> None:
    assert option(serve(tmp_path), "Voila.ip") == "127.0.0.1"


def test_no_browser_opens_and_no_input_is_waited_for(tmp_path: Path) -> None:
    process = started(serve(tmp_path))
    assert "--no-browser" in process.command
    assert process.options["stdin"] == subprocess.DEVNULL


def test_the_page_shows_no_tracebacks(tmp_path: Path) -> None:
    assert option(serve(tmp_path), "VoilaConfiguration.show_tracebacks") == "False"


def test_the_largest_upload_gets_through_in_one_message(tmp_path: Path) -> None:
    settings = ast.literal_eval(option(serve(tmp_path), "Voila.tornado_settings"))
    assert settings["websocket_max_message_size"] > app.LARGEST_UPLOAD * 4 / 3


def test_kernels_of_closed_pages_are_ended(tmp_path: Path) -> None:
    served = serve(tmp_path)
    assert int(option(served, "MappingKernelManager.cull_idle_timeout")) == 1200
    assert int(option(served, "MappingKernelManager.cull_interval")) == 60


@pytest.mark.parametrize(("trusted", "told"), [(False, "0"), (True, "1")])
def test_a_page_is_trusted_only_when_it_is_said(tmp_path: Path, trusted: bool, told: str) -> None:
    assert started(serve(tmp_path, trusted=trusted)).env["MLPROV_TRUSTED"] == told


def test_a_trust_of_before_does_not_reach_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLPROV_TRUSTED", "1")
    assert started(serve(tmp_path)).env["MLPROV_TRUSTED"] == "0"


def test_the_page_knows_where_the_experiments_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert started(serve(Path("here"))).env["MLPROV_HOME"] == str(tmp_path.resolve() / "here")


def test_a_notebook_that_starts_the_page_does_not_shine_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JPY_SESSION_NAME", "/x.ipynb")
    monkeypatch.setenv("VOILA_REQUEST_URL", "http://x/")
    assert not [name for name in started(serve(tmp_path)).env if name.startswith(("JPY_", "VOILA_"))]


def test_voila_finds_the_template_before_those_of_the_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JUPYTER_PATH", "/theirs")
    served = serve(tmp_path)
    ours, theirs = started(served).env["JUPYTER_PATH"].split(os.pathsep)
    assert theirs == "/theirs"
    template = Path(ours) / "voila" / "templates" / option(served, "template")
    assert json.loads((template / "conf.json").read_text()) == {"base_template": "lab"}


def test_the_template_leads_nowhere_else() -> None:
    template = app._JUPYTER / "voila" / "templates" / "mlprov" / "index.html.j2"
    text = template.read_text(encoding="utf-8")
    assert "{%- block notebook_css -%}" in text
    assert "//" not in text


def test_a_taken_port_is_refused_in_words(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueRefused) as caught:
            serve(tmp_path, port)
    assert str(caught.value) == (
        f"port: the port {port} cannot be used: Address already in use. Choose another, or leave it out."
    )


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_number_that_is_no_port_is_refused(tmp_path: Path, port: int) -> None:
    with pytest.raises(ValueRefused, match=f"{port} is no port"):
        serve(tmp_path, port)


def test_a_refused_port_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ValueRefused):
        serve(tmp_path / "new", 65536)
    assert not (tmp_path / "new").exists()


def test_without_voila_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ExecutionError) as caught:
        serve(tmp_path)
    assert str(caught.value) == "voila is not installed here. Install it with: pip install voila."


def test_stopping_lets_the_server_end_its_kernels(tmp_path: Path) -> None:
    served = serve(tmp_path)
    served.stop()
    assert started(served).asked == ["terminate", "wait"]


def test_a_server_that_does_not_stop_is_ended(tmp_path: Path) -> None:
    served = serve(tmp_path)
    started(served).obeys = False
    served.stop()
    assert started(served).asked == ["terminate", "wait", "kill", "wait"]


def test_ctrl_c_stops_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve(tmp_path)

    def interrupted(timeout: float | None = None) -> int:
        if timeout is None:
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(served.process, "wait", interrupted)
    assert served.wait() == 0
    assert started(served).asked == ["terminate"]
