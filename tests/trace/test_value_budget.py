"""What a test class says about values that were beyond its budget."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from stopgo_mixins import Mode, Tolerance
from tests.outcome import Outcome, concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class LargeBufferModule(TinyModule):
    """Counts updates in a buffer of four thousand bytes."""

    def __init__(self, lr: float) -> None:
        super().__init__(lr)
        self.register_buffer("large", torch.zeros(1000))

    def on_before_zero_grad(self, optimizer: Any) -> None:
        self.large += 1


class SlightlyOff(Callback):
    def on_train_start(self, trainer: Trainer, module: LightningModule) -> None:
        module.large += 1e-3


class LargeBufferMixin(TinyMixin, abstract=True):
    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return LargeBufferModule(cls.lr), tiny_loaders()

    @classmethod
    def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
        arguments = super().trainer_arguments(mode)
        arguments["callbacks"] += [SlightlyOff()] if mode is Mode.RESUME else []
        return arguments


class TestValueBudget(unittest.TestCase):
    def outcome(self, **attributes: object) -> Outcome:
        outcome = run(concrete(LargeBufferMixin, **attributes), ["buffers"])
        self.assertEqual(outcome.error, "")
        return outcome

    def test_values_are_shown(self) -> None:
        message = self.outcome().failed["buffers"]
        self.assertIn("interrupted 3.001   continuous 3", message)
        self.assertIn("1000 of 1000 elements differ", message)

    def test_values_that_were_not_kept_say_what_to_set(self) -> None:
        message = self.outcome(value_budget=0).failed["buffers"]
        self.assertIn("['large']", message)
        self.assertIn("interrupted tensor float32[1000] cpu digest", message)
        self.assertIn("(values not kept: raise value_budget to see numbers)", message)

    def test_a_tolerance_needs_them(self) -> None:
        tolerances = {"buffers": Tolerance(atol=2e-3)}
        self.assertEqual(self.outcome(tolerances=tolerances).failed, {})
        self.assertIn("raise value_budget", self.outcome(tolerances=tolerances, value_budget=0).failed["buffers"])


if __name__ == "__main__":
    unittest.main()
