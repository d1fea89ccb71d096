"""Lightning's own checkpoints while they are written."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

from lightning import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from stopgo_mixins import AtStep, Mode
from tests.tiny import TinyMixin


class SavesLast(TinyMixin, unittest.TestCase):
    """``ModelCheckpoint(save_last=True)``, as people write it; stopped right after its second save."""

    num_steps = 7
    val_check_interval = None
    interruption = AtStep(6)
    metrics: ClassVar[dict[str, Any]] = {"loop_progress": None}  # Lightning 2.4 restores the index of the batch before

    @classmethod
    def setup_trainer(cls, mode: Mode) -> Trainer:
        arguments = cls.trainer_arguments(mode)
        directory = cls.run_directory(mode) / "checkpoints"
        saving = ModelCheckpoint(directory, "{step}", every_n_train_steps=3, save_last=True)
        return Trainer(**{**arguments, "callbacks": [*arguments["callbacks"], saving]})
