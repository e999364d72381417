"""What a library imports, but is never asked for here, is imported when somebody does ask for it.

ipycytoscape imports pandas and networkx to know their graphs, jsonschema compiles a grammar of addresses: more than two
seconds of the processor and 40 MB for every kernel with a form. Nothing is lost: who uses them in the same process
has them, a moment later.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any


@contextlib.contextmanager
def put_off(*modules: str, by_name: bool = False) -> Iterator[None]:
    """Keep what is imported in the body from importing these modules before they are used.

    Parameters
    ----------
    *modules
        Those that are imported already, or not installed, are as ever.
    by_name
        Whether the body takes functions out of them by name, and not the modules.
    """
    names = [name for name in modules if name not in sys.modules and importlib.util.find_spec(name)]
    kept = {name: _Later(name, by_name) for name in names}
    sys.modules.update(kept)
    try:
        yield
    finally:
        for later in kept.values():
            later.give_way()


class _Later(ModuleType):
    """A module that is imported when it is used."""

    def __init__(self, name: str, by_name: bool) -> None:
        super().__init__(name)
        self._by_name = by_name

    def __getattr__(self, name: str) -> Any:
        if name == "__path__" and self._by_name:  # asked for by `from … import …`, which would be too early
            raise AttributeError(name)
        if name.startswith("__") or self.imported() is not None:
            return getattr(self.module(), name)
        return _Part(self, name)

    def imported(self) -> ModuleType | None:
        """Return the module, if somebody has imported it."""
        found = sys.modules.get(self.__name__)
        return None if found is self else found

    def module(self) -> ModuleType:
        """Return the module, imported now if need be."""
        self.give_way()  # also while the body runs: another thread may import it for its own ends
        return importlib.import_module(self.__name__)

    def give_way(self) -> None:
        """Let an import find the module itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]


class _Part:
    """A function or a class of a module that is imported when it is called."""

    def __init__(self, later: _Later, name: str) -> None:
        self._later, self._name = later, name

    def __call__(self, *given: Any, **named: Any) -> Any:
        return getattr(self._later.module(), self._name)(*given, **named)

    def __instancecheck__(self, thing: object) -> bool:
        # Nothing can be of a class that nobody has imported.
        imported = self._later.imported()
        return imported is not None and isinstance(thing, getattr(imported, self._name))
