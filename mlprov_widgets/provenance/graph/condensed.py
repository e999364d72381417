"""A long lineage as what a person can read: the steps that led to something, and what they were given.

Drawn with everything that passed between the steps, a run has some sixty things on the way to its accuracy. What a step
hands to the next is left out here; what came from outside stands at the left of the step that took it, and what nothing
used any more at the right of the step that made it.
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

_PITCH_Y, _GAP = 56.0, 64
_Edges = dict[int, set[int]]


def condensed(index: Index, trail: Trail, title: str, prefix: str) -> Scene:
    """Return a lineage with its activities in time, and what they took from outside and left at the end put together.

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
    steps = frozenset(n for n in trail.hops if n == start or index.section(n) == "activity")
    behind = _behind(trail)
    edges = _reduced({number: _steps_behind(behind, number, steps) for number in steps})
    depth = layers_of(sorted(steps, key=index.position), [(a, b) for a, sources in edges.items() for b in sources])
    ordered = sorted(steps, key=lambda number: (depth[number], index.position(number)))
    row = {number: place for place, number in enumerate(ordered)}
    dots = [dot_of(index, n, prefix, 0.0, row[n] * _PITCH_Y, "chosen" if n == start else "") for n in ordered]
    lines = [
        Line(f"{prefix}{b}", f"{prefix}{a}", "thin" if row[a] - row[b] == 1 else "around thin")
        for a, sources in edges.items()
        for b in sorted(sources)
    ]
    for side, together in ((-1, _taken(index, behind, steps)), (1, _left(index, behind, steps))):
        for number, things in together.items():
            dot = _together(index, prefix, number, things, side, row[number] * _PITCH_Y)
            ends = (dot.key, f"{prefix}{number}") if side < 0 else (f"{prefix}{number}", dot.key)
            dots.append(dot)
            lines.append(Line(*ends, "across thin"))
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


def _taken(index: Index, behind: Mapping[int, set[int]], steps: frozenset[int]) -> dict[int, list[int]]:
    """Return, for each activity, what it used that nothing in the lineage made; each thing where it was used first."""
    users: dict[int, list[int]] = {n: [] for n, sources in behind.items() if n not in steps and not sources}
    for number in steps:
        for other in behind[number]:
            if other in users:
                users[other].append(number)
    return _by_first(index, users)


def _left(index: Index, behind: Mapping[int, set[int]], steps: frozenset[int]) -> dict[int, list[int]]:
    """Return, for each activity, what it made that nothing in the lineage used."""
    used = {other for sources in behind.values() for other in sources}
    ends = (n for n, sources in behind.items() if n not in steps and n not in used and sources)
    return _by_first(index, {number: [n for n in behind[number] if n in steps] for number in ends})


def _by_first(index: Index, owners: Mapping[int, list[int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for number, own in owners.items():
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


def _together(index: Index, prefix: str, owner: int, numbers: list[int], side: int, y: float) -> Dot:
    x, key = side * (LAYER_WIDTH + _GAP), f"{prefix}{owner} {'takes' if side < 0 else 'leaves'}"
    if len(numbers) == 1:
        dot = dot_of(index, numbers[0], prefix, x, y)
        return Dot(key, dot.label, dot.classes, x, y, dot.meant)
    kinds = {index.kind(number) for number in numbers}
    kind = next(iter(kinds)) if len(kinds) == 1 else ""
    word = {"parameter": "parameters", "metric": "metrics", "file": "files"}.get(kind, "things")
    names = shortened(", ".join(index.name(number) for number in sorted(numbers, key=index.position)), 20)
    classes = f"item layer entity {kind if kind in ('parameter', 'metric') else ''}".rstrip()
    return Dot(key, f"{len(numbers)} {word}\n{names}", classes, x, y, f"{prefix}{owner}")
