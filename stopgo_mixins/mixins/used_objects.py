"""Which objects the phases of a class have been given, so that none gets those of another."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Iterator, Mapping


class UsedObjects:
    """Remembers what a phase was given, for as long as it lives."""

    def __init__(self) -> None:
        self._taken: list[tuple[weakref.ref[object], Hashable]] = []

    def take(self, part: object, phase: Hashable) -> bool:
        """Notes that a phase uses an object; ``False`` where another phase has had it."""
        if any(taken() is part for taken, by in self._taken if by != phase):
            return False
        self._taken.append((weakref.ref(part), phase))
        return True


def stateful_parts(model: object, data: object, optimizer: object = None) -> Iterator[tuple[str, object]]:
    """What a phase changes: the model, the data or each of its loaders, the optimizer; plain values have no state."""
    several = data.values() if isinstance(data, Mapping) else data if isinstance(data, tuple) else [data]
    parts = [("model", model), *(("data", each) for each in several), ("optimizer", optimizer)]
    return ((name, part) for name, part in parts if hasattr(part, "__weakref__"))
