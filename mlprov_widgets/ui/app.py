"""The form as a page of its own: Voilà with this package's template and limits."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlprov_widgets.errors import ExecutionError, ValueRefused, one_line
from mlprov_widgets.execution.queue import FOLDER_VARIABLE as QUEUE_VARIABLE
from mlprov_widgets.files import write_atomically
from mlprov_widgets.ui.compiled import with_compiled

LARGEST_UPLOAD = 100 * 10**6
LARGEST_IN_JUPYTER = 10 * 10**6  # its server closes the connection over a message of 10 MiB
WEBSOCKET = {"websocket_max_message_size": LARGEST_UPLOAD * 2}
"""Settings of Tornado, which take no place in `LIMITS`: Voilà and Jupyter's server have an option each for them."""
LIMITS: dict[str, dict[str, Any]] = {
    "VoilaConfiguration": {
        # They want parts of JupyterLab that Voilà has not, and only write errors to the browser's console.
        "extension_denylist": ["ipylab", "@jupyter-notebook/lab-extension", "jupyterlab-jupytext", "mlprov-widgets"],
        "show_tracebacks": False,
        "multi_kernel_manager_class": "mlprov_widgets.ui.in_turn.KernelsInTurn",
    },
    "VoilaExecutor": {
        "cell_error_instruction": "It was written to the server's log. Reload the page, or tell whoever serves it."
    },
    # A closed page leaves its kernel behind; runs are processes of their own and are not touched.
    "MappingKernelManager": {"cull_idle_timeout": 20 * 60, "cull_interval": 60},
}
"""What holds wherever the page is served, as Jupyter's configuration; Binder's takes it from here."""
_PATIENCE = 90.0  # in seconds; Voilà needs about three
_JUPYTER = Path(__file__).with_name("jupyter")
_NAME = "experiment.ipynb"
# demo.ipynb, which an installed package has not.
_NOTEBOOK = """{
 "cells": [
  {
   "cell_type": "code",
   "execution_count": null,
   "id": "wizard",
   "metadata": {},
   "outputs": [],
   "source": ["from mlprov_widgets import Wizard\\n", "\\n", "Wizard().show()"]
  }
 ],
 "metadata": {
  "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
  "language_info": {"name": "python"},
  "title": "Machine-learning experiment",
  "voila": {"template": "mlprov"}
 },
 "nbformat": 4,
 "nbformat_minor": 5
}
"""


@dataclass
class App:
    """A page that is being served.

    Attributes
    ----------
    url : str
    process : subprocess.Popen
    log : Path
        What Voilà and the kernels of its pages wrote.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def wait(self) -> int:
        """Serve until Ctrl-C or SIGTERM arrives or the server ends, and return 0.

        Raises
        ------
        ExecutionError
            If the server ended by a fault of its own.
        """
        before = signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            status = self.process.wait()
        except KeyboardInterrupt:
            self.stop()
            return 0
        finally:
            signal.signal(signal.SIGTERM, before)
        if status:
            raise self._gave_up(f"Voilà ended with status {status}")
        return 0

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _wait_until_it_listens(self, port: int) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not _answers(port):
            status = self.process.poll()
            if status is not None:
                raise self._gave_up(f"Voilà ended with status {status} before it served the page")
            if time.monotonic() > deadline:
                raise self._gave_up(f"Voilà did not serve the page within {_PATIENCE:.0f} s")
            time.sleep(0.05)

    def _gave_up(self, what: str) -> ExecutionError:
        lines = [one_line(line) for line in self.log.read_text(encoding="utf-8", errors="replace").splitlines()]
        last = " | ".join([line for line in lines if line][-3:]) or "nothing"
        # An error has 400 characters, and the end of a log says more than its start.
        last = last if len(last) <= 250 else f"…{last[-249:]}"
        return ExecutionError(f"{what}; the last it wrote: {last}", fix=f"Read {self.log}")


def serve(folder: Path, port: int = 0, *, trusted: bool = False) -> App:
    """Serve the form on this machine's loopback address.

    Returns when the page can be asked for.

    Parameters
    ----------
    folder
        Where the page's notebook and the experiments lie; made if need be.
    port
        The port, 0 for a free one.
    trusted
        Whether the page may do what a person at this machine may: name files by their path.

    Raises
    ------
    ValueRefused
        If the port is taken or is none.
    ExecutionError
        If Voilà ends or stays silent instead of serving the page.
    """
    port = _free_port(port)
    page = folder / "page"  # alone in its folder: Voilà may run every notebook of it
    write_atomically(page / _NAME, _NOTEBOOK, replace=True)
    settings = {
        "Voila": {
            "ip": "127.0.0.1",
            "port_retries": 0,  # nobody would look for it on another port
            "tornado_settings": WEBSOCKET,
        },
        **LIMITS,
    }
    write_atomically(page / "voila.json", json.dumps(settings, indent=1) + "\n", replace=True)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("JPY_", "VOILA_"))},
        # The package's own template, also where it is not installed or was installed before it changed.
        "JUPYTER_PATH": os.pathsep.join(p for p in (str(_JUPYTER), os.environ.get("JUPYTER_PATH", "")) if p),
        "MLPROV_HOME": str(folder.resolve()),
        "MLPROV_TRUSTED": "1" if trusted else "0",
        QUEUE_VARIABLE: os.environ.get(QUEUE_VARIABLE) or str(folder.resolve() / "queue"),  # one for all visitors
    }
    log = folder / "voila.log"
    log.unlink(missing_ok=True)  # another server of this folder may still write to it
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "voila", _NAME, "--no-browser", f"--port={port}"],
            cwd=page,  # where Voilà looks first for its settings
            env=with_compiled(environment, folder / "compiled"),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    app = App(f"http://127.0.0.1:{port}/", process, log)
    try:
        app._wait_until_it_listens(port)
    except BaseException:  # Ctrl-C too
        app.stop()
        raise
    return app


def _answers(port: int) -> bool:
    # Asking for a page would start a kernel.
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port(port: int) -> int:
    if not 0 <= port <= 65535:
        raise ValueRefused(f"{port} is no port", field="port", fix="Give a number from 1024 to 65535, or leave it out")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ValueRefused(
                f"the port {port} cannot be used: {error.strerror}", field="port", fix="Choose another, or leave it out"
            ) from None
        return int(probe.getsockname()[1])
