"""Takes a nested value apart into leaves with stable paths."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

import numpy as np
import torch

from stopgo_mixins.exceptions import UnsupportedValueError
from stopgo_mixins.trace.digest import digest_bytes, tensor_bytes
from stopgo_mixins.trace.parts import array_parts, tensor_parts
from stopgo_mixins.trace.record import Leaf, Scalar

EMPTY = "empty container"


def snapshot(value: object, path: str = "") -> Iterator[tuple[str, Leaf, bytes | memoryview]]:
    """Yields ``(path, leaf, bytes)`` for every leaf of ``value``.

    The bytes may alias live memory: the caller writes them before it lets training go on.
    Mappings, sequences, named tuples, dataclasses, sets, sparse, quantized, nested and distributed tensors, masked and
    structured arrays, and generators are taken apart; an empty container is a leaf of its own.
    The paths are the structure: a list equals a tuple of the same elements, and a mapping has no order.

    Raises:
        UnsupportedValueError: for anything whose value cannot be compared bit by bit.
    """
    children = _children(value, path)
    if children is None:
        yield path, *_leaf(value, path)
        return
    empty = True
    for name, child in children:
        empty = False
        yield from snapshot(child, path + name)
    if empty:
        yield path, Leaf(EMPTY, _family(value), (), "", ""), b""


def _children(value: object, path: str) -> Iterator[tuple[str, object]] | None:
    if isinstance(value, torch.Tensor):
        return tensor_parts(value)
    if isinstance(value, np.ndarray | np.generic):
        return array_parts(value)
    if isinstance(value, torch.Generator):
        return iter([(".state", value.get_state())])
    if isinstance(value, Mapping):
        return ((f"[{_mapping_key(key, path)!r}]", child) for key, child in value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ((f".{name}", getattr(value, name)) for name in value._fields)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return ((f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Set):
        return ((f"[{index}]", child) for index, child in enumerate(sorted(value, key=repr)))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return ((f"[{index}]", child) for index, child in enumerate(value))
    return None


_KEYS = str | bytes | bool | int | float | None | np.generic | torch.dtype | torch.device | type


def _mapping_key(key: object, path: str) -> object:
    """The key as its path shows it: only what prints the same in every process."""
    if isinstance(key, tuple):
        return tuple(_mapping_key(part, path) for part in key)
    if isinstance(key, enum.Enum):
        return _mapping_key(key.value, path)
    if not isinstance(key, _KEYS):
        raise _unsupported(
            key, path, "as a mapping's key: another process would write it differently. Use strings or numbers"
        )
    return key


def _family(container: object) -> str:
    families = {"mapping": Mapping, "sequence": Sequence, "set": Set}
    return next((name for name, kind in families.items() if isinstance(container, kind)), type(container).__name__)


def _leaf(value: Any, path: str) -> tuple[Leaf, bytes | memoryview]:
    if isinstance(value, torch.Tensor):
        return _tensor_leaf(value, path)
    if isinstance(value, np.ndarray | np.generic):
        return _array_leaf(np.asarray(value), path)
    if isinstance(value, bytes | bytearray):
        return Leaf("bytes", "", (len(value),), "", digest_bytes(bytes(value))), bytes(value)
    kind, scalar = _scalar(value, path)
    return Leaf(kind, "", (), "", digest_bytes(repr(scalar).encode()), scalar), b""


_WRITTEN_OUT = {"complex": complex, "dtype": torch.dtype, "device": torch.device}


def _scalar(value: Any, path: str) -> tuple[str, Scalar]:
    """A kind, and what two equal scalars of that kind have in common; a subclass's own ``repr`` has no say."""
    if value is None:
        return "None", None
    if isinstance(value, enum.Enum):  # combined flags have no name on Python 3.10
        name = value.value if isinstance(value, enum.Flag) else value.name
        return "enum", f"{type(value).__name__}.{name}"
    for plain in (bool, int, float, str):
        if isinstance(value, plain):
            return plain.__name__, plain(value)
    for kind, written_out in _WRITTEN_OUT.items():
        if isinstance(value, written_out):
            return kind, str(value)
    raise _unsupported(
        value,
        path,
        "whose value cannot be compared bit by bit. Record tensors, arrays, numbers, strings, or "
        "containers and dataclasses of them",
    )


def _tensor_leaf(tensor: torch.Tensor, path: str) -> tuple[Leaf, memoryview]:
    if tensor.device.type == "meta":
        raise _unsupported(tensor, path, "on the meta device: it has no values")
    try:
        data = tensor_bytes(tensor)
    except (RuntimeError, TypeError, ValueError) as error:  # what torch raises for a subclass without memory of its own
        reason = f"whose bytes cannot be read ({error}). Record the tensors that it is made of"
        raise _unsupported(tensor, path, reason) from error
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Leaf("tensor", dtype, tuple(tensor.shape), tensor.device.type, digest_bytes(data)), data


def _array_leaf(array: np.ndarray[Any, Any], path: str) -> tuple[Leaf, bytes]:
    if array.dtype.hasobject:
        raise _unsupported(array, path, "of Python objects. Record a list of them")
    if array.dtype.char in "gG":
        raise _unsupported(
            array, path, f"of {array.dtype}, whose bytes include padding. Record it as float64 or complex128"
        )
    data = np.ascontiguousarray(array).tobytes()
    return Leaf("array", array.dtype.str, array.shape, "", digest_bytes(data)), data


def _unsupported(value: object, path: str, reason: str) -> UnsupportedValueError:
    where = f" at {path}" if path else ""
    name = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
    return UnsupportedValueError(f"cannot record a {name}{where} {reason}.")
