"""How far two numbers may lie apart."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """Accepts ``|interrupted - continuous| <= atol + rtol * |continuous|``; everything else stays bitwise.

    Args:
        rtol: relative tolerance, at least 0.
        atol: absolute tolerance in the unit of the metric, at least 0.

    Raises:
        ValueError: for a negative or non-finite tolerance.
    """

    rtol: float = 0.0
    atol: float = 0.0

    def __post_init__(self) -> None:
        for name in ("rtol", "atol"):
            value = getattr(self, name)
            if not math.isfinite(value) or value < 0:
                raise ValueError(f"Tolerance({name}={value!r}): a tolerance is a finite number of at least 0.")

    @property
    def is_bitwise(self) -> bool:
        """Whether nothing but equality is accepted."""
        return self.rtol == 0 and self.atol == 0
