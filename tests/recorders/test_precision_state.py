"""The gradient scaler of fp16 training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from lightning.pytorch.plugins import MixedPrecision

from stopgo_mixins import Mode
from tests.recorders.breaking import FIRST_RESUMED, RESTORED, EditedCheckpointMixin, MetricCase
from tests.tiny import TinyMixin, TinyModule, tiny_loaders

TOO_LARGE = 2.0**30


class _ScaledMixin(TinyMixin, abstract=True):
    """Starts with a scale that overflows, so that the first step is skipped, and grows after every second one."""

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        scaler = torch.amp.GradScaler("cpu", init_scale=TOO_LARGE, backoff_factor=2.0**-20, growth_interval=3)
        plugin = MixedPrecision("16-mixed", "cpu", scaler)
        arguments = {name: value for name, value in super().trainer_arguments(mode).items() if name != "precision"}
        return {**arguments, "plugins": [plugin]}


class _EditedScaleMixin(_ScaledMixin, EditedCheckpointMixin, abstract=True):
    lost: Mapping[str, float]

    @classmethod
    def edit(cls, checkpoint: dict[str, Any]) -> None:
        checkpoint["MixedPrecision"].update(cls.lost)


class _OwnScalerModule(TinyModule):
    """Scales by hand and saves the scaler with the checkpoint, unless told to forget it."""

    def __init__(self, lr: float, forget: bool) -> None:
        super().__init__(lr)
        self.automatic_optimization = False
        self.forget = forget
        self.scaler = torch.amp.GradScaler("cpu", growth_interval=2)

    def training_step(self, batch: list[torch.Tensor], batch_idx: int) -> torch.Tensor:
        optimizer: Any = self.optimizers()
        loss = self.loss(batch)
        optimizer.zero_grad()
        self.manual_backward(self.scaler.scale(loss))
        self.scaler.unscale_(optimizer.optimizer)
        optimizer.step()
        self.scaler.update()
        return loss

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["own scaler"] = self.scaler.state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if not self.forget:
            self.scaler.load_state_dict(checkpoint["own scaler"])


class _OwnScalerMixin(TinyMixin, abstract=True):
    forget = False

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _OwnScalerModule(cls.lr, cls.forget), tiny_loaders()


class TestTrainersScaler(MetricCase):
    def test_restored(self) -> None:
        outcome = self.outcome_of(_ScaledMixin)
        self.assert_clean(outcome, "precision_state")

    def test_growth_tracker_lost(self) -> None:
        outcome = self.outcome_of(_EditedScaleMixin, lost={"_growth_tracker": 0})
        self.assert_fails_first(outcome, "precision_state", RESTORED, "[0]['_growth_tracker']")

    def test_scale_lost_and_a_step_skipped_again(self) -> None:
        outcome = self.outcome_of(_EditedScaleMixin, lost={"scale": TOO_LARGE})
        self.assert_fails_first(outcome, "precision_state", RESTORED, "[0]['scale']")
        self.assertEqual(self.first_place("gradients"), FIRST_RESUMED)  # they overflow

    def test_not_applicable(self) -> None:
        outcome = self.outcome_of(TinyMixin)
        self.assert_clean(outcome)
        self.assertEqual(
            outcome.skipped_for["precision_state"], "precision_state is not applicable: no gradient scaler is used"
        )


class TestOwnScaler(MetricCase):
    def test_restored(self) -> None:
        self.assert_clean(self.outcome_of(_OwnScalerMixin), "precision_state")

    def test_lost(self) -> None:
        outcome = self.outcome_of(_OwnScalerMixin, forget=True)
        self.assert_fails_first(outcome, "precision_state", RESTORED, "[0]['_growth_tracker']")
