"""What a run reads its batches from, whichever loader that is at the time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


class Source:
    """Stands for loaders of which there is a new one for each epoch, so that something can stand before all of them."""

    def read(self, begin: Callable[[], Iterator[Any]]) -> Iterator[Any]:
        """Begins a pass over a loader, which ``begin`` would do."""
        self._begin = begin
        return iter(self)

    def __iter__(self) -> Iterator[Any]:
        """A pass over the loader at hand; a further one begins anew."""
        return self._begin()
