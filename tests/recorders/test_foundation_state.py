"""State of the foundation, broken in the resume phase alone: its test fails, and is the one root cause.

What follows from it may fail too; nothing else may.
"""

from __future__ import annotations

import random
import unittest
from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from stopgo_mixins import Mode, RngStateCallback
from tests.recorders.breaking import RESTORED
from tests.recorders.disturbing import EVERYTHING_LEARNED, LAST_UPDATE, OF_THE_WEIGHTS, AtTheLastStep, FoundationCase
from tests.tiny import TinyMixin


class TestNothingBroken(FoundationCase):
    def test_everything_varies_and_passes(self) -> None:
        self.assert_clean(
            self.outcome_of(TinyMixin),
            *("learning_rate", "global_step", "consumed_samples", "optimizer_state", "train_input", "train_output"),
            *("train_loss", "valid_input", "valid_output", "valid_loss", "rng_state", "parameters", "buffers"),
            *("gradients", "param_groups", "scheduler_state", "validation_schedule"),
            *("resume_point", "number_of_steps", "train_val_init_consumed_samples"),
        )


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


if __name__ == "__main__":
    unittest.main()
