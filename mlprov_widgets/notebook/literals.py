"""The one place where a value becomes Python source or Markdown text."""

from __future__ import annotations

import math
import re
import unicodedata

from mlprov_widgets.tasks.model import Value


class Source(str):
    """Text that may stand in a cell: it came from `literal`, from `markdown` or from a task's author."""

    __slots__ = ()


def literal(value: Value) -> Source:
    """Return Python source for a value, such that ``ast.literal_eval`` gives it back.

    Parameters
    ----------
    value
        A boolean, a number, a text, a tuple of texts (which becomes a list) or None.

    Raises
    ------
    TypeError
        If it is anything else.
    ValueError
        If it is a NaN or an infinity, which have no literal.
    """
    # bool is a subclass of int: ask for it first.
    if value is None or isinstance(value, bool | int):
        return Source(repr(value))
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value!r} has no literal")
        return Source(repr(value).replace("e+", "e"))
    if isinstance(value, str):
        return Source(_quoted(value))
    if isinstance(value, tuple):
        return Source(f"[{', '.join(_quoted(item) for item in value)}]")
    raise TypeError(f"{type(value).__name__} has no literal")


def _quoted(text: str) -> str:
    """Return a string literal in double quotes unless they take more escapes, as formatters do."""
    plain = repr(str(text))
    if plain[0] == '"' or text.count('"') > text.count("'"):
        return plain
    body = plain[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{body}"'


_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+\-!|~$&:.])")
_HTML = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def markdown(text: str) -> Source:
    """Return `text` so that Markdown and HTML show it as it is, on one line."""
    return Source(_MARKDOWN.sub(lambda found: _HTML.get(found[1], f"\\{found[1]}"), " ".join(text.split())))


def assignment(name: str, value: Value, comment: str, width: int = 88) -> str:
    """Return ``name = literal  # comment`` laid out as a formatter would leave it.

    Parameters
    ----------
    name
        The variable.
    value
        What it is set to.
    comment
        What it is, in a few words.
    width
        The longest line to write where there is a choice.
    """
    source = literal(value)
    line = f"{name} = {source}"
    if _columns(line) + _columns(comment) + 4 <= width:
        return f"{line}  # {comment}"
    if _columns(line) > width:
        if isinstance(value, tuple):
            items = "".join(f"    {literal(item)},\n" for item in value)
            line = f"{name} = [\n{items}]"
        elif _columns(source) + 4 <= width:
            line = f"{name} = (\n    {source}\n)"
    return f"# {comment}\n{line}"


def _columns(text: str) -> int:
    """Return how wide a text is in a terminal, as formatters count: a Chinese character takes two columns."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
