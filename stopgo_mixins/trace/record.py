"""What a record is: one leaf of a recorded value, under its key."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from stopgo_mixins.events import Moment

if TYPE_CHECKING:
    from collections.abc import Callable

Scalar = bool | int | float | str | None

XXH3 = "xxh3-128"
"""The algorithm of digests that are computed in the memory of the host."""


class Key(NamedTuple):
    """Identifies a record within one metric and rank; records are aligned by it, never by position in a list.

    Attributes:
        step: k of *state k* or *behaviour k*.
        moment: where in the training loop.
        ordinal: the count within the step, by the trainer's own progress.
        path: the leaf inside the recorded value, such as ``['net.0.weight']['exp_avg']``.
    """

    step: int
    moment: Moment
    ordinal: tuple[int, ...]
    path: str

    @property
    def order(self) -> tuple[int, int, tuple[int, ...]]:
        """Sorts keys in training order."""
        return self.step, self.moment.order, self.ordinal


@dataclass(frozen=True, slots=True)
class Leaf:
    """The identity of a recorded leaf; two leaves are equal if and only if these fields are.

    Attributes:
        kind: ``"tensor"``, ``"array"``, or the name of a Python scalar type.
        dtype: of a tensor or array, else empty.
        shape: of a tensor or array, else empty.
        device: the device *type* of a tensor (``"cpu"``, ``"cuda"``), else empty.
        digest: 128 bits of the bytes, as 32 hexadecimal digits.
        scalar: the value itself for a Python scalar, of which the digest is one, too.
        algorithm: of the digest; those of two algorithms have nothing to say to each other.
    """

    kind: str
    dtype: str
    shape: tuple[int, ...]
    device: str
    digest: str
    scalar: Scalar = field(default=None, compare=False)  # NaN would differ from itself
    algorithm: str = XXH3

    @property
    def form(self) -> tuple[str, str, tuple[int, ...], str]:
        """Everything but the numbers."""
        return self.kind, self.dtype, self.shape, self.device

    @property
    def rows(self) -> int | None:
        """How long the first dimension of a tensor or array is; ``None`` where there is none."""
        return self.shape[0] if self.dtype and self.shape else None


@dataclass(frozen=True)
class Record:
    """A leaf under its key, with access to its bytes where they were kept.

    Attributes:
        key: which record it is.
        rank: the global rank that recorded it.
        leaf: what was recorded.
        provoked: see :class:`stopgo_mixins.events.Position`.
        read_bytes: returns the bytes of a tensor or array, or ``None`` where the byte budget had no room for them;
            raises a :class:`~stopgo_mixins.exceptions.TraceError` where they are no longer those that were recorded.
    """

    key: Key
    rank: int
    leaf: Leaf
    provoked: bool
    read_bytes: Callable[[], bytes | None]
