"""Which leaves of a value are recorded, and a word about those that are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from stopgo_mixins.trace.leaves import Bytes
from stopgo_mixins.trace.record import Leaf
from stopgo_mixins.trace.snapshot import Unreadable, snapshot

LeftOut = Mapping[str, Mapping[str, str]]
"""Metric -> path -> why it is not recorded; with it goes what lies inside of it."""


class Selection:
    """Selects for one phase, and notes once what it leaves out and what cannot be read.

    Args:
        left_out: what the class leaves out.
        note: is called with ``what=`` in words, ``metric=``, and ``left_out=`` (the path as the class wrote it) or
            ``unreadable=`` (in words).
    """

    def __init__(self, left_out: LeftOut, note: Callable[..., None]) -> None:
        self._left_out = left_out
        self._note = note
        self._noted: set[tuple[object, ...]] = set()

    def leaves(self, metric: str, value: object, path: str) -> Iterator[tuple[str, Leaf, Bytes]]:
        """Yields ``(path, leaf, bytes)`` of everything in ``value`` that is recorded."""
        reasons = self._left_out.get(metric, {})
        for found, leaf, data in snapshot(value, path):
            above = next((left_out for left_out in reasons if _is_below(found, left_out)), None) if reasons else None
            if above is not None:
                self._note_once(metric, above, f"left out: {reasons[above]}", left_out=above)
            elif isinstance(leaf, Unreadable):
                self._note_once(metric, found, str(leaf), unreadable=str(leaf))
            else:
                yield found, leaf, data

    def _note_once(self, metric: str, path: str, why: str, **about: str) -> None:
        key = metric, *about.items()  # of what cannot be read for the same reason, the first path
        if key not in self._noted:
            self._noted.add(key)
            self._note(what=f"{metric} {path or 'as a whole'} ({why})", metric=metric, **about)


def _is_below(path: str, above: str) -> bool:
    """Whether a path is another one, or leads inside of that."""
    return path == above or (path.startswith(above) and path[len(above)] in "[.(")
