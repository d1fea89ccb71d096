"""What the run logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.recorders.stages import FORWARD_PASS, UPDATE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stopgo_mixins.events import Position, TrainingState


class LoggedMetricsRecorder(Recorder):
    """Every value that the run logs for a step, a validation or an epoch, with the step that it is logged at.

    With Lightning that is what ``self.log`` hands to the loggers, whether there are any and however seldom they are
    given it; what is written to a logger directly is not seen.
    The mean over an epoch in which the run was interrupted covers only the batches since the resume: Lightning saves
    nothing of it, so a module that logs one fails here.
    """

    metric = "logged_metrics"
    depends_on = (
        *("train_input", "train_output", "train_loss"),
        *("global_step", "consumed_samples", "loop_progress"),
        *("valid_input", "valid_output", "valid_loss", "validation_schedule", *UPDATE, *FORWARD_PASS),
    )
    kinds = (MetricKind.LOGGED, MetricKind.COUNTERS)

    def __init__(self) -> None:
        super().__init__()
        self._last: Position | None = None
        self._count = 0

    def logged(self, state: TrainingState, step: int, values: Mapping[str, object]) -> None:
        """Records ``['step']``, and ``['values'][name]``; after a ``[2]`` where it is the second time in one moment."""
        self._count = self._count + 1 if self._position == self._last else 1
        self._last = self._position
        self.record({"step": step, "values": values}, f"[{self._count}]" if self._count > 1 else "")

    def run_end(self, state: TrainingState) -> None:
        """Says where there was nothing to record."""
        if not self._recorded:
            self.not_applicable("the run logged nothing")
