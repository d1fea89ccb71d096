"""Hands events to recorders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stopgo_mixins.events import EVENTS, Moment, Position, TrainingState

if TYPE_CHECKING:
    from stopgo_mixins.recorders.recorder import Recorder
    from stopgo_mixins.trace.store import TraceWriter


_SAMPLED = frozenset(
    {"step_start", "micro_batch_start", "module_output", "micro_batch_end", "gradients_ready", "step_end", "logged"}
)
"""The events of single updates, of which a long run is told now and then."""

_OF_SEVERAL_STEPS = (Moment.VALIDATION_END, Moment.EPOCH_END)
"""What happens there belongs to more than the update before it."""


class EventDispatcher:
    """Hands the events of one phase to its recorders.

    Args:
        recorders: those of the phase.
        writer: the trace of the phase on this rank.
        listeners: what is told of events before the recorders are, and records nothing.
        every_n_steps: the events of updates are handed on at *state k* and in update k + 1, for each k that is a
            multiple of it.
    """

    def __init__(
        self,
        recorders: Iterable[Recorder],
        writer: TraceWriter,
        listeners: Iterable[object] = (),
        every_n_steps: int = 1,
    ) -> None:
        self._every_n_steps = every_n_steps
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
        self._is_due = self._is_chosen(position)
        for recorder in self._recorders:
            recorder._position = position

    def _is_chosen(self, position: Position) -> bool:
        before = position.step - (position.moment not in (Moment.STEP_START, Moment.RUN_END))
        return position.moment in _OF_SEVERAL_STEPS or before % self._every_n_steps == 0

    def hears(self, event: str) -> bool:
        """Whether anybody subscribed to ``event``."""
        return bool(self._subscribers[event])

    def emit(self, event: str, state: TrainingState, *details: Any) -> None:
        """Calls everybody who subscribed to ``event``, unless it belongs to an update that is not recorded."""
        if event in _SAMPLED and not self._is_due:
            return
        for handle in self._subscribers[event]:
            handle(state, *details)
