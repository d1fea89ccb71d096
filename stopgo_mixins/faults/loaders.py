"""Lets something stand between a loader and who reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, count, islice
from typing import Any


@dataclass(frozen=True)
class Pass:
    """One pass over a loader: an epoch, or a validation.

    Attributes:
        number: counted from 0 in each phase; a pass without a batch, such as the rest of an epoch that was over when
            the checkpoint was written, does not count.
        loader: over which it is.
        batches: what the loader yields.
        again: begins another pass.
    """

    number: int
    loader: Any
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
    numbers = count()

    def begin(self: Any) -> Iterator[Any]:
        # Begun at once, since that may draw random numbers; numbered once it is read, since not every pass is.
        return read(self, iter(original.__iter__(self)))

    def read(self: Any, batches: Iterator[Any]) -> Iterator[Any]:
        first = list(islice(batches, 1))
        if first:
            whole = chain(first, batches)
            yield from change(Pass(next(numbers), self, whole, lambda: iter(original.__iter__(self))))

    changed = type(original.__name__, (original,), {"__iter__": begin, "__module__": original.__module__})
    # As `loader.__class__ = changed`, also for a loader that says it is of another class and lets nobody set that.
    vars(object)["__class__"].__set__(loader, changed)
    return loader
