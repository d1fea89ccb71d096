"""Goes from a run's objects to all that they hold, nearest first, each object once."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from stopgo_mixins.recorders.reach.parts import Parts, parts_of
from stopgo_mixins.recorders.reach.readings import Clocks, Unread, reading

MAX_VALUES = 20_000
"""That are read in one walk; what is farther away is left alone."""


class Walk:
    """One walk, at one moment of the run.

    Args:
        roots: where it begins, by name.
        further: where it goes on once all of that was seen, so that what both lead to is named by the former.
        owned: ids of what another metric records; it goes past these.
        saved: id of an object -> names of its attributes that another metric records.
        clocks: since when the phase runs.

    Attributes:
        left_alone: paths of what was not read because it is too large or too far away, with the reason.
    """

    def __init__(
        self,
        roots: Mapping[str, object],
        owned: Collection[int],
        saved: Mapping[int, Collection[str]],
        clocks: Clocks,
        further: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.left_alone: dict[str, str] = {}
        self._ahead = deque(roots.items())
        self._further = deque(further.items())
        self._owned, self._saved, self._clocks = owned, saved, clocks
        self._seen: dict[int, object] = {}  # and held: an id may be given again

    def values(self) -> Iterator[tuple[str, object]]:
        """Yields ``(path, what is recorded of it)`` of each value on the way."""
        count = 0
        while self._ahead or self._further:
            path, value = (self._ahead or self._further).popleft()
            if id(value) in self._owned:
                continue
            read = self._read(path, value)
            if isinstance(read, Unread):
                continue
            yield path, read
            count += 1
            if count == MAX_VALUES:
                self.left_alone[path] = f"and all that is farther away: {MAX_VALUES} values were read"
                return

    def _read(self, path: str, value: object) -> object | Unread:
        """What is recorded of a value; of one that holds others, these are ahead."""
        try:
            read = reading(value, self._clocks)
            if read is Unread.NO_VALUE and id(value) not in self._seen:
                self._seen[id(value)] = value
                self._ahead.extend((path + name, part) for name, part in self._parts(value))
        except Exception as error:  # an object of the user's may raise anything, and the run goes on
            self.left_alone[path] = f"{type(error).__name__} as it was read: {error}"
            return Unread.NOT_COMPARABLE
        if read is Unread.TOO_LARGE:
            self.left_alone[path] = str(read.value)
        return read

    def _parts(self, value: object) -> Parts:
        names = {f".{name}" for name in self._saved.get(id(value), ())}
        return ((name, part) for name, part in parts_of(value) if name not in names)
