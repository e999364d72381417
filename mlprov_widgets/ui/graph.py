"""The graph of a run: the only module that knows ipycytoscape.

ipycytoscape 1.3.3 wipes elements when one is removed, freezes with its default layout and sends a
graph again for each node that is added singly. So nothing is ever removed: what is not to be seen has
the class ``away``; elements come many at a time, with the positions that are computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import ipycytoscape
import ipywidgets as widgets

from mlprov_widgets.provenance.overview import Item, StageSummary, duration, shortened

# Three columns, which fit a phone's width and the left half of a page alike: the stages in time, the
# steps of the one that is open, and what the open step read and made. In the canvas's own units.
_STAGE, _STEP, _ITEM, _GAP = 190, 160, 170, 34
_STAGE_PITCH, _STEP_PITCH, _ITEM_PITCH, _LEAST_PITCH = 88, 56, 36, 30
_STEPS_AT = _STAGE / 2 + _GAP + _STEP / 2
_ITEMS_AT = _STEPS_AT + _STEP / 2 + _GAP + _ITEM / 2
_MOST_STEPS, _MOST_OF_A_KIND = 10, 14
_AWAY = "away"
_OUTCOME = {"ok": "✓", "error": "✗ failed", "died": "✗ kernel died", "interrupted": "interrupted"}


def _box(width: int, height: int) -> dict[str, Any]:
    return {"shape": "round-rectangle", "width": width, "height": height, "text-max-width": width - 12}


_ACROSS = {"curve-style": "taxi", "taxi-direction": "horizontal", "taxi-turn": "50%"}

# Fills and letters of the nodes are the same in a light and a dark theme; only the ground shows through.
_STYLE: list[dict[str, Any]] = [
    {
        "selector": "node",
        "style": {
            "label": "data(label)",
            "text-wrap": "wrap",
            "text-valign": "center",
            "text-halign": "center",
            "font-size": 12,
            "font-family": "system-ui, sans-serif",
            "border-width": 1.5,
            "color": "#1f2a3d",
        },
    },
    # W3C's own colours of PROV: activities are blue boxes, entities are yellow ovals.
    {
        "selector": "node.stage",
        "style": {**_box(_STAGE, 74), "background-color": "#dfe5fc", "border-color": "#3f51b5", "line-height": 1.25},
    },
    {"selector": "node.step", "style": {**_box(_STEP, 46), "background-color": "#eef1fd", "border-color": "#7986cb"}},
    {
        "selector": "node.item",
        "style": {**_box(_ITEM, 29), "background-color": "#fff8c5", "border-color": "#9a7b00", "font-size": 11},
    },
    {"selector": "node.data", "style": {"shape": "ellipse", "text-max-width": _ITEM - 24}},
    {"selector": "node.parameter", "style": {"background-color": "#eceff1", "border-color": "#607d8b"}},
    {"selector": "node.metric", "style": {"border-width": 3, "font-weight": "bold"}},
    {
        "selector": "node.more",
        "style": {"background-opacity": 0, "border-width": 0, "color": "#7d8799", "font-style": "italic"},
    },
    {"selector": "node.error", "style": {"background-color": "#fdeaea", "border-color": "#b3261e"}},
    {"selector": "node.stale", "style": {"background-color": "#f3e8fd", "border-color": "#6b21a8"}},
    {"selector": "node.changed", "style": {"border-style": "dashed", "border-width": 3, "border-color": "#8a5a00"}},
    {"selector": "node.open", "style": {"border-width": 4, "border-color": "#1565c0"}},
    {
        "selector": "edge",
        "style": {
            "width": 2,
            "line-color": "#8a94a6",
            "target-arrow-color": "#8a94a6",
            "target-arrow-shape": "triangle",
            "curve-style": "bezier",
        },
    },
    # From side to side, or the lines would run across the boxes above and below.
    {"selector": "edge.across", "style": {**_ACROSS, "source-endpoint": "50% 0%", "target-endpoint": "-50% 0%"}},
    {"selector": "edge.back", "style": {**_ACROSS, "source-endpoint": "-50% 0%", "target-endpoint": "50% 0%"}},
    {"selector": "edge.thin", "style": {"width": 1, "arrow-scale": 0.8}},
    {"selector": ".corner", "style": {"opacity": 0, "events": "no", "width": 1, "height": 1, "label": ""}},
    {"selector": f".{_AWAY}", "style": {"display": "none"}},
]


class RunGraph:
    """The stages of a run in time; a click opens a stage's steps, and a step's data, parameters and metrics.

    Parameters
    ----------
    stages
        What is drawn.
    items_of
        Returns what a step read and made.
    clicked
        Called with what a person clicked: a stage as ``stage`` and its id, else a record's identifier.
    """

    def __init__(
        self,
        stages: Sequence[StageSummary],
        items_of: Callable[[str], Sequence[Item]],
        clicked: Callable[[str], None],
    ) -> None:
        # A notebook that was tried out for hours has hundreds; those before the last ones are found by the search.
        self._stages = [replace(stage, steps=stage.steps[-_MOST_STEPS:]) for stage in stages]
        self._items_of = items_of
        self._parts: dict[str, list[ipycytoscape.Node | ipycytoscape.Edge]] = {}
        self._marked: list[ipycytoscape.Node] = []
        self._nodes: dict[str, ipycytoscape.Node] = {}
        self._places: dict[str, tuple[float, float]] = {}
        self._height = max((len(self._stages) - 1) * _STAGE_PITCH, (_MOST_STEPS - 1) * _STEP_PITCH)
        self.widget = ipycytoscape.CytoscapeWidget(
            layout=widgets.Layout(height="600px", width="100%"), min_zoom=0.3, max_zoom=2
        )
        self.widget.add_class("mlprov-graph")
        nodes, edges = self._first_elements()
        with self.widget.hold_sync():
            self.widget.graph.add_nodes(nodes)
            self.widget.graph.add_edges(edges, directed=True)
            self.widget.set_style(_STYLE)
            self.widget.set_layout(name="preset", fit=True, padding=14, animate=False)
        self.widget.on("node", "click", lambda node: clicked(_meant(node["data"])))

    def _first_elements(self) -> tuple[list[ipycytoscape.Node], list[ipycytoscape.Edge]]:
        # Two corners that nobody sees keep the view where it is when something opens.
        for name, x, y in (("corner 1", -_STAGE / 2, -40.0), ("corner 2", _ITEMS_AT + _ITEM / 2, self._height + 40.0)):
            self._node(name, "", "corner", x, y)
        edges = []
        for number, stage in enumerate(self._stages):
            head, y = stage_node(stage.stage), float(number * _STAGE_PITCH)
            outcome = f"{_OUTCOME.get(stage.status, stage.status)} · {stage.took}"
            outcome += " · stale" if stage.stale else ""
            label = "\n".join(part for part in (f"{number + 1}. {stage.title}", stage.headline, outcome) if part)
            classes = ["stage", "error" if stage.status != "ok" else "", "stale" if stage.stale else ""]
            self._node(head, label, " ".join(filter(None, classes)), 0.0, y)
            if number:
                edges.append(_edge(stage_node(self._stages[number - 1].stage), head, ""))
            edges += self._add_steps(stage, head, y)
        self._node("hint", "Click a stage:\nits steps open here", "item more", _STEPS_AT, 0.0)
        return list(self._nodes.values()), edges

    def _add_steps(self, stage: StageSummary, head: str, y: float) -> list[ipycytoscape.Edge]:
        parts: list[ipycytoscape.Node | ipycytoscape.Edge] = []
        edges: list[ipycytoscape.Edge] = []
        above = head
        top = self._top(y, len(stage.steps), _STEP_PITCH)
        for row, step in enumerate(stage.steps):
            record = str(step["record"])
            changed = "" if step["code"] == "as planned" else f" · {step['code']}"
            stale = " · stale" if step.get("stale") else ""
            spent = duration(step["start"], step["end"])
            outcome = f"{_OUTCOME.get(str(step['status']), step['status'])} · {spent}{changed}{stale}"
            failed = "error" if step["status"] != "ok" else ""
            classes = ["step", "changed" if changed else "", failed, "stale" if stale else "", _AWAY]
            label = f"{shortened(str(step['title']), 26)}\n{outcome}"
            parts.append(self._node(record, label, " ".join(filter(None, classes)), _STEPS_AT, top + row * _STEP_PITCH))
            edges.append(_edge(above, record, f"{'' if edges else 'across '}{_AWAY}"))
            above = record
        parts += edges
        self._parts[head] = parts
        return edges

    def _top(self, y: float, count: int, pitch: float) -> float:
        """Return where a column of so many begins that has its middle near `y` and stays in the canvas."""
        length = (count - 1) * pitch
        return max(min(y - length / 2, self._height - length), 0.0)

    def _node(self, identifier: str, label: str, classes: str, x: float, y: float) -> ipycytoscape.Node:
        node = ipycytoscape.Node(data={"id": identifier, "label": label}, classes=classes, position={"x": x, "y": y})
        self._nodes[identifier], self._places[identifier] = node, (x, y)
        return node

    def open(self, meant: str) -> None:
        """Show a stage's steps, or a step's data, parameters and metrics with it; others close.

        Parameters
        ----------
        meant
            A stage's node or a step's record; anything else changes nothing.
        """
        stage = next((s for s in self._stages if meant in (stage_node(s.stage), *(x["record"] for x in s.steps))), None)
        if stage is None:
            return
        head = stage_node(stage.stage)
        shown = {head, meant}
        if meant != head and meant not in self._parts:
            self._add_items(meant)
        with self.widget.hold_sync():
            for name, parts in self._parts.items():
                for part in parts:
                    _away(part, name not in shown)
            _away(self._nodes["hint"], True)
            for node in self._marked:
                node.classes = node.classes.replace(" open", "")
            self._marked = [self._nodes[name] for name in shown]
            for node in self._marked:
                node.classes += " open"

    def _add_items(self, step: str) -> None:
        nodes, edges = [], []
        rows, y = _rows(self._items_of(step), int(self._height / _LEAST_PITCH) + 1), self._places[step][1]
        pitch = min(_ITEM_PITCH, self._height / max(len(rows) - 1, 1))
        top = self._top(y, len(rows), pitch)
        for number, (label, item) in enumerate(rows):
            # Each step draws its own oval of what several steps read.
            classes = f"item {item.kind}" if item else "item more"
            node = self._node(f"{step} row {number}", label, classes, _ITEMS_AT, top + number * pitch)
            node.data = {**node.data, "record": item.record if item else step}
            nodes.append(node)
            name = str(node.data["id"])
            if item is not None:
                edges.append(_edge(step, name, "across thin") if item.made else _edge(name, step, "back thin"))
        self._parts[step] = [*nodes, *edges]
        self.widget.graph.add_nodes(nodes)
        self.widget.graph.add_edges(edges, directed=True)


def stage_node(stage: str) -> str:
    """Return the identifier of a stage's node, which is no record's."""
    return f"stage {stage}"


def _meant(data: dict[str, Any]) -> str:
    return str(data.get("record") or data["id"])


def _edge(source: str, target: str, classes: str) -> ipycytoscape.Edge:
    identifier = f"{source} -> {target}"
    return ipycytoscape.Edge(data={"id": identifier, "source": source, "target": target}, classes=classes)


def _away(part: ipycytoscape.Node | ipycytoscape.Edge, away: bool) -> None:
    classes = [name for name in part.classes.split() if name != _AWAY] + ([_AWAY] if away else [])
    if part.classes.split() != classes:
        part.classes = " ".join(classes)


def _rows(items: Sequence[Item], room: int, most: int = _MOST_OF_A_KIND) -> list[tuple[str, Item | None]]:
    """Return what there is room for, line by line: a text, and the item that it stands for."""
    rows: list[tuple[str, Item | None]] = []
    for made, verb in ((False, "read"), (True, "made")):
        own = [item for item in items if item.made is made]
        seen: dict[str, int] = {}
        kept = []
        for item in own:
            seen[item.kind] = seen.get(item.kind, 0) + 1
            if seen[item.kind] <= most:
                kept.append(item)
        if kept:
            rows.append((verb, None))
            rows += [(_label(item), item) for item in kept]
        if len(own) > len(kept):
            rows.append((f"and {len(own) - len(kept)} more", None))
    if len(rows) > room and most > 1:
        return _rows(items, room, most - 1)
    return rows or [("read and made nothing\nthat is named", None)]


def _label(item: Item) -> str:
    if item.kind in ("parameter", "metric"):
        return shortened(f"{item.name} = {item.value}", 27)
    return shortened(f"{item.name} ({item.value})" if item.value else item.name, 27)
