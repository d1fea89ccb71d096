"""The tiny run with one metric of the foundation broken in the resume phase; its failure must be the one root cause."""

from __future__ import annotations

from typing import Any, ClassVar

from lightning.pytorch import Callback, LightningModule, Trainer

from stopgo_mixins import Mode
from tests.outcome import Outcome
from tests.recorders.breaking import EditedCheckpointMixin, ExtraCallbacksMixin, MetricCase

LAST_UPDATE = 4
"""The updates made before the last one: what is broken there has the fewest consequences."""

OF_THE_WEIGHTS = {"parameters", "valid_output", "valid_loss", "logged_metrics"}
"""What wrong weights after the last update change."""

EVERYTHING_LEARNED = {
    *("parameters", "buffers", "optimizer_state", "gradients", "train_output", "train_loss"),
    *("valid_output", "valid_loss", "logged_metrics"),
}
"""What a wrong update changes in the end."""


class DisturbingMixin(ExtraCallbacksMixin, abstract=True):
    """Adds a callback of the user to the resume phase."""

    disturbance: ClassVar[type[Callback]]

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [cls.disturbance()] if mode is Mode.RESUME else []


class FoundationCase(MetricCase):
    def outcome_with(self, disturbance: type[Callback], **attributes: object) -> Outcome:
        return self.outcome_of(DisturbingMixin, disturbance=disturbance, **attributes)

    def outcome_of_edit(self, edit: Any) -> Outcome:
        return self.outcome_of(EditedCheckpointMixin, edit=staticmethod(edit))

    def assert_breaks(self, outcome: Outcome, metric: str, place: str, consequences: set[str] = frozenset()) -> str:
        """Returns the message."""
        message = outcome.failed[metric]
        causes = [line.strip() for line in message.splitlines() if "root cause of this run:" in line]
        self.assertEqual(len(causes), 1, message)
        self.assertIn(f"root cause of this run: {metric} at {place}", causes[0])
        self.assertLessEqual(set(outcome.failed) - {metric}, consequences)
        return message


class AtTheLastStep(Callback):
    """Does something before the last update."""

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == LAST_UPDATE:
            self.disturb(trainer, module, batch)

    def disturb(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
        raise NotImplementedError
