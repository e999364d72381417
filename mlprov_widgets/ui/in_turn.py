"""The kernels of a served page, started in turn: of many visitors at once the first is served soon, not all late.

A kernel and its form take one processor for more than a second. Started all at once, they share the processors,
and all are ready when the last is; started in turn, half of the visitors wait half of that time at most.

And ended in time: a form tells its page twice a second how far a run is, also a page that was closed. Jupyter's server
takes that for somebody's doing and would keep the kernel for as long as runs go on or wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from mlprov_widgets.provenance.capture.environment import cores

_QUIET_SECONDS = 0.25  # with nothing to do for so long, a kernel has shown its page
_LONGEST_TURN = 10.0
_SECONDS_BETWEEN_LOOKS = 0.05


class KernelsInTurn(AsyncMappingKernelManager):
    """Starts as many kernels at a time as it has processors; the others wait, in the order in which they came."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        self._turns = asyncio.Semaphore(cores())
        self._coming: dict[str, asyncio.Task[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start_kernel(self, **settings: Any) -> str:  # type: ignore[override]
        """Return the id of a kernel that is started when it is its turn, so that Voilà can show that the page comes."""
        kernel = str(uuid4())
        self._coming[kernel] = self._spawn(self._start(kernel, settings))
        return kernel

    def get_kernel(self, kernel_id: str) -> Any:
        """Return a kernel, or what can be awaited for it until it is started."""
        comes = kernel_id in self._coming and kernel_id not in self
        return self._coming[kernel_id] if comes else super().get_kernel(kernel_id)

    async def _start(self, kernel: str, settings: dict[str, Any]) -> Any:
        await self._turns.acquire()
        try:
            await super().start_kernel(kernel_id=kernel, **settings)
        except BaseException:
            self._turns.release()
            raise
        finally:
            del self._coming[kernel]
        self._spawn(self._pass_on(kernel))
        return self.get_kernel(kernel)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self._tasks.add(task)  # asyncio itself would let go of it
        task.add_done_callback(self._tasks.discard)
        return task

    def notify_disconnect(self, kernel_id: str) -> None:
        """Note when somebody was last at a kernel."""
        super().notify_disconnect(kernel_id)  # type: ignore[no-untyped-call]
        if kernel_id in self:
            known: Any = self.get_kernel(kernel_id)
            known.left = datetime.now(UTC)

    async def cull_kernel_if_idle(self, kernel_id: str) -> None:
        """End a kernel where nobody was for long, whatever it had to say since."""
        known: Any = self.get_kernel(kernel_id)
        left = getattr(known, "left", None)
        if left is not None and not self._kernel_connections.get(kernel_id):
            known.last_activity = left
        await super().cull_kernel_if_idle(kernel_id)  # type: ignore[no-untyped-call]

    async def _pass_on(self, kernel: str) -> None:
        """Let the next kernel start once this one has shown its page, is gone, or took too long."""
        latest = time.monotonic() + _LONGEST_TURN
        try:
            while kernel in self and not self._is_quiet(kernel) and time.monotonic() < latest:
                await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
        finally:
            self._turns.release()

    def _is_quiet(self, kernel: str) -> bool:
        known: Any = self.get_kernel(kernel)
        since = (datetime.now(UTC) - known.last_activity).total_seconds()
        return bool(known.execution_state == "idle" and since > _QUIET_SECONDS)
