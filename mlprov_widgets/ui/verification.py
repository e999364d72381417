"""Whether the documents that are looked at are as they were written, checked while the page goes on answering."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from mlprov_widgets.provenance.graph.index import Index
from mlprov_widgets.provenance.reading import ProvenanceFile, read_provenance
from mlprov_widgets.ui import parts
from mlprov_widgets.ui.changes import RUNS
from mlprov_widgets.ui.links import copier

if TYPE_CHECKING:
    from mlprov_widgets.provenance.verify import Verdict

_AT_ONCE: Final = 0.3
"""Seconds that a click may wait for the answer; what takes longer is told when it is there."""
_MOST_PROBLEMS = 50
_TITLE = '<h3 tabindex="-1">Verification</h3>'
_HEAD = "It detects accidents; intent, only against a copy kept elsewhere."


class Verification:
    """The check of one document or two, made once.

    Parameters
    ----------
    indexes
        The documents.
    ended
        Called, in another thread, when a check has ended for which nobody waited.
    guard
        Makes a callback whose errors are told.

    Attributes
    ----------
    headline : str
        What came of it, in a few words; empty before.
    is_valid : bool
        Whether no problem was found so far.
    """

    def __init__(
        self,
        indexes: Sequence[Index],
        ended: Callable[[], None],
        guard: Callable[[Callable[..., Any]], Callable[..., None]],
    ) -> None:
        self._indexes, self._ended, self._guard = indexes, ended, guard
        self._thread: threading.Thread | None = None
        self._verdicts: list[Verdict] = []
        self._is_late = False
        self.headline, self.is_valid = "", True

    def html(self) -> str:
        """Start the check if it was not, and return what is known of it."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._guard(self._check), name="mlprov verification", daemon=True)
            self._thread.start()
            self._thread.join(_AT_ONCE)
        if self._thread.is_alive():
            self._is_late = True  # said before the headline is looked at, or the end of the check could go unnoticed
        if not self.headline:
            count = sum(index.counted for index in self._indexes)
            told = f"Checking {count:,} records. The graph can be used meanwhile."
            return _TITLE + parts.note(told)
        if len(self._verdicts) < len(self._indexes):
            return _TITLE + parts.note("It could not be checked.", "bad")
        return "".join(self._told(place, verdict) for place, verdict in enumerate(self._verdicts))

    def _check(self) -> None:
        from mlprov_widgets.provenance.verify import verify

        try:
            for index in self._indexes:
                file = read_provenance(index.path) if index.path is not None else None
                self._verdicts.append(verify(file or ProvenanceFile(json.loads(index.text))))
            problems = sum(len(verdict.problems) for verdict in self._verdicts)
            self.is_valid = not problems
            self.headline = f"{problems:,} problem{'s' if problems > 1 else ''} found" if problems else "valid"
        finally:
            if not self.headline:
                self.headline, self.is_valid = "could not be checked", False
            if self._is_late:
                self._ended()

    def _told(self, place: int, verdict: Verdict) -> str:
        title = f"Verification: {RUNS[place].lower()}" if len(self._indexes) > 1 else "Verification"
        said = parts.note("Valid: no record was changed since, and what lies beside it fits.", "fine")
        if not verdict.valid:
            count = len(verdict.problems)
            said = parts.note(f"{count:,} problem{'s were' if count > 1 else ' was'} found.", "bad")
            rows = [(p["code"], p["record"], p["message"]) for p in verdict.problems[:_MOST_PROBLEMS]]
            said += parts.table(rows, ("Constraint", "Record", "What is wrong"))
            if count > _MOST_PROBLEMS:
                said += parts.help_text(f"and {count - _MOST_PROBLEMS:,} more: mlprov verify lists all of them")
        if verdict.unchecked:
            said += parts.note("Not beside the file, so not checked: " + ", ".join(verdict.unchecked))
        head = parts.help_text("The document has no seal.")
        if verdict.head:
            told = parts.help_text(f"Head of the hash chain: {verdict.head}. {_HEAD}")
            head = f"{told}<p>{copier(verdict.head, 'Copy the head')}</p>"
        return f'<h3 tabindex="-1">{title}</h3>{said}{head}'
