"""Kernels of a served page start in turn, as many at a time as there are processors, and end when their page is gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from tornado.web import HTTPError

from mlprov_widgets.ui import in_turn
from mlprov_widgets.ui.in_turn import KernelsInTurn


class Kernel:
    def __init__(self) -> None:
        self.execution_state, self.last_activity = "busy", datetime.now(UTC)
        self.kernel_spec, self.kernel_name = KernelSpec(), "python3"

    def rest(self) -> None:
        self.execution_state, self.last_activity = "idle", datetime.now(UTC) - timedelta(seconds=1)


class Page:
    """A server and those who visit its page."""

    def __init__(self, **settings: Any) -> None:
        self.manager = KernelsInTurn(**settings)
        self.ids: dict[str, str] = {}

    async def visit(self, *names: str) -> None:
        for name in names:
            self.ids[name] = await self.manager.start_kernel(name=name)
        await settle()

    def kernel(self, name: str) -> Any:
        return self.manager.get_kernel(self.ids[name])


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0.002)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the kernels that were started, and that one was ended."""
    names: list[str] = []

    async def start(self: Any, kernel_id: str, name: str) -> str:
        if name == "broken":
            raise RuntimeError("no kernel")
        names.append(name)
        self._kernels[kernel_id], self._kernel_connections[kernel_id] = Kernel(), 0
        return kernel_id

    async def end(self: Any, kernel_id: str) -> None:
        names.append("ended")
        del self._kernels[kernel_id]

    monkeypatch.setattr(AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(AsyncMappingKernelManager, "shutdown_kernel", end)
    monkeypatch.setattr(in_turn, "cores", lambda: 2)
    monkeypatch.setattr(in_turn, "_SECONDS_BETWEEN_LOOKS", 0.001)
    return names


@pytest.fixture
def on_a_page(started: list[str]) -> Callable[..., None]:
    """Return a function that lets something happen on a page."""

    def happen(visits: Callable[[Page], Awaitable[None]], **settings: Any) -> None:
        async def happens() -> None:
            await visits(Page(**settings))

        asyncio.run(happens())

    return happen


def test_two_start_at_once_and_the_third_when_one_has_shown_its_page(started: list[str], on_a_page: Any) -> None:
    async def visits(page: Page) -> None:
        await page.visit("a", "b", "c", "d")
        assert started == ["a", "b"]
        page.kernel("b").rest()
        await settle()
        assert started == ["a", "b", "c"]
        page.kernel("a").rest()
        await settle()
        assert started == ["a", "b", "c", "d"]

    on_a_page(visits)


def test_who_waits_has_a_kernel_to_wait_for(started: list[str], on_a_page: Any) -> None:
    async def visits(page: Page) -> None:
        await page.visit("a", "b", "c")
        coming = page.kernel("c")
        assert page.ids["c"] not in page.manager
        page.kernel("a").rest()
        assert await coming is page.kernel("c")
        with pytest.raises(HTTPError):
            page.manager.get_kernel("nobody's")

    on_a_page(visits)


def test_a_kernel_that_is_gone_or_could_not_start_keeps_nobody_waiting(started: list[str], on_a_page: Any) -> None:
    async def visits(page: Page) -> None:
        await page.visit("a", "b", "c")
        del page.manager._kernels[page.ids["a"]]
        await settle()
        assert started == ["a", "b", "c"]
        del page.manager._kernels[page.ids["b"]]
        for _ in range(3):
            broken = await page.manager.start_kernel(name="broken")
            with pytest.raises(RuntimeError):
                await page.manager.get_kernel(broken)
        await page.visit("d")
        assert started == ["a", "b", "c", "d"]

    on_a_page(visits)


def test_a_kernel_that_never_rests_passes_its_turn_on_in_the_end(
    started: list[str], on_a_page: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def visits(page: Page) -> None:
        monkeypatch.setattr(in_turn, "_LONGEST_TURN", 0.01)
        await page.visit("a", "b", "c")
        assert started == ["a", "b", "c"]

    on_a_page(visits)


@pytest.mark.parametrize(("seconds", "back", "ended"), [(61, False, True), (61, True, False), (0, False, False)])
def test_a_kernel_that_talks_to_a_closed_page_ends_in_time_unless_somebody_comes_back(
    started: list[str], on_a_page: Any, seconds: float, back: bool, ended: bool
) -> None:
    async def visits(page: Page) -> None:
        await page.visit("a")
        kernel, number = page.kernel("a"), page.ids["a"]
        page.manager.notify_connect(number)
        kernel.rest()
        page.manager.notify_disconnect(number)
        kernel.left -= timedelta(seconds=seconds)
        kernel.last_activity = datetime.now(UTC)  # a run has told how far it is
        if back:
            page.manager.notify_connect(number)
        await page.manager.cull_kernel_if_idle(number)
        assert started == ["a", *["ended"] * ended]

    on_a_page(visits, cull_idle_timeout=60)
