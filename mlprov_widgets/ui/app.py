"""The form as a page of its own: Voilà with this package's template and limits."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from mlprov_widgets.errors import ExecutionError, ValueRefused
from mlprov_widgets.files import write_atomically

_JUPYTER = Path(__file__).with_name("jupyter")
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
 "metadata": {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}},
 "nbformat": 4,
 "nbformat_minor": 5
}
"""
LARGEST_UPLOAD = 100 * 2**20
_IDLE_SECONDS = 20 * 60


@dataclass
class App:
    """A page that is being served.

    Attributes
    ----------
    url : str
    process : subprocess.Popen
    """

    url: str
    process: subprocess.Popen[bytes]

    def wait(self) -> int:
        """Serve until the server ends or a Ctrl-C arrives, and return the exit status."""
        try:
            return self.process.wait()
        except KeyboardInterrupt:
            self.stop()
            return 0

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def serve(folder: Path, port: int = 0, *, trusted: bool = False) -> App:
    """Start to serve the form on this machine's loopback address.

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
        If Voilà is not installed.
    """
    port = _free_port(port)
    voila = shutil.which("voila", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
    if voila is None:
        raise ExecutionError("voila is not installed here", fix="Install it with: pip install voila")
    notebook = folder / "page" / "experiment.ipynb"  # Voilà may run every notebook of its folder
    write_atomically(notebook, _NOTEBOOK, replace=True)
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith(("JPY_", "VOILA_"))},
        "JUPYTER_PATH": os.pathsep.join(p for p in (str(_JUPYTER), os.environ.get("JUPYTER_PATH", "")) if p),
        "MLPROV_HOME": str(folder.resolve()),
        "MLPROV_TRUSTED": "1" if trusted else "0",
    }
    process = subprocess.Popen([voila, str(notebook), *_options(port)], env=environment, stdin=subprocess.DEVNULL)
    return App(f"http://127.0.0.1:{port}/", process)


def _options(port: int) -> list[str]:
    return [
        "--no-browser",
        "--template=mlprov",
        f"--port={port}",
        "--Voila.ip=127.0.0.1",
        f"--Voila.tornado_settings={{'websocket_max_message_size': {LARGEST_UPLOAD * 2}}}",
        # ipylab needs JupyterLab's shell; in Voilà it only writes an error to the console.
        "--VoilaConfiguration.extension_denylist=ipylab",
        "--VoilaConfiguration.show_tracebacks=False",
        # A closed page leaves its kernel behind; runs are processes of their own and are not touched.
        f"--MappingKernelManager.cull_idle_timeout={_IDLE_SECONDS}",
        "--MappingKernelManager.cull_interval=60",
    ]


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
