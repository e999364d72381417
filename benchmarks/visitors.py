"""Twenty visitors of a served page at once, on the processors of this machine, beside a bare page with one button."""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias
from unittest.mock import patch

from form import _BARE, _GRAPH, _LIBRARY, BROWSERS, FLAGS, PATIENCE, _served
from records import spread

from mlprov_widgets.ui import app

if TYPE_CHECKING:
    from playwright.async_api import Page

VISITORS = 20
ALONE = 3
IDLE_SECONDS = 40  # instead of twenty minutes, so that somebody can wait for it
_OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
POLLING = 100  # milliseconds between two looks of a page: looking costs the processors, too

Visit: TypeAlias = "Callable[[Page], Awaitable[dict[str, float]]]"


async def _until(page: Page, condition: str, argument: str = "") -> None:
    await page.wait_for_function(condition, arg=argument, polling=POLLING)


async def _press(page: Page, text: str) -> None:
    await _until(page, "(text) => bench.button(text)", text)
    await page.evaluate("(text) => bench.button(text).click()", text)


async def _bare(page: Page, url: str) -> dict[str, float]:
    began = time.perf_counter()
    await page.goto(url, wait_until="commit")
    await _press(page, "one")
    await _until(page, "() => bench.button('answered')")
    return {"page": time.perf_counter() - began}


async def _visit(page: Page, url: str, token: str, *, train: bool = True) -> dict[str, float]:
    """Come back to the form, look at a run that has ended, make a notebook and start its training."""
    began = time.perf_counter()
    await page.goto(f"{url}?experiment={token}", wait_until="commit")
    await _until(page, "() => /as you left it/.test(document.querySelector('.mlprov')?.innerText)")
    await _press(page, "Review")
    await _until(page, "() => bench.title() === 'Review'")
    opened = time.perf_counter()
    await _press(page, "Result")
    await _until(page, f"() => {_GRAPH}?.nodes(':visible').length > 0")
    shown = time.perf_counter()
    await _press(page, "Review")
    await _press(page, "Make and run it" if train else "Make the notebook")
    done = "bench.title() === 'Run'" if train else "/Download the notebook/.test(document.body.innerText)"
    await _until(page, f"() => {done}")
    made = time.perf_counter()
    if await page.evaluate("Boolean(document.querySelector('.mlprov-bad:not(button)'))"):
        raise AssertionError(await page.evaluate("document.querySelector('.mlprov-bad:not(button)').innerText"))
    return {"page": opened - began, "finished_run": shown - opened, "generate": made - shown}


async def _at_once(browser: Any, visits: list[Visit]) -> list[Any]:
    """Make all visits at the same time, each in a tab of its own, and return what each took, or its fault."""

    async def one(visit: Visit) -> Any:
        page = await browser.new_page()
        pages.append(page)
        try:
            return await visit(page)
        except Exception as fault:
            return f"{type(fault).__name__}: {str(fault)[:200]}"

    pages: list[Page] = []
    told = await asyncio.gather(*(one(visit) for visit in visits))
    for page in pages:
        await page.close()
    return told


def _kernels(served: app.App) -> list[int]:
    """Return the processes of the pages' kernels: children of the server, as those of the runs are not."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = stat.with_name("cmdline").read_text()
        except OSError:
            continue
        if parent == served.process.pid and "ipykernel_launcher" in command:
            found.append(int(stat.parent.name))
    return found


def _megabytes(process: int) -> float:
    """Return what a process holds: its share of what it shares with others, and all that is its own."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def _leave_runs(home: Path, tokens: list[str]) -> None:
    """Give each visitor-to-be the finished run of the only one who was here."""
    (first,) = [place for place in (home / "visitors").iterdir() if (place / "mlprov_runs").is_dir()]
    draft = next((first / "experiments" / "drafts").glob("*.json"))
    for token in tokens:
        own = home / "visitors" / token
        shutil.copytree(first, own)
        told = json.loads(draft.read_text().replace(str(first), str(own))) | {"page": "start"}
        (own / "experiments" / "drafts" / f"{token}.json").write_text(json.dumps(told))


async def _measure(folder: Path) -> dict[str, Any]:
    from playwright.async_api import async_playwright

    path = next(path for path in BROWSERS if Path(path).exists())
    told: dict[str, Any] = {"limit": {"failed": 0, "page_ratio": 6}}
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=path, args=[*FLAGS, _OFFLINE])
        # One cache for all: the browsers of twenty visitors are not on the server's processors, but here they are.
        browser = await started.new_context(viewport={"width": 1400, "height": 1000})
        browser.set_default_timeout(PATIENCE)
        await browser.add_init_script(_LIBRARY)
        with _served(folder / "bare", _BARE) as served:
            await _at_once(browser, [lambda page: _bare(page, served.url)])
            alone = [(await _at_once(browser, [lambda page: _bare(page, served.url)]))[0] for _ in range(ALONE)]
            many = await _at_once(browser, [lambda page: _bare(page, served.url)] * VISITORS)
        told["bare"] = _told(alone, many)
        home = folder / "home"
        limits = {name: dict(values) for name, values in app.LIMITS.items()}
        limits["MappingKernelManager"] = {"cull_idle_timeout": IDLE_SECONDS, "cull_interval": 5}
        with patch.object(app, "LIMITS", limits), _served(home) as served:
            await _first_run(browser, served, home)
            tokens = [f"{number:032x}" for number in range(VISITORS + ALONE)]
            _leave_runs(home, tokens)

            def visit(token: str, train: bool) -> Visit:
                return lambda page: _visit(page, served.url, token, train=train)

            alone = [(await _at_once(browser, [visit(token, False)]))[0] for token in tokens[VISITORS:]]
            many = await _at_once(browser, [visit(token, True) for token in tokens[:VISITORS]])
            told["form"] = _told(alone, many)
            told["idle_mb"] = spread([_megabytes(process) for process in _kernels(served)])
            told |= await _after(home, served)
        await started.close()
    if told["form"]["failed"] == 0:
        told["page_ratio"] = round(
            told["form"]["at_once"]["page"]["median"] / told["form"]["alone"]["page"]["median"], 2
        )
    return told


async def _first_run(browser: Any, served: app.App, home: Path) -> None:
    async def run(page: Page) -> dict[str, float]:
        await page.goto(served.url, wait_until="commit")
        await _press(page, "Review")
        await _press(page, "Make and run it")
        await _until(page, f"() => {_GRAPH}?.nodes(':visible').length > 0")
        return {}

    (done,) = await _at_once(browser, [run])
    assert done == {}, done


async def _after(home: Path, served: app.App) -> dict[str, Any]:
    """Wait until every training has ended and every kernel of a closed page is gone."""

    def trainings() -> list[Path]:
        runs = [lock.parent for lock in home.glob("visitors/*/mlprov_runs/*/worker.lock")]
        return [run for run in runs if run.name not in left_behind]

    # The copies of the first visitor's run have its name; its own folder has nothing else.
    left_behind = {run.name for run in home.glob("visitors/*/mlprov_runs/*") if len(list(run.parent.iterdir())) == 1}
    began, culled = time.perf_counter(), None
    while time.perf_counter() - began < 400:
        left = [run for run in trainings() if not (run / "result.json").is_file()]
        if culled is None and not _kernels(served):
            culled = {"after_s": round(time.perf_counter() - began), "trainings_still_to_end": len(left)}
        if not left and culled is not None:
            break
        await asyncio.sleep(1)
    results = [json.loads((run / "result.json").read_text()) for run in trainings() if (run / "result.json").is_file()]
    return {
        "kernels_culled": culled,
        "trainings": {
            "started": len(trainings()) - 1,
            "completed": sum(r["status"] == "completed" for r in results) - 1,
        },
        "trainings_took_s": round(time.perf_counter() - began),
    }


def _told(alone: list[Any], many: list[Any]) -> dict[str, Any]:
    good = [one for one in many if isinstance(one, dict)]
    return {
        "failed": len(many) - len(good),
        "faults": [one for one in (*alone, *many) if not isinstance(one, dict)],
        "alone": {name: spread([one[name] for one in alone]) for name in alone[0]},
        "at_once": {name: spread([one[name] for one in good]) for name in (good[0] if good else {})},
    }


def measure_visitors(folder: Path) -> dict[str, Any]:
    """Twenty visitors at once: open the page, look at a finished run, make a notebook and queue its training."""
    return asyncio.run(_measure(folder))


MEASURES = {"visitors": measure_visitors}
