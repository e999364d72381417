"""Any part of a document as a picture: layers in the order of cause and effect, and PROV's own overview.

What something was made of stands at its left, or above it where there are many layers: time runs as in a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle
from typing import Final

from mlprov_widgets.provenance.graph.index import Index, Relation
from mlprov_widgets.provenance.graph.kinds import WORDS, local_part, value_text
from mlprov_widgets.provenance.graph.scene import LAYER_WIDTH, MOST_DRAWN, Dot, Line, Scene, shape_of
from mlprov_widgets.provenance.graph.trails import Trail
from mlprov_widgets.provenance.overview import shortened

_PITCH_X, _PITCH_Y, _ACROSS = 176, 74, 4
_MOST_COLUMNS, _MOST_IN_COLUMN, _IN_COLUMN, _GAP, _LABELLED_GAP = 4, 13, 50, 64, 120
_MOST_NEIGHBOURS = 16
SMALL: Final = 30
"""A document of at most so many elements is drawn whole."""
PAGE: Final = 24
_SECTIONS: Final = {"entity": "Entity", "activity": "Activity", "agent": "Agent", "bundle": "Bundle"}


def dot_of(index: Index, number: int, prefix: str, x: float, y: float, *marks: str, as_prov: bool = False) -> Dot:
    """Return an element's dot: its name and value, or its identifier and type, and the shape of its section."""
    record, kind = index.record(number), index.kind(number)
    value = value_text(record, kind)
    between = " = " if kind in ("parameter", "metric", "fact") else "\n"
    label = shortened(index.name(number), 26)
    label += f"{between}{shortened(value, 24)}" if value else f"\n{WORDS.get(kind, kind)}" if index.is_ours else ""
    if as_prov:
        types = index.types(number)
        label = f"{shortened(index.ids[number], 26)}\n{shortened(types[-1] if types else index.section(number), 26)}"
    shape = shape_of(index.section(number))
    drawn = "" if as_prov else kind  # as PROV draws it, a parameter is an entity like any other
    unknown = "" if index.is_described(number) else "unknown"
    classes = " ".join(filter(None, ("item layer", shape, drawn, unknown, *marks)))
    return Dot(f"{prefix}{number}", label, classes, x, y, f"{prefix}{number}")


def layered(
    index: Index,
    numbers: Iterable[int],
    relations: Sequence[Relation],
    title: str,
    *,
    prefix: str = "r",
    marks: Mapping[int, str] | None = None,
    as_prov: bool = False,
) -> Scene:
    """Return some elements in layers, each behind what it was made of.

    Parameters
    ----------
    index
        The document.
    numbers
        The elements.
    relations
        Those between them.
    title
        The scene's.
    prefix
        Whether a reference is here or there.
    marks
        More classes, by element.
    as_prov
        Whether the arrows are PROV's own, with their names; else they run with time.
    """
    elements = list(numbers)
    layer = layers_of(elements, [(relation.subject, relation.object) for relation in relations])
    rows: dict[int, list[int]] = {}
    for number in elements:
        rows.setdefault(layer[number], []).append(number)
    beside = len(rows) <= _MOST_COLUMNS and max(map(len, rows.values()), default=0) <= _MOST_IN_COLUMN
    ordered = [rows[depth] for depth in sorted(rows)]
    places = _columns(ordered, relations, as_prov) if beside else _rows(ordered, relations)
    marks = marks or {}
    dots = [
        dot_of(index, number, prefix, *places[number], marks.get(number, ""), as_prov=as_prov) for number in elements
    ]
    lines = _lines(relations, prefix, as_prov, layer if beside else {})
    return Scene(title, dots, lines, *frame_of(places.values()))


_Places = dict[int, tuple[float, float]]


def _columns(ordered: Sequence[Sequence[int]], relations: Sequence[Relation], as_prov: bool) -> _Places:
    """Place few layers beside each other, so that no line has to cross what stands between."""
    pitch = LAYER_WIDTH + (_LABELLED_GAP if as_prov else _GAP)
    places: _Places = {}
    for column, row in enumerate(ordered):
        for place, number in enumerate(_sorted_row(row, relations, {n: y for n, (_, y) in places.items()})):
            places[number] = (column * pitch, (place - (len(row) - 1) / 2) * _IN_COLUMN)
    return places


def _rows(ordered: Sequence[Sequence[int]], relations: Sequence[Relation]) -> _Places:
    """Place many layers below each other; a wide one as bricks, with room for the lines between them."""
    places: _Places = {}
    y = 0.0
    for layer in ordered:
        row = _sorted_row(layer, relations, {n: x for n, (x, _) in places.items()})
        widths = cycle((_ACROSS, _ACROSS - 1))
        while row:
            wide = next(widths)
            part, row = row[:wide], row[wide:]
            for place, number in enumerate(part):
                places[number] = ((place - (len(part) - 1) / 2) * _PITCH_X, y)
            y += _PITCH_Y
    return places


def frame_of(places: Iterable[tuple[float, float]]) -> tuple[float, float, float, float]:
    """Return where a scene's frame begins, and how large it is: around all, and never so small that boxes are huge."""
    xs, ys = zip(*places, strict=True) if (places := list(places)) else ((0.0,), (0.0,))
    width = max(max(xs) - min(xs) + LAYER_WIDTH + 20.0, 560.0)
    height = max(max(ys) - min(ys) + 80.0, 420.0)
    return ((min(xs) + max(xs) - width) / 2, (min(ys) + max(ys) - height) / 2, width, height)


def layers_of(numbers: Sequence[int], edges: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Return how deep each element stands: below all that it was made of, cycles cut where they close."""
    below: dict[int, list[int]] = {number: [] for number in numbers}
    for made, source in edges:
        if made in below and source in below and made != source:
            below[made].append(source)
    depth: dict[int, int] = {}
    for start in numbers:
        stack, open_now = [(start, iter(below[start]))], {start}
        while stack:
            number, rest = stack[-1]
            following = next((other for other in rest if other not in depth and other not in open_now), None)
            if following is None:
                depth[number] = max((depth[other] + 1 for other in below[number] if other in depth), default=0)
                open_now.discard(number)
                stack.pop()
            else:
                open_now.add(following)
                stack.append((following, iter(below[following])))
    return depth


def _sorted_row(row: Sequence[int], relations: Sequence[Relation], places: Mapping[int, float]) -> list[int]:
    """Put each element near what it was made of, so that fewer lines cross."""
    near: dict[int, list[float]] = {number: [] for number in row}
    for relation in relations:
        if relation.subject in near and relation.object in places:
            near[relation.subject].append(places[relation.object])
    return sorted(row, key=lambda number: sum(near[number]) / len(near[number]) if near[number] else 0.0)


def _lines(relations: Iterable[Relation], prefix: str, as_prov: bool, columns: Mapping[int, int]) -> list[Line]:
    named: dict[tuple[int, int], list[str]] = {}
    for relation in relations:
        names = named.setdefault((relation.subject, relation.object), [])
        if relation.name not in names:
            names.append(relation.name)
    found = []
    for (subject, target), names in named.items():
        # From side to side where the two stand beside each other.
        apart = columns.get(subject, 0) - columns.get(target, 0)
        if as_prov:
            line = Line(
                f"{prefix}{subject}", f"{prefix}{target}", "prov aside" if apart > 0 else "prov", "\n".join(names)
            )
        else:
            line = Line(f"{prefix}{target}", f"{prefix}{subject}", "across thin" if apart == 1 else "thin")
        found.append(line)
    return found


def trail_scene(index: Index, trail: Trail, title: str, *, prefix: str = "r", as_prov: bool = False) -> Scene:
    """Return a lineage or a way between two things."""
    ends = list(trail.hops)
    marks = {ends[0]: "chosen"}
    return layered(index, ends, trail.relations, title, prefix=prefix, marks=marks, as_prov=as_prov)


def around(index: Index, number: int, *, prefix: str = "r", as_prov: bool = True) -> Scene:
    """Return an element with what it is related to: as many on each side as can be read."""
    out, into = (index.out(number)[:_MOST_NEIGHBOURS], index.into(number)[:_MOST_NEIGHBOURS])
    numbers = list(dict.fromkeys([number, *(r.object for r in out), *(r.subject for r in into)]))
    title = f"{shortened(index.name(number), 40)} and what it is related to"
    return layered(index, numbers, [*out, *into], title, prefix=prefix, marks={number: "chosen"}, as_prov=as_prov)


def is_small(index: Index) -> bool:
    """Return whether a document can be drawn whole."""
    return len(index) <= SMALL and len(index) + index.relation_count <= MOST_DRAWN


def whole(index: Index, *, prefix: str = "r") -> Scene:
    """Return a small document with all of its relations."""
    numbers = sorted(range(len(index)), key=index.position)
    return layered(index, numbers, list(index.relations()), "The whole document", prefix=prefix, as_prov=True)


# PROV's own overview ------------------------------------------------------------------------------------

_AT: Final = {"entity": (0.0, 0.0), "activity": (420.0, 0.0), "agent": (210.0, 240.0), "bundle": (0.0, 240.0)}


def sections(index: Index) -> Scene:
    """Return the sections of a document with how many records they have, and the relations between them."""
    counts = {section: index.count(section) for section in _SECTIONS}
    dots = [
        Dot(
            f"section {section}",
            f"{name}\n{counts[section]:,} record{'s' if counts[section] > 1 else ''}",
            f"item big {shape_of(section)}",
            *_AT[section],
            f"section:{section}",
        )
        for section, name in _SECTIONS.items()
        if counts[section]
    ]
    lines = [
        Line(f"section {a}", f"section {b}", f"prov count{' loop' if a == b else ''}", _counted(names))
        for (a, b), names in index.between_sections.items()
    ]
    return Scene("Records and relations, as PROV names them: click one", dots, lines, -120.0, -130.0, 660.0, 480.0)


def _counted(names: Mapping[str, int]) -> str:
    return "\n".join(f"{name} × {count:,}" for name, count in names.items())


def type_groups(index: Index, section: str) -> list[tuple[str, list[int]]]:
    """Return the elements of a section by their types, the largest group first."""
    found: dict[str, list[int]] = {}
    for number in index.of_section(section):
        found.setdefault(", ".join(index.types(number)) or "without a type", []).append(number)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))


def types_of_section(index: Index, section: str) -> Scene:
    """Return the types of a section's records, each with how many there are."""
    groups = type_groups(index, section)
    shape = shape_of(section)
    dots = [
        Dot(
            f"type {section} {place}",
            _group_label(name, len(numbers)),
            f"item layer {shape}",
            *_cell(place),
            f"type:{section}:{place}:0",
        )
        for place, (name, numbers) in enumerate(groups[:PAGE])
    ]
    dots.append(Dot("back sections", "all records", "item more", 0.0, -66.0, "section:"))
    return _grid(f"{_SECTIONS[section]}: the types", dots)


def _group_label(name: str, count: int) -> str:
    short = ", ".join(local_part(one) for one in name.split(", "))
    return f"{shortened(short, 26)}\n{count:,} record{'s' if count > 1 else ''}"


def members(index: Index, section: str, place: int, first: int) -> Scene:
    """Return a page of the records of a type."""
    name, numbers = type_groups(index, section)[place]
    back = f"all types of {_SECTIONS[section]}"
    numbers = sorted(numbers, key=index.position)
    shown = numbers[first : first + PAGE]
    dots = [dot_of(index, number, "r", *_cell(at), as_prov=True) for at, number in enumerate(shown)]
    dots.append(Dot(f"back {section}", back, "item more", 0.0, -66.0, f"section:{section}"))
    for word, start, x in (("earlier", first - PAGE, _PITCH_X), ("later", first + PAGE, 2 * _PITCH_X)):
        if 0 <= start < len(numbers):
            dots.append(
                Dot(f"{word} members", f"{word} ones", "item more", x, -66.0, f"type:{section}:{place}:{start}")
            )
    told = f" ({first + 1:,}–{first + len(shown):,} of {len(numbers):,})" if len(numbers) > PAGE else ""
    return _grid(f"{shortened(name, 60)}{told}", dots)


def _cell(place: int) -> tuple[float, float]:
    return place % 3 * _PITCH_X * 1.0, place // 3 * 64.0


def _grid(title: str, dots: list[Dot]) -> Scene:
    rows = max((dot.y for dot in dots), default=0.0)
    return Scene(title, dots, [], -LAYER_WIDTH / 2 - 10, -110.0, 3.0 * _PITCH_X, rows + 150.0)
