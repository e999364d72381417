"""Kernels of a served page start in turn, as many at a time as there are processors, and end when their page is gone."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager

from mlprov_widgets.ui import in_turn
from mlprov_widgets.ui.in_turn import KernelsInTurn


class Kernel:
    def __init__(self) -> None:
        self.execution_state, self.last_activity = "busy", datetime.now(UTC)
        self.kernel_spec, self.kernel_name = KernelSpec(), "python3"

    def rest(self) -> None:
        self.execution_state, self.last_activity = "idle", datetime.now(UTC) - timedelta(seconds=1)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The kernels that were started; none of them is a process."""
    names: list[str] = []

    async def start(self: Any, **settings: Any) -> str:
        if settings.get("broken"):
            raise RuntimeError("no kernel")
        names.append(settings["name"])
        self._kernels[settings["name"]] = Kernel()
        return str(settings["name"])

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(in_turn.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(in_turn, "_SECONDS_BETWEEN_LOOKS", 0.001)
    return names


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.002)


async def visit(manager: KernelsInTurn, *names: str) -> list[asyncio.Task[str]]:
    tasks = [asyncio.create_task(manager.start_kernel(name=name)) for name in names]
    await settle()
    return tasks


def test_two_start_at_once_and_the_third_when_one_has_shown_its_page(started: list[str]) -> None:
    async def visits() -> None:
        manager = KernelsInTurn()
        tasks = await visit(manager, "a", "b", "c", "d")
        assert started == ["a", "b"]
        manager._kernels["b"].rest()
        await settle()
        assert started == ["a", "b", "c"]
        manager._kernels["a"].rest()
        assert [await task for task in tasks] == ["a", "b", "c", "d"]

    asyncio.run(visits())


def test_a_kernel_that_is_gone_or_could_not_start_keeps_nobody_waiting(started: list[str]) -> None:
    async def visits() -> None:
        manager = KernelsInTurn()
        await visit(manager, "a", "b")
        tasks = await visit(manager, "c")
        del manager._kernels["a"]
        await settle()
        assert [await task for task in tasks] == ["c"]
        del manager._kernels["b"]
        for _ in range(3):
            with pytest.raises(RuntimeError):
                await manager.start_kernel(name="x", broken=True)
        assert [await task for task in await visit(manager, "d")] == ["d"]

    asyncio.run(visits())


def test_a_kernel_that_never_rests_passes_its_turn_on_in_the_end(
    started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def visits() -> None:
        manager = KernelsInTurn()
        monkeypatch.setattr(in_turn, "_LONGEST_TURN", 0.01)
        await visit(manager, "a", "b")
        assert [await task for task in await visit(manager, "c")] == ["c"]

    asyncio.run(visits())


@pytest.mark.parametrize(("back", "ended"), [(False, ["a"]), (True, [])])
def test_a_kernel_that_talks_to_a_closed_page_ends_unless_somebody_comes_back(
    started: list[str], monkeypatch: pytest.MonkeyPatch, back: bool, ended: list[str]
) -> None:
    idle: list[str] = []

    async def shut_down(self: Any, kernel: str) -> None:
        idle.append(kernel)

    async def visits() -> None:
        manager = KernelsInTurn(cull_idle_timeout=60)
        monkeypatch.setattr(KernelsInTurn, "shutdown_kernel", shut_down)
        await visit(manager, "a")
        kernel = manager._kernels["a"]
        manager._kernel_connections["a"] = 0
        manager.notify_connect("a")
        kernel.rest()
        manager.notify_disconnect("a")
        kernel.left -= timedelta(seconds=61)
        kernel.last_activity = datetime.now(UTC)  # a run has told how far it is
        if back:
            manager.notify_connect("a")
        await manager.cull_kernel_if_idle("a")
        assert idle == ended

    asyncio.run(visits())


def test_a_kernel_whose_page_was_closed_a_moment_ago_stays(started: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    async def visits() -> None:
        manager = KernelsInTurn(cull_idle_timeout=60)
        await visit(manager, "a")
        manager._kernel_connections["a"] = 1
        kernel = manager._kernels["a"]
        kernel.rest()
        manager.notify_disconnect("a")
        await manager.cull_kernel_if_idle("a")
        assert "a" in manager

    asyncio.run(visits())
