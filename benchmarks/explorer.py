"""The measures of the explorer, beside a bare ipycytoscape widget of 12 nodes."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from form import _browser, _page, _served
from records import spread

if TYPE_CHECKING:
    from playwright.sync_api import Page

ROUNDS = 10
SIZES = (100, 100_000)
_STAGES = ("data_ingestion", "data_preparation", "data_segregation", "model", "training", "evaluation")

_READ = """
import json, os, sys, time, tracemalloc
from mlprov_widgets.provenance.graph.indexing import read_index
from mlprov_widgets.provenance.graph.search import search
from mlprov_widgets.provenance.graph.story import story_of

path = sys.argv[1]
began = time.perf_counter()
story = story_of(read_index(path))
read = time.perf_counter() - began
asked = []
for question in ("accuracy", "value_4321", "which optimizer really ran", "added cell", "e", "nothing like this"):
    began = time.perf_counter()
    search(story.index, question)
    asked.append(time.perf_counter() - began)
counted = story.index.counted
del story
tracemalloc.start()
story = story_of(read_index(path))
most = tracemalloc.get_traced_memory()[1] / os.path.getsize(path)
print(json.dumps([read, max(asked), most, counted]))
"""

_SOURCE = """
import os
from pathlib import Path

import ipycytoscape
import ipywidgets as widgets
from IPython.display import Javascript, display
from mlprov_widgets.ui.explorer import Explorer, read_story
from mlprov_widgets.ui.scripts import script, style

folder = Path(__FOLDER__)
stories = {size: read_story(folder / f"{size}.json") for size in (100, 100000)}
holder = widgets.VBox([])
holder.add_class("holder")


def bare():
    graph = ipycytoscape.CytoscapeWidget(layout=widgets.Layout(height="600px", width="100%"))
    nodes = [ipycytoscape.Node(data={"id": str(k)}, position={"x": 0, "y": 60 * k}) for k in range(12)]
    edges = [ipycytoscape.Edge(data={"id": f"e{k}", "source": str(k), "target": str(k + 1)}) for k in range(11)]
    with graph.hold_sync():
        graph.graph.add_nodes(nodes)
        graph.graph.add_edges(edges, directed=True)
        graph.set_layout(name="preset", fit=True, animate=False)
    return graph


def show(make):
    holder.children = (make(),)


makers = {
    "bare": bare,
    "100": lambda: Explorer(stories[100], lambda kind, text: None).widget,
    "100000": lambda: Explorer(stories[100000], lambda kind, text: None).widget,
    "nothing": lambda: widgets.HTML("nothing"),
}
buttons = []
for name, make in makers.items():
    button = widgets.Button(description=name)
    button.on_click(lambda _, make=make: show(make))
    buttons.append(button)
root = widgets.VBox([widgets.HTML(style()), widgets.HBox(buttons), holder])
root.add_class("mlprov")
display(root)
display(Javascript(script()))
"""

_PAINTED = """([name, count, selector]) => new Promise((resolve) => {
  const find = () => [...document.querySelectorAll(".holder *")].find((e) => e._cyreg && e._cyreg.cy)?._cyreg.cy;
  const button = [...document.querySelectorAll(selector)].find((e) => !name || e.textContent.trim() === name);
  const before = selector === "button.jupyter-button" ? null : find();
  const drawn = before ? before.nodes(":visible").length : 0;
  const began = performance.now();
  button.click();
  const look = () => {
    const now = find();
    const there = now && (before ? now.nodes(":visible").length > drawn : now.nodes(":visible").length >= count);
    if (there) requestAnimationFrame(() => requestAnimationFrame(() => resolve((performance.now() - began) / 1000)));
    else requestAnimationFrame(look);
  };
  look();
})"""

_ANSWERED = """(question) => new Promise((resolve) => {
  const field = document.querySelector(".mlprov-ask input[type=text]");
  const told = document.querySelector(".mlprov-ask");
  const began = performance.now();
  new MutationObserver((_, watcher) => {
    if (!told.innerText.includes(`“${question}”`)) return;
    watcher.disconnect();
    resolve((performance.now() - began) / 1000);
  }).observe(told, { childList: true, subtree: true, characterData: true });
  field.value = question;
  field.dispatchEvent(new Event("input", { bubbles: true }));
})"""


def document_of(records: int) -> dict[str, Any]:
    """Return a document as a run writes it: executions that each make two values of those before."""

    def typed(*names: str) -> Any:
        return [{"$": name, "type": "xsd:QName"} for name in names]

    entity: dict[str, Any] = {"plan:notebook": {"prov:type": typed("p-plan:Plan"), "ml:task": "classification"}}
    activity: dict[str, Any] = {
        "run:run": {"prov:type": typed("mls:Run"), "ml:schemaVersion": "1", "ml:status": "completed"}
    }
    entity["run:metric-accuracy"] = {
        "prov:type": typed("mls:ModelEvaluation"),
        "mls:hasValue": {"$": "0.95", "type": "xsd:double"},
    }
    entity["run:hp-optimizer"] = {
        "prov:type": typed("mls:HyperParameterSetting"),
        "mls:hasValue": "Adam",
        "ml:status": "observed",
    }
    used, made, informed = {}, {}, {}
    total = lambda: sum(map(len, (entity, activity, used, made, informed)))  # noqa: E731
    number = 0
    while total() < records:
        at, stage = (
            f"2026-01-01T{number // 3600 % 24:02d}:{number // 60 % 60:02d}:{number % 60:02d}",
            _STAGES[number * 6 * 8 // max(records, 1) % 6],
        )
        run, cell = f"run:exec-cell{number}-1", f"plan:cell-cell{number}"
        activity[run] = {
            "prov:type": typed("p-plan:Activity"),
            "prov:startTime": f"{at}+00:00",
            "prov:endTime": f"{at}.5+00:00",
            "ml:status": "ok",
            "ml:stage": stage,
        }
        entity[cell] = {
            "prov:type": typed("p-plan:Step"),
            "ml:step": f"cell{number}",
            "schema:name": f"Cell {number}",
            "ml:source": f"value_{number} = math.sqrt({number}) + rest_{number}",
            "schema:sha256": f"{number:064x}",
        }
        for name in ("value", "rest"):
            entity[f"run:var-{name}_{number}-1"] = {
                "prov:type": typed("p-plan:Entity", "mls:Data"),
                "ml:variable": f"{name}_{number}",
                "ml:value": {"$": str(number / 7), "type": "xsd:double"},
                "schema:sha256": f"{number * 7:064x}",
            }
            made[f"_:g{name}{number}"] = {
                "prov:entity": f"run:var-{name}_{number}-1",
                "prov:activity": run,
                "prov:time": f"{at}+00:00",
            }
        used[f"_:c{number}"] = {"prov:activity": run, "prov:entity": cell}
        if number:
            used[f"_:u{number}"] = {"prov:activity": run, "prov:entity": f"run:var-value_{number - 1}-1"}
            informed[f"_:i{number}"] = {"prov:informed": run, "prov:informant": f"run:exec-cell{number - 1}-1"}
        number += 1
    made["_:metric"] = {"prov:entity": "run:metric-accuracy", "prov:activity": f"run:exec-cell{number - 1}-1"}
    prefix = {"ml": "https://pypi.org/project/mlprov-widgets/#", "run": "urn:uuid:1#", "plan": "urn:uuid:2#"}
    return {
        "prefix": prefix,
        "entity": entity,
        "activity": activity,
        "used": used,
        "wasGeneratedBy": made,
        "wasInformedBy": informed,
    }


def _documents(folder: Path) -> None:
    for size in SIZES:
        (folder / f"{size}.json").write_text(json.dumps(document_of(size)), encoding="utf-8")


def _paint(page: Page, name: str, count: int) -> float:
    seconds = float(page.evaluate(_PAINTED, [name, count, "button.jupyter-button"]))
    page.locator("button.jupyter-button", has_text="nothing").click()
    page.locator(".holder").get_by_text("nothing").wait_for()
    return seconds


def measure_explorer(folder: Path) -> dict[str, Any]:
    """Reading 100,000 records; painting their overview, opening a step and searching in Chromium."""
    _documents(folder)
    rounds = []
    for _ in range(3):
        command = [sys.executable, "-c", _READ, str(folder / "100000.json")]
        rounds.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    told: dict[str, Any] = {
        "limits": {"ratio": 1.3, "read_s": 3, "memory_ratio": 8, "open_s": 0.3, "search_s": 0.1},
        "records": rounds[0][3],
        "read_s": spread([r[0] for r in rounds]),
        "slowest_search_s": spread([r[1] for r in rounds]),
        "memory_over_file": spread([r[2] for r in rounds]),
    }
    source = _SOURCE.replace("__FOLDER__", repr(str(folder)))
    with _served(folder / "home", source) as served, _browser() as browser, _page(browser) as page:
        page.goto(served.url)
        page.get_by_role("button", name="nothing").wait_for()
        painted: dict[str, list[float]] = {"bare": [], "100": [], "100000": []}
        for number in range(ROUNDS + 2):
            for name in painted:
                seconds = _paint(page, name, 12 if name == "bare" else 6)
                if number >= 2:  # the code of the widgets is loaded and compiled by then
                    painted[name].append(seconds)
        for name, values in painted.items():
            told[f"paint_{name}_s"] = spread(values)
        bare = statistics.median(painted["bare"])
        told["ratio"] = {name: round(statistics.median(painted[name]) / bare, 3) for name in ("100", "100000")}
        page.locator("button.jupyter-button", has_text="100000").click()
        page.locator('.mlprov-details [data-go="stage:training"]').first.wait_for()
        opened, answered = [], []
        for stage in ("training", "model", "evaluation", "data_ingestion", "data_preparation", "data_segregation"):
            page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))")
            opened.append(float(page.evaluate(_PAINTED, ["", 0, f'.mlprov-details [data-go="stage:{stage}"]'])))
            page.evaluate("new Promise((resolve) => setTimeout(resolve, 300))")
            step = page.locator(".mlprov-details [data-go^=r]").nth(-1).get_attribute("data-go")
            opened.append(float(page.evaluate(_PAINTED, ["", 0, f'.mlprov-details [data-go="{step}"]'])))
            page.get_by_role("button", name="Back to the overview").click()
            page.locator('.mlprov-details [data-go="stage:training"]').first.wait_for()
        for question in ("accuracy", "value_4321", "which optimizer really ran", "rest", "math sqrt", "12345"):
            answered.append(float(page.evaluate(_ANSWERED, question)))
        told["open_s"], told["answer_in_page_s"] = spread(opened), spread(answered)
    return told


MEASURES = {"explorer": measure_explorer}
