"""A small GPT on the bytes of Python's documentation, trained by NeMo 2 with Megatron."""

from __future__ import annotations

from typing import Any

from megatron.core.optimizer import OptimizerConfig
from nemo.collections import llm
from nemo.lightning import MegatronOptimizerModule
from nemo.lightning.pytorch.optim import CosineAnnealingScheduler

from examples.megatron_text import VOCAB_SIZE
from stopgo_mixins import cpu_settings


def small_gpt(seq_length: int = 32, dropout: float = 0.0, **settings: Any) -> llm.GPTModel:
    """Two layers of width 32: about 26 thousand weights.

    Args:
        seq_length: tokens per sample.
        dropout: of attention and hidden states alike.
        settings: further settings of the ``GPTConfig``.
    """
    config = llm.GPTConfig(
        num_layers=2,
        hidden_size=32,
        ffn_hidden_size=64,
        num_attention_heads=2,
        seq_length=seq_length,
        vocab_size=VOCAB_SIZE,
        hidden_dropout=dropout,
        attention_dropout=dropout,
        **{**cpu_settings(), **settings},
    )
    return llm.GPTModel(config)


def adam_with_warmup(lr: float) -> MegatronOptimizerModule:
    """Megatron's Adam, warming up for two steps and then annealed until the last one."""
    return MegatronOptimizerModule(
        # The distributed optimizer keeps Adam's step counter right only with Transformer Engine or apex.
        OptimizerConfig(optimizer="adam", lr=lr, clip_grad=1.0, use_distributed_optimizer=False),
        lr_scheduler=CosineAnnealingScheduler(warmup_steps=2, constant_steps=0, min_lr=lr / 100),
    )
