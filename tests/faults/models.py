"""The test classes into which faults are injected; each resumes exactly without one.

They are tests themselves, so a test module imports this module, not the classes, lest they should run there too.
All are interrupted between two validations, since Lightning 2.4 repeats the validation in which it was interrupted.
"""

from __future__ import annotations

import random
import unittest
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins import MixedPrecision
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode, RngStateCallback

BATCHES_PER_EPOCH = 6


class DrawingClassifier(DigitsClassifier):
    """The digits classifier, with noise from Python and NumPy on what it sees, and a warm-up that does not end."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr=lr, warmup_steps=100)

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        loss = super().training_step((images * random.uniform(0.9, 1.1) + np.random.uniform(0, 0.1), labels), batch_idx)
        self.log("train_loss", loss)
        return loss


class DigitsMixin(LightningStopAndGoMixin, abstract=True):
    """Three epochs of six batches, interrupted amid the second."""

    num_steps = 18
    val_check_interval = 4
    lr = 1e-3
    interruption = AtStep(9)

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return DrawingClassifier(lr=cls.lr), DigitsDataModule()

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for of_one_phase in callbacks.values():
            of_one_phase[RngStateCallback] = RngStateCallback()
        return callbacks


class Digits(DigitsMixin, unittest.TestCase):
    pass


class AtEpochEnd(DigitsMixin, unittest.TestCase):
    interruption = AtStep(BATCHES_PER_EPOCH)


class SeveralCheckpoints(DigitsMixin, unittest.TestCase):
    """Its trainer keeps a checkpoint of every epoch."""

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for mode, of_one_phase in callbacks.items():
            of_one_phase[ModelCheckpoint] = ModelCheckpoint(
                cls.run_directory(mode), every_n_epochs=1, save_on_train_epoch_end=True, save_top_k=-1
            )
        return callbacks


class Accumulating(DigitsMixin, unittest.TestCase):
    """Each update takes two micro-batches."""

    num_steps = 9
    interruption = AtStep(5)

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        return Trainer(**cls.trainer_arguments(mode), accumulate_grad_batches=2)


class EpochSchedule(DigitsMixin, unittest.TestCase):
    """The learning rate changes after every epoch.

    Lightning 2.4 forgets a step of a scheduler whose interval is the epoch, so this one counts batches.
    """

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        model = DrawingClassifier(lr=cls.lr)
        optimizer = torch.optim.AdamW(model.parameters(), lr=cls.lr)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda epoch: 0.5**epoch)
        per_epoch = {"scheduler": scheduler, "interval": "step", "frequency": BATCHES_PER_EPOCH}
        return model, DigitsDataModule(), {"optimizer": optimizer, "lr_scheduler": per_epoch}


class Scaled(nn.Module):
    """Divides by the largest magnitude seen so far, which it keeps as fp8 layers keep their scales."""

    def __init__(self) -> None:
        super().__init__()
        self.largest = 0.1

    def forward(self, values: Tensor) -> Tensor:
        if self.training:
            self.largest = max(self.largest, float(values.detach().abs().max()))
        return values / self.largest

    def get_extra_state(self) -> dict[str, float]:
        return {"largest": self.largest}

    def set_extra_state(self, state: dict[str, float]) -> None:
        self.largest = state["largest"]


class AveragedClassifier(DrawingClassifier):
    """Keeps a moving average of its head, and an extra state."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr=lr)
        self.head.append(Scaled())
        self.average = AveragedModel(self.head, multi_avg_fn=get_ema_multi_avg_fn(0.9))

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.average.update_parameters(self.head)


class CountingClassifier(DrawingClassifier):
    """Keeps what it has seen in plain attributes, and saves that by hand."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr=lr)
        self.seen: dict[str, float] = {"batches": 0}
        self.smoothed = torch.zeros(10)

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        self.seen["batches"] += 1
        self.smoothed = torch.lerp(self.smoothed, torch.bincount(batch[1], minlength=10).float(), 0.1)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["counted"] = {**self.seen, "smoothed": self.smoothed}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.smoothed = checkpoint["counted"].pop("smoothed")
        self.seen.update(checkpoint["counted"])


class Counting(DigitsMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return CountingClassifier(lr=cls.lr), DigitsDataModule()


class Averaged(DigitsMixin, unittest.TestCase):
    """Averaged weights, extra state, and a gradient scaler whose scale grows every fourth step."""

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return AveragedClassifier(lr=cls.lr), DigitsDataModule()

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        arguments = cls.trainer_arguments(mode)
        del arguments["precision"]
        # So large that no gradient is subnormal in fp16, where even a power of two as scale would round.
        scaler = GradScaler("cpu", init_scale=1024.0, growth_interval=4)
        return Trainer(**arguments, plugins=[MixedPrecision("16-mixed", "cpu", scaler)])


class SgdWithMasters(torch.optim.SGD):
    """Updates a float32 master of every bf16 weight, and rounds it into the weight."""

    def step(self, closure: Any = None) -> Any:
        loss = None if closure is None else closure()
        with torch.no_grad():
            for group in self.param_groups:
                for weight in group["params"]:
                    master = self.state[weight].setdefault("master", weight.float())
                    master.sub_(weight.grad.float(), alpha=group["lr"])
                    weight.copy_(master)
        return loss

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        for index, state in state_dict["state"].items():  # which torch has cast to the dtype of the weight
            weight = [weight for group in self.param_groups for weight in group["params"]][index]
            self.state[weight]["master"] = state["master"].clone()


class HalfPrecisionClassifier(pl.LightningModule):
    """One layer, all of it in bf16."""

    def __init__(self, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.layer = nn.Linear(64, 10).bfloat16()

    def training_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> Tensor:
        images, labels = batch
        return nn.functional.cross_entropy(self.layer(images.flatten(1).bfloat16()), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return SgdWithMasters(self.parameters(), lr=self.lr)


class HalfPrecision(DigitsMixin, unittest.TestCase):
    val_check_interval = None

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return HalfPrecisionClassifier(lr=cls.lr), DigitsDataModule()
