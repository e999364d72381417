"""Which variables a cell reads and writes."""

from __future__ import annotations

import builtins
import math
import types
from typing import Any

import pytest

from mlprov_widgets.provenance.capture.names import is_data, names_in, through_functions

CASES = {
    "assignment": ("x = y", "y", "x"),
    "several targets": ("a, (b, *c) = d", "d", "a b c"),
    "chained": ("a = b = c", "c", "a b"),
    "annotated": ("a: int = b", "int b", "a"),
    "augmented": ("total += step", "total step", "total"),
    "augmented item": ("totals[i] += 1", "totals i", ""),
    "augmented attribute": ("model.lr *= decay", "model decay", ""),
    "item": ("x[i] = y", "x i y", ""),
    "attribute": ("x.a = y", "x y", ""),
    "deleted": ("del x", "", "x"),
    "deleted item": ("del x[i]", "x i", ""),
    "import": ("import numpy", "", "numpy"),
    "import of a module in a package": ("import torch.nn", "", "torch"),
    "import under a name": ("import numpy as np", "", "np"),
    "import from": ("from torch import nn as layers, optim", "", "layers optim"),
    "for": ("for i, row in rows:\n    print(row)", "rows print row", "i row"),
    "while": ("while left:\n    left -= 1", "left", "left"),
    "with": ("with open(path) as file, lock:\n    pass", "open path lock", "file"),
    "if": ("if a:\n    b = 1\nelse:\n    c = 2", "a", "b c"),
    "try": (
        "try:\n    a = f()\nexcept ValueError as error:\n    b = str(error)\nelse:\n    c = 1\nfinally:\n    d = 2",
        "f ValueError str error",
        "a b c d",
    ),
    "match": (
        "match shape:\n    case [first, *rest]:\n        pass\n    case {'a': value, **others}:\n        pass\n"
        "    case Point(x=0) as point:\n        pass",
        "shape Point",
        "first rest value others point",
    ),
    "walrus": ("if (n := len(rows)) > 10:\n    pass", "len rows", "n"),
    "walrus in a comprehension": ("big = [y for x in rows if (y := f(x))]", "rows y f", "big y"),
    "walrus in a function": ("def f():\n    return (n := 1)", "", "f"),
    "comprehension": ("squares = [x * x for x in rows]", "rows", "squares"),
    "dict comprehension": ("d = {k: v for k, v in rows}", "rows", "d"),
    "set comprehension": ("s = {x for x in rows}", "rows", "s"),
    "generator": ("total = sum(x for x in rows)", "sum rows", "total"),
    "lambda": ("f = lambda x: x + y", "y", "f"),
    "function": ("def f(a, b=c):\n    d = a + e\n    return d", "c e", "f"),
    "async function": ("async def f():\n    x = await g()", "g", "f"),
    "function in a function": ("def f():\n    def g():\n        return y\n    return g", "y", "f"),
    "decorated function": ("@cached\ndef f():\n    pass", "cached", "f"),
    "class": (
        "class Model(Base):\n    size = width\n    def f(self):\n        return depth",
        "Base width depth",
        "Model",
    ),
    "import in a function": ("def f():\n    import math\n    return math.pi", "", "f"),
    "global in a function": ("def f():\n    global n\n    n = 1", "", "f"),
    "f-string": ("print(f'{name:>{width}}')", "print name width", ""),
    "await at the top": ("x = await f()", "f", "x"),
    "shell line": ("!ls {folder}\nx = y", "y", "x"),
    "line magic": ("%matplotlib inline\nx = y", "y", "x"),
    "line magic in a block": ("for i in rows:\n    %time f(i)\n    x = i", "rows i", "i x"),
    "cell magic": ("%%time\nx = y", "y", "x"),
    "help": ("x = y\nx?", "y", "x"),
    "help in front": ("?x\nx = y", "y", "x"),
    "a percent sign": ("x = (y\n    % z)", "y z", "x"),
    "a magic beside a text with a percent sign": ("%pylab\nx = '%d' % y", "y", "x"),
    "output of a shell line": ("files = !ls\nx = y", "y", "files x"),
    "output of a magic": ("if y:\n    files = %ls\nx = y", "y", "files x"),
    "comment": ("# x = y", "", ""),
    "empty": ("", "", ""),
    "no Python": ("this is no Python", "", ""),
    "null": ("x = 1\x00", "", ""),
}


@pytest.mark.parametrize(("source", "loaded", "bound"), CASES.values(), ids=CASES)
def test_the_names_in_a_cell_are_found(source: str, loaded: str, bound: str) -> None:
    assert names_in(source) == (frozenset(loaded.split()), frozenset(bound.split()))


def test_a_cell_that_is_nested_too_deeply_has_no_names() -> None:
    assert names_in("(" * 50_000) == (frozenset(), frozenset())


def test_a_long_expression_has_its_names() -> None:
    assert names_in("x = " + " + ".join(["y"] * 900)) == ({"y"}, {"x"})


def in_main(source: str, **names: Any) -> dict[str, Any]:
    """Return the namespace of a notebook in which `source` ran."""
    namespace = {"__name__": "__main__", "__builtins__": builtins, **names}
    exec(source, namespace)
    return namespace


def test_a_call_reads_what_the_function_reads() -> None:
    namespace = in_main("def train():\n    return model", model=1)
    assert through_functions(frozenset({"train"}), namespace) == {"train", "model"}


def test_a_call_reads_what_is_read_further_in() -> None:
    namespace = in_main("def f():\n    return g()\ndef g():\n    return [rows for _ in range(3)]", rows=1)
    assert through_functions(frozenset({"f"}), namespace) == {"f", "g", "rows"}


def test_functions_that_call_each_other_end() -> None:
    namespace = in_main("def f():\n    return g()\ndef g():\n    return f()")
    assert through_functions(frozenset({"f"}), namespace) == {"f", "g"}


def test_a_function_of_a_library_is_not_looked_into() -> None:
    namespace = {"f": math.sqrt, "sub": re_sub(), "_compile": 1}
    assert through_functions(frozenset({"f", "sub"}), namespace) == {"f", "sub"}


def re_sub() -> Any:
    import re

    return re.sub


def test_a_name_that_is_not_in_the_notebook_is_left_out() -> None:
    namespace = in_main("def f():\n    return print(missing)")
    assert through_functions(frozenset({"f"}), namespace) == {"f"}


def test_names_that_are_not_functions_are_kept() -> None:
    assert through_functions(frozenset({"x", "gone"}), {"x": 1}) == {"x", "gone"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("x", 1), ("rows", [1]), ("text", "a"), ("nothing", None), ("point", types.SimpleNamespace(a=1))],
)
def test_a_variable_is_data(name: str, value: object) -> None:
    assert is_data(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("_", 1), ("_i1", "x"), ("__name__", "__main__"), ("math", math), ("sqrt", math.sqrt), ("Path", types.MethodType)],
)
def test_a_module_an_imported_name_or_one_of_ipythons_is_no_data(name: str, value: object) -> None:
    assert not is_data(name, value)


@pytest.mark.parametrize("source", ["def f(): pass", "class f: pass"])
def test_a_function_or_class_of_the_notebook_is_data(source: str) -> None:
    assert is_data("f", in_main(source)["f"])


def test_an_imported_class_is_no_data() -> None:
    assert not is_data("Fraction", __import__("fractions").Fraction)


def test_a_model_that_can_be_called_is_data() -> None:
    class Model:
        def __call__(self) -> None: ...

    assert is_data("model", Model())


def test_an_object_whose_attributes_fail_is_data() -> None:
    class Odd:
        def __call__(self) -> None: ...

        def __getattr__(self, name: str) -> str:
            raise RuntimeError("odd")

    assert is_data("odd", Odd())
