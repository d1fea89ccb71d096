"""Each metric of the foundation, broken in the resume phase alone: its test fails, and is the one root cause.

What follows from it may fail too; nothing else may.
"""

from __future__ import annotations

import random
import unittest
from typing import Any, ClassVar

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from stopgo_mixins import Mode, RngStateCallback
from tests.outcome import Outcome
from tests.recorders.breaking import (
    RESTORED,
    EditedCheckpointMixin,
    ExtraCallbacksMixin,
    MetricCase,
)
from tests.tiny import TinyMixin, TinyModule, tiny_loaders

LAST_UPDATE = 4
"""The updates made before the last one: what is broken there has the fewest consequences."""

OF_THE_WEIGHTS = {"parameters", "valid_output", "valid_loss", "logged_metrics"}


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


class TestNothingBroken(FoundationCase):
    def test_everything_varies_and_passes(self) -> None:
        self.assert_clean(
            self.outcome_of(TinyMixin),
            *("learning_rate", "global_step", "consumed_samples", "optimizer_state", "train_input", "train_output"),
            *("train_loss", "valid_input", "valid_output", "valid_loss", "rng_state", "parameters", "buffers"),
            *("gradients", "param_groups", "scheduler_state", "validation_schedule"),
            *("resume_point", "number_of_steps", "train_val_init_consumed_samples"),
        )


class AtTheLastStep(Callback):
    """Does something before the last update."""

    def on_train_batch_start(self, trainer: Trainer, module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.global_step == LAST_UPDATE:
            self.disturb(trainer, module, batch)

    def disturb(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
        raise NotImplementedError


class TestOptimization(FoundationCase):
    def test_learning_rate(self) -> None:
        class HalfTheRate(AtTheLastStep):
            def disturb(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
                trainer.optimizers[0].param_groups[0]["lr"] *= 0.5

        self.assert_breaks(self.outcome_with(HalfTheRate), "learning_rate", "state 4", OF_THE_WEIGHTS)

    def test_param_groups(self) -> None:
        class OtherDecay(AtTheLastStep):
            def disturb(self, trainer: Trainer, module: LightningModule, batch: Any) -> None:
                trainer.optimizers[0].param_groups[0]["weight_decay"] = 0.5

        message = self.assert_breaks(self.outcome_with(OtherDecay), "param_groups", "state 4", OF_THE_WEIGHTS)
        self.assertIn("[0][0]['weight_decay']", message)

    def test_optimizer_state(self) -> None:
        def lose_second_moment(checkpoint: dict[str, Any]) -> None:
            checkpoint["optimizer_states"][0]["state"][0]["exp_avg_sq"].zero_()

        message = self.assert_breaks(
            self.outcome_of_edit(lose_second_moment), "optimizer_state", RESTORED, EVERYTHING_LEARNED
        )
        self.assertIn("[0]['body.0.weight']['exp_avg_sq']", message)

    def test_scheduler_state(self) -> None:
        def go_back_one_step(checkpoint: dict[str, Any]) -> None:
            checkpoint["lr_schedulers"][0]["last_epoch"] -= 1

        self.assert_breaks(
            self.outcome_of_edit(go_back_one_step),
            "scheduler_state",
            RESTORED,
            {"learning_rate", "param_groups"} | EVERYTHING_LEARNED,
        )

    def test_gradients(self) -> None:
        class TwiceTheGradient(Callback):
            def on_before_optimizer_step(self, trainer: Trainer, module: LightningModule, optimizer: Any) -> None:
                if trainer.global_step == LAST_UPDATE:
                    module.head.bias.grad *= 2

        message = self.assert_breaks(
            self.outcome_with(TwiceTheGradient), "gradients", "step 5", {"optimizer_state"} | OF_THE_WEIGHTS
        )
        self.assertIn("['head.bias']", message)


EVERYTHING_LEARNED = {
    *("parameters", "buffers", "optimizer_state", "gradients", "train_output", "train_loss"),
    *("valid_output", "valid_loss", "logged_metrics"),
}
"""What a wrong update changes in the end."""


class TestModel(FoundationCase):
    def test_parameters(self) -> None:
        def change_a_weight(checkpoint: dict[str, Any]) -> None:
            checkpoint["state_dict"]["head.weight"][0, 0] += 1e-3

        message = self.assert_breaks(self.outcome_of_edit(change_a_weight), "parameters", RESTORED, EVERYTHING_LEARNED)
        self.assertIn("['head.weight']", message)

    def test_buffers(self) -> None:
        def lose_statistics(checkpoint: dict[str, Any]) -> None:
            checkpoint["state_dict"]["body.1.running_mean"].zero_()

        message = self.assert_breaks(
            self.outcome_of_edit(lose_statistics), "buffers", RESTORED, {"valid_output", "valid_loss", "logged_metrics"}
        )
        self.assertIn("['body.1.running_mean']", message)


class TestCounters(FoundationCase):
    def test_global_step(self) -> None:
        def count_one_less(checkpoint: dict[str, Any]) -> None:
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.automatic_optimization.optim_progress"]
            progress["optimizer"]["step"]["total"]["completed"] -= 1

        self.assert_breaks(
            self.outcome_of_edit(count_one_less), "global_step", RESTORED, {"loop_progress", "logged_metrics"}
        )

    def test_consumed_samples(self) -> None:
        def claim_more(checkpoint: dict[str, Any]) -> None:
            checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]["total"]["processed"] += 2

        self.assert_breaks(
            self.outcome_of_edit(claim_more), "consumed_samples", RESTORED, {"loop_progress", "logged_metrics"}
        )


class TestRngState(FoundationCase):
    def test_all_streams(self) -> None:
        class Forgetful(TinyMixin, abstract=True):
            @classmethod
            def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
                callbacks = super().get_default_callbacks()
                del callbacks[Mode.RESUME][RngStateCallback]
                return callbacks

        outcome = self.outcome_of(Forgetful, resume_seed=1)
        message = self.assert_breaks(outcome, "rng_state", RESTORED, EVERYTHING_LEARNED)
        self.assertIn("numpy, python, torch: the generators were not restored with the checkpoint", message)

    def test_each_stream_alone(self) -> None:
        for stream, draw in (("python", random.random), ("numpy", np.random.rand), ("torch", lambda: torch.rand(1))):
            with self.subTest(stream):

                class Draws(AtTheLastStep):
                    def disturb(self, *_: Any, draw: Any = draw) -> None:
                        draw()

                outcome = self.outcome_with(Draws)
                follows = EVERYTHING_LEARNED if stream == "torch" else set()
                message = self.assert_breaks(outcome, "rng_state", "state 4", follows)
                self.assertIn(f"['{stream}']", message)


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
            r"the resume phase loaded no checkpoint\. The stop phase wrote .*/step-3\.ckpt at step 3\.",
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
