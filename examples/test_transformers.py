"""Does a small language model resume exactly in its ``Trainer``? ``python -m unittest -v examples.test_transformers``.

It reads the bytes of a text that ships with Python, so that nothing is downloaded.
"""

from __future__ import annotations

import unittest
from pydoc_data.topics import topics

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel

from stopgo_mixins import AtStep, Mode, TransformersStopAndGoMixin

LENGTH = 32


def texts(count: int) -> list[dict[str, Tensor]]:
    """The beginning of Python's help about classes, cut to pieces."""
    data = torch.tensor(list(topics["class"].encode()[: count * LENGTH]))
    return [{"input_ids": text, "labels": text} for text in data.split(LENGTH)]


class TestLanguageModel(TransformersStopAndGoMixin, unittest.TestCase):
    num_steps = 9
    val_check_interval = 3
    lr = 1e-3
    interruption = AtStep(5)  # amid the second epoch

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[object, ...]:
        config = GPT2Config(vocab_size=256, n_positions=LENGTH, n_embd=32, n_layer=2, n_head=2)
        samples = texts(40)
        return GPT2LMHeadModel(config), (samples[:32], samples[32:])
