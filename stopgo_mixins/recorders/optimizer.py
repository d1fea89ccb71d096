"""The state of the optimizers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.recorders.optimized import optimized_names
from stopgo_mixins.recorders.recorder import StateRecorder
from stopgo_mixins.recorders.shards import Shards
from stopgo_mixins.recorders.stages import UPDATE

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class OptimizerStateRecorder(StateRecorder):
    """Every tensor and counter that the optimizers keep, by parameter name."""

    metric = "optimizer_state"
    depends_on = (*UPDATE, "parameters")
    indispensable = True
    whole = Shards()

    def read(self, state: TrainingState) -> object:
        """``[optimizer][parameter name][entry]``, such as ``[0]['net.0.weight']['exp_avg']``, and ``['.class']``."""
        return [
            {".class": type(optimizer).__name__, **{name(key): entry for key, entry in optimizer.state.items()}}
            for optimizer, name in zip(state.optimizers, optimized_names(state), strict=True)
        ]

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable without an optimizer."""
        return None if state.optimizers else "the run has no optimizer"
