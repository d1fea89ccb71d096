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


if __name__ == "__main__":
    unittest.main()
