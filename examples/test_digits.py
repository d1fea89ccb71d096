"""The test of the digits classifier: ``python -m unittest -v examples.test_digits``."""

from __future__ import annotations

import unittest

from examples.digits import DigitsClassifier, DigitsDataModule
from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode, RngStateCallback


class TestDigits(LightningStopAndGoMixin, unittest.TestCase):
    num_steps = 18
    val_check_interval = 4
    lr = 1e-3
    interruption = AtStep(9)  # amid the second of three epochs, and between two validations

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[DigitsClassifier, DigitsDataModule]:
        return DigitsClassifier(lr=cls.lr), DigitsDataModule()

    @classmethod
    def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
        callbacks = super().get_default_callbacks()
        for of_one_phase in callbacks.values():
            of_one_phase[RngStateCallback] = RngStateCallback()
        return callbacks
