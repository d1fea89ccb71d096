"""The batches of a step that reads them itself: ``training_step(self, dataloader_iter)``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from typing_extensions import override

Item = tuple[Any, int, int]
"""Batch, its index in its loader, and the index of the loader, as Lightning's iterator yields them."""


class BatchIterator(Iterator[Item]):
    """Stands in for Lightning's iterator during one step, and tells of the batch that the step reads.

    Args:
        iterator: Lightning's.
        heard: is called with the batch and the two indices before the step gets them.
    """

    def __init__(self, iterator: Iterator[Item], heard: Callable[[Any, int, int], None]) -> None:
        self._iterator = iterator
        self._heard = heard
        self._read = 0

    @override
    def __next__(self) -> Item:
        item = next(self._iterator)
        self._read += 1
        if self._read == 1:
            self._heard(*item)
        return item

    def __getattr__(self, name: str) -> Any:
        return getattr(self._iterator, name)  # ``done``, ``fetched``, ``length``

    def check(self, step: str) -> None:
        """Looks back when the step has returned.

        Raises:
            TypeError: when it has not read exactly one batch: what was read ahead would be lost in an interruption.
        """
        if self._read != 1:
            raise TypeError(
                f"{step}(dataloader_iter) has read {self._read} batches: call next(dataloader_iter) exactly once in "
                "each step. No checkpoint holds a batch that was read ahead, so the run could never be resumed exactly."
            )


def is_batch_iterator(batch: object) -> bool:
    """Whether Lightning hands its iterator to the step instead of a batch."""
    return isinstance(batch, Iterator) and hasattr(batch, "data_fetcher")
