"""Watches one step of a phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.zoom.operators import OperatorLog
from stopgo_mixins.zoom.tensor_names import TensorNames, names_of_batch, names_of_state

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.zoom.operation import Operation


class SeenEnough(Exception):  # noqa: N818 - nothing is wrong: the step that was asked for is over
    """Ends a phase after the step that was watched."""


class StepWatch:
    """A listener that notes the operators of one step and then ends the phase.

    Args:
        step: k of the update.

    Attributes:
        operations: what was seen, in order.
    """

    def __init__(self, step: int) -> None:
        self.operations: list[Operation] = []
        self._step = step
        self._names = TensorNames()
        self._log: OperatorLog | None = None

    def step_start(self, state: TrainingState) -> None:
        """Begins to watch."""
        if state.update == self._step - 1 and self._log is None:
            self._names.add(names_of_state(state))
            self._log = OperatorLog(state.model, self._names)
            self._log.__enter__()

    def micro_batch_start(self, state: TrainingState, batch: object) -> None:
        """Takes notice of a batch."""
        if self._log is not None:
            self._names.add(names_of_batch(batch))

    def step_end(self, state: TrainingState) -> None:
        """Ends the phase."""
        if self._log is not None:
            self.close()
            raise SeenEnough

    def close(self) -> None:
        """Stops watching, whatever has been seen."""
        if self._log is not None:
            self._log.__exit__(None, None, None)
            self.operations, self._log = self._log.operations, None
            self._names = TensorNames()  # lets go of the tensors of the step
