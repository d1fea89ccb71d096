"""Averaged weights, wherever they hang."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from stopgo_mixins import Mode
from tests.recorders.breaking import LIGHTNING, RESTORED, EditedCheckpointMixin, ExtraCallbacksMixin, MetricCase
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


def _averaged(module: nn.Module) -> AveragedModel:
    return AveragedModel(module, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)


class _AveragingModule(TinyModule):
    """Has its average as a sub-module, and validates with it."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.average = _averaged(self.body)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.average.update_parameters(self.body)

    def validation_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        loss = nn.functional.mse_loss(self.head(self.average(batch[0])), batch[1])
        self.log("val_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW([*self.body.parameters(), *self.head.parameters()], lr=self.lr)
        schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class _SubmoduleMixin(EditedCheckpointMixin, abstract=True):
    copied: tuple[str, str] | None = None

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _AveragingModule(cls.lr), tiny_loaders()

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        """Copies all weights under one prefix over those under another."""
        weights = checkpoint["state_dict"]
        source, target = cls.copied or ("", "nothing.")
        for name in [name for name in weights if name.startswith(target)]:
            if source + name.removeprefix(target) in weights:
                weights[name] = weights[source + name.removeprefix(target)].clone()


class _AveragingCallback(Callback):
    """Keeps the average itself, and saves it unless told to forget it."""

    def __init__(self, forget: bool) -> None:
        self.forget = forget
        self.average: AveragedModel | None = None

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.average = _averaged(pl_module)

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        self.average.update_parameters(pl_module)

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        checkpoint["average"] = self.average.state_dict()

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        if not self.forget:
            self.average.load_state_dict(checkpoint["average"])


class _CallbackMixin(ExtraCallbacksMixin, abstract=True):
    forget = False

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [_AveragingCallback(cls.forget)]


class _Dictionary(Callback):
    """Keeps the average as many do who write it themselves."""

    average: dict[str, torch.Tensor]

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: Any) -> None:
        for name, parameter in pl_module.named_parameters():
            self.average[name].lerp_(parameter.detach(), 0.1)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self.average = {name: parameter.detach().clone() for name, parameter in pl_module.named_parameters()}


class _DictionaryMixin(ExtraCallbacksMixin, abstract=True):
    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        return [_Dictionary()]


class _WeightAveragingMixin(ExtraCallbacksMixin, EditedCheckpointMixin, abstract=True):
    """Lightning's own callback, which swaps the weights in the checkpoint: the averaged ones stand for the model's."""

    lost = False

    @classmethod
    def extra_callbacks(cls, mode: Mode) -> list[Any]:
        from lightning.pytorch.callbacks import EMAWeightAveraging

        return [EMAWeightAveraging(decay=0.9)]

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        if cls.lost:
            checkpoint["state_dict"] = checkpoint["current_model_state"]


class TestSubmodule(MetricCase):
    def test_restored(self) -> None:
        outcome = self.outcome_of(_SubmoduleMixin)
        self.assert_clean(outcome, "averaged_weights", "parameters", "buffers")

    def test_averaged_weights_lost(self) -> None:
        outcome = self.outcome_of(_SubmoduleMixin, copied=("body.", "average.module."))
        self.assert_fails_first(outcome, "averaged_weights", RESTORED, "['model.average']['module.0.weight']")
        self.assertEqual(set(outcome.failed), {"averaged_weights", "valid_output", "valid_loss", "logged_metrics"})

    def test_averaged_weights_loaded_as_the_models(self) -> None:
        outcome = self.outcome_of(_SubmoduleMixin, copied=("average.module.", "body."))
        self.assertEqual(self.first_place("parameters"), RESTORED)
        self.assertEqual(self.first_place("averaged_weights"), "state 4")
        self.assertIn("root cause of this run: parameters at state 3", outcome.failed["parameters"])


class TestCallback(MetricCase):
    def test_restored(self) -> None:
        self.assert_clean(self.outcome_of(_CallbackMixin), "averaged_weights")

    def test_lost(self) -> None:
        outcome = self.outcome_of(_CallbackMixin, forget=True)
        path = "['_AveragingCallback.average']['module.head.weight']"
        self.assert_fails_only(outcome, "averaged_weights", RESTORED, path)

    def test_not_applicable(self) -> None:
        outcome = self.outcome_of(TinyMixin)
        self.assertRegex(
            outcome.skipped_for["averaged_weights"],
            "no averaged weights were found among the modules that hang on the model or on a callback$",
        )

    def test_an_average_that_is_kept_as_tensors_is_not_denied(self) -> None:
        outcome = self.outcome_of(_DictionaryMixin)
        self.assertRegex(outcome.skipped_for["averaged_weights"], "; _Dictionary.average may hold some, but as tensors")


@unittest.skipUnless(LIGHTNING.release >= (2, 6), "Lightning has WeightAveraging since 2.6")
class TestWeightAveraging(MetricCase):
    def test_restored(self) -> None:
        self.assert_clean(self.outcome_of(_WeightAveragingMixin), "averaged_weights", "callback_state")

    def test_lost(self) -> None:
        outcome = self.outcome_of(_WeightAveragingMixin, lost=True)
        path = "['EMAWeightAveraging._average_model']['module.head.weight']"
        self.assert_fails_first(outcome, "averaged_weights", RESTORED, path)
        # Validation uses the average, and it becomes the model's own when training ends.
        followers = {"valid_output", "valid_loss", "logged_metrics", "parameters", "buffers"}
        self.assertEqual(set(outcome.failed), {"averaged_weights", *followers})
        self.assertEqual(self.first_place("parameters"), "state 5")
