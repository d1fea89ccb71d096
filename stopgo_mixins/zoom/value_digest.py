"""Digests of what operators read and make."""

from __future__ import annotations

import ctypes

import torch

from stopgo_mixins.trace.digest import digest_bytes, tensor_bytes
from stopgo_mixins.trace.snapshot import Unreadable, snapshot

_COPIED = 2**16
"""Up to so many bytes, copying them is faster than everything that it takes not to."""

_DENSE = (torch.Tensor, torch.nn.Parameter)


def value_digest(value: object) -> str:
    """Two values have the same one if they are the same in dtype, shape and every bit; a number is its own."""
    if not isinstance(value, torch.Tensor):
        return repr(value)
    return f"{value.dtype}{tuple(value.shape)} {_of_bytes(value)}"


def _of_bytes(tensor: torch.Tensor) -> str:
    if type(tensor) not in _DENSE or tensor.layout is not torch.strided or tensor.is_quantized:
        return _of_parts(tensor)
    size = tensor.numel() * tensor.element_size()
    if size > _COPIED or not tensor.is_cpu or not tensor.is_contiguous() or tensor.is_conj() or tensor.is_neg():
        return digest_bytes(tensor_bytes(tensor))
    return digest_bytes(ctypes.string_at(tensor.data_ptr(), size))


def _of_parts(tensor: torch.Tensor) -> str:
    """Of a sparse, quantized or nested one, and one of a class of somebody's own."""
    return " ".join(
        f"{path} {'not read' if isinstance(leaf, Unreadable) else leaf.digest}" for path, leaf, _ in snapshot(tensor)
    )
