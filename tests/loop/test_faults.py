"""The catalogue of faults on a loop of one's own."""

from __future__ import annotations

import unittest

from stopgo_mixins import AtStep
from tests.faults.catalogue import CatalogueMixin
from tests.loop.tiny import STEPS_PER_EPOCH, TinyLoopMixin
from tests.outcome import concrete

OF_OTHER_RUNS = ("F09", "F10", "F17", "F20", "F21", "F38", "F39", "F40", "F47", "F48")
"""What needs a GPU, a generator, accumulation, the end of an epoch, master weights, a scaler, extra state, averages."""

OF_TRAINERS = ("F15", "F23", "F28", "F31", "F52", "F53", "F59")
"""What is the loop's own: its position and counters in a checkpoint, its permutation, the time of its validations."""


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


if __name__ == "__main__":
    unittest.main()
