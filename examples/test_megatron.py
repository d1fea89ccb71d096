"""Do a GPT and a T5, trained by NeMo 2 on Megatron, resume exactly? With dropout, and in bf16?

Without a GPU they run on the CPU; without NeMo they are skipped.

    python -m unittest examples.test_megatron -v
"""

from __future__ import annotations

import unittest
from typing import Any

from stopgo_mixins import MegatronRngStateCallback, MegatronStopAndGoMixin, Mode


class SmallModelMixin(MegatronStopAndGoMixin, abstract=True):
    """Eight updates of two micro-batches, validated after every fourth, interrupted after the first validation."""

    num_steps = 8
    val_check_interval = 4
    lr = 1e-3

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            registered[MegatronRngStateCallback] = MegatronRngStateCallback()
        return callbacks


class TestGPT(SmallModelMixin, unittest.TestCase):
    precision = "bf16-mixed"

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        from examples.megatron_gpt import adam_with_warmup, small_gpt
        from examples.megatron_text import ByteTextDataModule

        return small_gpt(dropout=0.1), ByteTextDataModule(), adam_with_warmup(cls.lr)


class TestT5(SmallModelMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        from examples.megatron_gpt import adam_with_warmup
        from examples.megatron_t5 import ContinuationDataModule, small_t5

        return small_t5(dropout=0.1), ContinuationDataModule(), adam_with_warmup(cls.lr)


if __name__ == "__main__":
    unittest.main()
