"""What only Megatron has to record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stopgo_mixins.recorders.recorder import StateRecorder

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class PrecisionStateRecorder(StateRecorder):
    """The gradient scalers of fp16 training: scale, growth and hysteresis trackers."""

    metric = "precision_state"

    def read(self, state: TrainingState) -> object:
        """The ``state_dict()`` of each scaler."""
        return [scaler.state_dict() for scaler in _scalers(state)]

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable without a scaler."""
        return None if _scalers(state) else "the run scales no gradients"


def _scalers(state: TrainingState) -> list[Any]:
    return list(getattr(state, "grad_scalers", ()))  # only Megatron's state has them
