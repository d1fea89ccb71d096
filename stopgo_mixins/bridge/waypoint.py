"""Places that a run passes, leaving behind what a run that was interrupted there would have left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stopgo_mixins.interruption import Interruption, Progress


@dataclass(frozen=True)
class Waypoint:
    """One place.

    Attributes:
        interruption: where it is; by what a run would be ended there is of no matter.
        name: of its checkpoint, unlike that of any other place.
        trace_directory: where the trace up to there goes, as that of the first leg.
    """

    interruption: Interruption
    name: str
    trace_directory: Path


class Itinerary:
    """The places that are still ahead.

    Args:
        waypoints: all of them.
    """

    def __init__(self, waypoints: Iterable[Waypoint]) -> None:
        self._ahead = list(waypoints)

    def reached(self, progress: Progress, *, inside_validation: bool) -> Iterator[Waypoint]:
        """Those that are passed now, for the first and last time."""
        for waypoint in list(self._ahead):
            interruption = waypoint.interruption
            if interruption.inside_validation is inside_validation and interruption.is_due(progress):
                self._ahead.remove(waypoint)
                yield waypoint
