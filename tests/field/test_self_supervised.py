"""Copies of weights that follow the trained ones: BYOL's target, stochastic weight averaging, a rollout baseline."""

from __future__ import annotations

import copy
import unittest
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.callbacks import StochasticWeightAveraging
from torch import Tensor, nn

from stopgo_mixins import RngStateCallback
from tests.field.case import AMID_AN_EPOCH, AT_ITS_END, EPOCHS, FieldCase, loader, samples


class BYOL(LightningModule):
    """The target is a copy of the online network, a registered child, moved behind every batch with a schedule."""

    def __init__(self) -> None:
        super().__init__()
        self.online = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.1))
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.predictor = nn.Linear(4, 4)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        one, other = (batch[0] + 0.1 * torch.randn_like(batch[0]) for _ in range(2))
        with torch.no_grad():
            expected = self.target(other)
        loss = 1 - nn.functional.cosine_similarity(self.predictor(self.online(one)), expected).mean()
        self.log("loss", loss)
        return loss

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        momentum = 1 - 0.1 * (1 + self.global_step / self.trainer.estimated_stepping_batches)
        with torch.no_grad():
            for target, online in zip(self.target.parameters(), self.online.parameters(), strict=True):
                target.lerp_(online, 1 - momentum)

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=1e-1, momentum=0.9)


class Baseline(LightningModule):
    """Keeps a copy of its best policy, which is no child, and saves it by hand."""

    def __init__(self, saves: bool = True) -> None:
        super().__init__()
        self.policy = nn.Linear(3, 1)
        self.saves = saves
        self.best = [copy.deepcopy(self.policy)]

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        with torch.no_grad():
            baseline = self.best[0](batch[0])
        return (self.policy(batch[0]) - 0.5 * baseline - 1).square().mean()

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        if self.global_step % 2 == 0:
            self.best = [copy.deepcopy(self.policy)]

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.saves:
            checkpoint["best"] = self.best[0].state_dict()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        if self.saves:
            self.best[0].load_state_dict(checkpoint["best"])

    def configure_optimizers(self) -> Any:
        return torch.optim.Adam(self.parameters(), lr=1e-1)


def averaging(first_epoch: int = 1) -> list[Any]:
    return [RngStateCallback(), StochasticWeightAveraging(swa_lrs=1e-2, swa_epoch_start=first_epoch)]


class TestCopiesOfWeights(FieldCase):
    def test_byol(self) -> None:
        outcome = self.clean(lambda: (BYOL(), loader(samples(3))))
        self.assertIn("['target.0.weight']", self.recorded("parameters"))
        self.assertIn("rng_state", outcome.passed)

    def test_a_baseline_that_is_saved(self) -> None:
        self.clean(lambda: (Baseline(), loader(samples(3))))

    def test_a_baseline_that_is_not(self) -> None:
        outcome = self.verdicts(lambda: (Baseline(saves=False), loader(samples(3))))
        self.root_cause(outcome, "unsaved_state", "state 3 (restored), rank 0: model.best[0].weight")
        self.assertLessEqual({"parameters", "train_loss"}, outcome.failed.keys())

    def test_lightnings_weight_averaging_amid_an_epoch(self) -> None:
        """It is set up again only when the next epoch begins; what it makes of the weights at the end may agree."""
        for stop_at in (AMID_AN_EPOCH, AT_ITS_END + 2):
            with self.subTest(stop_at=stop_at):
                outcome = self.verdicts(
                    lambda: (BYOL(), loader(samples(3))),
                    callbacks=averaging,
                    stop_at=stop_at,
                    own_arguments={"max_epochs": EPOCHS},
                )
                self.assertLessEqual({"scheduler_state", "callback_state", "learning_rate"}, outcome.failed.keys())
                self.root_cause(outcome, "scheduler_state", "state")

    def test_lightnings_weight_averaging_before_it_starts(self) -> None:
        self.clean(
            lambda: (BYOL(), loader(samples(3))),
            callbacks=lambda: averaging(first_epoch=2),
            own_arguments={"max_epochs": EPOCHS},
        )


if __name__ == "__main__":
    unittest.main()
