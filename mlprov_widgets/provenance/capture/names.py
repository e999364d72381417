"""Which variables a cell reads and writes, from its syntax tree and the namespace."""

from __future__ import annotations

import ast
import functools
import re
import symtable
from collections.abc import Mapping
from types import CodeType, FunctionType, ModuleType
from typing import Any

_DEEPEST_CALL = 8


@functools.lru_cache(maxsize=1024)
def names_in(source: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that a cell loads and the names that it binds at its top level.

    Magics and shell lines are left out: they bind nothing that can be followed.
    """
    tree = parse(source)
    if tree is None:
        return frozenset(), frozenset()
    finder = _Finder()
    try:
        finder.visit(tree)
    except RecursionError:  # as for a sum of a thousand terms; this loop sees no scopes
        found = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
        loaded = frozenset(node.id for node in found if isinstance(node.ctx, ast.Load))
        return loaded, frozenset(node.id for node in found if not isinstance(node.ctx, ast.Load))
    return frozenset(finder.loaded - _local_everywhere(tree)), frozenset(finder.bound)


# IPython's own lines: magics and shell lines, alone or assigned, and questions.
_OWN_LINE = re.compile(r"^([ \t]*)(?:[%!?].*|.*\?)[ \t]*$", re.MULTILINE)
_OWN_VALUE = re.compile(r"^([ \t]*\w+[ \t]*=)[ \t]*[%!].*$", re.MULTILINE)


@functools.lru_cache(maxsize=1024)
def parse(source: str) -> ast.Module | None:
    """Return the syntax tree of a cell, its magics and shell lines left out; None when it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        pass
    try:
        return ast.parse(_OWN_LINE.sub(r"\1pass", _OWN_VALUE.sub(r"\1 None", source)))
    except (SyntaxError, ValueError, RecursionError):
        return None


def _local_everywhere(tree: ast.Module) -> set[str]:
    """Return the names that are loaded only as locals of functions and comprehensions."""
    try:
        top = symtable.symtable(ast.unparse(tree), "cell", "exec")
    except (SyntaxError, ValueError, RecursionError):  # such as an await outside of a function
        return set()
    local: set[str] = set()
    used = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_referenced() or symbol.is_assigned()}
    waiting = list(top.get_children())
    while waiting:
        table = waiting.pop()
        waiting += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced():
                (used if symbol.is_global() else local).add(symbol.get_name())
    return local - used


class _Finder(ast.NodeVisitor):
    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.bound: set[str] = set()
        self._depth = 0
        self._comprehensions = 0

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.loaded.add(node.id)
        elif self._depth == 0:
            self.bound.add(node.id)

    def _scope(self, node: ast.AST) -> None:
        self._depth += 1
        self.generic_visit(node)
        self._depth -= 1

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        if self._depth == 0:
            self.bound.add(node.name)
        self._scope(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        if self._depth == 0:
            self.bound.add(node.name)
        self._scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        if self._depth == 0:
            self.bound.add(node.name)
        self._scope(node)

    visit_Lambda = _scope

    def _comprehension(self, node: ast.AST) -> None:
        self._comprehensions += 1
        self._scope(node)
        self._comprehensions -= 1

    visit_ListComp = _comprehension
    visit_SetComp = _comprehension
    visit_DictComp = _comprehension
    visit_GeneratorExp = _comprehension

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        if self._depth == self._comprehensions:  # := binds outside of the comprehensions around it
            self.bound.add(node.target.id)
        self.generic_visit(node)

    def _pattern(self, node: ast.MatchAs | ast.MatchStar | ast.MatchMapping) -> None:
        name = node.rest if isinstance(node, ast.MatchMapping) else node.name
        if name is not None and self._depth == 0:
            self.bound.add(name)
        self.generic_visit(node)

    visit_MatchAs = _pattern
    visit_MatchStar = _pattern
    visit_MatchMapping = _pattern

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        if self._depth == 0:
            self.bound.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)

    visit_ImportFrom = visit_Import

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if isinstance(node.target, ast.Name):
            self.loaded.add(node.target.id)
        self.generic_visit(node)


def is_data(name: str, value: object) -> bool:
    """Return whether a variable is data, rather than a module, an imported name or IPython's own."""
    if name.startswith("_") or isinstance(value, ModuleType):
        return False
    try:
        if isinstance(value, type) or (callable(value) and hasattr(value, "__qualname__")):
            return bool(getattr(value, "__module__", None) == "__main__")
    except Exception:  # any object at all may stand here, with any __getattr__
        return True
    return True


def through_functions(names: frozenset[str], namespace: Mapping[str, Any]) -> set[str]:
    """Return `names` and the variables that the notebook's own functions among them refer to.

    A cell that calls ``train()`` reads what ``train`` reads.
    """
    found = set(names)
    waiting = [(name, 0) for name in names]
    while waiting:
        name, depth = waiting.pop()
        value = namespace.get(name)
        if isinstance(value, FunctionType) and value.__module__ == "__main__" and depth < _DEEPEST_CALL:
            new = {item for item in _global_names(value.__code__) if item in namespace} - found
            found |= new
            waiting += [(item, depth + 1) for item in new]
    return found


def _global_names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _global_names(constant)
    return names
