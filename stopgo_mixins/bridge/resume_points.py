"""Which states of a run are those near a resume point, its own or that of a run that is compared with it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.interruption import Interruption, Progress


class ResumePoints:
    """Counts states from the beginning of a phase, and anew from each place where a leg is interrupted.

    Args:
        interruptions: all such places.
    """

    def __init__(self, interruptions: Iterable[Interruption]) -> None:
        self._ahead = list(interruptions)
        self._since = -1

    def begin(self, progress: Progress) -> None:
        """The phase begins here, after what lies behind it."""
        self.come_past(progress)
        self._since = -1

    def come_past(self, progress: Progress) -> None:
        """The run is where a checkpoint can be written."""
        ahead = [interruption for interruption in self._ahead if not interruption.is_passed(progress)]
        if len(ahead) < len(self._ahead):
            self._since = -1
        self._ahead = ahead

    def next_state(self) -> int:
        """Counts a state: 0 for the first, and for the first behind a place."""
        self._since += 1
        return self._since
