"""Twenty visitors of a served page at once, on the processors of this machine, beside a bare page with one button.

It always ends, within five minutes: a visit has a limit of its own and tells how far it came and what its page
showed; trainings that still wait in the end are counted, and ended. What it does is told on standard error.
``VISITORS=3`` in the environment tries it with fewer.

The page is served with two processors. Where the machine has more, the visitors' browsers have all the others, as
visitors' browsers have theirs; where it has two, they share them with the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from unittest.mock import patch

import psutil
from form import _BARE, _GRAPH, _LIBRARY, BROWSERS, FLAGS, _served
from records import spread

from mlprov_widgets.execution.background import BackgroundRun
from mlprov_widgets.ui import app

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page, Playwright

VISITORS = int(os.environ.get("VISITORS", "20"))
ALONE = 3
TABS = 4  # in a browser: it has six connections to a server for all of its tabs, and who waits for a page holds one
WARM = 2  # visits after which a browser has kept the scripts of a page compiled
VISIT_SECONDS = 120.0
WHOLE_SECONDS = 270.0
IDLE_SECONDS = 60  # instead of twenty minutes; longer than a busy browser takes to join the kernel of its page
_OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
SERVED_WITH = 2  # processors
POLLING = 100  # milliseconds between two looks of a page: looking costs the processors, too

_SEEN = """(() => {
  const of = document.documentElement;
  return [location.href, document.readyState, of.outerHTML.length, of.innerText.slice(0, 400)].join(" | ");
})()"""

Took: TypeAlias = dict[str, float]
Visit: TypeAlias = "Callable[[Page, Took], Awaitable[None]]"


def _say(text: str) -> None:
    print(f"{time.perf_counter() - _BEGAN:6.1f} s  {text}", file=sys.stderr, flush=True)


_BEGAN = time.perf_counter()


async def _until(page: Page, condition: str, argument: str = "") -> None:
    await page.wait_for_function(condition, arg=argument, polling=POLLING, timeout=VISIT_SECONDS * 1000)


async def _press(page: Page, text: str) -> None:
    await _until(page, "(text) => bench.button(text)", text)
    await page.evaluate("(text) => bench.button(text).click()", text)


@contextlib.contextmanager
def _clock(took: Took, name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    took[name] = time.perf_counter() - began


def _bare(url: str) -> Visit:
    async def visit(page: Page, took: Took) -> None:
        with _clock(took, "page"):
            await page.goto(url, wait_until="commit", timeout=VISIT_SECONDS * 1000)
            await _press(page, "one")
            await _until(page, "() => bench.button('answered')")

    return visit


def _returning(url: str, token: str, *, train: bool) -> Visit:
    """Come back to the form, look at a run that has ended, make a notebook and start its training."""

    async def visit(page: Page, took: Took) -> None:
        with _clock(took, "page"):
            await page.goto(f"{url}?experiment={token}", wait_until="commit", timeout=VISIT_SECONDS * 1000)
            await _until(page, "() => /as you left it/.test(document.querySelector('.mlprov')?.innerText)")
            await _press(page, "Review")
            await _until(page, "() => bench.title() === 'Review'")
        with _clock(took, "finished_run"):
            await _press(page, "Result")
            await _until(page, f"() => {_GRAPH}?.nodes(':visible').length > 0")
        with _clock(took, "generate"):
            await _press(page, "Review")
            await _press(page, "Make and run it" if train else "Make the notebook")
            done = "bench.title() === 'Result'" if train else "/Download the notebook/.test(document.body.innerText)"
            await _until(page, f"() => {done}")
        wrong = await page.evaluate("document.querySelector('.mlprov-bad:not(button)')?.innerText")
        if wrong:
            raise AssertionError(wrong)

    return visit


async def _at_once(
    browsers: list[BrowserContext], visits: list[Visit], *, leave: Callable[[], object] = lambda: None
) -> list[Any]:
    """Make all visits at the same time, each in a tab of its own, and return what each took, or its fault.

    `leave` is called when all have ended, before the pages are closed.
    """
    pages: list[Page] = []

    async def one(number: int, browser: BrowserContext, visit: Visit) -> Any:
        took: Took = {}
        page = await browser.new_page()
        pages.append(page)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)[:200]))
        try:
            await asyncio.wait_for(visit(page, took), VISIT_SECONDS)
        except Exception as fault:  # whatever it is, the others go on and this one is told
            _say(f"visit {number} failed after {list(took)}")
            told = f"{type(fault).__name__}: {str(fault)[:200]}"
            return {"fault": told, "took": took, "page": await _text(page), "errors": wrong}
        if len(visits) > 1:
            _say(f"visit {number}: " + ", ".join(f"{name} {seconds:.1f}" for name, seconds in took.items()))
        return took

    each = enumerate(zip(itertools.cycle(browsers), visits, strict=False))
    told = await asyncio.gather(*(one(number, browser, visit) for number, (browser, visit) in each))
    leave()
    with contextlib.suppress(Exception):
        await asyncio.wait_for(asyncio.gather(*(page.close() for page in pages), return_exceptions=True), 20)
    return told


async def _text(page: Page) -> str:
    with contextlib.suppress(Exception):
        return str(await asyncio.wait_for(page.evaluate(_SEEN), 10))
    return "it did not say"


def _kernels(served: app.App) -> list[psutil.Process]:
    """Return the processes of the pages' kernels: children of the server, as those of the runs are not."""
    found = []
    for process in psutil.Process(served.process.pid).children():
        with contextlib.suppress(psutil.Error):
            if any("ipykernel_launcher" in word for word in process.cmdline()):
                found.append(process)
    return found


def _megabytes(process: psutil.Process) -> float:
    """Return what a process holds: its share of what it shares with others, and all that is its own."""
    return float(process.memory_full_info().pss) / 2**20


class _Processors:
    """Who took how many seconds of the processors, also of processes that have ended."""

    def __init__(self, served: app.App) -> None:
        self._served = served
        self._before = self._now()

    def told(self, visits: int = 1) -> dict[str, float]:
        now = self._now()
        return {name: round((now[name] - self._before[name]) / visits, 2) for name in now}

    def _now(self) -> dict[str, float]:
        server, kernels = psutil.Process(self._served.process.pid), _kernels(self._served)
        below = [child for kernel in kernels for child in kernel.children(recursive=True)]
        chromium = [child for child in psutil.Process().children(recursive=True) if "chrom" in _name(child)]
        parts = {"server": [server], "kernels": kernels, "trainings": below, "browser": chromium}
        return {name: sum(map(_seconds, processes)) for name, processes in parts.items()}


def _name(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return str(process.name())
    return ""


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        times = process.cpu_times()
        ended = times.children_user + times.children_system if "chrom" in _name(process) else 0.0
        return float(times.user + times.system + ended)
    return 0.0


def _leave_runs(home: Path, tokens: list[str]) -> None:
    """Give each visitor-to-be the finished run of the only one who was here."""
    (first,) = [place for place in (home / "visitors").iterdir() if (place / "mlprov_runs").is_dir()]
    draft = next((first / "experiments" / "drafts").glob("*.json"))
    for token in tokens:
        own = home / "visitors" / token
        shutil.copytree(first, own)
        told = json.loads(draft.read_text().replace(str(first), str(own))) | {"page": "start"}
        (own / "experiments" / "drafts" / f"{token}.json").write_text(json.dumps(told))


@contextlib.asynccontextmanager
async def _browser(playwright: Playwright, profile: Path) -> AsyncIterator[BrowserContext]:
    path = next(path for path in BROWSERS if Path(path).exists())
    browser = await playwright.chromium.launch_persistent_context(
        profile, executable_path=path, args=[*FLAGS, _OFFLINE], viewport={"width": 1400, "height": 1000}
    )
    await browser.add_init_script(_LIBRARY)
    try:
        yield browser
    finally:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(browser.close(), 10)


@contextlib.contextmanager
def both_served(folder: Path, told: dict[str, Any]) -> Iterator[tuple[app.App, app.App]]:
    """Serve a bare page and the form with two processors; what the body starts has the others, if there are any."""
    has = sorted(os.sched_getaffinity(0))
    of_server, of_visitors = has[:SERVED_WITH], has[SERVED_WITH:] or has
    told["processors"] = {"server": len(of_server), "visitors": len(of_visitors), "shared": of_server == of_visitors}
    with contextlib.ExitStack() as servers:
        servers.callback(os.sched_setaffinity, 0, has)
        os.sched_setaffinity(0, of_server)  # what is started from here inherits it
        bare = servers.enter_context(_served(folder / "bare", _BARE))
        form = servers.enter_context(_served(folder / "home"))
        os.sched_setaffinity(0, of_visitors)
        servers.callback(_end, folder / "home")
        yield bare, form


async def _measure(folder: Path, told: dict[str, Any]) -> None:
    from playwright.async_api import async_playwright

    limits = {name: dict(values) for name, values in app.LIMITS.items()}
    limits["MappingKernelManager"] = {"cull_idle_timeout": IDLE_SECONDS, "cull_interval": 5}
    home = folder / "home"
    with patch.object(app, "LIMITS", limits), both_served(folder, told) as (bare, form):
        async with contextlib.AsyncExitStack() as stack:
            playwright = await stack.enter_async_context(async_playwright())
            tokens = await _make_ready(playwright, folder, bare, form)
            before = set(_trainings(home))
            profiles = [folder / f"profile-{number}" for number in range(-(-VISITORS // TABS))]
            for profile in profiles:
                shutil.copytree(folder / "profile", profile, ignore=shutil.ignore_patterns("Singleton*"))
            opening = [stack.enter_async_context(_browser(playwright, profile)) for profile in profiles]
            browsers = [await one for one in opening]
            _say(f"{len(browsers)} browsers are there")
            told["bare"] = await _alone_and_many(browsers, bare, [_bare(bare.url)] * (ALONE + VISITORS))

            def leave() -> None:
                told["idle_mb"] = spread([_megabytes(kernel) for kernel in _kernels(form)])
                told["server_mb"] = round(_megabytes(psutil.Process(form.process.pid)))

            visits = [_returning(form.url, token, train=n >= ALONE) for n, token in enumerate(tokens)]
            told["form"] = await _alone_and_many(browsers, form, visits, leave=leave)
        told |= await _after(home, form, before)


async def _make_ready(playwright: Playwright, folder: Path, bare: app.App, form: app.App) -> list[str]:
    """Leave a profile of a browser that has been on both pages, and a run for each visitor; return their tokens.

    The browsers of visitors are not on the server's processors, but here they are: so they have what they need of the
    pages in their caches, compiled, as one that was here before has.
    """
    tokens = [f"{number:032x}" for number in range(ALONE + VISITORS + WARM)]
    async with _browser(playwright, folder / "profile") as browser:
        await _first_run(browser, form)
        _leave_runs(folder / "home", tokens)
        for token in tokens[ALONE + VISITORS :]:
            for visit in (_bare(bare.url), _returning(form.url, token, train=False)):
                (took,) = await _at_once([browser], [visit])
                assert "fault" not in took, took
    return tokens[: ALONE + VISITORS]


async def _alone_and_many(
    browsers: list[BrowserContext], served: app.App, visits: list[Visit], *, leave: Callable[[], object] = lambda: None
) -> dict[str, Any]:
    alone, spent = [], []
    for visit in visits[:ALONE]:
        processors = _Processors(served)
        alone += await _at_once(browsers[:1], [visit], leave=lambda used=processors: spent.append(used.told()))  # type: ignore[misc]
    _say(f"alone: {alone}")
    processors = _Processors(served)
    used: dict[str, float] = {}

    def note() -> None:
        used.update(processors.told(VISITORS))
        leave()

    many = await _at_once(browsers, visits[ALONE:], leave=note)
    good = [one for one in many if "fault" not in one]
    sides = {"alone": [one for one in alone if "fault" not in one], "at_once": good}
    told: dict[str, Any] = {"failed": len(many) - len(good)}
    told["faults"] = [one for one in (*alone, *many) if "fault" in one]
    for side, ones in sides.items():
        told[side] = {name: spread([one[name] for one in ones]) for name in (ones[0] if ones else {})}
    told["processor_s_a_visit"] = {
        "alone": {name: statistics.median(one[name] for one in spent) for name in spent[0]},
        "at_once": used,
    }
    if all(sides.values()):
        told["page_ratio"] = round(told["at_once"]["page"]["median"] / told["alone"]["page"]["median"], 2)
    return told


async def _first_run(browser: BrowserContext, served: app.App) -> None:
    async def run(page: Page, took: Took) -> None:
        await page.goto(served.url, wait_until="commit")
        await _press(page, "Review")
        await _press(page, "Make and run it")
        await _until(page, f"() => {_GRAPH}?.nodes(':visible').length > 0")

    (done,) = await _at_once([browser], [run])
    assert done == {}, done
    _say("a run has been made, for each visitor to find")


def _trainings(home: Path) -> list[Path]:
    return [lock.parent for lock in home.glob("visitors/*/mlprov_runs/*/worker.lock")]


async def _after(home: Path, served: app.App, before: set[Path]) -> dict[str, Any]:
    """Wait until every kernel of a closed page is gone, and for the trainings, as long as there is time."""
    began, culled = time.perf_counter(), None
    trainings = [run for run in _trainings(home) if run not in before]
    while time.perf_counter() - _BEGAN < WHOLE_SECONDS:
        left = sum(not (run / "result.json").is_file() for run in trainings)
        if culled is None and not _kernels(served):
            culled = {"after_s": round(time.perf_counter() - began), "trainings_still_to_end": left}
            _say(f"every kernel is gone, {left} trainings are still to end")
        if not left and culled is not None:
            break
        await asyncio.sleep(1)
    results = [json.loads((run / "result.json").read_text()) for run in trainings if (run / "result.json").is_file()]
    counts = {"started": len(trainings), "completed": sum(result["status"] == "completed" for result in results)}
    counts |= {"failed": len(results) - counts["completed"], "still_waiting": len(trainings) - len(results)}
    return {"kernels_culled": culled, "trainings": counts, "waited_s": round(time.perf_counter() - began)}


def _end(home: Path) -> None:
    """End the trainings that are left: they are processes of their own and would go on without the server."""
    for run in _trainings(home):
        with contextlib.suppress(Exception):
            BackgroundRun.attach(run).kill()


def measure_visitors(folder: Path) -> dict[str, Any]:
    """Twenty visitors at once: open the page, look at a finished run, make a notebook and queue its training."""
    global _BEGAN
    _BEGAN = time.perf_counter()
    told: dict[str, Any] = {"limit": {"failed": 0, "page_ratio": 6}, "visitors": VISITORS}

    async def within_limit() -> None:
        await asyncio.wait_for(_measure(folder, told), WHOLE_SECONDS + 20)

    try:
        asyncio.run(within_limit())
    except Exception as fault:  # what was measured until then is told all the same
        told["cut_off"] = f"{type(fault).__name__}: {str(fault)[:400]}"
    return told


MEASURES = {"visitors": measure_visitors}
