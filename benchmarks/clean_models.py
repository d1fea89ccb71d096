"""Five kinds of training, each with what Lightning needs to resume it exactly."""

from __future__ import annotations

from typing import Any, ClassVar

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import LightningStopAndGoMixin, Mode, RngStateCallback
from stopgo_mixins.mixins.registry import Callbacks


class PlainClassifier(pl.LightningModule):
    """A perceptron trained by SGD with momentum: no dropout, no BatchNorm, no scheduler."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 10))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Tensor]:
        """The cross-entropy of a batch."""
        images, labels = batch
        return {"loss": nn.functional.cross_entropy(self.layers(images), labels)}

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> None:
        """Logs the accuracy and returns nothing."""
        images, labels = batch
        self.log("accuracy", (self.layers(images).argmax(1) == labels).float().mean())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """SGD."""
        return torch.optim.SGD(self.parameters(), lr=0.1, momentum=0.9)


class AveragedClassifier(DigitsClassifier):
    """Keeps an exponential moving average of its weights, which validation does not use."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.averaged = AveragedModel(self.head, multi_avg_fn=get_ema_multi_avg_fn(0.9))

    def on_train_batch_end(self, *_: Any) -> None:
        """Updates the average."""
        self.averaged.update_parameters(self.head)


class AdversarialDigits(pl.LightningModule):
    """A generator against a discriminator: two optimizers, stepped by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.generator = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 64))
        self.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))

    def training_step(self, batch: list[Tensor], batch_idx: int) -> dict[str, Tensor]:
        """One step of each."""
        images, _ = batch
        generate, discriminate = self.optimizers()  # type: ignore[attr-defined]  # a list where there are several
        fake = self.generator(torch.randn(len(images), 8))
        real_score, fake_score = self.discriminator(images), self.discriminator(fake.detach())
        loss = nn.functional.softplus(-real_score).mean() + nn.functional.softplus(fake_score).mean()
        self._step(discriminate, loss)
        generator_loss = nn.functional.softplus(-self.discriminator(fake)).mean()
        self._step(generate, generator_loss)
        return {"discriminator": loss.detach(), "generator": generator_loss.detach()}

    def _step(self, optimizer: Any, loss: Tensor) -> None:
        optimizer.zero_grad()
        self.manual_backward(loss)
        optimizer.step()

    def validation_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The discriminator's mean score of real images."""
        score: Tensor = self.discriminator(batch[0]).mean()
        return score

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for both."""
        return [torch.optim.Adam(part.parameters(), lr=1e-3) for part in (self.generator, self.discriminator)]


class ExactDigits(LightningStopAndGoMixin, abstract=True):
    """The digits with stateful loaders and the remedy for random numbers."""

    num_steps = 14
    val_check_interval = 4
    lr = 1e-3
    model: ClassVar[Any]
    accumulate: ClassVar[int] = 1

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        """A fresh model of the class's kind."""
        return cls.model(), DigitsDataModule()

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        """Adds the accumulation."""
        return super().trainer_arguments(mode) | {"accumulate_grad_batches": cls.accumulate}

    @classmethod
    def get_default_callbacks(cls) -> Callbacks:
        """Adds the remedy for random numbers."""
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            registered[RngStateCallback] = RngStateCallback()
        return callbacks


KINDS: dict[str, dict[str, Any]] = {
    "dropout, BatchNorm, AdamW, warm-up": {"model": lambda: DigitsClassifier(lr=1e-3)},
    "no dropout, no BatchNorm, SGD": {"model": PlainClassifier},
    "averaged weights": {"model": lambda: AveragedClassifier(lr=1e-3)},
    "two micro-batches per update": {"model": lambda: DigitsClassifier(lr=1e-3), "accumulate": 2},
    "two optimizers": {"model": AdversarialDigits},
}
"""What is trained -> the attributes of its test class."""
