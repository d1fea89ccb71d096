"""NeMo's distributed checkpoint while it is written."""

from __future__ import annotations

import unittest
from typing import Any

from stopgo_mixins import MegatronRngStateCallback, MegatronStopAndGoMixin, Mode


class SavesDistributed(MegatronStopAndGoMixin, unittest.TestCase):
    """Two updates, a validation, a checkpoint and its ``-last``; then two more updates."""

    num_steps = 4
    val_check_interval = 2
    lr = 1e-3

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        from examples.megatron_gpt import adam_with_warmup, small_gpt
        from examples.megatron_text import ByteTextDataModule

        return small_gpt(dropout=0.1), ByteTextDataModule(), adam_with_warmup(cls.lr)

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        from nemo.lightning.pytorch.callbacks import ModelCheckpoint

        callbacks = super().get_default_callbacks()
        for mode, registered in callbacks.items():
            registered[MegatronRngStateCallback] = MegatronRngStateCallback()
            if mode is not Mode.CONTINUOUS:
                saving = ModelCheckpoint(save_last=True, monitor="val_loss", save_top_k=2, filename="{step}")
                registered[ModelCheckpoint] = saving
        return callbacks
