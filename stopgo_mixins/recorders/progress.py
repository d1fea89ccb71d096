"""The trainer's own counters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.recorders.recorder import StateRecorder

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class GlobalStepRecorder(StateRecorder):
    """The trainer's own claim of how many steps were made."""

    metric = "global_step"

    def read(self, state: TrainingState) -> object:
        """An integer."""
        return state.global_step


class ConsumedSamplesRecorder(StateRecorder):
    """The trainer's own claim of how many training samples were read, over all ranks."""

    metric = "consumed_samples"

    def read(self, state: TrainingState) -> object:
        """An integer."""
        return state.consumed_samples
