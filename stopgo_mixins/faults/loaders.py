"""Lets something stand between a loader and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Pass:
    """One pass over a loader: an epoch, or a validation.

    Attributes:
        number: counted from 0 in each phase, from the first one of which a batch is read.
        batches: what the loader yields.
        again: begins another pass.
    """

    number: int
    batches: Iterator[Any]
    again: Callable[[], Iterator[Any]]


Change = Callable[[Pass], Iterator[Any]]
"""Makes the batches of a pass from those that the loader yields."""


def reading(loader: Any, change: Change) -> Any:
    """The same loader, whose passes yield what ``change`` makes of them.

    It stays the object that it is, of a subclass of its class made here, so that whoever asks for its length, sampler,
    position or type gets the answer of old.
    """
    original = type(loader)
    numbers = iter(range(2**63))

    def begin(self: Any) -> Iterator[Any]:
        # Begun at once, since that may draw random numbers; numbered once it is read, since not every pass is.
        return read(iter(original.__iter__(self)), lambda: iter(original.__iter__(self)))

    def read(batches: Iterator[Any], again: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        yield from change(Pass(next(numbers), batches, again))

    loader.__class__ = type(original.__name__, (original,), {"__iter__": begin, "__module__": original.__module__})
    return loader
