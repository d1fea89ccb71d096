"""A fault that needs no injection: Lightning saves no gradients, so a window of micro-batches cannot be cut in two."""

from __future__ import annotations

import unittest

from stopgo_mixins import AmidAccumulation
from stopgo_mixins.comparison.diagnosis.cause import Cause
from tests.faults import models
from tests.faults.rows import LEARNING
from tests.outcome import run


class TestInterruptedAmidAWindow(unittest.TestCase):
    def test_the_gradients_of_the_window_are_the_root_cause(self) -> None:
        class Interrupted(models.Accumulating):
            interruption = AmidAccumulation(6)

        outcome = run(Interrupted)
        self.assertEqual(outcome.error, "")
        self.assertEqual(outcome.failed.keys(), LEARNING)
        (cause,) = Interrupted.examination().findings.root_causes
        assert cause.comparison.first is not None and cause.diagnosis is not None
        self.assertEqual((cause.comparison.metric, cause.comparison.first.key.step), ("gradients", 6))
        self.assertEqual(cause.diagnosis.cause, Cause.GRADIENTS_LOST)
        self.assertIn("interrupted after 1 micro-batch of step 6", outcome.failed["gradients"])
