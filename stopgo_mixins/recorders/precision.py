"""What training in a lower precision keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.amp import GradScaler

from stopgo_mixins.recorders.attributes import attributes
from stopgo_mixins.recorders.recorder import StateRecorder
from stopgo_mixins.recorders.wholes import Same

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class PrecisionStateRecorder(StateRecorder):
    """The gradient scalers of fp16 training: the trainer's, and those that are an attribute of a module or callback.

    A skipped step shows as a scale that dropped, with the growth tracker back at 0.
    """

    metric = "precision_state"
    depends_on = ("gradients",)
    whole = Same(is_rounded=False)

    def read(self, state: TrainingState) -> object:
        """``[scaler]`` mappings: ``scale``, ``_growth_tracker`` and how they change."""
        return [scaler.state_dict() for scaler in grad_scalers(state)]

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable without a scaler."""
        return None if grad_scalers(state) else "no gradient scaler is used"


def grad_scalers(state: TrainingState) -> list[Any]:
    """The trainer's, and those that are an attribute of a module or callback."""
    scalers = list(state.grad_scalers)
    for _, value in attributes(state):
        if isinstance(value, GradScaler) and not any(value is known for known in scalers):
            scalers.append(value)
    return scalers
