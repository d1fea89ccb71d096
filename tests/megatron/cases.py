"""The small GPT of the examples, in classes that one test changes in one way."""

from __future__ import annotations

import re
import unittest
from collections.abc import Mapping
from typing import Any

from stopgo_mixins import MegatronRngStateCallback, MegatronStopAndGoMixin, Mode

NOT_VARYING = {
    "additional_callbacks": "not applicable",
    "averaged_weights": "not applicable",
    "buffers": "not applicable",
    "callback_state": "not applicable",
    "extra_state": "constant",
    "param_groups": "constant",
    "unsaved_state": "nothing that was reached had changed",
}
"""Tests that every class of this kind skips, with a part of the reason."""


class GPTMixin(MegatronStopAndGoMixin, abstract=True):
    """Eight updates of two micro-batches, validated after every fourth, interrupted after the first validation."""

    num_steps = 8
    val_check_interval = 4
    lr = 1e-3
    dropout = 0.0
    rng_remedy = True

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        from examples.megatron_gpt import adam_with_warmup, small_gpt
        from examples.megatron_text import ByteTextDataModule

        return small_gpt(dropout=cls.dropout), ByteTextDataModule(), adam_with_warmup(cls.lr)

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        if cls.rng_remedy:
            for registered in callbacks.values():
                registered[MegatronRngStateCallback] = MegatronRngStateCallback()
        return callbacks


class MixedPrecision(GPTMixin, unittest.TestCase):
    """fp32 copies of the weights beside those in bf16, and dropout; everything random comes from the checkpoint."""

    precision = "bf16-mixed"
    dropout = 0.1
    resume_seed = 7


class FullPrecision(GPTMixin, unittest.TestCase):
    """mcore keeps the optimizer's state without what mixed precision puts around it."""


class InProcesses(GPTMixin, unittest.TestCase):
    """Its legs run in fresh processes."""

    isolation = "process"
    phase_timeout = 600.0


class HalfPrecision(GPTMixin, unittest.TestCase):
    """With a gradient scaler."""

    precision = "16-mixed"


class MixtureOfExperts(GPTMixin, unittest.TestCase):
    """Four experts, of which each token sees two."""

    dropout = 0.1

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        from examples.megatron_gpt import small_gpt

        _, data, optimizer = super().setup_model(mode)
        # Without a bias, which mcore's experts would add in place where autograd does not allow it.
        experts = {"num_moe_experts": 4, "moe_router_topk": 2, "add_bias_linear": False}
        return small_gpt(dropout=cls.dropout, **experts), data, optimizer


def first_differences(failed: Mapping[str, str]) -> dict[str, str]:
    """Metric -> where its message says that it first differs, such as ``"state 4"`` or ``"step 5"``."""
    marks = {metric: _FIRST.search(message) for metric, message in failed.items()}
    return {metric: mark[1] for metric, mark in marks.items() if mark}


def root_causes(failed: Mapping[str, str]) -> set[str]:
    """The metrics whose messages say that they are root causes of the run; the others must name all of these."""
    causes = {metric for metric, message in failed.items() if f"root cause of this run: {metric} at " in message}
    for metric, message in failed.items():
        if (consequence := _CONSEQUENCE.search(message)) and set(re.findall(r"(\w+) \(", consequence[1])) != causes:
            raise AssertionError(f"{metric} should follow from {causes}: {message}")
    return causes


_FIRST = re.compile(r"(?:first|root cause of this run: \w+) at (\w+ \d+)")
_CONSEQUENCE = re.compile(r": consequence of (.*?); ")
