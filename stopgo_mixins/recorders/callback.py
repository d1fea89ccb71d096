"""The state of the trainer's callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.recorder import StateRecorder
from stopgo_mixins.recorders.stages import LOSSES

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class CallbackStateRecorder(StateRecorder):
    """What the user's callbacks would save: early stopping's patience and best score, checkpoint bookkeeping, ...

    Left out, because it may differ between two equal runs: the callbacks of this library; paths (of Lightning's
    ``ModelCheckpoint`` the entries ``dirpath``, ``best_model_path``, ``kth_best_model_path`` and ``last_model_path``;
    ``best_k_models`` is recorded as its scores in ascending order); wall-clock times (Lightning's ``Timer``); and
    ``ModelCheckpoint``'s ``current_score``, which it saves but never loads.
    """

    metric = "callback_state"
    depends_on = (*LOSSES, "validation_schedule", "logged_metrics", "global_step", "parameters")
    kinds = (MetricKind.SAVED_BY_CALLBACKS,)
    changes_in_validation = True

    def read(self, state: TrainingState) -> object:
        """``[callback][entry]``, such as ``['EarlyStopping']['wait_count']``."""
        return state.callback_states()

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable where no callback has a state."""
        return None if state.callback_states() else "no callback has a state that must survive"
