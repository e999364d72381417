"""The graph of a run: the only module that knows ipycytoscape.

ipycytoscape 1.3.3 wipes elements when one is removed, freezes with its default layout and sends a
graph again for each node that is added singly; so a graph is made once, whole, with the positions
computed here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipycytoscape
import ipywidgets as widgets

from mlprov_widgets.provenance.pipeline import duration
from mlprov_widgets.provenance.view import View

_COLUMN, _ROW = 210, 74
_STYLE = [
    {
        "selector": "node",
        "style": {
            "shape": "round-rectangle",
            "width": 180,
            "height": 52,
            "label": "data(label)",
            "text-wrap": "wrap",
            "text-max-width": 170,
            "text-valign": "center",
            "text-halign": "center",
            "font-size": 13,
            "font-family": "system-ui, sans-serif",
            "background-color": "#e8f3ec",
            "border-width": 1.5,
            "border-color": "#1b7a43",
            "color": "#1f2a3d",
        },
    },
    {
        "selector": "node.stage",
        "style": {"background-color": "#1f2a3d", "border-color": "#1f2a3d", "color": "#ffffff", "height": 34},
    },
    {"selector": "node.error", "style": {"background-color": "#fdeaea", "border-color": "#b3261e"}},
    {"selector": "node.changed", "style": {"border-style": "dashed", "border-width": 3, "border-color": "#8a5a00"}},
    {"selector": "node.found", "style": {"border-width": 5, "border-color": "#1f5fbf"}},
    {"selector": "node.dim", "style": {"opacity": 0.3}},
    {"selector": "node:selected", "style": {"border-width": 5, "border-color": "#1f5fbf"}},
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
]


def stage_node(stage: str) -> str:
    """Return the identifier of a stage's node, which is no record's."""
    return f"stage {stage}"


def stage_title(stage: str) -> str:
    """Return what a stage is called in the graph; the frame's steps have none."""
    return (stage or "set-up").replace("_", " ").capitalize()


class RunGraph:
    """The steps of a run as a graph in time, stage by stage.

    Parameters
    ----------
    laid_out
        The document.
    clicked
        Called with the record of the step that a person clicked.
    """

    def __init__(self, laid_out: View, clicked: Callable[[str], None]) -> None:
        self._nodes: dict[str, ipycytoscape.Node] = {}
        self._titles: dict[str, str] = {}
        self._classes: dict[str, str] = {}
        nodes, edges = self._elements(laid_out)
        self.widget = ipycytoscape.CytoscapeWidget(
            layout=widgets.Layout(height="430px", width="100%"), min_zoom=0.2, max_zoom=2.5
        )
        self.widget.add_class("mlprov-graph")
        with self.widget.hold_sync():
            self.widget.graph.add_nodes(nodes)
            self.widget.graph.add_edges(edges, directed=True)
            self.widget.set_style(_STYLE)
            self.widget.set_layout(name="preset", fit=True, padding=16, animate=False)
        self.widget.on("node", "click", lambda node: clicked(str(node["data"]["id"])))

    def _elements(self, laid_out: View) -> tuple[list[ipycytoscape.Node], list[ipycytoscape.Edge]]:
        columns: dict[str, list[dict[str, Any]]] = {}
        for step in laid_out.steps:
            columns.setdefault(str(step["stage"]), []).append(step)
        nodes, edges, previous = [], [], ""
        for number, (stage, steps) in enumerate(columns.items()):
            head = stage_node(stage)
            nodes.append(self._node(head, stage_title(stage), "stage", number * _COLUMN, 0))
            if previous:
                edges.append(ipycytoscape.Edge(data={"id": f"{previous} {head}", "source": previous, "target": head}))
            previous = head
            above = head
            for row, step in enumerate(steps, 1):
                identifier = str(step["record"])
                label = f"{step['title']}\n{duration(step['start'], step['end'])}"
                label += "" if step["code"] == "as planned" else f" · {step['code']}"
                classes = ("changed " if step["code"] != "as planned" else "") + (
                    "" if step["status"] == "ok" else "error"
                )
                nodes.append(self._node(identifier, label, classes.strip(), number * _COLUMN, row * _ROW))
                edges.append(
                    ipycytoscape.Edge(data={"id": f"{above} {identifier}", "source": above, "target": identifier})
                )
                above = identifier
        return nodes, edges

    def _node(self, identifier: str, label: str, classes: str, x: float, y: float) -> ipycytoscape.Node:
        node = ipycytoscape.Node(data={"id": identifier, "label": label}, classes=classes, position={"x": x, "y": y})
        self._nodes[identifier], self._titles[identifier], self._classes[identifier] = node, label, classes
        return node

    def search(self, text: str) -> int:
        """Mark the steps whose title has a text, and return how many have."""
        wanted = text.strip().lower()
        found = 0
        for identifier, node in self._nodes.items():
            classes = self._classes[identifier]
            if wanted:
                hit = wanted in self._titles[identifier].lower()
                found += hit
                classes = f"{classes} {'found' if hit else 'dim'}".strip()
            if node.classes != classes:
                node.classes = classes
        return found
