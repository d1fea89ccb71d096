"""Megatron on two ranks of a CPU."""

from __future__ import annotations

import unittest

from stopgo_mixins import require_nemo
from tests.megatron.cases import NOT_VARYING
from tests.outcome import run
from tests.ranks import megatron_cases as cases


@require_nemo
class TestTensorParallel(unittest.TestCase):
    def test_a_correct_run_passes(self) -> None:
        outcome = run(cases.TensorParallelInBF16)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertLessEqual({"optimizer_state", "parameters", "rng_state", "train_loss"}, outcome.passed)
        self.assertLessEqual(outcome.skipped_for.keys(), NOT_VARYING.keys() | {"precision_state"})

    def test_resumed_on_one_rank(self) -> None:
        outcome = run(cases.TensorParallelResumedAsOne)
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertLessEqual(
            {"parameters", "optimizer_state", "train_input", "sample_exposure", "consumed_samples", "train_loss"},
            outcome.passed,
        )


if __name__ == "__main__":
    unittest.main()
