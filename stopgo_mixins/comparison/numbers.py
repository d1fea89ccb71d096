"""The numbers of two records: whether they agree, and how far they lie apart."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.trace.record import Record

_KNOWS_NAN = (torch.float32, torch.float64, torch.bfloat16, torch.float16)
"""The dtypes in which torch finds NaN itself."""

_INTEGER_OF_SIZE = {1: torch.int8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


def values_of(record: Record) -> torch.Tensor | None:
    """The numbers of a record as a tensor of its own, or ``None`` where they were not kept or are not numbers to torch.

    Those are strings and dates, and packed dtypes that torch can store but not compute with.
    """
    leaf = record.leaf
    if leaf.kind in ("bool", "int", "float") and isinstance(leaf.scalar, bool | int | float):
        return _scalar(leaf.scalar)
    if leaf.kind not in ("tensor", "array"):
        return None
    data = record.read_bytes()
    if data is None:
        return None
    if leaf.kind == "array":
        return _array(np.frombuffer(data, dtype=leaf.dtype).reshape(leaf.shape))
    dtype: torch.dtype = getattr(torch, leaf.dtype)
    if not _computes_with(dtype):
        return None
    flat = torch.frombuffer(bytearray(data), dtype=torch.uint8) if data else torch.empty(0, dtype=torch.uint8)
    return flat.view(dtype).reshape(leaf.shape)


def _scalar(value: bool | int | float) -> torch.Tensor | None:
    if isinstance(value, int) and value.bit_length() > 63:  # noqa: PLR2004 - the bits of an int64
        return None
    return torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else None)


def _array(array: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> torch.Tensor | None:
    try:
        return torch.from_numpy(array.astype(array.dtype.newbyteorder("=")))
    except TypeError:  # a dtype that torch does not have, such as strings or dates
        return None


@functools.cache
def _computes_with(dtype: torch.dtype) -> bool:
    try:
        widened(torch.empty(1, dtype=dtype))
    except NotImplementedError:
        return False
    return True


def agree(actual: Record, expected: Record, tolerance: Tolerance | None) -> bool:
    """Whether two records with different digests are equal all the same.

    They are where every element has the same bits or both are NaN, or lies within the tolerance.
    Forms (kind, dtype, shape, device type) must be equal, and the values must have been kept.
    """
    if actual.leaf.form != expected.leaf.form:
        return False
    if actual.leaf.algorithm != expected.leaf.algorithm and _same_bytes(actual, expected):
        return True
    ours, theirs = values_of(actual), values_of(expected)
    if ours is None or theirs is None or not (ours.is_floating_point() or ours.is_complex()):
        return False
    equal = equal_elements(ours, theirs)
    if tolerance is not None and not tolerance.is_bitwise:
        wide, other = widened(ours), widened(theirs)
        equal |= torch.isclose(wide, other, rtol=tolerance.rtol, atol=tolerance.atol, equal_nan=True)
    return bool(equal.all())


def _same_bytes(actual: Record, expected: Record) -> bool:
    """Whether the values were kept and are equal; digests of two algorithms have nothing to say to each other."""
    data = actual.read_bytes()
    return data is not None and data == expected.read_bytes()


def equal_elements(ours: torch.Tensor, theirs: torch.Tensor) -> torch.Tensor:
    """Elementwise: the same bits, or NaN on both sides; 0.0 and -0.0 differ, as do the parts of a complex number."""
    if ours.is_complex():
        return equal_elements(torch.view_as_real(ours), torch.view_as_real(theirs)).all(-1)
    integer = _INTEGER_OF_SIZE[ours.element_size()]
    equal = ours.view(integer) == theirs.view(integer)
    nan = is_nan(ours)
    return equal | (nan & is_nan(theirs)) if bool(nan.any()) else equal


def is_nan(values: torch.Tensor) -> torch.Tensor:
    """Elementwise NaN of any floating or complex dtype; all false for integers."""
    if not (values.is_floating_point() or values.is_complex()):
        return torch.zeros_like(values, dtype=torch.bool)
    return torch.isnan(values if values.dtype in _KNOWS_NAN else widened(values))


def widened(values: torch.Tensor) -> torch.Tensor:
    """As float64 or complex128, in which every smaller dtype is exact."""
    return values.to(torch.complex128 if values.is_complex() else torch.float64)


@dataclass(frozen=True)
class Distance:
    """How far two tensors of one form lie apart, at the element where they do most.

    Attributes:
        index: of that element.
        actual: the interrupted run's number, in as few digits as tell it from its neighbours.
        expected: the continuous run's number, likewise.
        absolute: ``|actual - expected|``.
        relative: the same, over ``|expected|``; ``None`` where that is 0, or either is not finite.
        ulps: how many representable numbers lie between them; ``None`` where that says nothing: for what is no finite
            float, and across zero or from it, since the floats are densest there.
        differing: how many elements differ.
        total: how many there are.
    """

    index: tuple[int, ...]
    actual: str
    expected: str
    absolute: float
    relative: float | None
    ulps: int | None
    differing: int
    total: int


def distance(actual: Record, expected: Record) -> Distance | None:
    """The distance of two records of one form, or ``None`` where their numbers were not kept."""
    if actual.leaf.form != expected.leaf.form:
        return None
    ours, theirs = values_of(actual), values_of(expected)
    if ours is None or theirs is None or ours.numel() == 0:
        return None
    wide, other = widened(ours), widened(theirs)
    gap = (wide - other).abs()
    differs = ~equal_elements(ours, theirs)
    gap = torch.where(gap.isnan(), torch.inf, gap)
    flat = int(torch.where(differs, gap, -1.0).reshape(-1).argmax())
    index = tuple(int(i) for i in np.unravel_index(flat, tuple(ours.shape))) if ours.ndim else ()
    magnitude = float(other[index].abs())
    absolute = float(gap[index])
    return Distance(
        index,
        _shortest(ours[index]),
        _shortest(theirs[index]),
        absolute,
        absolute / magnitude if magnitude and math.isfinite(absolute) else None,
        _ulps(ours[index], theirs[index]),
        int(differs.sum()),
        ours.numel(),
    )


def _shortest(value: torch.Tensor) -> str:
    number = value.item()
    if not isinstance(number, float):
        return str(number)
    texts = (f"{number:.{digits}g}" for digits in range(1, 17))
    return next(
        (text for text in texts if torch.tensor(float(text), dtype=torch.float64).to(value.dtype).item() == number),
        repr(number),
    )


def _ulps(ours: torch.Tensor, theirs: torch.Tensor) -> int | None:
    """The number of steps between neighbouring floats of one sign; the bits of a float count them."""
    if not ours.is_floating_point():
        return None
    wide, other = widened(ours), widened(theirs)
    if not (torch.isfinite(wide) and torch.isfinite(other)) or not bool(wide.sign() * other.sign() > 0):
        return None
    integer = _INTEGER_OF_SIZE[ours.element_size()]
    return abs(int(ours.view(integer)) - int(theirs.view(integer)))
