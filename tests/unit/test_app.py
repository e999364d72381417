"""The form as a page of its own: what Voilà is started with, and what becomes of it. No Voilà is started here."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mlprov_widgets.errors import ExecutionError, ValueRefused
from mlprov_widgets.ui import app
from mlprov_widgets.ui.app import App, serve

DEMO = Path(__file__).parents[2] / "demo.ipynb"


class Started:
    """What a process was started with."""

    def __init__(self, command: list[str], env: dict[str, str], **options: Any) -> None:
        self.command, self.env, self.options = command, env, options
        self.asked: list[str] = []
        self.obeys = True
        self.status = 0

    def wait(self, timeout: float | None = None) -> int:
        self.asked.append("wait")
        if not self.obeys and timeout is not None:
            raise subprocess.TimeoutExpired(self.command, timeout)
        return self.status

    def terminate(self) -> None:
        self.asked.append("terminate")

    def kill(self) -> None:
        self.asked.append("kill")


@pytest.fixture(autouse=True)
def no_server(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start nothing, unless the test starts something in Voilà's place."""
    if "in_its_place" not in request.fixturenames:
        monkeypatch.setattr(app.subprocess, "Popen", Started)
        monkeypatch.setattr(app, "_answers", lambda port: True)


@pytest.fixture
def in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function after which some lines of Python are started instead of Voilà; `port` is what it is given."""

    def write(lines: str) -> None:
        script = tmp_path / "python"
        script.write_text(f"#!{interpreter}\nimport sys\nport = int(sys.argv[-1].partition('=')[2])\n{lines}\n")
        script.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(script))

    interpreter = sys.executable
    return write


def started(served: App) -> Started:
    assert isinstance(served.process, Started)
    return served.process


def settings(folder: Path) -> dict[str, Any]:
    """Return what Voilà reads from the folder that it is started in."""
    read: dict[str, Any] = json.loads((folder / "page" / "voila.json").read_text(encoding="utf-8"))
    return read


def port_of(served: App) -> str:
    (port,) = [part.removeprefix("--port=") for part in started(served).command if part.startswith("--port=")]
    return port


def test_the_page_is_the_notebook_that_everybody_else_opens(tmp_path: Path) -> None:
    serve(tmp_path)
    notebook = nbformat.read(tmp_path / "page" / "experiment.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert notebook == nbformat.read(DEMO, as_version=4)
    assert [cell.source for cell in notebook.cells] == ["from mlprov_widgets import Wizard\n\nWizard().show()"]
    assert notebook.metadata.kernelspec.name == "python3"


def test_the_page_lies_alone_in_the_folder_that_voila_is_started_in(tmp_path: Path) -> None:
    process = started(serve(tmp_path))
    assert process.options["cwd"] == tmp_path / "page"
    assert process.command[:4] == [sys.executable, "-m", "voila", "experiment.ipynb"]
    assert [path.name for path in (tmp_path / "page").glob("*.ipynb")] == ["experiment.ipynb"]


def test_the_same_folder_can_be_served_again(tmp_path: Path) -> None:
    serve(tmp_path)
    assert serve(tmp_path).url


def test_the_url_names_the_port_that_voila_is_given(tmp_path: Path) -> None:
    served = serve(tmp_path)
    assert served.url == f"http://127.0.0.1:{port_of(served)}/"
    assert int(port_of(served)) > 0


def test_voila_takes_no_other_port_than_the_one_that_is_named(tmp_path: Path) -> None:
    serve(tmp_path)
    assert settings(tmp_path)["Voila"]["port_retries"] == 0


def test_only_this_machine_is_served(tmp_path: Path) -> None:
    serve(tmp_path)
    assert settings(tmp_path)["Voila"]["ip"] == "127.0.0.1"


def test_no_browser_opens_and_no_input_is_waited_for(tmp_path: Path) -> None:
    process = started(serve(tmp_path))
    assert "--no-browser" in process.command
    assert process.options["stdin"] == subprocess.DEVNULL


def test_the_page_shows_no_tracebacks(tmp_path: Path) -> None:
    serve(tmp_path)
    assert settings(tmp_path)["VoilaConfiguration"]["show_tracebacks"] is False


def test_the_largest_upload_gets_through_in_one_message(tmp_path: Path) -> None:
    serve(tmp_path)
    largest = settings(tmp_path)["Voila"]["tornado_settings"]["websocket_max_message_size"]
    assert largest > app.LARGEST_UPLOAD * 4 / 3


def test_kernels_of_closed_pages_are_ended(tmp_path: Path) -> None:
    serve(tmp_path)
    assert settings(tmp_path)["MappingKernelManager"] == {"cull_idle_timeout": 1200, "cull_interval": 60}


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
    name = nbformat.read(tmp_path / "page" / "experiment.ipynb", as_version=4).metadata.voila.template
    template = Path(ours) / "voila" / "templates" / name
    assert json.loads((template / "conf.json").read_text()) == {"base_template": "lab"}


def test_the_template_leads_nowhere_else() -> None:
    template = app._JUPYTER / "voila" / "templates" / "mlprov" / "index.html.j2"
    text = template.read_text(encoding="utf-8")
    assert "{%- block notebook_css -%}" in text
    assert "//" not in text


# What becomes of it -------------------------------------------------------------------------------


LISTEN = "import socket, time; s = socket.socket(); s.bind(('127.0.0.1', port)); s.listen(); time.sleep(60)"


def test_the_page_can_be_asked_for_as_soon_as_its_url_is_known(
    tmp_path: Path, in_its_place: Callable[[str], None]
) -> None:
    in_its_place(f"import time; time.sleep(0.5); {LISTEN}")
    served = serve(tmp_path)
    try:
        with socket.create_connection(("127.0.0.1", int(served.url.rstrip("/").rpartition(":")[2]))):
            assert served.process.poll() is None
    finally:
        served.stop()


def test_a_server_that_ends_at_once_is_told_with_its_last_words(
    tmp_path: Path, in_its_place: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    in_its_place("print('x' * 300); print('first\\n', flush=True); print('second', file=sys.stderr); sys.exit(3)")
    with pytest.raises(ExecutionError) as caught:
        serve(Path("home"))
    told = str(caught.value)
    assert told.startswith("Voilà ended with status 3 before it served the page; the last it wrote: …xxx")
    assert told.endswith("xxx | first | second. Read home/voila.log.")


def test_a_server_that_says_nothing_is_told_too(tmp_path: Path, in_its_place: Callable[[str], None]) -> None:
    in_its_place("sys.exit(1)")
    with pytest.raises(ExecutionError, match=r"with status 1 before it served the page; the last it wrote: nothing"):
        serve(tmp_path)


def test_a_server_that_never_listens_is_given_up_and_ended(
    tmp_path: Path, in_its_place: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_PATIENCE", 3.0)
    in_its_place("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    with pytest.raises(ExecutionError, match=r"did not serve the page within 3 s; the last it wrote: \d+"):
        serve(tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "voila.log").read_text()), 0)


def test_ctrl_c_while_it_starts_ends_the_server(
    tmp_path: Path, in_its_place: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(port: int) -> bool:
        if (tmp_path / "voila.log").read_text():
            raise KeyboardInterrupt
        return False

    monkeypatch.setattr(app, "_answers", interrupted)
    in_its_place("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    with pytest.raises(KeyboardInterrupt):
        serve(tmp_path)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "voila.log").read_text()), 0)


def test_the_log_is_of_the_last_server_only(tmp_path: Path) -> None:
    (tmp_path / "voila.log").write_text("of another")
    assert serve(tmp_path).log.read_text() == ""


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


def test_a_server_that_is_told_to_end_takes_voila_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    served = serve(tmp_path)

    def told(timeout: float | None = None) -> int:
        if timeout is None:
            signal.raise_signal(signal.SIGTERM)
        return 0

    monkeypatch.setattr(served.process, "wait", told)
    assert served.wait() == 0
    assert started(served).asked == ["terminate"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_server_that_breaks_down_later_is_told(tmp_path: Path) -> None:
    served = serve(tmp_path)
    served.log.write_text("Out of memory\n")
    started(served).status = -9
    with pytest.raises(ExecutionError) as caught:
        served.wait()
    assert str(caught.value).startswith("Voilà ended with status -9; the last it wrote: Out of memory. Read ")


def test_a_server_that_ends_in_order_is_no_error(tmp_path: Path) -> None:
    assert serve(tmp_path).wait() == 0
