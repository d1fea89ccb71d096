"""A test class of ``transformers.Trainer`` into whose resume phase faults are injected, where no runner finds it."""

from __future__ import annotations

import unittest
from typing import Any

from stopgo_mixins import Mode
from tests.huggingface.tiny import Samples, TinyModel, TinyTransformersMixin


class ForgivingModel(TinyModel):
    """Lets the trainer warn of a missing tensor, as models of ``transformers`` do."""

    _keys_to_ignore_on_save = None


class Interrupted(TinyTransformersMixin, abstract=True):
    """Interrupted after update 6 of 11, with a checkpoint of update 4 beside that of update 6."""

    arguments = {"save_strategy": "steps", "save_steps": 4}  # noqa: RUF012 - declared as a ClassVar by the base

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return ForgivingModel(), (Samples(), Samples(4))


class Subject(Interrupted, unittest.TestCase):
    """Of whose tests the faults are judged."""
