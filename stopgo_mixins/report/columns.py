"""The steps of a run as the columns of a picture."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass

MOST_COLUMNS = 50
"""A longer run shares its columns among its steps, so that its report is no larger."""


@dataclass(frozen=True)
class Columns:
    """Columns from step 0 to the last, one for each step where there is room.

    Attributes:
        firsts: the first step of each.
        last: the last step of the last.
        resumed_at: the resume points, each of which has a column of its own.
    """

    firsts: tuple[int, ...]
    last: int
    resumed_at: tuple[int, ...]

    @classmethod
    def of(cls, num_steps: int, resumed_at: Collection[int]) -> Columns:
        """Those of a run of so many updates."""
        width = -(-(num_steps + 1) // MOST_COLUMNS)
        own = {step for point in resumed_at for step in (point, point + 1)} if width > 1 else set()
        firsts = {*range(0, num_steps + 1, width), *own}
        return cls(tuple(sorted(step for step in firsts if step <= num_steps)), num_steps, tuple(sorted(resumed_at)))

    def __len__(self) -> int:
        return len(self.firsts)

    def of_step(self, step: int) -> int:
        """The number of the column in which a step is."""
        return max(bisect_right(self.firsts, step) - 1, 0)

    def name(self, column: int) -> str:
        """Its step, or its first and last."""
        first = self.firsts[column]
        last = self.firsts[column + 1] - 1 if column + 1 < len(self) else self.last
        return str(first) if first == last else f"{first}-{last}"
