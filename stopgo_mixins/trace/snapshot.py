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
from stopgo_mixins.trace.record import Leaf

EMPTY = "empty container"


def snapshot(value: object, path: str = "") -> Iterator[tuple[str, Leaf, bytes | memoryview]]:
    """Yields ``(path, leaf, bytes)`` for every leaf of ``value``.

    The bytes may alias live memory: the caller writes them before it lets training go on.
    Mappings, sequences, named tuples, dataclasses, sets, sparse, quantized and nested tensors and generators are
    taken apart; an empty container is a leaf of its own.

    Raises:
        UnsupportedValueError: for anything whose value cannot be compared bit by bit.
    """
    children = _children(value)
    if children is None:
        yield path, *_leaf(value, path)
        return
    empty = True
    for name, child in children:
        empty = False
        yield from snapshot(child, path + name)
    if empty:
        yield path, Leaf(EMPTY, type(value).__name__, (), "", ""), b""


def _children(value: object) -> Iterator[tuple[str, object]] | None:
    if isinstance(value, torch.Tensor):
        return _tensor_parts(value)
    if isinstance(value, torch.Generator):
        return iter([(".state", value.get_state())])
    if isinstance(value, Mapping):
        return ((f"[{_mapping_key(key)!r}]", child) for key, child in value.items())
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return ((f".{name}", getattr(value, name)) for name in value._fields)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return ((f".{field.name}", getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Set):
        return ((f"[{index}]", child) for index, child in enumerate(sorted(value, key=repr)))
    if isinstance(value, Sequence) and not isinstance(value, str | bytes | bytearray):
        return ((f"[{index}]", child) for index, child in enumerate(value))
    return None


def _mapping_key(key: object) -> object:
    return key.value if isinstance(key, enum.Enum) else key


def _tensor_parts(tensor: torch.Tensor) -> Iterator[tuple[str, object]] | None:
    """The dense parts of a tensor that is not one dense block, ``None`` for one that is."""
    if tensor.is_nested:
        return ((f"[{index}]", part) for index, part in enumerate(tensor.unbind()))
    if tensor.is_quantized:
        return _quantized_parts(tensor)
    if tensor.layout is torch.sparse_coo:
        return iter([(".size", tuple(tensor.shape)), (".indices", tensor._indices()), (".values", tensor._values())])
    if tensor.layout in (torch.sparse_csr, torch.sparse_bsr):
        rows, columns = tensor.crow_indices(), tensor.col_indices()
    elif tensor.layout in (torch.sparse_csc, torch.sparse_bsc):
        rows, columns = tensor.row_indices(), tensor.ccol_indices()
    else:
        return None
    size = tuple(tensor.shape)
    return iter([(".size", size), (".rows", rows), (".columns", columns), (".values", tensor.values())])


def _quantized_parts(tensor: torch.Tensor) -> Iterator[tuple[str, object]]:
    yield ".dtype", str(tensor.dtype)
    yield ".integers", tensor.int_repr()
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        yield ".scale", tensor.q_scale()
        yield ".zero_point", tensor.q_zero_point()
    else:
        yield ".scales", tensor.q_per_channel_scales()
        yield ".zero_points", tensor.q_per_channel_zero_points()


def _leaf(value: Any, path: str) -> tuple[Leaf, bytes | memoryview]:
    if isinstance(value, torch.Tensor):
        return _tensor_leaf(value, path)
    if isinstance(value, np.ndarray | np.generic):
        return _array_leaf(np.asarray(value), path)
    if isinstance(value, enum.Enum):
        value = f"{type(value).__name__}.{value.name}"
    if isinstance(value, torch.dtype | torch.device | complex):
        value = str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return Leaf(_scalar_kind(value), "", (), "", digest_bytes(repr(value).encode()), value), b""
    if isinstance(value, bytes | bytearray):
        return Leaf("bytes", "", (len(value),), "", digest_bytes(bytes(value))), bytes(value)
    where = f" at {path}" if path else ""
    raise UnsupportedValueError(
        f"cannot record a {type(value).__module__}.{type(value).__qualname__}{where}: its value cannot be compared bit "
        "by bit. Record tensors, arrays, numbers, strings, or containers and dataclasses of them."
    )


def _scalar_kind(value: bool | int | float | str | None) -> str:
    # A subclass of int or str (numpy aside) is recorded as what it equals.
    return next((kind.__name__ for kind in (bool, int, float, str) if isinstance(value, kind)), "None")


def _tensor_leaf(tensor: torch.Tensor, path: str) -> tuple[Leaf, memoryview]:
    if tensor.device.type == "meta":
        raise UnsupportedValueError(f"cannot record the meta tensor at {path or 'the top'}: it has no values.")
    data = tensor_bytes(tensor)
    dtype = str(tensor.dtype).removeprefix("torch.")
    return Leaf("tensor", dtype, tuple(tensor.shape), tensor.device.type, digest_bytes(data)), data


def _array_leaf(array: np.ndarray[Any, Any], path: str) -> tuple[Leaf, bytes]:
    if array.dtype.hasobject:
        raise UnsupportedValueError(f"cannot record the array of Python objects at {path or 'the top'}.")
    data = np.ascontiguousarray(array).tobytes()
    return Leaf("array", array.dtype.str, array.shape, "", digest_bytes(data)), data
