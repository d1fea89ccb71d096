"""Hands events to recorders."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from stopgo_mixins.events import EVENTS, Moment, Position, TrainingState

if TYPE_CHECKING:
    from stopgo_mixins.recorders.recorder import Recorder
    from stopgo_mixins.trace.whole_writer import WholeWriter


_SAMPLED = {
    "step_start": 1,
    "micro_batch_start": 2,  # where a run stands in its data shows in two batches in a row
    "module_output": 1,
    "micro_batch_end": 1,
    "gradients_ready": 1,
    "step_end": 1,
    "logged": 1,
}
"""Event of a single update -> of how many updates in a row it is handed on, where only some updates are recorded."""

_OF_SEVERAL_STEPS = (Moment.VALIDATION_END, Moment.EPOCH_END)
"""What happens there belongs to more than the update before it."""


class EventDispatcher:
    """Hands the events of one phase to its recorders.

    Args:
        recorders: those of the phase.
        writer: the trace of the phase on this rank.
        listeners: what is told of events before the recorders are, and records nothing.
        every_n_steps: the events of updates are handed on at *state k* and in update k + 1, for each k that is a
            multiple of it, and the batches of update k + 2 as well.
    """

    def __init__(
        self,
        recorders: Iterable[Recorder],
        writer: WholeWriter,
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

    def end(self) -> None:
        """Lets the recorders, which the class keeps, hold on to nothing of the phase."""
        for recorder in self._recorders:
            recorder._writer = None

    def move_to(self, position: Position) -> None:
        """Sets where the loop is; what recorders record from now on stands under it."""
        self._position = position
        for recorder in self._recorders:
            recorder._position = position

    def _is_chosen(self, event: str) -> bool:
        moment, step = self._position.moment, self._position.step
        if event not in _SAMPLED or moment in _OF_SEVERAL_STEPS:
            return True
        before = step if moment.is_state else step - 1
        return before % self._every_n_steps < _SAMPLED[event]

    def hears(self, event: str) -> bool:
        """Whether anybody subscribed to ``event``."""
        return bool(self._subscribers[event])

    def hands_on(self, event: str) -> bool:
        """Whether anybody would be told of ``event``, were it now."""
        return self.hears(event) and self._is_chosen(event)

    def emit(self, event: str, state: TrainingState, *details: Any) -> None:
        """Calls everybody who subscribed to ``event``, unless it belongs to an update that is not recorded."""
        if not self._is_chosen(event):
            return
        for handle in self._subscribers[event]:
            handle(state, *details)
