"""Two runs on one type of device whose digests were computed by different algorithms."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from unittest import mock

import torch

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.examination import Examination
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.terms import Terms
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.metric import Metric
from stopgo_mixins.trace import leaves
from stopgo_mixins.trace.store import Trace, TraceWriter
from stopgo_mixins.trace.values import SMALL_BYTES

STEPS = 4


class TestTwoAlgorithms(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def write(self, phase: str, budget: int, by: float) -> Trace:
        writer = TraceWriter(self.directory / phase, 0, budget)
        for step in range(STEPS):
            writer.record("m", Position(Moment.STEP_START, step), torch.full((SMALL_BYTES,), step + by))
        writer.end(STEPS)
        writer.close()
        return Trace(self.directory / phase)

    def examine(self, budget: int, by: float = 0.0) -> Examination:
        reference = self.write("continuous", budget, 0.0)
        with mock.patch.object(leaves, "_DIGESTS_ITSELF", "cpu"):
            leg = self.write("stop", budget, by)
        return Examination(Runs.of([leg], reference, {"m": Metric}), Terms(num_steps=STEPS))

    def test_values_that_were_kept_are_compared(self) -> None:
        comparison = self.examine(2**20).comparison("m")
        self.assertEqual((comparison.compared, comparison.mismatches), (STEPS, []))

    def test_values_that_were_kept_and_differ(self) -> None:
        found = self.examine(2**20, by=0.5).comparison("m").mismatches
        self.assertEqual([mismatch.difference for mismatch in found], STEPS * [Difference.VALUE])

    def test_without_values_the_message_says_why_nothing_can_be_said(self) -> None:
        examination = self.examine(0)
        found = examination.comparison("m").mismatches
        self.assertEqual([mismatch.difference for mismatch in found], STEPS * [Difference.ALGORITHM])
        self.assertIn(
            "cannot be compared: the interrupted run was digested by mix-128, the continuous one by xxh3-128, and the "
            "values were not kept: record both runs with the same version, or raise value_budget",
            examination.failure("m"),
        )


if __name__ == "__main__":
    unittest.main()
