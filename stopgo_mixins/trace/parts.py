"""Takes tensors and arrays apart that are not one dense block of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

Parts = Iterator[tuple[str, object]]


def tensor_parts(tensor: torch.Tensor) -> Parts | None:
    """``(path, part)`` of everything that makes the tensor what it is; ``None`` for a dense one, which has no parts."""
    if tensor.is_nested:
        return ((f"[{index}]", part) for index, part in enumerate(tensor.unbind()))
    if hasattr(tensor, "to_local"):
        return _shared_parts(tensor)
    if tensor.is_quantized:
        return _quantized_parts(tensor)
    if tensor.is_mkldnn:
        return iter([(".layout", str(tensor.layout)), (".dense", tensor.to_dense())])
    if tensor.layout is not torch.strided:
        return _sparse_parts(tensor)
    return None


def _shared_parts(tensor: Any) -> Parts:
    """Of a ``DTensor``: this rank's share, and how the whole is laid out over the ranks."""
    yield ".placements", str(tensor.placements)
    yield ".size", tuple(tensor.shape)
    yield ".local", tensor.to_local()


def _sparse_parts(tensor: torch.Tensor) -> Parts:
    yield ".layout", str(tensor.layout)
    yield ".size", tuple(tensor.shape)
    if tensor.layout is torch.sparse_coo:
        yield ".indices", tensor._indices()
        yield ".values", tensor._values()
        return
    by_rows = tensor.layout in (torch.sparse_csr, torch.sparse_bsr)
    yield ".rows", tensor.crow_indices() if by_rows else tensor.row_indices()
    yield ".columns", tensor.col_indices() if by_rows else tensor.ccol_indices()
    yield ".values", tensor.values()


def _quantized_parts(tensor: torch.Tensor) -> Parts:
    yield ".dtype", str(tensor.dtype)
    yield ".scheme", str(tensor.qscheme())
    yield ".size", tuple(tensor.shape)  # several of the smallest integers share a byte
    yield ".integers", tensor.int_repr()
    if tensor.qscheme() in (torch.per_tensor_affine, torch.per_tensor_symmetric):
        yield ".scale", tensor.q_scale()
        yield ".zero_point", tensor.q_zero_point()
    else:
        yield ".axis", tensor.q_per_channel_axis()
        yield ".scales", tensor.q_per_channel_scales()
        yield ".zero_points", tensor.q_per_channel_zero_points()


def array_parts(array: np.ndarray[Any, Any] | np.generic) -> Parts | None:
    """``(path, part)`` of a masked array or one with named fields, whose bytes include padding, or of one of objects.

    ``None`` for any other, which has no parts.
    """
    if isinstance(array, np.ma.MaskedArray):
        return iter([(".data", array.data), (".mask", np.broadcast_to(array.mask, array.shape))])
    if array.dtype.names is not None:
        whole = np.asarray(array)
        return ((f"[{name!r}]", whole[name]) for name in array.dtype.names)
    if array.dtype.hasobject:
        return iter([("", array.tolist())])
    return None
