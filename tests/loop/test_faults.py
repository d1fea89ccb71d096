"""The catalogue of faults on a loop of one's own."""

from __future__ import annotations

import unittest
from typing import Any

import torch
from torch import Tensor, nn

from stopgo_mixins import AtStep
from stopgo_mixins.faults import ATTRIBUTES_LOST
from tests.faults.catalogue import CatalogueMixin
from tests.loop.tiny import STEPS_PER_EPOCH, TinyLoopMixin
from tests.outcome import concrete, run

OF_OTHER_RUNS = ("F09", "F10", "F17", "F20", "F21", "F38", "F39", "F40", "F47", "F48", "F75")
"""What needs a GPU, accumulation, the end of an epoch, or an object that the subject lacks."""

OF_TRAINERS = ("F15", "F23", "F28", "F31", "F52", "F53", "F59")
"""What is the loop's own: its position and counters in a checkpoint, its permutation, the time of its validations."""


class CountingNet(nn.Sequential):
    """Keeps a count in an attribute, and saves it by hand."""

    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 1))
        self.calls = 0

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        output: Tensor = super().forward(inputs)
        return output

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[f"{prefix}calls"] = torch.tensor(self.calls)

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *others: Any) -> None:
        self.calls = int(state_dict[f"{prefix}calls"])


class TestCatalogue(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyLoopMixin, resume_seed=43)
    not_applicable = (*OF_OTHER_RUNS, *OF_TRAINERS)


class TestAccumulation(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyLoopMixin, window=2)
    tried = ("F16a", "F17")


class TestEndOfAnEpoch(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyLoopMixin, as_directory=True, interruption=AtStep(STEPS_PER_EPOCH))
    tried = ("F20", "F21", "F33", "F56")
    not_applicable = ("F20",)


class TestAttributes(unittest.TestCase):
    def test_cannot_be_put_back_where_nobody_sees_them_before_they_are_loaded(self) -> None:
        def test_fault(self: Any) -> None:
            self.assertCatches(ATTRIBUTES_LOST)

        outcome = run(concrete(TinyLoopMixin, make_net=CountingNet, test_fault=test_fault), ["fault", "unsaved_state"])
        self.assertIn("a loop of one's own builds and loads its parts in one go", outcome.failed["fault"])
        self.assertIn("unsaved_state", outcome.passed)


if __name__ == "__main__":
    unittest.main()
