"""Hands events to recorders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stopgo_mixins.events import EVENTS, Moment, Position, TrainingState

if TYPE_CHECKING:
    from stopgo_mixins.recorders.recorder import Recorder
    from stopgo_mixins.trace.store import TraceWriter


class EventDispatcher:
    """Hands the events of one phase to its recorders.

    Args:
        recorders: those of the phase.
        writer: the trace of the phase on this rank.
        listeners: what is told of events before the recorders are, and records nothing.
    """

    def __init__(self, recorders: Iterable[Recorder], writer: TraceWriter, listeners: Iterable[object] = ()) -> None:
        self._recorders = list(recorders)
        self._subscribers = {
            event: [getattr(each, event) for each in (*listeners, *self._recorders) if hasattr(each, event)]
            for event in EVENTS
        }
        for recorder in self._recorders:
            recorder._writer = writer
        self.move_to(Position(Moment.STEP_START, 0))

    def move_to(self, position: Position) -> None:
        """Sets where the loop is; what recorders record from now on stands under it."""
        for recorder in self._recorders:
            recorder._position = position

    def emit(self, event: str, state: TrainingState, *details: Any) -> None:
        """Calls everybody who subscribed to ``event``."""
        for handle in self._subscribers[event]:
            handle(state, *details)
