"""Inputs, outputs and losses of training and validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.recorders.stages import FORWARD_PASS, UPDATE
from stopgo_mixins.recorders.wholes import Mean, Rows, Same

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from stopgo_mixins.events import TrainingState


class TrainInputRecorder(Recorder):
    """Each micro-batch as the training step received it, before the step could change it."""

    metric = "train_input"
    depends_on = ("rng_state", "loop_progress", "unsaved_state")
    kinds = (MetricKind.BATCHES,)
    whole = Rows()

    def micro_batch_start(self, state: TrainingState, batch: object) -> None:
        """Records the batch."""
        self.record(batch)


class TrainOutputRecorder(Recorder):
    """What the training step returned, and what every direct child of the model returned within it."""

    metric = "train_output"
    depends_on = ("train_input", *FORWARD_PASS)
    kinds = (MetricKind.OUTPUTS,)

    def module_output(self, state: TrainingState, name: str, call: int, output: object) -> None:
        """Records ``module[name](call)``, the calls of a child being numbered from 0 in each micro-batch."""
        self.record(output, f"module[{name!r}]({call})")

    def micro_batch_end(self, state: TrainingState, output: object, loss: Tensor | None) -> None:
        """Records what the step returned."""
        if output is not None:
            self.record(output, "returned")

    def run_end(self, state: TrainingState) -> None:
        """Says where there was nothing to record."""
        if not self._recorded:
            self.not_applicable("no training step returned anything, and no child module was called in one")


class TrainLossRecorder(Recorder):
    """The loss of each micro-batch as the training step returned it."""

    metric = "train_loss"
    depends_on = ("train_output", "train_input", *FORWARD_PASS)
    whole = Mean()

    def micro_batch_end(self, state: TrainingState, output: object, loss: Tensor | None) -> None:
        """Records the loss."""
        if loss is not None:
            self.record(loss, "['loss']")

    def run_end(self, state: TrainingState) -> None:
        """Says where there was nothing to record."""
        if not self._recorded:
            self.not_applicable("no training step returned a loss (a tensor, or a mapping with the key 'loss')")


class _ValidationRecorder(Recorder):
    """Knows why there is nothing to record."""

    _validated = False
    _nothing = ""

    def validation_start(self, state: TrainingState) -> None:
        self._validated = True

    def run_end(self, state: TrainingState) -> None:
        if not self._validated:
            self.not_applicable("no validation ran")
        elif not self._recorded:
            self.not_applicable(self._nothing)


class ValidInputRecorder(_ValidationRecorder):
    """Each validation batch as the validation step received it."""

    metric = "valid_input"
    depends_on = ("rng_state", "unsaved_state", "validation_schedule")
    kinds = (MetricKind.VALIDATION_BATCHES,)
    whole = Rows()
    begins_anew = True
    _nothing = "no validation had a batch"

    def validation_batch_start(self, state: TrainingState, batch: object) -> None:
        """Records the batch."""
        self.record(batch)


class ValidOutputRecorder(_ValidationRecorder):
    """What the validation step returned, and what every direct child of the model returned within it."""

    metric = "valid_output"
    depends_on = ("valid_input", "averaged_weights", *UPDATE, *FORWARD_PASS)
    kinds = (MetricKind.OUTPUTS,)
    _nothing = "no validation step returned anything, and no child module was called in one"

    def validation_module_output(self, state: TrainingState, name: str, call: int, output: object) -> None:
        """Records ``module[name](call)``."""
        self.record(output, f"module[{name!r}]({call})")

    def validation_batch_end(self, state: TrainingState, output: object, loss: Tensor | None) -> None:
        """Records what the step returned."""
        if output is not None:
            self.record(output, "returned")


class ValidLossRecorder(_ValidationRecorder):
    """The loss of each validation batch where the step returned one, and what the validation logged."""

    metric = "valid_loss"
    depends_on = ("valid_output", "valid_input", "averaged_weights", *UPDATE, *FORWARD_PASS)
    whole = Mean()
    _nothing = "no validation step returned a loss, and no validation logged anything"

    def validation_batch_end(self, state: TrainingState, output: object, loss: Tensor | None) -> None:
        """Records the loss."""
        if loss is not None:
            self.record(loss, "['loss']")

    def validation_end(self, state: TrainingState, batches: list[int], logged: Mapping[str, object]) -> None:
        """Records what was logged, such as ``logged['val_loss']``."""
        if logged:
            self.record(logged, "logged")


class ValidationScheduleRecorder(_ValidationRecorder):
    """After which updates a validation ran, over how many batches, and which ones a resume ran again."""

    metric = "validation_schedule"
    depends_on = ()
    kinds = (MetricKind.VALIDATIONS,)
    decided_before_validation = True
    whole = Same(is_rounded=False)

    def validation_end(self, state: TrainingState, batches: list[int], logged: Mapping[str, object]) -> None:
        """Records the update, and the number of batches of each loader."""
        self.record({"after update": state.update, "batches": batches})

    def validation_repeated(self, state: TrainingState, batches: list[int]) -> None:
        """Records that the validation ran again, which the continuous run never does."""
        self.record({"after update": state.update, "batches": batches}, "repeated")
