"""No false alarm in any cell that is exact; Lightning's own bugs by name in the others."""

from __future__ import annotations

import unittest

from benchmarks.cells import BATCHES_PER_EPOCH, LOSES_EPOCH_SCHEDULE, REPEATS_VALIDATION, Cell, every_step_of_two_epochs
from benchmarks.kinds import KINDS, found_in
from tests.outcome import Outcome, run

NEVER_DIVERGING = {"train_input", "rng_state", "global_step", "consumed_samples", "resume_point", "number_of_steps"}
"""Metrics that no cell of any version may fail."""


class _MatrixCase(unittest.TestCase):
    def assert_as_documented(self, cell: Cell) -> Outcome:
        outcome = run(cell.test_class())
        self.assertEqual(outcome.error, "", cell)
        if not cell.diverging:
            self.assertEqual(outcome.failed, {}, cell)
        self.assertLessEqual(cell.diverging, set(outcome.failed), cell)
        self.assertEqual(NEVER_DIVERGING & set(outcome.failed), set(), cell)
        return outcome


class TestEveryStep(_MatrixCase):
    def test_every_step_of_two_epochs(self) -> None:
        for cell in every_step_of_two_epochs():
            with self.subTest(cell=cell):
                outcome = self.assert_as_documented(cell)
                self.assertEqual(set(outcome.failed), cell.diverging)


class TestSeeds(_MatrixCase):
    def test_twenty_seeds(self) -> None:
        for seed in range(20):
            step = 1 + seed % (2 * BATCHES_PER_EPOCH - 1)
            with self.subTest(seed=seed, step=step):
                self.assert_as_documented(Cell(step, seed=seed))


class TestLoaderWorkers(_MatrixCase):
    def test_two_workers(self) -> None:
        for step in (1, 12):
            with self.subTest(step=step):
                self.assert_as_documented(Cell(step, workers=2))


class TestEpochScheduler(_MatrixCase):
    def test_epoch_interval(self) -> None:
        for step in (2, 6, 8):
            with self.subTest(step=step):
                self.assert_as_documented(Cell(step, interval="epoch"))

    @unittest.skipUnless(LOSES_EPOCH_SCHEDULE, "a bug of Lightning 2.4")
    def test_lightning_2_4_loses_a_step_of_the_schedule(self) -> None:
        outcome = run(Cell(2, interval="epoch").test_class())
        self.assertIn("root cause of this run: scheduler_state", outcome.failed["scheduler_state"])


class TestKinds(unittest.TestCase):
    def test_amid_an_epoch_and_at_its_end_with_the_named_causes(self) -> None:
        for kind in KINDS:
            for step in (5, BATCHES_PER_EPOCH):
                with self.subTest(kind=kind.title, step=step):
                    case = kind.test_class(step)
                    outcome = run(case)
                    self.assertEqual(outcome.error, "")
                    self.assertEqual(dict(found_in(case)), kind.expected(step))
                    self.assertEqual(case.found.only_reports, kind.expected(step).keys() == {"logged_metrics"})


class TestRepeatedValidation(_MatrixCase):
    @unittest.skipUnless(REPEATS_VALIDATION, "a bug of Lightning 2.4")
    def test_lightning_2_4_repeats_the_validation_of_the_checkpoint(self) -> None:
        outcome = run(Cell(4).test_class())
        self.assertEqual(set(outcome.failed), {"validation_schedule"})
        self.assertIn("ran the validation after update 4 again", outcome.failed["validation_schedule"])
