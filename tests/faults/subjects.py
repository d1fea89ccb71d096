"""Test classes of a user who asks what they would catch; in a module of their own, lest they should run as tests."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from torch import Tensor

from stopgo_mixins import Mode, RngStateCallback
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class Plain(TinyMixin, unittest.TestCase):
    def test_of_the_user(self) -> None:
        self.assertEqual(self.comparison("train_loss").mismatches, [])


class Reseeded(TinyMixin, unittest.TestCase):
    """Its resume phase starts from another seed, so that every random stream must come from the checkpoint."""

    resume_seed = 7


class Unrestored(TinyMixin, unittest.TestCase):
    """Nobody restores its random numbers."""

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for registered in callbacks.values():
            del registered[RngStateCallback]
        return callbacks


class _WarmModule(TinyModule):
    factor = 1.0

    def loss(self, batch: list[Tensor]) -> Tensor:
        if self.trainer.global_step == 0:
            _WarmModule.factor = 2.0
        return super().loss(batch) * self.factor


class Warm(TinyMixin, unittest.TestCase):
    """Its loss depends on a class attribute that is set in the first step, where no resume phase comes past."""

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _WarmModule(cls.lr), tiny_loaders()


class _DrawingModule(TinyModule):
    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.factor = float(torch.rand(1))

    def loss(self, batch: list[Tensor]) -> Tensor:
        return super().loss(batch) * self.factor


class Drawing(TinyMixin, unittest.TestCase):
    """What its module draws in the beginning is the same again only because every phase has the same seed."""

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return _DrawingModule(cls.lr), tiny_loaders()


class Broken(TinyMixin, unittest.TestCase):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        raise ValueError("no such layer")


class Skipped(TinyMixin, unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        raise unittest.SkipTest("needs a GPU")


def no_class() -> None:
    pass
