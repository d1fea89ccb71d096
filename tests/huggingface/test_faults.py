"""The catalogue of faults on ``transformers.Trainer``."""

from __future__ import annotations

import unittest

from tests.faults.catalogue import CatalogueMixin
from tests.huggingface.cells import BOUNDARY, FIRST_EPOCH
from tests.huggingface.tiny import TinyTransformersMixin
from tests.outcome import concrete

OF_OTHER_RUNS = ("F09", "F10", "F17", "F20", "F21", "F38", "F39", "F40", "F47", "F48")
"""What needs a GPU, a generator, accumulation, the end of an epoch, master weights, a scaler, extra state, averages."""

OF_OTHER_TRAINERS = ("F15", "F23", "F31", "F53")
"""What follows from the trainer's count of steps: its position, permutation, samples, and the steps that it logs."""

KEEPS_ALL = {"save_strategy": "steps", "save_steps": 2}


class TestCatalogue(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyTransformersMixin, resume_seed=43, arguments=KEEPS_ALL)
    not_applicable = (*OF_OTHER_RUNS, *OF_OTHER_TRAINERS)


class TestAccumulation(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyTransformersMixin, interruption=FIRST_EPOCH, arguments={"gradient_accumulation_steps": 2})
    tried = ("F16a", "F17")


class TestEndOfAnEpoch(CatalogueMixin, unittest.TestCase):
    subject = concrete(TinyTransformersMixin, interruption=BOUNDARY)
    tried = ("F20", "F21")


if __name__ == "__main__":
    unittest.main()
