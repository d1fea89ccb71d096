"""Behaviour of the foundation, broken in the resume phase alone: its test fails, and is the one root cause.

What follows from it may fail too; nothing else may.
"""

from __future__ import annotations

import unittest
from typing import Any

from lightning.pytorch import Callback, LightningModule, Trainer

from stopgo_mixins import Mode
from tests.outcome import Outcome
from tests.recorders.disturbing import EVERYTHING_LEARNED, AtTheLastStep, DisturbingMixin, FoundationCase
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class TestTraining(FoundationCase):
    def test_train_input(self) -> None:
        class OtherBatch(AtTheLastStep):
            def disturb(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
                batch[0].add_(1e-3)

        self.assert_breaks(
            self.outcome_with(OtherBatch), "train_input", "step 5", {"sample_exposure"} | EVERYTHING_LEARNED
        )

    def test_train_output(self) -> None:
        class OtherOutput(AtTheLastStep):
            def disturb(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
                module.head.register_forward_pre_hook(lambda _module, inputs: (inputs[0] + 1e-3,))

        self.assert_breaks(self.outcome_with(OtherOutput), "train_output", "step 5", EVERYTHING_LEARNED)

    def test_train_loss(self) -> None:
        """The step returns its loss, which is therefore an output too, unless outputs are not compared."""

        class OtherLoss(AtTheLastStep):
            def disturb(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
                step = module.loss
                module.loss = lambda batch: step(batch) * 1.001

        outcome = self.outcome_with(OtherLoss)
        self.assert_breaks(outcome, "train_output", "step 5", {"train_loss"} | EVERYTHING_LEARNED)
        outcome = self.outcome_with(OtherLoss, metrics={"train_output": None})
        self.assert_breaks(outcome, "train_loss", "step 5", EVERYTHING_LEARNED)


class LoggingModule(TinyModule):
    """Logs something else than it returns."""

    offset = 0.0

    def validation_step(self, batch: Any, batch_idx: int) -> Any:
        loss = self.loss(batch)
        self.log("val_loss", loss + self.offset)
        return loss


class TestValidation(FoundationCase):
    def test_valid_input(self) -> None:
        class OtherBatch(Callback):
            def on_validation_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, *_: Any) -> None:
                batch[0].add_(1e-3)

        self.assert_breaks(
            self.outcome_with(OtherBatch), "valid_input", "step 4", {"valid_output", "valid_loss", "logged_metrics"}
        )

    def test_valid_output(self) -> None:
        class OtherOutput(Callback):
            def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
                hook = module.head.register_forward_hook(lambda _module, _inputs, output: output + 1e-3)
                self.remove = hook.remove

            def on_validation_end(self, trainer: Trainer, module: LightningModule) -> None:
                self.remove()

        # The bridge's hook was there first: it sees what the head returned, and the loss that follows.
        outcome = self.outcome_with(OtherOutput)
        self.assert_breaks(outcome, "valid_output", "step 4", {"valid_loss", "logged_metrics"})

    def test_valid_loss(self) -> None:
        class LogsMore(Callback):
            def on_validation_start(self, trainer: Trainer, module: LightningModule) -> None:
                module.offset = 1e-3

        outcome = self.outcome_with(
            LogsMore, setup_model=classmethod(lambda cls, mode: (LoggingModule(cls.lr), tiny_loaders()))
        )
        message = self.assert_breaks(outcome, "valid_loss", "step 4", {"logged_metrics"})
        self.assertIn("logged['val_loss']", message)

    def test_validation_schedule(self) -> None:
        class OneBatchOnly(DisturbingMixin, abstract=True):
            disturbance = Callback

            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                arguments = super().trainer_arguments(mode)
                return {**arguments, "limit_val_batches": 1} if mode is Mode.RESUME else arguments

        outcome = self.outcome_of(OneBatchOnly)
        message = self.assert_breaks(
            outcome,
            "validation_schedule",
            "step 4",
            {"valid_input", "valid_output", "valid_loss", "logged_metrics", "loop_progress"},
        )
        self.assertIn("['batches'][0]", message)


class TestRun(FoundationCase):
    def outcome_of_trainer(self, **changes: Any) -> Outcome:
        class Changed(TinyMixin, abstract=True):
            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                arguments = super().trainer_arguments(mode)
                return {**arguments, **changes} if mode is Mode.RESUME else arguments

        return self.outcome_of(Changed)

    def test_number_of_steps(self) -> None:
        for made, sentence in (
            (1, "the resume phase ran 1 steps, expected 2 (from 3 to 5)."),
            (0, "the resume phase ran 0 steps, expected 2 (from 3 to 5). It trained nothing."),
        ):
            with self.subTest(made=made):
                outcome = self.outcome_of_trainer(max_steps=3 + made)
                self.assertIn(f"test_number_of_steps: {sentence}", outcome.failed["number_of_steps"])
                self.assertNotIn("resume_point", outcome.failed)

    def test_resume_point(self) -> None:
        outcome = self.outcome_of(TinyMixin, resume_checkpoint=classmethod(lambda cls: None))
        self.assertRegex(
            outcome.failed["resume_point"],
            r"the resume phase loaded no checkpoint: its bridge never called checkpoint_loaded\. The stop phase wrote "
            r".*/step-3\.ckpt at step 3\.",
        )
        self.assertIn("the resume phase loaded no checkpoint", outcome.skipped_for["train_loss"])

    def test_train_val_init_consumed_samples(self) -> None:
        def claim_nothing(checkpoint: dict[str, Any]) -> None:
            checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["processed"] = 0

        outcome = self.outcome_of_edit(claim_nothing)
        self.assertIn(
            "the resume phase claims 0 consumed training samples before its first step, expected more",
            outcome.failed["train_val_init_consumed_samples"],
        )


if __name__ == "__main__":
    unittest.main()
