"""Texts, each with the record that it is of, as one long text that can be searched fast."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field


def searchable(text: str) -> bytes:
    """Return a text as it is searched in and for: lower case, underscores and hyphens as spaces, in UTF-8."""
    return text.casefold().replace("_", " ").replace("-", " ").encode("utf-8", "replace")


@dataclass
class Words:
    """Lines of text.

    Attributes
    ----------
    text : bytearray
        All of them, as `searchable` spells them; each ends with a line end, and one stands before the first.
    starts : array of int
        Where each begins.
    owners : array of int
        The number of the record that each is of.
    """

    text: bytearray = field(default_factory=lambda: bytearray(b"\n"), repr=False)
    starts: array[int] = field(default_factory=lambda: array("L"), repr=False)
    owners: array[int] = field(default_factory=lambda: array("L"), repr=False)

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, owner: int, line: str) -> None:
        """Append a line."""
        self.starts.append(len(self.text))
        self.owners.append(owner)
        self.text += searchable(line.replace("\n", " "))
        self.text += b"\n"

    def line(self, place: int) -> bytearray:
        """Return a line."""
        return self.text[self.starts[place] : self.end(place)]

    def end(self, place: int) -> int:
        """Return where the line after this one begins."""
        return self.starts[place + 1] if place + 1 < len(self.starts) else len(self.text)

    def places(self, pattern: bytes) -> Iterator[int]:
        """Yield the lines, each once, in which a text stands; one that begins with a line end, at a line's start."""
        at = 1 if pattern[:1] == b"\n" else 0
        position = self.text.find(pattern)
        while position >= 0:
            place = bisect_right(self.starts, position + at) - 1
            yield place
            position = self.text.find(pattern, self.end(place) - 1)
