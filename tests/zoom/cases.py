"""Classes for the tests of the closer look; one of them is meant to fail."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

from lightning.pytorch import Callback

from stopgo_mixins import Mode
from tests.tiny import TinyMixin


class OnResume(Callback):
    """Does something to the module once the checkpoint is loaded."""

    def __init__(self, change: Callable[[Any], None]) -> None:
        self._change = change

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._change(pl_module)


def no_second_moment(module: Any) -> None:
    for entries in module.optimizers(use_pl_optimizer=False).state.values():
        entries["exp_avg_sq"].zero_()


class FaultyMixin(TinyMixin, abstract=True):
    """Its resume loses a second moment."""

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for mode, registered in callbacks.items():
            registered[OnResume] = OnResume(no_second_moment if mode is Mode.RESUME else lambda module: None)
        return callbacks


class Faulty(FaultyMixin, unittest.TestCase):
    """For the command."""


class Sound(TinyMixin, unittest.TestCase):
    """For the command."""
