"""What a step read and made, as far as a view shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from mlprov_widgets.provenance.graph.difference import CHANGED, ONLY_HERE, ONLY_THERE, SAME
from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.graph.kinds import plain, value_text
from mlprov_widgets.provenance.graph.story import THERE, Item, Story, number_of
from mlprov_widgets.provenance.overview import shortened

_SEEN_BY: Final = {
    "analyst": ("data", "dataset", "model", "parameter", "metric", "file", "series", "entity"),
    "engineer": ("cell", "function", "activity", "entity", "agent"),
    "auditor": ("cell", "dataset", "model", "file", "agent", "entity", "metric"),
}
_CODE_CLASSES = ("function", "type", "builtin_function_or_method", "builtins.function", "builtins.type")


def items_of(story: Story, ref: str, lens: str) -> list[Item]:
    """Return what a step read and made that belongs to a lens; what later steps read comes first."""
    found = _items(story.index_of(ref), number_of(ref), lens, ref[0])
    beside = story.beside
    if beside is None:
        return found
    if ref.startswith(THERE):
        return [replace(item, state=ONLY_THERE) for item in found]
    there = beside.there
    twin = beside.twins.get(number_of(ref))
    other = {_role(there, i): i for i in _items(there, twin, lens, THERE)} if twin is not None else {}
    merged = []
    for item in found:
        number = number_of(item.ref)
        same = other.pop(_role(story.index, item), None)
        is_twin = same is not None and beside.twins.get(number) == number_of(same.ref)
        state = ONLY_HERE if same is None else beside.states.get(number, SAME) if is_twin else CHANGED
        told = item.value
        if same is not None and state == CHANGED:
            told = f"{item.value} → {same.value}" if item.value != same.value else ""
        merged.append(replace(item, state=state, value=told))
    merged += [replace(item, state=ONLY_THERE) for item in other.values()]
    merged.sort(key=lambda item: item.state == SAME)  # what differs first, where there is no room for all
    return [item for item in merged if item.state != SAME or not story.only_differences]


def _role(index: Index, item: Item) -> str:
    # A cell that was edited is another record, and the code of the same step.
    return "its code" if item.kind == "cell" else index.ids[number_of(item.ref)]


def _items(index: Index, number: int, lens: str, prefix: str) -> list[Item]:
    found: dict[int, tuple[bool, Item]] = {}
    links = [(r.object, False) for r in index.out(number) if r.name in ("used", "wasAssociatedWith")]
    links += [(r.subject, True) for r in index.into(number) if r.name == "wasGeneratedBy"]
    for other, made in links:
        record, kind = index.record(other), index.kind(other)
        if other in found or not _is_seen(kind, record, lens):
            continue
        read_later = any(r.name == "used" and r.subject != number for r in index.into(other))
        value = _value(index, record, kind, lens)
        item = Item(f"{prefix}{other}", kind, made, index.name(other), shortened(value))
        found[other] = (made and not read_later and kind in ("data", "dataset"), item)
    first = ("metric", "parameter", "file")
    return [i for _, i in sorted(found.values(), key=lambda pair: (pair[1].made, pair[0], pair[1].kind not in first))]


def _is_seen(kind: str, record: Mapping[str, Any], lens: str) -> bool:
    if kind in ("data", "dataset", "model"):
        is_code = str(record.get("ml:class", "")).rpartition(".")[2] in _CODE_CLASSES
        if is_code:
            return lens == "engineer"
    return kind in _SEEN_BY[lens]


def lens_for(kind: str, lens: str) -> str:
    """Return a lens that shows a kind: the one that is open where it does, else the first that does."""
    if kind in _SEEN_BY[lens]:
        return lens
    first = {"fact": "engineer", "packages": "engineer", "seal": "auditor", "agent": "auditor"}.get(kind)
    return first or next((name for name, kinds in _SEEN_BY.items() if kind in kinds), lens)


def _value(index: Index, record: Mapping[str, Any], kind: str, lens: str) -> str:
    if lens == "auditor":
        digest = record.get("schema:sha256")
        return f"sha256 {digest[:10]}" if isinstance(digest, str) else value_text(record, kind)
    if kind == "cell":
        lines = str(plain(record.get("ml:source")) or "").count("\n") + 1
        return f"{lines} line{'s' if lines > 1 else ''}"
    if lens == "engineer" and kind in ("data", "dataset", "model"):
        return str(plain(record.get("ml:class")) or "")
    return value_text(record, kind)
