"""PROV-JSON read record by record.

The whole document is never held as Python objects, which would take many times the file's size: a record is
parsed, handed on and forgotten, and can be parsed again from its place in the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mlprov_widgets.errors import ProvenanceError
from mlprov_widgets.provenance.reading import parse_json

_SPACE = frozenset(" \t\n\r")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
DEEPEST_BUNDLE = 3


class Scanned(NamedTuple):
    """One record, or one part of a document that is none.

    Attributes
    ----------
    bundle : str
        The bundle that it stands in, empty for the document itself.
    section : str
        ``entity``, ``used``…; ``prefix`` for the prefixes of the document or bundle.
    identifier : str
    start, end : int
        Where its value stands in the text.
    content : object
        The value: a dict for a record.
    """

    bundle: str
    section: str
    identifier: str
    start: int
    end: int
    content: Any


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def parsed(text: str, start: int, end: int) -> Any:
    """Return the value that stands at a place of the text."""
    return _DECODER.decode(text[start:end])


def scan(text: str, name: str) -> Iterator[Scanned]:
    """Yield what a document holds, in its order.

    Raises
    ------
    ProvenanceError
        If it is no JSON object, in the words of `mlprov_widgets.provenance.reading.parse_json`.
    """
    try:
        yield from _Scanner(text).document()
    except RecursionError:
        raise ProvenanceError("the file is nested too deeply", field=name, fix="Give a PROV-JSON file") from None
    except (StopIteration, RuntimeError, ValueError, IndexError) as error:
        parse_json(text.encode("utf-8", "surrogatepass"), name)  # says what is wrong, and in which line
        raise ProvenanceError(f"this cannot be read as PROV-JSON: {error}", field=name, fix="Check the file") from None


class _Scanner:
    """A walk through the text. `end` is where the value ended that was read last."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.string: Callable[[str, int, bool], tuple[str, int]] = vars(_DECODER)["parse_string"]
        self.value: Callable[[str, int], tuple[Any, int]] = vars(_DECODER)["scan_once"]
        # A text with half a pair of surrogates is no text; looking for it costs time, and few files need it.
        self.check = bool(_SURROGATE.search(text))
        self.end = 0

    def document(self) -> Iterator[Scanned]:
        place = self._skip(1 if self.text.startswith("\ufeff") else 0)
        if self.text[place] != "{":
            raise ValueError("it is no object")
        yield from self._object(place, "", 0)
        if self._skip(self.end) != len(self.text):
            raise ValueError("something follows the object")

    def _object(self, place: int, bundle: str, depth: int) -> Iterator[Scanned]:
        """Yield the records of a document or a bundle."""
        for section, start in self._members(place):
            if self.text[start] != "{" or section == "prefix":
                content, self.end = self.value(self.text, start)
                yield Scanned(bundle, section, "", start, self.end, self._checked(content))
            elif section == "bundle" and depth < DEEPEST_BUNDLE:
                yield from self._bundles(start, bundle, depth)
            else:
                yield from self._section(start, bundle, section)

    def _bundles(self, place: int, bundle: str, depth: int) -> Iterator[Scanned]:
        for identifier, start in self._members(place):
            if self.text[start] == "{":
                yield Scanned(bundle, "bundle", identifier, start, start, {})
                yield from self._object(start, f"{bundle}/{identifier}" if bundle else identifier, depth + 1)
            else:
                content, self.end = self.value(self.text, start)
                yield Scanned(bundle, "bundle", identifier, start, self.end, content)

    def _section(self, place: int, bundle: str, section: str) -> Iterator[Scanned]:
        text, value, check = self.text, self.value, self.check
        for identifier, start in self._members(place):
            content, end = value(text, start)
            if check:
                self._checked([identifier, content])
            self.end = end
            yield Scanned(bundle, section, identifier, start, end, content)

    def _members(self, place: int) -> Iterator[tuple[str, int]]:
        """Yield each key of an object and where its value starts; whoever takes it sets `end` to where it ended."""
        text, skip = self.text, self._skip
        place = skip(place + 1)
        while text[place] != "}":
            if text[place] != '"':
                raise ValueError("a name is missing")
            key, place = self.string(text, place + 1, True)
            place = skip(place)
            if text[place] != ":":
                raise ValueError("a colon is missing")
            yield key, skip(place + 1)
            place = skip(self.end)
            if text[place] == ",":
                place = skip(place + 1)
                if text[place] == "}":
                    raise ValueError("a name is missing")
            elif text[place] != "}":
                raise ValueError("a comma is missing")
        self.end = place + 1

    def _skip(self, place: int) -> int:
        """Return where the white space ends that may stand here."""
        text = self.text
        while text[place : place + 1] in _SPACE and place < len(text):
            place += 1
        return place

    def _checked(self, content: Any) -> Any:
        if self.check:
            json.dumps(content, ensure_ascii=False).encode()
        return content
