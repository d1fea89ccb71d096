"""A convolutional classifier on scikit-learn's handwritten digits, and its data."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchdata.stateful_dataloader import StatefulDataLoader

BATCH_SIZE = 32


class DigitsClassifier(pl.LightningModule):
    """Two convolutions with BatchNorm and dropout; AdamW with two parameter groups and a warm-up.

    Args:
        lr: the learning rate after the warm-up.
        warmup_steps: over how many updates it rises to that.
    """

    def __init__(self, lr: float = 1e-3, warmup_steps: int = 8) -> None:
        super().__init__()
        self.lr, self.warmup_steps = lr, warmup_steps
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, kernel_size=3, stride=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Dropout(0.2), nn.Linear(16 * 3 * 3, 10))

    def forward(self, images: Tensor) -> Tensor:
        """Logits of shape ``[batch, 10]`` from images of shape ``[batch, 1, 8, 8]``."""
        logits: Tensor = self.head(self.features(images))
        return logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The cross-entropy of a batch."""
        images, labels = batch
        return nn.functional.cross_entropy(self(images), labels)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        """The cross-entropy of a validation batch, logged as ``val_loss``."""
        images, labels = batch
        loss = nn.functional.cross_entropy(self(images), labels)
        self.log("val_loss", loss)
        return loss

    def configure_optimizers(self) -> Any:
        """AdamW without weight decay on biases and norms, and a linear warm-up."""
        matrices = [parameter for parameter in self.parameters() if parameter.ndim > 1]
        vectors = [parameter for parameter in self.parameters() if parameter.ndim <= 1]
        groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=self.lr)
        warmup = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / self.warmup_steps))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": warmup, "interval": "step"}}


class DigitsDataModule(pl.LightningDataModule):
    """Training and validation digits in loaders that remember where they are.

    Args:
        samples: how many training samples an epoch has.
        num_workers: processes that load them.
        stateful: whether the training loader saves its position with the checkpoint.
    """

    def __init__(self, samples: int = 192, num_workers: int = 0, stateful: bool = True) -> None:
        super().__init__()
        self.samples, self.num_workers, self.stateful = samples, num_workers, stateful
        digits = load_digits()
        images = torch.tensor(digits.images, dtype=torch.float32).unsqueeze(1) / 16
        self.digits = TensorDataset(images, torch.tensor(digits.target))

    def train_dataloader(self) -> DataLoader[Any]:
        """Shuffled batches of ``[32, 1, 8, 8]`` images and ``[32]`` labels."""
        subset = torch.utils.data.Subset(self.digits, range(self.samples))
        loader = StatefulDataLoader if self.stateful else DataLoader
        return loader(subset, batch_size=BATCH_SIZE, shuffle=True, num_workers=self.num_workers)

    def val_dataloader(self) -> DataLoader[Any]:
        """The last 256 digits, in order."""
        subset = torch.utils.data.Subset(self.digits, range(len(self.digits) - 256, len(self.digits)))
        return DataLoader(subset, batch_size=BATCH_SIZE)
