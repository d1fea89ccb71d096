"""A run that trains nothing resumes perfectly; its class is not green all the same."""

from __future__ import annotations

import unittest
from typing import Any, ClassVar

import torch
from torch import Tensor

from stopgo_mixins import Mode
from tests.outcome import concrete, run
from tests.tiny import TinyMixin, TinyModule, tiny_loaders


class _WithoutOptimizer(TinyModule):
    def configure_optimizers(self) -> None:
        return None


class _WithoutRate(TinyModule):
    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.0)


class _WithoutLoss(TinyModule):
    def training_step(self, batch: list[Tensor], batch_idx: int) -> None:
        self.loss(batch)


class _OnlyTheHead(TinyModule):
    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.head.parameters(), lr=self.lr)


class _Mixin(TinyMixin, abstract=True):
    module: ClassVar[type[TinyModule]]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        return cls.module(cls.lr), tiny_loaders()


class TestNothingTrained(unittest.TestCase):
    def test_fails_in_one_test(self) -> None:
        for module in (_WithoutOptimizer, _WithoutRate, _WithoutLoss):
            with self.subTest(module.__name__):
                outcome = run(concrete(_Mixin, module=module))
                self.assertEqual((set(outcome.failed), outcome.error), ({"number_of_steps"}, ""))
                self.assertIn(
                    "test_number_of_steps: nothing was trained: in the whole continuous run none of the model's "
                    "parameters changes, so a resume that lost everything would look the same. Check that there is an "
                    "optimizer, that it holds the parameters, and that its learning rate is not 0.",
                    outcome.failed["number_of_steps"],
                )

    def test_one_parameter_that_changes_is_enough(self) -> None:
        outcome = run(concrete(_Mixin, module=_OnlyTheHead))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertIn("number_of_steps", outcome.passed)

    def test_without_the_metric_nothing_is_said(self) -> None:
        outcome = run(concrete(_Mixin, module=_WithoutRate, metrics={"parameters": None}), ["number_of_steps"])
        self.assertEqual(outcome.passed, {"number_of_steps"})


if __name__ == "__main__":
    unittest.main()
