"""One execution of one notebook by nbclient, with progress, a deadline and a way to stop it."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlprov_widgets.errors import MlprovError
from mlprov_widgets.execution.memory import in_words
from mlprov_widgets.execution.priority import pass_on
from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.provenance.capture.journal import now
from mlprov_widgets.provenance.capture.scrub import scrub

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient
    from nbformat import NotebookNode

Progress = Callable[[Mapping[str, Any]], None]
"""Called with ``event`` (``started``, ``cell_start``, ``cell_end``), ``step``, ``title``, ``index``, ``total``."""

_INHERITED = ("JPY_", "VOILA_")
_END_WITH_PARENT = """
import os, threading, time
def watch(parent=int(os.environ.get("JPY_PARENT_PID") or 0)):
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
if os.name == "posix" and os.getsid(0) == os.getpid():  # not below a wrapper such as `conda run`
    threading.Thread(target=watch, daemon=True).start()
"""
"""What ends a kernel whose parent is gone.

ipykernel does so too, but where the parent is killed before the kernel has started, it waits for process 1 to inherit
the kernel; on a desktop, another process does.
"""

_KERNEL_ARGUMENTS = [
    # The kernel would warn on standard error that it listens on the loopback without encryption.
    "--IPKernelApp.log_level=40",
    # A run's cells do not belong into the person's history of typed commands.
    "--HistoryManager.hist_file=:memory:",
    # In a namespace of its own: the notebook's stays empty.
    f"--IPKernelApp.code_to_run=exec({_END_WITH_PARENT!r}, {{}})",
]
_KILL_AFTER = 10.0
# A kernel may forget an interrupt that comes in the moment before a cell begins.
_AGAIN_AFTER = 1.5


@dataclass
class Outcome:
    """How an execution ended.

    Attributes
    ----------
    status : str
        ``completed``, ``failed`` or ``cancelled``.
    message : str
        Why, for a person; empty when it completed.
    cells : list of dict
        What was seen from outside the kernel: the content of a journal's ``cell`` events.
    """

    status: str
    message: str
    cells: list[dict[str, Any]]


class _Cancelled(Exception):
    """Raised between two cells when somebody asked to stop."""


class Session:
    """Runs a notebook in a kernel of its own.

    nbclient works in a thread, so that the caller stays free to cancel: Ctrl-C reaches the caller
    and becomes an interrupt of the cell, which the recorder in the kernel still sees and journals.

    Parameters
    ----------
    read
        Returns the notebook, which is executed in place. Called while the kernel starts: importing
        nbformat takes a second where jsonschema has its extra formats, and so does a kernel.
    kernel
        The kernel's name.
    folder
        The kernel's working directory.
    variables
        Added to the kernel's environment.
    timeout
        Seconds for the whole run, None for no limit.
    progress
        Called for each cell, from the thread.
    kernels
        A folder of kernels to look in, in place of those of this machine.
    """

    def __init__(
        self,
        read: Callable[[], NotebookNode],
        kernel: str,
        folder: Path,
        variables: Mapping[str, str],
        timeout: float | None = None,
        progress: Progress | None = None,
        kernels: Path | None = None,
    ) -> None:
        self.notebook: NotebookNode | None = None
        self.kernel = kernel
        self.folder = folder
        self.timeout = timeout
        self._read = read
        self._kernels = kernels
        self._variables = variables
        self._progress = progress or (lambda _: None)
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        self._deadline = time.monotonic() + timeout if timeout is not None else None
        self._manager: AsyncKernelManager | None = None
        self._client: NotebookClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen: list[dict[str, Any]] = []
        self._running: dict[str, Any] = {}
        self._outcome: Outcome | None = None
        self._refusal: MlprovError | None = None
        self._code: list[NotebookNode] = []

    def run(self) -> Outcome:
        """Run to the end and return the outcome; a Ctrl-C cancels.

        Raises
        ------
        MlprovError
            What `read` raised; the kernel is gone then.
        """
        threading.Thread(target=self._work, name="mlprov run", daemon=True).start()
        stop_at = again_at = 0.0
        while True:
            try:
                # Not Thread.join: before Python 3.13, a thread whose join was interrupted counts as ended.
                if self._finished.wait(0.1):
                    break
                if self._cancelled.is_set():
                    stop_at = stop_at or time.monotonic() + _KILL_AFTER
                    again_at = again_at or time.monotonic() + _AGAIN_AFTER
                    if self._running.get("start") and time.monotonic() > again_at:
                        self._ask_kernel("interrupt_kernel")
                        again_at = time.monotonic() + _AGAIN_AFTER
                if stop_at and time.monotonic() > stop_at:
                    self._kill()
                    stop_at = time.monotonic() + _KILL_AFTER
            except KeyboardInterrupt:
                self.cancel()
        if self._refusal is not None:
            raise self._refusal
        return self._outcome or Outcome("failed", "the run ended without a word", self._seen)

    def cancel(self) -> None:
        """Interrupt the running cell and run no further one; safe to call from any thread, at any time."""
        self._cancelled.set()
        if self._running:  # a kernel that is still starting would die of it, with a traceback
            self._ask_kernel("interrupt_kernel")

    def _kill(self) -> None:
        self._ask_kernel("shutdown_kernel", now=True)

    def _ask_kernel(self, request: str, **options: bool) -> None:
        manager, loop = self._manager, self._loop
        if manager is not None and loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(getattr(manager, request)(**options), loop)

    def _work(self) -> None:
        try:
            self._outcome = asyncio.run(self._execute())
        except MlprovError as error:
            self._refusal = error
        except BaseException as error:  # the thread's last word must reach the caller
            self._outcome = self._ended("failed", f"{type(error).__name__}: {scrub(str(error))}")
        finally:
            self._finished.set()

    async def _execute(self) -> Outcome:
        from jupyter_client.kernelspec import NoSuchKernel
        from jupyter_client.manager import AsyncKernelManager

        self._loop = asyncio.get_running_loop()
        manager = self._manager = AsyncKernelManager(kernel_name=self.kernel)
        if self._kernels is not None:
            manager.kernel_spec_manager.kernel_dirs = [str(self._kernels)]
        try:
            await manager.start_kernel(extra_arguments=_KERNEL_ARGUMENTS, cwd=str(self.folder), env=self._environment())
        except NoSuchKernel as error:
            return self._ended("failed", f"there is no kernel {error.name!r} here: install ipykernel")
        pass_on(getattr(manager.provisioner, "pid", None))
        try:
            self.notebook = await asyncio.to_thread(self._read)
            self._code = [cell for cell in self.notebook.cells if cell.cell_type == "code"]
            return await self._execute_cells(manager, self.notebook)
        finally:
            if manager.has_kernel:
                await manager.shutdown_kernel(now=True)

    async def _execute_cells(self, manager: AsyncKernelManager, notebook: NotebookNode) -> Outcome:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

        client = self._client = NotebookClient(
            notebook,
            km=manager,
            timeout_func=lambda _: self._seconds_left(),
            resources={"metadata": {"path": str(self.folder)}},
            on_cell_start=self._on_start,
            on_cell_execute=self._on_execute,
            on_cell_executed=self._on_executed,
            on_cell_error=self._on_error,
            startup_timeout=120,
            coalesce_streams=True,  # a progress bar writes hundreds of pieces
        )
        self._progress({"event": "started", "total": len(self._code)})
        try:
            await client.async_execute(cleanup_kc=True)
        except _Cancelled:
            return self._ended("cancelled", "cancelled before the next cell")
        except CellTimeoutError:
            return self._ended("failed", f"the time limit of {self.timeout:g} seconds was reached")
        except CellExecutionError as error:
            if self._cancelled.is_set():
                return self._ended("cancelled", "cancelled")
            return self._ended("failed", in_words(scrub(f"{error.ename}: {error.evalue}")))
        except (DeadKernelError, RuntimeError) as error:
            if self._cancelled.is_set():
                return self._ended("cancelled", "cancelled; the kernel did not react and was ended")
            died = "died" in str(error).lower() or isinstance(error, DeadKernelError)
            message = "the kernel died, probably out of memory" if died else scrub(str(error))
            return self._ended("failed", message)
        finally:
            # What nbclient wants to do at exit fails, with a traceback, for a kernel that never was ready.
            atexit.unregister(client._cleanup_kernel)
        return self._ended("completed", "")

    def _seconds_left(self) -> float | None:
        # nbclient reads None as "no limit" and 0 as "at once".
        return None if self._deadline is None else max(self._deadline - time.monotonic(), 0.001)

    def _environment(self) -> dict[str, str]:
        # A kernel started from a notebook would otherwise take that notebook for its own.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(_INHERITED)}
        return {**inherited, **self._variables}

    def _ended(self, status: str, message: str) -> Outcome:
        if status != "completed" and self._running.get("start"):
            self._cell_event("died" if "died" in message else "interrupted")
        return Outcome(status, message, self._seen)

    # nbclient's hooks -------------------------------------------------------------------------------

    def _on_start(self, cell: Any, cell_index: int) -> None:
        if self._cancelled.is_set():
            raise _Cancelled
        if cell.cell_type != "code" or not cell.source.strip():
            return
        self._running = {"step": str(cell.get("id", "")), "start": now(), "source": cell.source}
        if self._cancelled.is_set():  # since the first look, when `cancel` saw nothing running
            self._running = {}
            raise _Cancelled
        self._tell("cell_start", cell)

    def _on_execute(self, cell: Any, cell_index: int) -> None:
        # nbclient sends no cell id; ipykernel reads it from the metadata of the request.
        if self._client is not None and self._client.kc is not None:
            self._client.kc.session.metadata["cellId"] = str(cell.get("id", ""))

    def _on_executed(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        if execute_reply["content"]["status"] == "ok":
            self._cell_event("ok")
            self._running = {}
        self._tell("cell_end", cell)

    def _on_error(self, cell: Any, cell_index: int, execute_reply: Any) -> None:
        content = execute_reply["content"]
        status = "interrupted" if content.get("ename") == "KeyboardInterrupt" else "error"
        error = {"type": str(content.get("ename")), "message": scrub(str(content.get("evalue")))}
        self._cell_event(status, error)
        self._running.pop("start", None)

    def _cell_event(self, status: str, error: Mapping[str, str] | None = None) -> None:
        running = self._running
        if not running.get("start"):
            return
        self._seen.append(
            {
                "step": running["step"],
                "source": running["source"],
                "sha256": sha256_of_text(running["source"]),
                "start": running["start"],
                "end": now(),
                "status": status,
                "error": error,
            }
        )

    def _tell(self, event: str, cell: Any) -> None:
        index = next((i for i, other in enumerate(self._code) if other is cell), 0)
        self._progress(
            {
                "event": event,
                "step": str(cell.get("id", "")),
                "title": str(cell.metadata.get("mlprov", {}).get("title") or cell.get("id", "")),
                "index": index,
                "total": len(self._code),
            }
        )
