"""Equal content has an equal digest, in every process; odd objects do no harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlprov_widgets.provenance.capture import fingerprint as module
from mlprov_widgets.provenance.capture.fingerprint import fingerprint

pandas = pytest.importorskip("pandas")
torch = pytest.importorskip("torch")


def digest(value: object) -> str | None:
    return fingerprint(value).sha256


# Equal content -----------------------------------------------------------------------------------

MAKERS = """
import os
import pathlib
import numpy as np, pandas as pd, torch
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, Dataset, Subset, TensorDataset

class Rows(Dataset):
    def __init__(self, rows):
        self.rows, self.transform, self.root = rows, round, f"/somewhere/{os.getpid()}/rows"

def trained():
    torch.manual_seed(2)
    model = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.ones(5, 4)).sum().backward()
    optimizer.step()
    return model, optimizer

rows = np.random.RandomState(1).normal(size=(20, 3))
values = {
    "texts": {"b", "a", "c"},
    "dict": {"a": [1, 2.5, None, True], "b": ("x", b"y")},
    "path": pathlib.PurePosixPath("a/b"),
    "array": rows,
    "integers": np.arange(10, dtype=np.int32),
    "texts in an array": np.array(["a", "bb"]),
    "objects in an array": np.array(["a", None, 1.5], dtype=object),
    "truths": rows > 0,
    "frame": pd.DataFrame({"n": [1.0, None], "kind": ["a", "b"], "c": pd.Categorical(["x", "y"])}),
    "series": pd.Series([1, 2, 3], name="n"),
    "index": pd.Index(["a", "b"]),
    "tensor": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "model": trained()[0],
    "optimizer": trained()[1],
    "device": torch.device("cpu"),
    "dtype": torch.float32,
    "size": torch.Size([2, 3]),
    "scaler": StandardScaler().fit(rows),
    "pipeline": Pipeline([("fill", SimpleImputer()), ("scale", StandardScaler())]).fit(rows),
    "frame with gaps": pd.DataFrame({"n": pd.array([1, None], dtype="Int64"), "t": pd.to_datetime(["2026-01-01", None])}),
    "times with a zone": pd.Series(pd.to_datetime(["2026-01-01"]).tz_localize("UTC")),
    "range": range(2, 9),
    "dataset": TensorDataset(torch.ones(3, 2), torch.arange(3)),
    "part of a dataset": Subset(TensorDataset(torch.ones(3, 2)), [0, 2]),
    "dataset of one's own": Rows(rows),
    "loader": DataLoader(TensorDataset(torch.ones(3, 2)), 2, shuffle=True, generator=torch.Generator().manual_seed(2)),
    "generator": torch.Generator().manual_seed(3),
    "many texts": [str(number) for number in range(200_001)],
    "long column of texts": pd.DataFrame({"t": [str(number) for number in range(200_001)]}),
}
"""

ELSEWHERE = f"""
import json, warnings
warnings.simplefilter("ignore")
{MAKERS}
from mlprov_widgets.provenance.capture.fingerprint import fingerprint
print(json.dumps({{name: fingerprint(value).sha256 for name, value in values.items()}}))
"""


@pytest.fixture(scope="module")
def here() -> dict[str, Any]:
    """Return the values as made in this process."""
    namespace: dict[str, Any] = {}
    exec(MAKERS, namespace)
    return namespace["values"]


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, str]:
    """Return the digests of the values as made in a process of another hash seed."""
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], check=True, capture_output=True, text=True, env=environment
    )
    return json.loads(done.stdout)


NAMES = [line.split('"')[1] for line in MAKERS.splitlines() if line.startswith('    "')]


@pytest.mark.parametrize("name", NAMES)
def test_equal_content_has_an_equal_digest_in_another_process(
    here: dict[str, Any], elsewhere: dict[str, str], name: str
) -> None:
    assert digest(here[name]) == elsewhere[name]
    assert elsewhere[name] is not None


def test_different_values_have_different_digests(here: dict[str, Any]) -> None:
    assert len({digest(value) for value in here.values()}) == len(here)


def test_an_array_that_lies_differently_in_memory_has_the_same_digest() -> None:
    rows = np.arange(12).reshape(3, 4)
    assert digest(rows) == digest(np.asfortranarray(rows)) == digest(np.arange(24).reshape(3, 8)[:, ::2] // 2)


def test_a_read_only_array_has_the_same_digest() -> None:
    rows = np.arange(3)
    rows.flags.writeable = False
    assert digest(rows) == digest(np.arange(3))


def test_a_tensor_that_learns_has_the_digest_of_one_that_does_not() -> None:
    assert digest(torch.ones(3, requires_grad=True)) == digest(torch.ones(3))


def test_looking_at_a_model_does_not_change_it() -> None:
    model = torch.nn.Linear(2, 2)
    before = [weights.clone() for weights in model.parameters()]
    state = torch.get_rng_state()
    fingerprint(model)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())


# Other content -----------------------------------------------------------------------------------


def dataset(rows: list[float]) -> Any:
    return torch.utils.data.TensorDataset(torch.tensor(rows))


def seeded(seed: int) -> Any:
    return torch.Generator().manual_seed(seed)


def loader(**options: Any) -> Any:
    return torch.utils.data.DataLoader(dataset([1.0, 2.0]), **options)


MANY = ["x"] * 300_000

PAIRS = {
    "number and text": (1, "1"),
    "integer and float": (1, 1.0),
    "integer and truth": (1, True),
    "empty and nothing": ("", None),
    "zero and minus zero": (0.0, -0.0),
    "text and path": ("a", Path("a")),
    "text and bytes": ("a", b"a"),
    "two texts and one": (["a", "b"], ["ab"]),
    "list in list": ([1, [2, 3]], [1, 2, 3]),
    "a text that looks like its encoding": (["a", "str:1:b"], ["a:str:1:b"]),
    "order of a list": ([1, 2], [2, 1]),
    "order of a dict": ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
    "key and value": ({"a": "b"}, {"b": "a"}),
    "type of an array": (np.zeros(2, np.float32), np.zeros(2, np.float64)),
    "shape of an array": (np.zeros((2, 3)), np.zeros((3, 2))),
    "one bit of an array": (np.zeros(2), np.array([0.0, 5e-324])),
    "name of a column": (pandas.DataFrame({"a": [1]}), pandas.DataFrame({"b": [1]})),
    "value in a column": (pandas.DataFrame({"a": [1]}), pandas.DataFrame({"a": [2]})),
    "weights of a model": (torch.nn.Linear(1, 1), torch.nn.Linear(1, 1)),
    "class of a module": (torch.nn.ReLU(), torch.nn.Tanh()),
    "learning rate": tuple(torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate) for rate in (0.1, 0.2)),
    "devices": (torch.device("cpu"), torch.device("meta")),
    "row of a dataset": (dataset([1.0]), dataset([2.0])),
    "size of a batch": (loader(batch_size=1), loader(batch_size=2)),
    "order of a loader": (loader(shuffle=True), loader(shuffle=False)),
    "seed of a loader": (loader(generator=seeded(1)), loader(generator=seeded(2))),
    "numbers of a generator": (seeded(1), seeded(2)),
    "first of many items": ([1, *MANY], [2, *MANY]),
    "last of many items": ([*MANY, 1], [*MANY, 2]),
    "number of many items": (MANY, [*MANY, "x"]),
}


@pytest.mark.parametrize(("one", "other"), PAIRS.values(), ids=PAIRS)
def test_other_content_has_another_digest(one: object, other: object) -> None:
    assert None not in (digest(one), digest(other))
    assert digest(one) != digest(other)


def test_a_model_that_was_trained_has_another_digest() -> None:
    model = torch.nn.Linear(2, 1)
    before = digest(model)
    with torch.no_grad():
        model.bias += 1
    assert digest(model) != before


# Large values ------------------------------------------------------------------------------------


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make arrays of more than a megabyte large ones, and samples small."""
    monkeypatch.setattr(module, "SAMPLED_ABOVE", 2**20)
    monkeypatch.setattr(module, "_SAMPLE_BYTES", 2**10)
    return 2**20


def test_an_array_up_to_the_limit_is_read_whole(small_limit: int) -> None:
    one, other = np.zeros(small_limit, np.uint8), np.zeros(small_limit, np.uint8)
    other[5000] = 1  # between two samples
    assert digest(one) != digest(other)
    assert not fingerprint(one).sampled


def test_a_larger_array_is_sampled_and_says_so(small_limit: int) -> None:
    seen = fingerprint(np.zeros(small_limit + 1, np.uint8))
    assert seen.sampled
    assert seen.as_dict()["sampled"] is True


def test_two_samples_of_equal_content_are_equal(small_limit: int) -> None:
    numbers = np.random.RandomState(1).randint(0, 255, 2 * small_limit, np.uint8)
    assert digest(numbers) == digest(numbers.copy())


@pytest.mark.parametrize("at", [0, -1])
def test_the_ends_of_a_large_array_are_in_the_sample(small_limit: int, at: int) -> None:
    one, other = np.zeros(small_limit + 100, np.uint8), np.zeros(small_limit + 100, np.uint8)
    other[at] = 1
    assert digest(one) != digest(other)


def test_the_size_of_a_large_array_is_in_the_digest(small_limit: int) -> None:
    assert digest(b"\x00" * (small_limit + 1)) != digest(b"\x00" * (small_limit + 2))


def test_a_large_array_within_a_value_is_said_too(small_limit: int) -> None:
    assert fingerprint({"weights": torch.zeros(small_limit, dtype=torch.float64)}).sampled


def test_a_really_large_array_takes_little_time() -> None:
    large = np.zeros(module.SAMPLED_ABOVE + 8, np.uint8)  # pages of zeros take no memory
    assert fingerprint(large).sampled


def test_a_view_that_is_in_no_order_is_sampled_by_rows_and_not_copied(small_limit: int) -> None:
    images = np.zeros((2000, 3, small_limit // 3000), np.uint8).transpose(0, 2, 1)
    assert not images.flags.c_contiguous
    seen = fingerprint(images)
    assert seen.sampled
    assert fingerprint(images.copy().transpose(0, 1, 2)).sha256 != fingerprint(images[:1999]).sha256
    images[-1] = 1  # the last row is one of the sample
    assert fingerprint(images).sha256 != seen.sha256


def test_many_items_are_sampled_by_their_number_and_say_so() -> None:
    assert fingerprint(MANY).sampled
    assert not fingerprint(MANY[: module._MOST_ITEMS - 1]).sampled


def test_many_items_within_short_lists_are_sampled_too() -> None:
    seen = fingerprint([["x"] * 10] * 50_000)
    assert (seen.sampled, seen.sha256 is None) == (True, False)


def test_a_loader_that_was_gone_through_is_another_one() -> None:
    # Its generator goes on: a second pass has another order.
    one = loader(shuffle=True, generator=seeded(1))
    before = digest(one)
    list(one)
    assert digest(one) != before


# Odd objects -------------------------------------------------------------------------------------


class Odd:
    """Fails whatever is asked of it."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"no {name}")

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    def __len__(self) -> int:
        raise RuntimeError("no length")


class Shapeless:
    @property
    def shape(self) -> Any:
        raise RuntimeError("no shape")


class OddShape:
    shape = ("a", object())


class OddState:
    def state_dict(self) -> Any:
        raise RuntimeError("no state")


class OddItems(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise RuntimeError("no items")


class Homeless:
    __module__ = None  # type: ignore[assignment]


def endless() -> list[Any]:
    found: list[Any] = []
    found.append(found)
    return found


def deep() -> list[Any]:
    found: list[Any] = []
    for _ in range(5000):
        found = [found]
    return found


ODD = {
    "function": lambda: 0,
    "generator": (n for n in range(3)),
    "open file": sys.stdout,
    "module": sys,
    "class": int,
    "odd": Odd(),
    "no shape": Shapeless(),
    "odd shape": OddShape(),
    "no state": OddState(),
    "odd items": OddItems(a=1),
    "no module": Homeless(),
    "list in itself": endless(),
    "deep list": deep(),
    "many items": list(range(module._MOST_ITEMS + 1)),
    "no text": "\ud800",
    "huge number": 10**5000,
    "complex": 1j,
    "mixed set": {1, "a", Odd},
    "sparse tensor": torch.eye(2).to_sparse(),
    "meta tensor": torch.empty(2, device="meta"),
    "bfloat16": torch.zeros(2, dtype=torch.bfloat16),
    "datetime array": np.array(["2026-01-01"], "datetime64[D]"),
    "record array": np.zeros(2, [("a", "i4"), ("b", "f8")]),
    "empty array": np.zeros((0, 3)),
    "scalar array": np.array(5.0),
    "masked array": np.ma.masked_array([1, 2], [True, False]),
}


@pytest.mark.parametrize("value", ODD.values(), ids=ODD)
def test_no_object_is_too_odd(value: object) -> None:
    seen = fingerprint(value)
    assert json.loads(json.dumps(seen.as_dict())) == seen.as_dict()


@pytest.mark.parametrize("name", ["function", "generator", "open file", "odd", "no state", "list in itself"])
def test_what_has_no_content_has_no_digest(name: str) -> None:
    assert digest(ODD[name]) is None


@pytest.mark.parametrize("name", ["datetime array", "record array", "empty array", "scalar array", "bfloat16"])
def test_an_array_of_a_rare_type_has_a_digest(name: str) -> None:
    assert digest(ODD[name]) is not None


def test_a_shape_that_is_none_is_left_out() -> None:
    assert fingerprint(OddShape()).facts == {}


# What is told beside the digest ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [(torch.nn.Linear(1, 1), "model"), (np.zeros(2), "data"), (torch.zeros(2), "data"), (5, "value"), ([1], "value")],
    ids=["model", "array", "tensor", "number", "list"],
)
def test_models_data_and_values_are_told_apart(value: object, kind: str) -> None:
    assert fingerprint(value).kind == kind


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (5, "int"),
        (np.zeros(1), "numpy.ndarray"),
        (torch.zeros(1), "torch.Tensor"),
        (torch.nn.Linear(1, 1), "torch.nn.modules.linear.Linear"),
    ],
    ids=["number", "array", "tensor", "model"],
)
def test_the_type_is_named_with_its_module(value: object, name: str) -> None:
    assert fingerprint(value).type == name


@pytest.mark.parametrize(
    ("value", "facts"),
    [
        (0.5, {"value": 0.5}),
        (True, {"value": True}),
        (None, {"value": None}),
        (float("nan"), {"value": "NaN"}),
        ("text", {"value": "text"}),
        ("x" * 201, {"items": 201}),
        ([1, 2], {"items": 2}),
        ({"a": 1}, {"items": 1}),
        (np.zeros((2, 3)), {"shape": [2, 3], "dtype": "float64"}),
        (torch.zeros(4), {"shape": [4], "dtype": "float32"}),
        (torch.nn.Linear(2, 1), {"dtype": "float32"}),
        (object(), {}),
    ],
    ids=["float", "truth", "none", "nan", "text", "long text", "list", "dict", "array", "tensor", "model", "object"],
)
def test_size_and_small_values_are_told(value: object, facts: dict[str, Any]) -> None:
    assert fingerprint(value).facts == facts


def test_a_fingerprint_that_is_whole_does_not_speak_of_samples() -> None:
    assert set(fingerprint(np.zeros(2)).as_dict()) == {"type", "kind", "sha256", "shape", "dtype"}


# What it does not load ---------------------------------------------------------------------------


def test_looking_at_a_value_loads_no_library() -> None:
    code = (
        "import sys\n"
        "from mlprov_widgets.provenance.capture.fingerprint import fingerprint\n"
        "fingerprint({'a': [1, 'x', 2.5]})\n"
        "print(sorted({'numpy', 'torch', 'pandas', 'sklearn'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"
