"""Which execution made each value of each variable, of which values, and which execution read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlprov_widgets.provenance.capture.account import Execution
from mlprov_widgets.provenance.capture.flow import EVERYTHING, FILE, Known, file_name, flow_of

MOST_DERIVATIONS = 500
"""Derivations that are written for one execution; what a cell read and made is written in any case."""


@dataclass(frozen=True, eq=False)
class Value:
    """What a variable held, or a file, from one execution to the next that changed it.

    Attributes
    ----------
    name : str
        The variable's; for a file, see `mlprov_widgets.provenance.capture.flow.file_name`.
    number : int
        1 for its first value.
    maker : int
        The place of the execution that made it.
    seen : dict
        What the recorder saw of it.
    made_of : frozenset of str
        Names among those that the maker read.
    """

    name: str
    number: int
    maker: int
    seen: Mapping[str, Any]
    made_of: frozenset[str]

    @property
    def digest(self) -> str | None:
        """The digest of its content, None when it has none."""
        return self.seen.get("sha256")

    @property
    def is_file(self) -> bool:
        """Whether it is a file, rather than what a variable held."""
        return self.name.startswith(FILE)


@dataclass
class Trace:
    """One execution: what it read, and what it made.

    Attributes
    ----------
    used : dict
        Name to the value that was read.
    made, files : list of Value
    derived : list of (Value, Value)
        What was made, and of what.
    left_out : int
        Derivations beyond `MOST_DERIVATIONS`.
    """

    used: dict[str, Value] = field(default_factory=dict)
    made: list[Value] = field(default_factory=list)
    files: list[Value] = field(default_factory=list)
    derived: list[tuple[Value, Value]] = field(default_factory=list)
    left_out: int = 0

    def of(self, name: str) -> Value | None:
        """Return the value of a name, or the file, that this execution made."""
        return next((value for value in [*self.made, *self.files] if value.name == name), None)


def lineage_of(executions: Sequence[Execution]) -> list[Trace]:
    """Return the trace of each execution, in their order.

    A value is made of what the code says that it is made of. Where the code does not tell, it is made of
    all that the execution read.
    """
    latest: dict[str, Value] = {}
    known = Known()
    return [_trace(place, execution, latest, known) for place, execution in enumerate(executions)]


def _trace(place: int, execution: Execution, latest: dict[str, Value], known: Known) -> Trace:
    flow = flow_of(execution.source, known)
    trace = Trace()
    for seen in execution.reads:
        value = latest.get(str(seen["name"]))
        # The recorder cannot tell a name that the cell made before it read it.
        if value is not None and value.name not in flow.own:
            trace.used[value.name] = value
    written = {str(file["path"]) for file in execution.files}
    for path in sorted(flow.named - written):
        trace.used[file_name(path)] = latest[file_name(path)]
    everything = frozenset(trace.used)
    for seen in execution.writes:
        name = str(seen["name"])
        trace.made.append(_new(name, place, seen, _made_of(flow.sources.get(name), everything), latest))
    for file in execution.files:
        path = str(file["path"])
        last = path.rpartition("/")[2]
        trace.files.append(_new(file_name(path), place, file, _made_of(flow.written.get(last), everything), latest))
        known.files[last] = path
    for value in [*trace.made, *trace.files]:
        wanted = sorted(value.made_of)
        room = max(MOST_DERIVATIONS - len(trace.derived), 0)
        trace.derived += [(value, trace.used[name]) for name in wanted[:room]]
        trace.left_out += len(wanted[room:])
    return trace


def _new(name: str, place: int, seen: Mapping[str, Any], made_of: frozenset[str], latest: dict[str, Value]) -> Value:
    before = latest.get(name)
    latest[name] = Value(name, before.number + 1 if before else 1, place, seen, made_of)
    return latest[name]


def _made_of(told: frozenset[str] | None, everything: frozenset[str]) -> frozenset[str]:
    return everything if told is None or EVERYTHING in told else told & everything
