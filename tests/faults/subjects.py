"""Test classes of a user who asks what they would catch; in a module of their own, lest they should run as tests."""

from __future__ import annotations

import unittest
from typing import Any

from stopgo_mixins import Mode, RngStateCallback
from tests.tiny import TinyMixin


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
