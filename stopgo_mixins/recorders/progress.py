"""The trainer's own counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.recorder import StateRecorder
from stopgo_mixins.recorders.wholes import Same

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class GlobalStepRecorder(StateRecorder):
    """The trainer's own claim of how many steps were made."""

    metric = "global_step"
    depends_on = ()
    kinds = (MetricKind.COUNTERS,)
    changes_in_validation = True
    whole = Same(is_rounded=False)

    def read(self, state: TrainingState) -> object:
        """An integer."""
        return state.global_step


class ConsumedSamplesRecorder(StateRecorder):
    """The trainer's own claim of how many training samples were read, over all ranks."""

    metric = "consumed_samples"
    depends_on: ClassVar[tuple[str, ...]] = ()
    kinds = (MetricKind.COUNTERS,)
    changes_in_validation = True
    whole = Same(is_rounded=False)

    def read(self, state: TrainingState) -> object:
        """An integer."""
        return state.consumed_samples


class LoopProgressRecorder(StateRecorder):
    """How far the trainer's loops say they are: the epoch, and the batches, optimizer and scheduler steps in it.

    What the trainer itself does not restore is left out; for Lightning see
    :meth:`stopgo_mixins.backends.fit_loop.state.FitLoopState.loop_progress`.
    """

    metric = "loop_progress"
    depends_on = ("global_step", "consumed_samples", "validation_schedule", "train_input")
    at_once = ("global_step", "consumed_samples")
    kinds = (MetricKind.LOOP_PROGRESS, MetricKind.COUNTERS)
    changes_in_validation = True
    whole = Same(is_rounded=False)

    def read(self, state: TrainingState) -> object:
        """``[counter]`` numbers."""
        return state.loop_progress()

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable to a trainer without such counters."""
        return None if state.loop_progress() else "the trainer counts nothing but steps and samples"
