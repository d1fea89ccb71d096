"""The smallest Lightning run in which every default metric varies and resumes exactly, on every Lightning."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode, RngStateCallback

BATCHES_PER_EPOCH = 4

TRUSTING = {"weights_only": False} if "weights_only" in inspect.signature(Trainer.fit).parameters else {}
"""Arguments of ``Trainer.fit`` for checkpoints with objects of one's own: newer versions do not load them otherwise."""


class TinyModule(LightningModule):
    """BatchNorm for buffers, dropout for random numbers, a schedule that moves learning rate and momentum."""

    def __init__(self, lr: float = 1e-2) -> None:
        super().__init__()
        self.lr = lr
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.head = nn.Linear(4, 1)

    def loss(self, batch: list[Tensor]) -> Tensor:
        inputs, targets = batch
        return nn.functional.mse_loss(self.head(self.body(inputs)), targets)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        return self.loss(batch)

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        loss = self.loss(batch)
        self.log("val_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=self.lr, total_steps=20)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def tiny_samples(count: int = 2 * BATCHES_PER_EPOCH) -> TensorDataset:
    generator = torch.Generator().manual_seed(0)
    return TensorDataset(torch.randn(count, 3, generator=generator), torch.randn(count, 1, generator=generator))


def tiny_loaders() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Four shuffled training batches that know where they are, and two for validation."""
    return StatefulDataLoader(tiny_samples(), batch_size=2, shuffle=True), DataLoader(tiny_samples(4), batch_size=2)


class TinyMixin(LightningStopAndGoMixin, abstract=True):
    """Five updates, interrupted after the third, which lies within an epoch and between two validations."""

    num_steps = 5
    val_check_interval = 2
    lr = 1e-2
    interruption = AtStep(step=3)

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return TinyModule(cls.lr), tiny_loaders()

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            registered[RngStateCallback] = RngStateCallback()
        return callbacks
