"""What the form said before: the way back, and forth again."""

from __future__ import annotations

from collections.abc import Sequence

from mlprov_widgets.tasks.model import Kind
from mlprov_widgets.ui.form import Form

MOST_STEPS = 200
_TYPED = (Kind.INTEGER, Kind.NUMBER, Kind.TEXT)


class History:
    """The versions of a form's content.

    Parameters
    ----------
    form
        What the form says at first.
    past
        What it said before, as `near` returned it.
    future
        What was undone.
    """

    def __init__(self, form: Form, past: Sequence[Form] = (), future: Sequence[Form] = ()) -> None:
        self._now = form.copy()
        self._past = list(past)
        self._future = list(future)
        self._typing = ""

    @property
    def can_undo(self) -> bool:
        """Whether there is a version before."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether a version was undone."""
        return bool(self._future)

    def near(self, most: int) -> tuple[tuple[Form, ...], tuple[Form, ...]]:
        """Return the versions before and those that were undone, at most so many of each; the nearest last."""
        return tuple(self._past[-most:]), tuple(self._future[-most:])

    def note(self, form: Form, *, typed: bool = True) -> None:
        """Take note of what the form says after something happened.

        Parameters
        ----------
        form
            What it says now.
        typed
            Whether a person entered it: keys typed into one field are one step.
        """
        if form.says_the_same_as(self._now):
            return
        changed = changed_names(self._now, form)
        alone = form.task.parameter(changed[0]) if len(changed) == 1 else None
        keys = typed and form.task is self._now.task and alone is not None and alone.kind in _TYPED
        typing = alone.name if alone is not None and keys else ""
        if not typing or typing != self._typing:
            self._past = [*self._past, self._now][-MOST_STEPS:]
        self._now, self._future, self._typing = form.copy(), [], typing

    def undo(self) -> Form:
        """Return the version before, which holds from now on; the one that holds where there is none."""
        return self._turn(self._past, self._future)

    def redo(self) -> Form:
        """Return the version that was undone last; the one that holds where there is none."""
        return self._turn(self._future, self._past)

    def _turn(self, source: list[Form], target: list[Form]) -> Form:
        if source:
            target.append(self._now)
            self._now, self._typing = source.pop(), ""
        return self._now.copy()


def changed_names(before: Form, after: Form) -> list[str]:
    """Return the parameters of the later form's task in which two forms differ, in the task's order."""
    of_both = before.given.keys() | after.given.keys()
    differ = {name for name in of_both if before.given.get(name) != after.given.get(name)}
    return [parameter.name for parameter in after.task.parameters if parameter.name in differ]
