"""Watches single steps of a phase."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.zoom.operation import write_operations
from stopgo_mixins.zoom.operators import OperatorLog
from stopgo_mixins.zoom.tensor_names import TensorNames, names_of_batch, names_of_state

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class SeenEnough(Exception):  # noqa: N818 - nothing is wrong: the step that was asked for is over
    """Ends a phase after the step that was to be seen."""


def operations_file(trace_directory: Path, step: int) -> Path:
    """Where the operators of a step stand: beside what else its phase recorded."""
    return trace_directory / "operators" / f"step-{step}.jsonl"


def is_first_resumed(state: TrainingState) -> bool:
    """Whether the step that begins is the first behind a resume point, of this run or of one compared with it."""
    return state.update > 0 and state.since_resume_point == 0


class StepWatch:
    """A listener that writes down the operators of some steps.

    Args:
        trace_directory: of the phase.
        is_chosen: tells of a step that begins whether it is one of them.
    """

    def __init__(self, trace_directory: Path, is_chosen: Callable[[TrainingState], bool]) -> None:
        self._trace_directory = trace_directory
        self._is_chosen = is_chosen
        self._names = TensorNames()
        self._log: OperatorLog | None = None

    def step_start(self, state: TrainingState) -> None:
        """Begins to watch."""
        if self._log is None and self._is_chosen(state):
            self._names.add(names_of_state(state))
            self._log = OperatorLog(state.model, self._names)
            self._log.__enter__()

    def micro_batch_start(self, state: TrainingState, batch: object) -> None:
        """Takes notice of a batch."""
        if self._log is not None:
            self._names.add(names_of_batch(batch))

    def step_end(self, state: TrainingState) -> None:
        """Stops watching, and writes down what was seen."""
        if self._log is not None:
            operations = self._log.operations
            self.close()
            write_operations(operations_file(self._trace_directory, state.update), operations)

    def close(self) -> None:
        """Stops watching, wherever the step is."""
        if self._log is not None:
            self._log.__exit__(None, None, None)
            self._log = None
            self._names = TensorNames()


class EndAfterStep:
    """A listener that ends its phase as soon as the state is recorded that a step leaves behind.

    Args:
        step: k of the update.
    """

    def __init__(self, step: int) -> None:
        self._step = step

    def micro_batch_start(self, state: TrainingState, batch: object) -> None:
        """Ends it.

        Raises:
            SeenEnough: in the step after the one that was asked for.
        """
        if state.update == self._step:
            raise SeenEnough
