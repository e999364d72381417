"""Which outputs a run of the notebook from top to bottom would not give: they are stale.

Only the last execution of each cell is judged, since its outputs are those that stand in the notebook.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Sequence
from datetime import UTC

from mlprov_widgets.files import sha256_of_text
from mlprov_widgets.provenance.capture.account import Account, Execution
from mlprov_widgets.provenance.capture.flow import FILE
from mlprov_widgets.provenance.capture.lineage import Trace, Value

_MOST_REASONS = 3
_MAY_FAIL = "raises-exception"
_LEFT = {"interrupted": "was interrupted", "died": "did not end"}


class Staleness:
    """What is stale in a run.

    Parameters
    ----------
    account
    traces
        Of the account's executions.
    """

    def __init__(self, account: Account, traces: Sequence[Trace]) -> None:
        self._executions = account.executions
        self._traces = traces
        self._titles = {str(cell["step"]): str(cell.get("title") or cell["step"]) for cell in account.cells}
        self._last = {execution.step: place for place, execution in enumerate(account.executions)}
        self._may_fail = {str(cell["step"]) for cell in account.cells if _MAY_FAIL in (cell.get("tags") or ())}
        self._unnamed = account.unnamed
        self._now = {str(cell["step"]): cell for cell in account.cells_now or ()}
        self._looked = account.looked
        order = account.cells_now if account.cells_now is not None else account.cells
        self._position = {str(cell["step"]): number for number, cell in enumerate(order)}
        self._writers = self._writers_by_position()
        self._reasons: dict[tuple[int, str], str] = {}
        self._begun: set[tuple[int, str]] = set()
        self._equal: dict[tuple[Value, Value], bool] = {}

    def _writers_by_position(self) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for step, place in self._last.items():
            if step in self._position:
                for name in self._left_by(place):
                    found.setdefault(name, []).append((self._position[step], place))
        return {name: sorted(writers) for name, writers in found.items()}

    def _left_by(self, place: int) -> dict[str, Value]:
        """Return what an execution left: what it made, and what its cell had made before and it left as it was."""
        trace, step = self._traces[place], self._executions[place].step
        kept = {n: value for n, value in trace.used.items() if self._executions[value.maker].step == step}
        return kept | {value.name: value for value in [*trace.made, *trace.files]}

    def reasons(self) -> list[str]:
        """Return why each execution is stale, an empty text where it is not."""
        found = [""] * len(self._executions)
        # From top to bottom, so that what a cell reads is judged before the cell.
        for _, place in sorted((self._position.get(step, sys.maxsize), place) for step, place in self._last.items()):
            told = [self._own_reason(place), *(self._reason(place, name) for name in self._traces[place].used)]
            told = list(dict.fromkeys(reason for reason in told if reason))
            more = f"; and {len(told) - _MOST_REASONS} more" if len(told) > _MOST_REASONS else ""
            found[place] = "; ".join(told[:_MOST_REASONS]) + more
        return found

    def of_value(self, value: Value) -> str:
        """Return why a value that stands is stale, an empty text where it is not."""
        last = self._last[self._executions[value.maker].step]
        return self._why(last, value) if self._left_by(last).get(value.name) is value else ""

    def _why(self, place: int, value: Value) -> str:
        """Return why a value is stale that an execution left."""
        if own := self._own_reason(place):
            return own
        read = sorted(value.made_of & self._traces[place].used.keys())
        return next((reason for name in read if (reason := self._reason(place, name))), "")

    # The cell itself ----------------------------------------------------------------------------

    def _own_reason(self, place: int) -> str:
        """Return what became of a cell after its last execution, according to the notebook's file."""
        execution = self._executions[place]
        ended = execution.end or execution.start
        if self._looked is None or ended > self._looked or execution.step in self._unnamed:
            return ""
        now = self._now.get(execution.step)
        if now is None:
            return "the notebook has this cell no longer"
        source = now.get("source")
        same = now["sha256"] == execution.sha256 or (
            source is not None and _code(str(source)) == _code(execution.source)
        )
        return "" if same else "its code was changed after it ran"

    def _gone(self, place: int) -> bool:
        return self._own_reason(place).startswith("the notebook")

    # What it read -------------------------------------------------------------------------------

    def _reason(self, place: int, name: str) -> str:
        """Return why an execution would not have read this value of a name from top to bottom."""
        key = (place, name)
        if key in self._begun:  # two cells that read of each other, in no known order: nothing can be said
            return self._reasons.get(key, "")
        self._begun.add(key)
        self._reasons[key] = self._judge(place, self._traces[place].used[name])
        return self._reasons[key]

    def _judge(self, place: int, value: Value) -> str:
        execution, maker = self._executions[place], self._executions[value.maker]
        if maker.start >= execution.start:  # a cell that this one ran, as %%capture does
            return ""
        source = self._source(place, value)
        what = value.name.removeprefix(FILE)
        if source is None or source == place:
            if maker.step == execution.step:
                return "" if self._is_settled(place, value) else f"this had changed {what} before, and ran again on it"
            if self._gone(value.maker):
                return f"{what} came from {self._title(maker)}, which the notebook has no longer"
            return f"{what} came from {self._title(maker)}, which stands further down"
        by = self._executions[source]
        expected = self._left_by(source).get(value.name)
        title = self._title(by)
        if by.status != "ok" and by.step not in self._may_fail:
            return f"{what} comes from {title}, which {_LEFT.get(by.status, 'failed')}"
        if expected is None:
            return f"{title} ran again at {self._time(by, execution)} and made no {what}"
        if not self._same(value, expected):
            if maker.step == execution.step and self._is_settled(place, value):
                return ""
            if by.start > execution.start:
                again = " again" if maker.step == by.step else ""
                return f"{what} was made{again} by {title} at {self._time(by, execution)} after this ran"
            if maker.step == execution.step:
                return f"this had changed {what} before, and ran again on it; from top to bottom it comes from {title}"
            return f"{what} was as {self._title(maker)} had left it; from top to bottom it comes from {title}"
        # An equal value that was made well is the one that a run from top to bottom gives.
        well = not self._why(source, expected) or (value is not expected and not self._why(value.maker, value))
        return "" if well else f"{what} comes from {title}, which is stale"

    def _source(self, place: int, value: Value) -> int | None:
        """Return the execution that would have given a value from top to bottom, None when none would."""
        maker = self._executions[value.maker].step
        position = self._position.get(self._executions[place].step)
        unknown = maker not in self._position and not self._gone(self._last[maker])
        if position is None or unknown:  # where a new cell stands is not known until the notebook is saved
            return self._last[maker]
        above = [source for at, source in self._writers.get(value.name, ()) if at < position]
        return above[-1] if above else None

    def _is_settled(self, place: int, value: Value) -> bool:
        """Return whether a cell that ran again on what it had made itself came to the same."""
        made = self._traces[place].of(value.name)
        return (made is None or (made.digest is not None and made.digest == value.digest)) and not (
            value.name in self._traces[value.maker].used and self._reason(value.maker, value.name)
        )

    def _same(self, one: Value, other: Value) -> bool:
        """Return whether two values are equal; those without a digest are, if equal code made them of equal values."""
        if one is other or (one.digest is not None and one.digest == other.digest):
            return True
        if (one, other) not in self._equal:
            self._equal[one, other] = False  # for what it is made of, should that lead here again
            self._equal[one, other] = one.digest == other.digest and self._same_making(one, other)
        return self._equal[one, other]

    def _same_making(self, one: Value, other: Value) -> bool:
        first, second = self._executions[one.maker], self._executions[other.maker]
        if first.step != second.step or one.made_of != other.made_of or _code(first.source) != _code(second.source):
            return False
        read, then = self._traces[one.maker].used, self._traces[other.maker].used
        return all(self._same(read[name], then[name]) for name in one.made_of)

    # Words --------------------------------------------------------------------------------------

    def _title(self, execution: Execution) -> str:
        return self._titles.get(execution.step, execution.step)

    def _time(self, execution: Execution, beside: Execution) -> str:
        start, other = (moment.start.astimezone(UTC) for moment in (execution, beside))
        return f"{start:{'%H:%M:%S' if start.date() == other.date() else '%Y-%m-%d %H:%M:%S'}} UTC"


@functools.lru_cache(maxsize=1024)
def _code(source: str) -> str:
    """Return a digest of code without its comments and its form."""
    try:
        return sha256_of_text(ast.dump(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        return sha256_of_text(source)
