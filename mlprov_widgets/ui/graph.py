"""The canvas on which a scene is drawn: the only module that knows ipycytoscape.

ipycytoscape 1.3.3 wipes elements when one is removed, freezes with its default layout and sends a graph again for each
node that is added singly. So nothing is ever removed: what is not to be seen has the class ``away``, and what is drawn
again is moved; elements come many at a time, with the positions that were computed in Python. When a canvas has as many
elements as it can bear, the next scene gets another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import ipywidgets as widgets

from mlprov_widgets.later import put_off
from mlprov_widgets.provenance.graph.scene import ITEM_WIDTH, LAYER_WIDTH, STAGE_WIDTH, STEP_WIDTH, Dot, Line, Scene

with put_off("networkx", "pandas"):
    import ipycytoscape

MOST_ELEMENTS: Final = 300
"""The most that one canvas ever holds, those that are away among them."""

_AWAY = "away"
_PADDING = 14
_DIRECTED = "directed multiple_edges"
"""What ipycytoscape adds to the classes of an edge."""


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
    # W3C's own colours and shapes of PROV: activities are blue boxes, entities yellow ovals, agents orange houses.
    {
        "selector": "node.stage",
        "style": {
            **_box(STAGE_WIDTH, 74),
            "background-color": "#dfe5fc",
            "border-color": "#3f51b5",
            "line-height": 1.25,
        },
    },
    {"selector": "node.compact", "style": {"height": 48, "font-size": 11.5}},
    {"selector": "node.aside", "style": {"background-color": "#f3f5f9", "border-color": "#5b677a"}},
    {
        "selector": "node.step",
        "style": {**_box(STEP_WIDTH, 46), "background-color": "#eef1fd", "border-color": "#7986cb"},
    },
    {"selector": "node.item", "style": {**_box(ITEM_WIDTH, 29), "font-size": 11, "text-max-width": ITEM_WIDTH - 14}},
    {"selector": "node.layer", "style": {"width": LAYER_WIDTH, "height": 44, "text-max-width": LAYER_WIDTH - 20}},
    {
        "selector": "node.entity",
        "style": {"shape": "ellipse", "background-color": "#fff8c5", "border-color": "#9a7b00"},
    },
    {"selector": "node.activity", "style": {"background-color": "#dfe5fc", "border-color": "#3f51b5"}},
    {
        "selector": "node.agent",
        "style": {
            "shape": "polygon",
            "shape-polygon-points": "-1 -0.45 0 -1 1 -0.45 1 1 -1 1",
            "background-color": "#fed9a6",
            "border-color": "#a85a00",
        },
    },
    {
        "selector": "node.parameter",
        "style": {"shape": "round-rectangle", "background-color": "#eceff1", "border-color": "#607d8b"},
    },
    {"selector": "node.metric", "style": {"border-width": 3, "font-weight": "bold"}},
    {"selector": "node.unknown", "style": {"border-style": "dotted"}},
    {"selector": "node.big", "style": {"width": 180, "height": 84, "font-size": 15, "font-weight": "bold"}},
    {
        "selector": "node.more",
        "style": {
            "background-opacity": 0,
            "border-width": 0,
            "color": "#4d5768",
            "font-style": "italic",
            # A ground of its own: no grey can be read on white and on black alike.
            "text-background-color": "#f3f5f9",
            "text-background-opacity": 1,
            "text-background-padding": 3,
            "text-background-shape": "roundrectangle",
        },
    },
    {"selector": "node.error", "style": {"background-color": "#fdeaea", "border-color": "#b3261e"}},
    {"selector": "node.stale", "style": {"background-color": "#f3e8fd", "border-color": "#6b21a8"}},
    {"selector": "node.edited", "style": {"border-style": "dashed", "border-width": 3, "border-color": "#8a5a00"}},
    {"selector": "node.changed", "style": {"border-width": 3, "border-color": "#c2570c"}},
    {"selector": "node.only-here", "style": {"border-width": 3, "border-color": "#5b677a", "border-style": "dotted"}},
    {"selector": "node.only-there", "style": {"border-width": 4, "border-color": "#00796b", "border-style": "double"}},
    {"selector": "node.same", "style": {"background-blacken": -0.6, "border-opacity": 0.5, "color": "#4d5768"}},
    {
        "selector": "node.open, node.chosen",
        "style": {"border-width": 4, "border-color": "#1565c0", "border-style": "solid", "border-opacity": 1},
    },
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
    {
        "selector": "edge.prov",
        "style": {
            "label": "data(label)",
            "text-wrap": "wrap",
            "font-size": 11,
            "width": 1.2,
            "arrow-scale": 0.9,
            "color": "#1f2a3d",
            "text-background-color": "#f3f5f9",
            "text-background-opacity": 0.92,
            "text-background-padding": 2,
            "text-background-shape": "roundrectangle",
        },
    },
    {
        "selector": "edge.loop",
        "style": {"loop-direction": "0deg", "loop-sweep": "60deg", "control-point-step-size": 90},
    },
    {"selector": "edge.count", "style": {"font-size": 13, "width": 1.6, "arrow-scale": 1.1}},
    # From side to side, or the lines would run across the boxes above and below.
    {"selector": "edge.across", "style": {**_ACROSS, "source-endpoint": "50% 0%", "target-endpoint": "-50% 0%"}},
    {"selector": "edge.back", "style": {**_ACROSS, "source-endpoint": "-50% 0%", "target-endpoint": "50% 0%"}},
    {
        "selector": "edge.around",
        "style": {
            "curve-style": "unbundled-bezier",
            "control-point-distances": [70],
            "control-point-weights": [0.5],
            "source-endpoint": "50% 0%",
            "target-endpoint": "50% 0%",
        },
    },
    {"selector": "edge.aside", "style": {"source-endpoint": "-50% 0%", "target-endpoint": "50% 0%"}},
    {"selector": "edge.thin", "style": {"width": 1, "arrow-scale": 0.8}},
    {"selector": ".corner", "style": {"opacity": 0, "events": "no", "width": 1, "height": 1, "label": ""}},
    {"selector": f".{_AWAY}", "style": {"display": "none"}},
]


class Canvas:
    """Where scenes are drawn, one at a time.

    Parameters
    ----------
    clicked
        Called with what a clicked dot asks for; see `Dot.meant`.

    Attributes
    ----------
    widget : ipywidgets.Widget
    scene : Scene
        What is drawn.
    """

    def __init__(self, clicked: Callable[[str], None]) -> None:
        self._clicked = clicked
        self._holder_layout = widgets.Layout()
        self.widget = widgets.Box([], layout=self._holder_layout)
        self.widget.add_class("mlprov-canvas")
        self.scene = Scene("")
        self._layout = widgets.Layout(height="600px", width="100%")
        self._begin()

    def _begin(self) -> None:
        """Start with an empty canvas."""
        self._nodes: dict[str, ipycytoscape.Node] = {}
        self._edges: dict[str, ipycytoscape.Edge] = {}
        self._corners: list[ipycytoscape.Node] = []
        self._padding = _PADDING
        self.graph = ipycytoscape.CytoscapeWidget(layout=self._layout, min_zoom=0.2, max_zoom=1.6)
        self.graph.add_class("mlprov-graph")

    def show(self, scene: Scene) -> None:
        """Draw a scene instead of the last one."""
        new_dots = [dot for dot in scene.dots if dot.key not in self._nodes]
        new_lines = [line for line in scene.lines if _key(line) not in self._edges]
        if len(self._nodes) + len(self._edges) + len(new_dots) + len(new_lines) + 2 > MOST_ELEMENTS and self._nodes:
            self._close()
            new_dots, new_lines = scene.dots, scene.lines
        same_frame = _frame(scene) == _frame(self.scene) and bool(self._nodes)
        self.scene = scene
        self._update(scene)
        nodes, edges = [self._node(dot) for dot in new_dots], [self._edge(line) for line in new_lines]
        first = not self.widget.children
        if first:
            nodes += [self._corner(place, scene) for place in (0, 1)]
        with self.graph.hold_sync():
            self.graph.graph.add_nodes(nodes)
            self.graph.graph.add_edges(edges, directed=True, multiple_edges=True)
            if first:
                self.graph.set_style(_STYLE)
            if first or not same_frame:
                self._padding = (
                    2 * _PADDING + 1 - self._padding
                )  # an equal layout would not be sent, and nothing fitted
                self.graph.set_layout(name="preset", fit=True, padding=self._padding, animate=False)
        if first:
            self.graph.on("node", "click", self._on_click)
            self.widget.children = (self.graph,)

    def _on_click(self, node: dict[str, Any]) -> None:
        meant = str(node["data"].get("meant") or "")
        if meant:
            self._clicked(meant)

    def _update(self, scene: Scene) -> None:
        """Show and move what is drawn again, and hide the rest."""
        dots = {dot.key: dot for dot in scene.dots}
        for key, node in self._nodes.items():
            dot = dots.get(key)
            if dot is None:
                _hide(node)
                continue
            if node.classes != dot.classes:
                node.classes = dot.classes
            if dict(node.data) != _data(dot):
                node.data = _data(dot)
            if (node.position["x"], node.position["y"]) != (dot.x, dot.y):
                node.position = {"x": dot.x, "y": dot.y}
        lines = {_key(line): line for line in scene.lines}
        for key, edge in self._edges.items():
            line = lines.get(key)
            if line is None:
                _hide(edge)
            elif edge.classes.split() != f"{line.classes} {_DIRECTED}".split():
                edge.classes = f"{line.classes} {_DIRECTED}"
        if self.widget.children:
            for place in (0, 1):
                corner = self._corners[place]
                x, y = _corner_of(scene, place)
                if (corner.position["x"], corner.position["y"]) != (x, y):
                    corner.position = {"x": x, "y": y}

    def _close(self) -> None:
        old, elements = self.graph, [*self._nodes.values(), *self._edges.values(), *self._corners]
        self.widget.children = ()
        self._begin()
        for element in elements:
            element.close()
        old.graph.close()
        old.close()

    def _node(self, dot: Dot) -> ipycytoscape.Node:
        position = {"x": dot.x, "y": dot.y}
        node = ipycytoscape.Node(data=_data(dot), classes=dot.classes, position=position, grabbable=False)
        self._nodes[dot.key] = node
        return node

    def _edge(self, line: Line) -> ipycytoscape.Edge:
        data = {"id": _key(line), "source": line.source, "target": line.target, "label": line.label}
        edge = ipycytoscape.Edge(data=data, classes=line.classes)
        self._edges[_key(line)] = edge
        return edge

    def _corner(self, place: int, scene: Scene) -> ipycytoscape.Node:
        # Two corners that nobody sees keep the view where it is when something opens.
        x, y = _corner_of(scene, place)
        node = ipycytoscape.Node(data={"id": f"corner {place}"}, classes="corner", position={"x": x, "y": y})
        self._corners.append(node)
        return node


def _frame(scene: Scene) -> tuple[float, ...]:
    return scene.left, scene.top, scene.width, scene.height


def _corner_of(scene: Scene, place: int) -> tuple[float, float]:
    return scene.left + place * scene.width, scene.top + place * scene.height


def _data(dot: Dot) -> dict[str, str]:
    return {"id": dot.key, "label": dot.label, "meant": dot.meant}


def _key(line: Line) -> str:
    return f"{line.source} -> {line.target}{' as PROV' if line.label else ''}"


def _hide(part: ipycytoscape.Node | ipycytoscape.Edge) -> None:
    if _AWAY not in part.classes.split():
        part.classes = f"{part.classes.strip()} {_AWAY}"


def visible(parts: Iterable[Any]) -> list[Any]:
    """Return the elements that are not away."""
    return [part for part in parts if _AWAY not in part.classes.split() and "corner" not in part.classes.split()]
