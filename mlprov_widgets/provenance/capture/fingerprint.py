"""A digest of what a live object holds, so that two runs can be compared.

Equal content gives an equal digest in every process. Nothing here imports torch, NumPy or pandas: an
object of theirs can only exist when they are loaded.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any

from mlprov_widgets.provenance.capture.journal import plain
from mlprov_widgets.provenance.capture.scrub import scrub

SAMPLED_ABOVE = 64 * 2**20
"""Arrays of more bytes than this are sampled: by size alone, so that every run samples the same bytes."""

_SAMPLES = 256
_SAMPLE_BYTES = 2**16
_DEEPEST = 8
_MOST_ITEMS = 200_000
"""Values of more items than this, such as a column of texts, are sampled: by their number alone."""

_SAMPLED_ITEMS = 1_000


@dataclass
class Fingerprint:
    """What was seen of a value.

    Attributes
    ----------
    type : str
        The class's name, with its module unless that is ``builtins``.
    kind : str
        ``data``, ``model`` or ``value``: how the document types it.
    sha256 : str or None
        None when the content has no digest, as for an open file.
    sampled : bool
        Whether the digest stands for a sample.
    facts : dict
        Shape, type of the numbers, number of items, and the value itself when it is small.
    """

    type: str
    kind: str
    sha256: str | None
    sampled: bool
    facts: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "type": self.type,
            "kind": self.kind,
            "sha256": self.sha256,
            **({"sampled": True} if self.sampled else {}),
            **self.facts,
        }


class _NoDigest(Exception):
    """Raised inside when the content cannot be digested."""


def fingerprint(value: object) -> Fingerprint:
    """Return the fingerprint of a value; never raises for an odd object, which gets no digest."""
    cls = type(value)
    name = cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"
    digest, sampled = _digest(value, whole=True)
    try:
        facts, kind = _facts(value), _kind(value)
    except Exception:
        facts, kind = {}, "value"
    return Fingerprint(name, kind, digest, sampled, facts)


def _digest(value: object, *, whole: bool) -> tuple[str | None, bool]:
    hasher = _Hasher(whole=whole)
    try:
        hasher.add(value, 0)
    except _TooMany:
        return _digest(value, whole=False) if whole else (None, False)
    except Exception:  # any object at all may stand here, with any __getattr__
        return None, False
    return hasher.digest.hexdigest(), hasher.sampled


def _kind(value: object) -> str:
    if callable(getattr(value, "state_dict", None)) and callable(getattr(value, "parameters", None)):
        return "model"
    return "data" if getattr(value, "shape", None) is not None else "value"


def _facts(value: Any) -> dict[str, Any]:
    if value is None or isinstance(value, bool | int | float):
        return {"value": plain(value)}
    if isinstance(value, str):
        return {"value": scrub(value)} if len(value) <= 200 else {"items": len(value)}
    if isinstance(value, list | tuple | dict | set):
        return {"items": len(value)}
    if _is_a(value, "torch", "device"):
        return {"value": str(value)}
    shape = getattr(value, "shape", None)
    if shape is not None:
        return {"shape": [int(side) for side in shape], **_type_of_numbers(value)}
    if _kind(value) == "model":
        kinds = {str(weights.dtype).removeprefix("torch.") for weights in value.parameters()}
        return {"dtype": ", ".join(sorted(kinds))} if kinds else {}
    return {}


def _type_of_numbers(value: Any) -> dict[str, Any]:
    dtype = getattr(value, "dtype", None)  # a data frame has one for each column
    return {"dtype": str(dtype).removeprefix("torch.")} if dtype is not None else {}


class _TooMany(Exception):
    """Raised inside when there are more items than are read."""


class _Hasher:
    def __init__(self, *, whole: bool) -> None:
        self.whole = whole
        self.placeless = False
        self.digest = hashlib.sha256()
        self.sampled = False
        self._items = 0

    def add(self, value: Any, depth: int) -> None:
        """Feed a value into the digest, with its type and length so that no two values run together."""
        self._items += 1
        if depth > _DEEPEST:
            raise _NoDigest
        if self._items > _MOST_ITEMS:
            raise _TooMany
        if self.placeless and isinstance(value, str) and PurePath(value).is_absolute():
            value = PurePath(value).name  # where the files of a dataset lie is no content, either
        if value is None or isinstance(value, bool | int | str):
            self._put(type(value).__name__, str(value).encode("utf-8", "surrogatepass"))
        elif isinstance(value, PurePath):
            if value.is_absolute():  # where a run lies is no content: it is another place each time
                raise _NoDigest
            self._put("path", value.as_posix().encode("utf-8", "surrogatepass"))
        elif isinstance(value, float):
            self._put("float", struct.pack("<d", value))
        elif isinstance(value, bytes | bytearray):
            self._put("bytes", self._sample(memoryview(value)))
        elif isinstance(value, list | tuple):
            self._put("list", str(len(value)).encode())
            for item in self._some(value):
                self.add(item, depth + 1)
        elif isinstance(value, dict):
            self._put("dict", str(len(value)).encode())
            for key, item in self._some(list(value.items())):
                self.add(key, depth + 1)
                self.add(item, depth + 1)
        elif isinstance(value, set | frozenset):
            self.add(sorted(value, key=repr), depth)
        elif isinstance(value, range):
            self._put("range", f"{value.start}:{value.stop}:{value.step}".encode())
        elif isinstance(value, date | time | timedelta | Decimal):
            self._put(type(value).__name__, str(value).encode())
        else:
            self._object(value, depth)

    def _object(self, value: Any, depth: int) -> None:
        module = type(value).__module__.partition(".")[0]
        if callable(getattr(value, "state_dict", None)):  # torch modules and optimizers
            self._put("state_dict", type(value).__name__.encode())
            self.add(dict(value.state_dict()), depth + 1)
        elif module == "torch" and hasattr(value, "detach"):
            self._tensor(value.detach().cpu(), depth)
        elif module == "torch" and callable(getattr(value, "get_state", None)):  # a generator of random numbers
            self._put("generator", type(value).__name__.encode())
            self.add(value.get_state(), depth + 1)
        elif _is_a(value, "torch.utils.data", "DataLoader"):
            self._parts(value, ("dataset", "batch_size", "drop_last", "sampler", "generator"), depth)
        elif _is_a(value, "torch.utils.data", "Sampler"):  # not data_source, which is the dataset again
            known = {name: held for name, held in vars(value).items() if name not in ("data_source", "generator")}
            self._members(value, known, depth)
        elif _is_a(value, "torch.utils.data", "Dataset"):
            self._members(value, vars(value), depth)
        elif module == "torch" and type(value).__name__ in ("device", "dtype", "Size"):
            self._put("torch", str(value).encode())
        elif module == "pandas" and type(value).__name__ in ("NAType", "NaTType"):
            self._put("missing", type(value).__name__.encode())
        elif module == "pandas" and hasattr(value, "columns"):
            self.add([[str(name), value[name].to_numpy()] for name in value.columns], depth + 1)
        elif module == "pandas" and hasattr(value, "to_numpy"):
            self.add(value.to_numpy(), depth)
        elif module == "numpy" and hasattr(value, "dtype"):
            self._array(value, depth)
        elif module == "numpy" and isinstance(getattr(value, "str", None), str):
            self._put("dtype", value.str.encode())
        elif hasattr(value, "get_params") and hasattr(value, "__dict__"):  # scikit-learn estimators
            self._put("estimator", type(value).__name__.encode())
            self.add(dict(sorted(vars(value).items())), depth + 1)
        else:
            raise _NoDigest

    def _parts(self, value: Any, names: tuple[str, ...], depth: int) -> None:
        self._put("object", type(value).__name__.encode())
        for name in names:
            self.add(name, depth + 1)
            self.add(getattr(value, name, None), depth + 1)

    def _members(self, value: Any, members: dict[str, Any], depth: int) -> None:
        """Feed an object's attributes; one that has no digest, such as a transformation, by what it says of itself."""
        self._put("object", type(value).__name__.encode())
        for name, held in sorted(members.items()):
            self.add(name, depth + 1)
            own = _Hasher(whole=self.whole)
            own._items, own.placeless = self._items, True
            try:
                own.add(held, depth + 1)
                self._put("member", own.digest.digest())
            except _TooMany:
                raise
            except Exception:
                self._put("member", _words(held).encode("utf-8", "surrogatepass"))
            self._items, self.sampled = own._items, self.sampled or own.sampled

    def _some(self, items: Any) -> Any:
        if self.whole and len(items) > _MOST_ITEMS:
            raise _TooMany
        if self.whole or len(items) <= _SAMPLED_ITEMS:
            return items
        self.sampled = True
        return [items[i * (len(items) - 1) // (_SAMPLED_ITEMS - 1)] for i in range(_SAMPLED_ITEMS)]

    def _tensor(self, value: Any, depth: int) -> None:
        try:
            array = value.numpy()
        except TypeError:  # NumPy has no such type, as bfloat16
            self._put("tensor", f"{value.dtype}{tuple(value.shape)}".encode())
            array = value.reshape(-1).view(sys.modules["torch"].uint8).numpy()
        self.add(array, depth)

    def _array(self, value: Any, depth: int) -> None:
        if value.dtype.hasobject:
            self._put("objects", str(tuple(value.shape)).encode())
            self.add(list(self._some(value.reshape(-1))), depth + 1)
            return
        self._put("array", f"{value.dtype.str}{tuple(value.shape)}".encode())
        if value.nbytes > SAMPLED_ABOVE and not value.flags.c_contiguous and len(value) > _SAMPLES:
            # A view that is put in order is copied whole, and may be mapped from a file larger than the memory.
            self.sampled = True
            last = len(value) - 1
            value = value[[i * last // (_SAMPLES - 1) for i in range(_SAMPLES)]]
        # numpy.ascontiguousarray without importing NumPy: order="C" copies only when it must.
        flat = value.astype(value.dtype, order="C", copy=False).reshape(-1).view("u1")
        self._put("content", self._sample(memoryview(flat)))

    def _put(self, kind: str, content: Any) -> None:
        self.digest.update(f"{kind}:{len(content)}:".encode())
        self.digest.update(content)

    def _sample(self, view: memoryview) -> Any:
        size = len(view)
        if size <= SAMPLED_ABOVE:
            return view
        self.sampled = True
        starts = [i * (size - _SAMPLE_BYTES) // (_SAMPLES - 1) for i in range(_SAMPLES)]  # the last ends at the end
        return str(size).encode() + b"".join(view[start : start + _SAMPLE_BYTES] for start in starts)


def _words(value: object) -> str:
    try:
        said = repr(value)
    except Exception:
        said = ""
    return type(value).__name__ if " at 0x" in said else f"{type(value).__name__} {said}"


def _is_a(value: object, module: str, name: str) -> bool:
    """Return whether an object is of a class that this package does not import, or of one derived from it."""
    return any(cls.__name__ == name and str(cls.__module__).startswith(module) for cls in type(value).__mro__)
