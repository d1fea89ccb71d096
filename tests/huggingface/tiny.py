"""The smallest run of ``transformers.Trainer`` in which every metric varies that there is, and that resumes exactly."""

from __future__ import annotations

import random
import signal
import unittest
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import EarlyStoppingCallback, Trainer

from stopgo_mixins import AtStep, Mode, TransformersStopAndGoMixin

STEPS_PER_EPOCH = 4


class TinyModel(nn.Module):
    """BatchNorm for buffers, dropout for random numbers.

    Args:
        forward_passes: a list that grows by one with each, for who wants to know.
    """

    def __init__(self, forward_passes: list[int] | None = None) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        self.head = nn.Linear(4, 1)

    def forward(self, inputs: Tensor, labels: Tensor) -> dict[str, Tensor]:
        logits = self.head(self.body(inputs))
        return {"loss": nn.functional.mse_loss(logits, labels), "logits": logits}


class Samples(Dataset[dict[str, Tensor]]):
    """Two for each batch of an epoch.

    Args:
        count: how many.
        noisy: whether each is changed by random numbers when it is read.
    """

    def __init__(self, count: int = 2 * STEPS_PER_EPOCH, noisy: bool = False) -> None:
        generator = torch.Generator().manual_seed(count)
        self.inputs, self.labels = (torch.randn(count, size, generator=generator) for size in (3, 1))
        self.noisy = noisy

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        noise = torch.randn(3) * random.random() if self.noisy else torch.zeros(3)
        return {"inputs": self.inputs[index] + noise, "labels": self.labels[index]}


class TinyTransformersMixin(TransformersStopAndGoMixin, abstract=True):
    """Eleven updates in epochs of four, interrupted after the sixth.

    Attributes:
        arguments: of ``TrainingArguments``, beyond those that all have.
        noisy: whether the training samples are random.
        patience: evaluations without progress before the training is stopped early, if it is.
        lost: files of the checkpoint that are deleted before it is loaded.
        cut: files of which only the first half is left.
    """

    num_steps = 11
    val_check_interval = 4
    lr = 1e-2
    interruption = AtStep(6)
    arguments: ClassVar[Mapping[str, Any]] = {}
    noisy: ClassVar[bool] = False
    patience: ClassVar[int | None] = None
    lost: ClassVar[tuple[str, ...]] = ()
    cut: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return TinyModel(), (Samples(noisy=cls.noisy), Samples(4))

    @classmethod
    def training_arguments(cls, mode: Mode) -> dict[str, Any]:
        batches = {"per_device_train_batch_size": 2, "per_device_eval_batch_size": 2}
        return {**super().training_arguments(mode), **batches, **cls.arguments}

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        trainer = super().setup_trainer(mode)
        if cls.patience is not None:
            trainer.add_callback(EarlyStoppingCallback(cls.patience))
        return trainer

    @classmethod
    def resume(cls) -> None:
        checkpoint = Path(str(cls.resume_checkpoint()))
        for name in cls.lost:
            (checkpoint / name).unlink()
        for name in cls.cut:
            data = (checkpoint / name).read_bytes()
            (checkpoint / name).write_bytes(data[: len(data) // 2])
        super().resume()


class KilledTransformers(TinyTransformersMixin, unittest.TestCase):
    """Each leg in a fresh process, the first of which is killed."""

    isolation = "process"
    interruption = AtStep(6, by=signal.SIGKILL)
