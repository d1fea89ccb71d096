"""Makes leaves of what is not taken apart: a dense tensor or array, bytes, a number, a text."""

from __future__ import annotations

import datetime
import decimal
import enum
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from torch.nn.parameter import is_lazy

from stopgo_mixins.trace.device_digest import ALGORITHM, device_digests
from stopgo_mixins.trace.digest import digest_bytes, tensor_bytes
from stopgo_mixins.trace.record import Leaf, Scalar

UNINITIALIZED = "uninitialized tensor"
"""The kind of a lazy module's parameter or buffer before its first batch: there are no numbers yet."""


class UnreadableError(Exception):
    """A value cannot be recorded; the text completes "a <class> ..."."""


_DIGESTS_ITSELF = "cuda"
"""The type of device whose tensors are digested where they lie."""


class OnDevice:
    """The bytes of a tensor that have not left the memory of a GPU.

    Args:
        tensor: which may be live.
    """

    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()

    def __len__(self) -> int:
        return self.tensor.numel() * self.tensor.element_size()


Bytes = bytes | memoryview | OnDevice
"""Those of a leaf; they may alias live memory."""


def in_memory(data: Bytes) -> bytes | memoryview:
    """The same in the memory of the host."""
    return tensor_bytes(data.tensor) if isinstance(data, OnDevice) else data


def is_on_device(value: object) -> bool:
    """Whether it is a dense tensor that is digested where it lies; others are copied to the host for it."""
    return isinstance(value, torch.Tensor) and value.device.type == _DIGESTS_ITSELF and not is_lazy(value)


def device_leaves(tensors: Sequence[torch.Tensor]) -> list[tuple[Leaf, Bytes]]:
    """The leaves of dense tensors of one device, all digested in one go."""
    return [
        (Leaf("tensor", _dtype(tensor), tuple(tensor.shape), tensor.device.type, digest, algorithm=ALGORITHM), data)
        for tensor, digest in zip(tensors, device_digests(tensors), strict=True)
        for data in [OnDevice(tensor)]
    ]


def leaf_of(value: Any) -> tuple[Leaf, Bytes]:
    """The leaf of a tensor, an array or one of :data:`PLAIN`, and its bytes.

    Raises:
        UnreadableError: when it has no bytes that could be compared.
    """
    if is_on_device(value):
        return device_leaves([value])[0]
    if isinstance(value, torch.Tensor):
        return _tensor_leaf(value)
    if isinstance(value, np.ndarray | np.generic):
        return _array_leaf(np.asarray(value))
    if isinstance(value, bytes | bytearray):
        return Leaf("bytes", "", (len(value),), "", digest_bytes(bytes(value))), bytes(value)
    kind, scalar = _scalar(value)
    return Leaf(kind, "", (), "", digest_bytes(repr(scalar).encode()), scalar), b""


_WRITTEN_OUT = {
    "complex": (complex,),
    "decimal": (decimal.Decimal,),
    "dtype": (torch.dtype, np.dtype),
    "layout": (torch.layout, torch.memory_format),
    "device": (torch.device,),
    "path": (PurePath,),
    "time": (datetime.date, datetime.time, datetime.timedelta),
}
"""Kind -> classes whose ``str`` is their value."""

_NUMBERS_AND_TEXT = (bool, int, float, str)
PLAIN: tuple[type, ...] = (
    *(type(None), enum.Enum, bytes, bytearray, *_NUMBERS_AND_TEXT),
    *(kind for kinds in _WRITTEN_OUT.values() for kind in kinds),
)
"""What is a leaf beside tensors and arrays."""


def _scalar(value: Any) -> tuple[str, Scalar]:
    """A kind, and what two equal scalars of that kind have in common; a subclass's own ``repr`` has no say."""
    if value is None:
        return "None", None
    if isinstance(value, enum.Enum):  # combined flags have no name on Python 3.10
        name = value.value if isinstance(value, enum.Flag) else value.name
        return "enum", f"{type(value).__name__}.{name}"
    for plain in _NUMBERS_AND_TEXT:
        if isinstance(value, plain):
            return plain.__name__, plain(value)
    return next(kind for kind, written_out in _WRITTEN_OUT.items() if isinstance(value, written_out)), str(value)


def _tensor_leaf(tensor: torch.Tensor) -> tuple[Leaf, memoryview]:
    if is_lazy(tensor):
        return Leaf(UNINITIALIZED, _dtype(tensor), (), tensor.device.type, digest_bytes(b"")), memoryview(b"")
    if tensor.device.type == "meta":
        raise UnreadableError("on the meta device: it has no values")
    try:
        data = tensor_bytes(tensor)
    except (RuntimeError, TypeError, ValueError) as error:  # what torch raises for a subclass without memory of its own
        reason = f"whose bytes cannot be read ({error}). Record the tensors that it is made of"
        raise UnreadableError(reason) from error
    return Leaf("tensor", _dtype(tensor), tuple(tensor.shape), tensor.device.type, digest_bytes(data)), data


def _dtype(tensor: torch.Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _array_leaf(array: np.ndarray[Any, Any]) -> tuple[Leaf, bytes]:
    if array.dtype.char in "gG":
        raise UnreadableError(f"of {array.dtype}, whose bytes include padding. Record it as float64 or complex128")
    data = np.ascontiguousarray(array).tobytes()
    return Leaf("array", array.dtype.str, array.shape, "", digest_bytes(data)), data
