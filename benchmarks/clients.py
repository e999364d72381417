"""Twenty visitors at once whose browsers are elsewhere: what server and kernels do for them, on two processors.

A client stands for each browser. It asks for the page, joins the page's kernel and says what a browser says: it fetches
the state of all widgets, hands over the token of the address, and presses buttons. It draws nothing, so a visit takes
next to nothing of the processors that serve it; the scripts of a page, which a browser keeps, are not fetched.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import struct
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, TypeAlias

from records import spread
from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect
from visitors import (
    ALONE,
    VISIT_SECONDS,
    VISITORS,
    Took,
    _clock,
    _leave_runs,
    _Processors,
    _trainings,
    both_served,
)

from mlprov_widgets.ui.app import App

_MESSAGE_BYTES = 2**28

Visit: TypeAlias = Callable[[contextlib.AsyncExitStack], Awaitable[Took]]


class _Client:
    """A page as its browser has it: a kernel and the states of its widgets."""

    def __init__(self, socket: WebSocketClientConnection) -> None:
        self._socket = socket
        self._session = uuid.uuid4().hex
        self._answered: set[str] = set()
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())
        self.models: dict[str, dict[str, Any]] = {}

    async def fetch_states(self) -> None:
        control = uuid.uuid4().hex
        told = {"comm_id": control, "target_name": "jupyter.widget.control", "data": {}}
        await self._say("comm_open", told, {"version": "1.0.0"})
        await self._say("comm_msg", {"comm_id": control, "data": {"method": "request_states"}})

    async def enter(self, css: str, value: str) -> None:
        """Enter a text where the field of this class is."""
        (model,) = [key for key, state in self.models.items() if css in state.get("_dom_classes", ())]
        update = {"method": "update", "state": {"value": value}, "buffer_paths": []}
        await self._say("comm_msg", {"comm_id": model, "data": update})

    async def press(self, text: str) -> None:
        """Press the button with this text, as soon as there is one."""
        await self.until(lambda: self._button(text))
        click = {"method": "custom", "content": {"event": "click"}}
        await self._say("comm_msg", {"comm_id": self._button(text), "data": click})

    async def until(self, holds: Callable[[], object]) -> None:
        async with self._news:
            await self._news.wait_for(lambda: holds() or self._reading.done())
        if not holds():
            raise ConnectionError("the page's connection has ended")

    def shows(self, text: str) -> bool:
        return any(text in str(state.get("value", "")) for state in self.models.values())

    def close(self) -> None:
        self._reading.cancel()
        self._socket.close()

    def _button(self, text: str) -> str:
        for key, state in reversed(self.models.items()):
            is_it = re.fullmatch(rf"(\d+\. )?{re.escape(text)}( \(.*\))?", str(state.get("description", "")))
            if state.get("_model_name") == "ButtonModel" and is_it and not state.get("disabled"):
                return key
        return ""

    async def _say(self, kind: str, content: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """Send a message to the kernel and wait until it has done what that asks for."""
        number = uuid.uuid4().hex
        header = {"msg_id": number, "msg_type": kind, "session": self._session, "username": "", "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": metadata or {}, "content": content}
        await self._socket.write_message(json.dumps(message | {"channel": "shell", "buffers": []}))
        await self.until(lambda: number in self._answered)

    async def _read(self) -> None:
        while (raw := await self._socket.read_message()) is not None:
            self._take(_message(raw))
            async with self._news:
                self._news.notify_all()

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "status" and content["execution_state"] == "idle":
            self._answered.add(message["parent_header"].get("msg_id", ""))
        elif kind == "comm_open":
            self.models[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif kind == "comm_msg" and content["data"].get("method") == "update":
            self.models.setdefault(content["comm_id"], {}).update(content["data"]["state"])
        elif kind == "comm_msg" and content["data"].get("method") == "update_states":
            for key, told in content["data"]["states"].items():
                self.models.setdefault(key, {}).update(told["state"])


def _message(raw: str | bytes) -> dict[str, Any]:
    """Return a message without its buffers: Jupyter's server puts their offsets before them and the message first."""
    if isinstance(raw, bytes):
        count = struct.unpack("!i", raw[:4])[0]
        offsets = [*struct.unpack(f"!{count}i", raw[4 : 4 * (count + 1)]), len(raw)]
        raw = raw[offsets[0] : offsets[1]].decode()
    return dict(json.loads(raw))


@contextlib.asynccontextmanager
async def _page(url: str) -> AsyncIterator[_Client]:
    http = AsyncHTTPClient(force_instance=True)
    try:
        html = (await http.fetch(url, request_timeout=VISIT_SECONDS)).body.decode()
        (kernel,) = set(re.findall(r'"kernelId": "([0-9a-f-]{36})"', html))
        place = f"{url.partition('?')[0]}api/kernels/{kernel}/channels?session_id={uuid.uuid4().hex}"
        request = HTTPRequest(place.replace("http:", "ws:"), headers={"Cookie": "", "Origin": url.partition("/?")[0]})
        client = _Client(await websocket_connect(request, max_message_size=_MESSAGE_BYTES))
        try:
            yield client
        finally:
            client.close()
    finally:
        http.close()


async def _join(url: str, leave: contextlib.AsyncExitStack) -> _Client:
    client = await leave.enter_async_context(_page(url))
    await client.fetch_states()
    return client


def _bare(url: str) -> Visit:
    async def visit(leave: contextlib.AsyncExitStack) -> Took:
        took: Took = {}
        with _clock(took, "page"):
            client = await _join(url, leave)
            await client.press("one")
            await client.until(lambda: client._button("answered"))
        return took

    return visit


def _returning(url: str, token: str, *, train: bool) -> Visit:
    async def visit(leave: contextlib.AsyncExitStack) -> Took:
        took: Took = {}
        with _clock(took, "page"):
            client = await _join(f"{url}?experiment={token}", leave)
            await client.enter("mlprov-token", token)
            await client.until(lambda: client.shows("as you left it"))
            await client.press("Review")
        with _clock(took, "finished_run"):
            await client.press("Result")
            await client.until(lambda: any(s.get("_model_name") == "CytoscapeModel" for s in client.models.values()))
        with _clock(took, "generate"):
            await client.press("Review")
            await client.press("Make and run it" if train else "Make the notebook")
        return took

    return visit


async def _at_once(visits: list[Visit], ended: Callable[[], object] = lambda: None) -> list[Took]:
    """Make all visits at the same time; nobody leaves before all have ended, which `ended` is told."""
    async with contextlib.AsyncExitStack() as leave:
        took = list(await asyncio.gather(*(asyncio.wait_for(visit(leave), VISIT_SECONDS) for visit in visits)))
        ended()
        return took


async def _alone_and_many(served: App, visits: list[Visit]) -> dict[str, Any]:
    spent: dict[str, float] = {}
    alone = [took for visit in visits[:ALONE] for took in await _at_once([visit])]
    processors = _Processors(served)
    many = await _at_once(visits[ALONE:], lambda: spent.update(processors.told(VISITORS)))
    told: dict[str, Any] = {
        side: {name: spread([took[name] for took in ones]) for name in ones[0]}
        for side, ones in (("alone", alone), ("at_once", many))
    }
    told["processor_s_a_visit"] = spent
    return told | {"page_ratio": round(told["at_once"]["page"]["median"] / told["alone"]["page"]["median"], 2)}


async def _first_run(url: str, home: Path) -> None:
    """Make the run that each visitor finds."""
    async with contextlib.AsyncExitStack() as leave:
        client = await _join(url, leave)
        await client.enter("mlprov-token", uuid.uuid4().hex)
        await client.press("Review")
        await client.press("Make and run it")
        await client.until(lambda: any(home.glob("visitors/*/mlprov_runs/*/result.json")))


async def _measure(folder: Path) -> dict[str, Any]:
    home = folder / "home"
    told: dict[str, Any] = {}
    with both_served(folder, told) as (bare, form):
        tokens = [f"{number:032x}" for number in range(ALONE + VISITORS)]
        await asyncio.wait_for(_first_run(form.url, home), VISIT_SECONDS)
        _leave_runs(home, tokens)
        before = len(_trainings(home))
        told["bare"] = await _alone_and_many(bare, [_bare(bare.url)] * (ALONE + VISITORS))
        visits = [_returning(form.url, token, train=number >= ALONE) for number, token in enumerate(tokens)]
        told["form"] = await _alone_and_many(form, visits)
        return told | {"trainings_started": len(_trainings(home)) - before}


def measure_clients(folder: Path) -> dict[str, Any]:
    """Twenty visitors at once whose browsers are elsewhere."""
    began = time.perf_counter()
    told = asyncio.run(_measure(folder))
    return {"limit": {"page_ratio": 6}, "visitors": VISITORS, **told, "whole_s": round(time.perf_counter() - began)}


MEASURES = {"clients": measure_clients}
