"""Of what each variable that a cell makes is made, as far as the cell's code tells.

The code is walked statement by statement. A loop counts as run at least once and a ``try`` as gone through, so that
a name which a cell makes before it reads it is its own.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from mlprov_widgets.provenance.capture.names import parse

EVERYTHING = "*"
"""Among the sources of a name: the code does not tell, as where ``eval`` has a part in it."""

FILE = "file "
"""What the name of a file begins with among the names of variables, which have no spaces."""

_OPAQUE = frozenset({"eval", "exec", "globals", "locals", "vars", "get_ipython"})
_HARMLESS = frozenset({"print", "display", "len", "repr", "help", "type", "isinstance", "iter", "next"})
_MOST_STATEMENTS = 1_000
_MOST_SOURCES = 100
_MOST_WORK = 1_000_000
_DEEPEST_REPEATED_LOOP = 3


class _TooMuch(Exception):
    """Raised inside when a cell is too large to be followed."""


@dataclass
class Known:
    """What the cells before have left: it is changed by `flow_of` to what this cell leaves.

    Attributes
    ----------
    functions : dict
        The notebook's own functions and classes, and the global names that each refers to.
    acting : set of str
        Those among them that do something to an object, which may be one of their arguments.
    imported : set of str
    near : dict
        Names to those whose objects may hold one another, as an optimizer holds its model.
    files : dict
        The last part of the path of each file that was written, and that path.
    """

    functions: dict[str, frozenset[str]] = field(default_factory=dict)
    acting: set[str] = field(default_factory=set)
    imported: set[str] = field(default_factory=set)
    near: dict[str, set[str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Flow:
    """What a cell's code tells.

    Attributes
    ----------
    own : frozenset of str
        Names that the cell makes before it reads them.
    sources : dict
        A name that the cell makes or changes, and the names from before the cell of which it is made.
    named : frozenset of str
        Paths of files which other cells have written and this one names.
    written : dict
        A text in a statement that is there for its effect, such as the name of a file to be saved, and that
        statement's sources.
    """

    own: frozenset[str] = frozenset()
    sources: Mapping[str, frozenset[str]] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    written: Mapping[str, frozenset[str]] = field(default_factory=dict)


def flow_of(source: str, known: Known) -> Flow:
    """Return what the code of a cell tells, an empty `Flow` when that is nothing; `known` is brought up to date."""
    tree = parse(source)
    if tree is None or sum(isinstance(node, ast.stmt) for node in ast.walk(tree)) > _MOST_STATEMENTS:
        return Flow()
    walk = _Walk(known)
    try:
        walk.body(tree.body)
    except (RecursionError, _TooMuch):  # as for a sum of a thousand terms
        return Flow()
    own = frozenset(walk.bound_first - walk.outer)
    sources = {name: frozenset(found) for name, found in walk.sources.items()}
    return Flow(own, sources, frozenset(walk.named), {text: frozenset(found) for text, found in walk.written.items()})


def file_name(path: str) -> str:
    """Return how a file is told apart from a variable among the sources."""
    return f"{FILE}{path}"


class _Walk:
    """The state of a cell while its statements are gone through."""

    def __init__(self, known: Known) -> None:
        self.known = known
        self.bound: set[str] = set()  # for certain, so far
        self.outer: set[str] = set()  # read when it was not yet bound
        self.bound_first: set[str] = set()
        self.sources: dict[str, set[str]] = {}
        self.named: set[str] = set()
        self.written: dict[str, set[str]] = {}
        self.control: list[set[str]] = []
        self.loops = 0
        self.work = 0

    # Expressions --------------------------------------------------------------------------------

    def read(self, node: ast.AST | None, hidden: frozenset[str] = frozenset()) -> tuple[set[str], set[str]]:
        """Return the names that an expression reads, and what it is made of."""
        names: set[str] = set()
        made_of: set[str] = set()
        if node is not None:
            self._read(node, hidden, names, made_of)
        return names, made_of

    def _read(self, node: ast.AST, hidden: frozenset[str], names: set[str], made_of: set[str]) -> None:
        if isinstance(node, ast.Name):
            if node.id not in hidden:
                names.add(node.id)
                made_of |= self.load(node.id)
        elif isinstance(node, ast.Constant):
            path = self.known.files.get(node.value) if isinstance(node.value, str) else None
            if path is not None:
                self.named.add(path)
                made_of.add(file_name(path))
        elif isinstance(node, ast.Lambda):
            for default in [*node.args.defaults, *node.args.kw_defaults]:
                if default is not None:
                    self._read(default, hidden, names, made_of)
            self._read(node.body, hidden | _parameters(node.args), names, made_of)
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
            for generator in node.generators:
                self._read(generator.iter, hidden, names, made_of)
                hidden |= _stored(generator.target)
                for condition in generator.ifs:
                    self._read(condition, hidden, names, made_of)
            for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
                self._read(part, hidden, names, made_of)
        elif isinstance(node, ast.NamedExpr):
            read, of = self.read(node.value, hidden)
            self.bind(node.target.id, read, of)
            names |= read
            made_of |= of
        else:
            if isinstance(node, ast.Call) and _called(node) in self.known.acting:
                # To which of its arguments it does something is not followed: it may change each.
                read, of = self.read_parts(node, hidden)
                self.touch(read, of)
                names |= read
                made_of |= of
                return
            for child in ast.iter_child_nodes(node):
                self._read(child, hidden, names, made_of)

    def read_parts(self, node: ast.AST, hidden: frozenset[str] = frozenset()) -> tuple[set[str], set[str]]:
        """Return the same as `read` of all that stands directly below a node."""
        names: set[str] = set()
        made_of: set[str] = set()
        for child in ast.iter_child_nodes(node):
            self._read(child, hidden, names, made_of)
        return names, made_of

    def load(self, name: str) -> set[str]:
        """Return of what a name is made where it is read, what its function refers to included."""
        found: set[str] = {EVERYTHING} if name in _OPAQUE else set()
        waiting, seen = [name], {name}
        while waiting:
            one = waiting.pop()
            found |= self.sources.get(one, set())
            if one not in self.bound:
                self.outer.add(one)
                found |= set() if one in self.known.imported else {one}
            new = self.known.functions.get(one, frozenset()) - seen
            seen |= new
            waiting += new
        return self._bounded(found)

    def _bounded(self, found: set[str]) -> set[str]:
        self.work += len(found) + 1
        if self.work > _MOST_WORK:
            raise _TooMuch
        return found if len(found) <= _MOST_SOURCES else {EVERYTHING}

    # What a statement does ----------------------------------------------------------------------

    def bind(self, name: str, names: Iterable[str], made_of: set[str]) -> None:
        """Give a name a new value."""
        if name not in self.outer:
            self.bound_first.add(name)
        self.bound.add(name)
        self.sources[name] = self._bounded(made_of.union(*self.control))
        self.known.functions.pop(name, None)
        self.known.acting.discard(name)
        self.known.imported.discard(name)
        for other in self.known.near.pop(name, set()):
            self.known.near[other].discard(name)
        self.bring_near(name, names)

    def bring_near(self, name: str, names: Iterable[str]) -> None:
        near = self.known.near
        for other in names:
            if other != name and not self.is_code(other) and not self.is_code(name):
                near.setdefault(name, set()).add(other)
                near.setdefault(other, set()).add(name)

    def is_code(self, name: str) -> bool:
        return name in self.known.imported or name in self.known.functions

    def touch(self, names: Iterable[str], made_of: set[str]) -> None:
        """Change the objects of names in place, and with them all that may hold them or be held by them."""
        reached = {name for name in names if not self.is_code(name)}
        waiting = list(reached)
        while waiting:
            new = self.known.near.get(waiting.pop(), set()) - reached
            reached |= new
            waiting += new
        changed = self._bounded(made_of.union(*self.control))
        for name in reached:
            self._bounded(changed)
            self.sources.setdefault(name, set()).update(changed)

    def assign(self, target: ast.AST, names: set[str], made_of: set[str]) -> None:
        if isinstance(target, ast.Name):
            self.bind(target.id, names, made_of)
        elif isinstance(target, ast.Tuple | ast.List):
            for part in target.elts:
                self.assign(part, names, made_of)
            stored = sorted(_stored(target))
            for name in stored[1:]:  # such as a figure and its axes
                self.bring_near(stored[0], [name])
        elif isinstance(target, ast.Starred):
            self.assign(target.value, names, made_of)
        else:  # an item or an attribute
            read, of = self.read_parts(target)
            self.touch([_root(target)] if _root(target) else read, made_of | of)
            if _root(target):
                self.bring_near(_root(target), names)

    # Statements ---------------------------------------------------------------------------------

    def body(self, statements: Iterable[ast.stmt]) -> None:
        for statement in statements:
            self.statement(statement)

    def statement(self, node: ast.stmt) -> None:
        if isinstance(node, ast.Assign):
            self._assign(node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.assign(node.target, *self.read(node.value))
        elif isinstance(node, ast.AugAssign):
            names, made_of = self.read(node.value)
            if isinstance(node.target, ast.Name):
                made_of = made_of | self.load(node.target.id)
                near = set(self.known.near.get(node.target.id, ()))  # a list stays the same object
                self.bind(node.target.id, names | near, made_of)
            else:
                self.assign(node.target, names, made_of)
        elif isinstance(node, ast.Expr):
            self._effect(node.value)
        elif isinstance(node, ast.If):
            _, test = self.read(node.test)
            self._branches([node.body, node.orelse], test)
        elif isinstance(node, ast.For | ast.AsyncFor):
            names, made_of = self.read(node.iter)
            self._loop(node.body, made_of, node.target, names)
            self.body(node.orelse)
        elif isinstance(node, ast.While):
            _, test = self.read(node.test)
            self._loop(node.body, test)
            self.body(node.orelse)
        elif isinstance(node, ast.With | ast.AsyncWith):
            for item in node.items:
                names, made_of = self.read(item.context_expr)
                if item.optional_vars is not None:
                    self.assign(item.optional_vars, names, made_of)
            self.body(node.body)
        elif isinstance(node, ast.Try | ast.TryStar):
            self._try(node)
        elif isinstance(node, ast.Match):
            names, made_of = self.read(node.subject)
            self._branches([case.body for case in node.cases], made_of, [case.pattern for case in node.cases], names)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            self._define(node)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for alias in node.names:
                name = (alias.asname or alias.name).partition(".")[0]
                self.bind(name, (), set())
                self.known.imported.add(name)
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                self.bound.discard(target.id if isinstance(target, ast.Name) else "")
        else:
            self.read_parts(node)

    def _assign(self, node: ast.Assign) -> None:
        target, value = node.targets[0], node.value
        both = (target, value)
        if len(node.targets) == 1 and all(isinstance(one, ast.Tuple | ast.List) for one in both):
            pairs = list(zip(getattr(target, "elts", ()), getattr(value, "elts", ()), strict=False))
            starred = any(isinstance(part, ast.Starred) for pair in pairs for part in pair)
            if len(getattr(target, "elts", ())) == len(getattr(value, "elts", ())) and not starred:
                found = [self.read(part) for _, part in pairs]
                for (part, _), (names, made_of) in zip(pairs, found, strict=True):
                    self.assign(part, names, made_of)
                return
        names, made_of = self.read(value)
        for one in node.targets:
            self.assign(one, names, made_of)

    def _effect(self, node: ast.expr) -> None:
        """Go through an expression whose value nobody keeps: it is there for what it does."""
        call = node.value if isinstance(node, ast.Await) else node
        names, made_of = self.read(node)
        if not isinstance(call, ast.Call):
            return
        for constant in ast.walk(call):
            if isinstance(constant, ast.Constant) and isinstance(constant.value, str):
                self.written.setdefault(constant.value, set()).update(made_of)
        root = _root(call.func)
        # A library's function leaves its arguments as they were: plotting y against x does not make x of y.
        if root and root not in _HARMLESS:
            self.touch([root], made_of)
        elif not root:
            self.touch(names, made_of)

    def _branches(
        self,
        bodies: list[list[ast.stmt]],
        test: set[str],
        patterns: list[ast.pattern] | None = None,
        names: Iterable[str] = (),
    ) -> None:
        self.control.append(test)
        before_bound, before = set(self.bound), {name: set(of) for name, of in self.sources.items()}
        ends = []
        for number, body in enumerate(bodies):
            self.bound, self.sources = set(before_bound), {name: set(of) for name, of in before.items()}
            for name in sorted(_captured(patterns[number])) if patterns else ():
                self.bind(name, names, test)
            self.body(body)
            ends.append((self.bound, self.sources))
        if patterns:
            ends.append((before_bound, before))
        self.bound = set.intersection(*(bound for bound, _ in ends))
        self.sources = {}
        for _, sources in ends:
            for name, of in sources.items():
                self.sources.setdefault(name, set()).update(of)
        self.control.pop()

    def _loop(
        self, body: list[ast.stmt], made_of: set[str], target: ast.AST | None = None, names: set[str] | None = None
    ) -> None:
        self.control.append(made_of)
        self.loops += 1
        # Twice: what one round leaves, the next one reads.
        for _ in range(2 if self.loops <= _DEEPEST_REPEATED_LOOP else 1):
            before = {name: set(of) for name, of in self.sources.items()}
            if target is not None:
                self.assign(target, names or set(), made_of)
            self.body(body)
            for name, of in before.items():
                if name in self.bound:
                    self.sources.setdefault(name, set()).update(of)
        self.loops -= 1
        self.control.pop()

    def _try(self, node: ast.Try | ast.TryStar) -> None:
        bound, sources = set(self.bound), {name: set(of) for name, of in self.sources.items()}
        self.body([*node.body, *node.orelse])
        for handler in node.handlers:
            after, made = self.bound, self.sources
            self.bound, self.sources = set(bound), {name: set(of) for name, of in sources.items()}
            if handler.name:
                self.bind(handler.name, (), set())
            self.body(handler.body)
            for name, of in made.items():
                self.sources.setdefault(name, set()).update(of)
            self.bound = after
        self.body(node.finalbody)

    def _define(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        outside: list[ast.expr | None] = [*node.decorator_list]
        if isinstance(node, ast.ClassDef):
            outside += [*node.bases, *(keyword.value for keyword in node.keywords)]
        else:
            outside += [*node.args.defaults, *node.args.kw_defaults]
        names: set[str] = set()
        made_of: set[str] = set()
        for part in outside:
            read, of = self.read(part)
            names |= read
            made_of |= of
        self.bind(node.name, names, made_of)
        self.known.functions[node.name] = free = frozenset(_free(node) - {node.name})
        if _acts(node) or free & self.known.acting:
            self.known.acting.add(node.name)


def _acts(node: ast.AST) -> bool:
    for one in ast.walk(node):
        if isinstance(one, ast.Expr) and isinstance(one.value, ast.Call):
            if _root(one.value.func) not in _HARMLESS:
                return True
        elif isinstance(one, ast.Attribute | ast.Subscript | ast.Global) and not isinstance(
            getattr(one, "ctx", None), ast.Load
        ):
            return True
    return False


def _called(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def _root(node: ast.AST) -> str:
    """Return the name at the left end of ``a.b[c](d).e``; empty when there is none."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred | ast.Await):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _stored(node: ast.AST) -> frozenset[str]:
    return frozenset(n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _captured(pattern: ast.pattern) -> set[str]:
    found = {n.name for n in ast.walk(pattern) if isinstance(n, ast.MatchAs | ast.MatchStar)}
    found |= {n.rest for n in ast.walk(pattern) if isinstance(n, ast.MatchMapping)}
    return {name for name in found if name}


def _parameters(arguments: ast.arguments) -> frozenset[str]:
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    return frozenset(one.arg for one in every if one is not None)


def _free(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> set[str]:
    """Return the global names that a function or class refers to."""
    # A method does not see what stands beside it in its class.
    in_class = isinstance(node, ast.ClassDef)
    own = set() if isinstance(node, ast.ClassDef) else set(_parameters(node.args))
    loaded: set[str] = set()
    told_global: set[str] = set()
    waiting: list[ast.AST] = [*node.body]
    while waiting:
        one = waiting.pop()
        if isinstance(one, ast.Global):
            told_global.update(one.names)
        elif isinstance(one, ast.Name):
            if isinstance(one.ctx, ast.Load):
                loaded.add(one.id)
            elif not in_class:
                own.add(one.id)
        elif isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if not in_class:
                own.add(one.name)
            loaded |= _free(one)
            waiting += one.decorator_list
        elif isinstance(one, ast.Lambda):
            loaded |= {name for name in _loads(one.body) if name not in _parameters(one.args)}
        else:
            waiting += ast.iter_child_nodes(one)
    return (loaded - own) | (loaded & told_global)


def _loads(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
