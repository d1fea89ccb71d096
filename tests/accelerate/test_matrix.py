"""No false alarm in any cell that is exact, and the root cause by name in every other one."""

from __future__ import annotations

import unittest

from parameterized import parameterized

from stopgo_mixins import AtStep
from tests.accelerate.cells import CELLS, AccelerateCell
from tests.accelerate.tiny import TinyAccelerateMixin
from tests.loop.clipping import first_norm
from tests.matrix import MatrixCase, name_of
from tests.outcome import concrete, run


class TestMatrix(MatrixCase):
    @parameterized.expand([(cell,) for cell in CELLS], name_func=name_of)
    def test_cell(self, cell: AccelerateCell) -> None:
        self.assert_as_documented(cell)


class TestRuns(unittest.TestCase):
    def test_everything_is_heard(self) -> None:
        outcome = run(concrete(TinyAccelerateMixin))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        state = {"parameters", "buffers", "optimizer_state", "learning_rate", "scheduler_state", "rng_state"}
        behaviour = {"train_input", "train_output", "train_loss", "gradients", "logged_metrics", "valid_loss"}
        self.assertLessEqual(state | behaviour | {"resume_point", "loop_progress"}, outcome.passed)

    def test_the_seed_of_the_process_is_in_no_checkpoint(self) -> None:
        outcome = run(concrete(TinyAccelerateMixin, data_seed=None))
        self.assertEqual((set(outcome.failed), outcome.error), ({"train_input"}, ""))
        self.assertIn("shared seed; the value at step 7, rank 0", outcome.failed["train_input"])

    def test_gradients_are_those_before_clipping(self) -> None:
        self.assertGreater(first_norm(TinyAccelerateMixin, max_norm=1e-3), 1e-2)

    def test_twenty_seeds(self) -> None:
        for seed in range(20):
            step = AtStep(seed % 6 + 1)
            outcome = run(concrete(TinyAccelerateMixin, seed=seed, num_steps=step.step + 5, interruption=step))
            self.assertEqual((outcome.failed, outcome.error), ({}, ""), seed)


if __name__ == "__main__":
    unittest.main()
