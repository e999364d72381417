"""A long lineage as what a person can read: the steps that led to something, and what they were given.

Drawn with everything that passed between the steps, a run has some sixty things on the way to its accuracy. What a step
hands to the next is left out here, and what came from outside stands beside the step that took it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.layers import dot_of, frame_of, layers_of
from mlprov_widgets.provenance.graph.scene import LAYER_WIDTH, Dot, Line, Scene
from mlprov_widgets.provenance.graph.trails import Trail
from mlprov_widgets.provenance.overview import shortened

READABLE = 30
"""Boxes and lines of a lineage above which it is condensed."""

_PITCH_X, _PITCH_Y, _GAP = 176, 58, 60
_Edges = dict[int, set[int]]


def condensed(index: Index, trail: Trail, title: str, prefix: str) -> Scene:
    """Return a lineage with its activities alone, and what they took from outside put together.

    Parameters
    ----------
    index
        The document.
    trail
        Its first element is the one that was asked about.
    title
        The scene's.
    prefix
        Whether a reference is here or there.
    """
    start = next(iter(trail.hops))
    kept = [n for n in trail.hops if n == start or index.section(n) == "activity"]
    steps, behind = frozenset(kept), _behind(trail)
    taken = _taken(index, trail, behind, steps)
    edges = _reduced({number: _steps_behind(behind, number, steps) for number in kept})
    depth = layers_of(kept, [(a, b) for a, sources in edges.items() for b in sources])
    places: dict[int, tuple[float, float]] = {}
    for row in range(max(depth.values(), default=0) + 1):
        own = sorted((n for n in kept if depth[n] == row), key=index.position)
        for place, number in enumerate(own):
            places[number] = ((place - (len(own) - 1) / 2) * _PITCH_X, float(row * _PITCH_Y))
    dots = [dot_of(index, n, prefix, *places[n], "chosen" if n == start else "") for n in kept]
    lines = [Line(f"{prefix}{b}", f"{prefix}{a}", "thin") for a, sources in edges.items() for b in sorted(sources)]
    left = min(x for x, _ in places.values()) - LAYER_WIDTH - _GAP
    for number, outside in taken.items():
        key = f"{prefix}{number} takes"
        dots.append(_outside(index, prefix, number, outside, key, left, places[number][1]))
        lines.append(Line(key, f"{prefix}{number}", "across thin"))
    return Scene(title, dots, lines, *frame_of([(dot.x, dot.y) for dot in dots]))


def _behind(trail: Trail) -> _Edges:
    """Return what each element was made of, by or for."""
    found: _Edges = {number: set() for number in trail.hops}
    for relation in trail.relations:
        found[relation.subject].add(relation.object)
    return found


def _steps_behind(behind: Mapping[int, set[int]], number: int, kept: frozenset[int]) -> set[int]:
    """Return the kept elements that are met first on all ways back."""
    found: set[int] = set()
    waiting, met = list(behind[number]), {number}
    while waiting:
        other = waiting.pop()
        if other in met:
            continue
        met.add(other)
        if other in kept:
            found.add(other)
        else:
            waiting += behind[other]
    return found


def _taken(index: Index, trail: Trail, behind: Mapping[int, set[int]], kept: frozenset[int]) -> dict[int, list[int]]:
    """Return, for each activity, what it used that nothing in the lineage made; each thing where it was used first."""
    outside = [n for n in trail.hops if n not in kept and not behind[n]]
    users: dict[int, list[int]] = {number: [] for number in outside}
    for number in kept:
        for other in behind[number]:
            if other in users:
                users[other].append(number)
    found: dict[int, list[int]] = {}
    for number, own in users.items():
        if own:
            found.setdefault(min(own, key=index.position), []).append(number)
    return found


def _reduced(edges: _Edges) -> _Edges:
    """Leave out each edge that a longer way says, too."""
    reach: dict[int, set[int]] = {}

    def behind(number: int) -> Iterable[int]:
        if number not in reach:
            reach[number] = met = set()
            waiting = list(edges[number])
            while waiting:
                other = waiting.pop()
                if other not in met:
                    met.add(other)
                    waiting += edges[other]
        return reach[number]

    return {
        number: {a for a in sources if not any(a in behind(b) and b not in behind(a) for b in sources if b != a)}
        for number, sources in edges.items()
    }


def _outside(index: Index, prefix: str, owner: int, numbers: list[int], key: str, x: float, y: float) -> Dot:
    if len(numbers) == 1:
        dot = dot_of(index, numbers[0], prefix, x, y)
        return Dot(key, dot.label, dot.classes, x, y, dot.meant)
    kinds = {index.kind(number) for number in numbers}
    word = {frozenset(("parameter",)): "parameters"}.get(frozenset(kinds), "things")
    names = shortened(", ".join(index.name(number) for number in sorted(numbers, key=index.position)), 24)
    classes = f"item layer entity{' parameter' if word == 'parameters' else ''}"
    return Dot(key, f"{len(numbers)} {word}\n{names}", classes, x, y, f"{prefix}{owner}")
