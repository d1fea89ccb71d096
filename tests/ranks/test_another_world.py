"""Runs that are resumed on another number of ranks."""

from __future__ import annotations

import unittest

from stopgo_mixins import AmidAccumulation, AtStep, InsideValidation
from tests.outcome import Outcome, concrete, run
from tests.ranks import world_cases as cases

COMPARED = {
    *("parameters", "optimizer_state", "learning_rate", "scheduler_state", "global_step", "consumed_samples"),
    *("train_input", "sample_exposure", "train_loss", "valid_loss", "validation_schedule", "loop_progress"),
}


class WorldCase(unittest.TestCase):
    def check_clean(self, outcome: Outcome) -> None:
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertLessEqual(COMPARED, outcome.passed)

    def check_only_root_cause(self, outcome: Outcome, first: str, sentence: str) -> None:
        self.assertEqual(outcome.error, "")
        message = outcome.failed["optimizer_state"]
        self.assertIn(f"root cause of this run: optimizer_state at state 5 (restored), rank 0: {first}\n", message)
        self.assertIn(sentence, message)
        self.assertEqual("".join(outcome.failed.values()).count("root cause of this run"), 1)


class TestReplicas(WorldCase):
    def test_two_ranks_resumed_as_one(self) -> None:
        outcome = run(cases.TwoResumedAsOne)
        self.check_clean(outcome)
        self.assertEqual(
            outcome.skipped_for["rng_state"],
            "rng_state is not applicable: trained on 2 ranks and resumed on 1, what each rank has of it has no "
            "counterpart",
        )
        self.assertRegex(
            outcome.skipped_for["gradients"],
            "^gradients is not verified: from the resume on it was computed on 1 instead of 2 ranks, .* say how far it "
            "may differ, tolerances = {'gradients': Tolerance",
        )

    def test_one_rank_resumed_as_two(self) -> None:
        self.check_clean(run(cases.OneResumedAsTwo))

    def test_a_moment_that_is_lost_on_rank_1_alone(self) -> None:
        self.check_only_root_cause(
            run(cases.OneRankDrifts),
            "[0]['features.0.weight']['exp_avg_sq'] on rank 1",
            "rank 0 has at state 5 (restored) what it should, and others that train replicas of the same have not",
        )


class TestShards(WorldCase):
    def test_a_moment_whose_shards_are_in_another_order(self) -> None:
        self.check_only_root_cause(
            run(cases.ShardsMisplaced),
            "[0]['head.1.weight']['exp_avg_sq']",
            "its slices along dimension 0 are those of the continuous run in other places: 0 holds what 5 should",
        )


class TestDeclaration(unittest.TestCase):
    def check(self, message: str, **attributes: object) -> None:
        with self.assertRaisesRegex(TypeError, message):
            concrete(cases.AnotherWorldMixin, devices=2, **attributes)

    def test_no_number(self) -> None:
        self.check(r"resume_devices is 0: write resume_devices = 2 \(an integer of at least 1\)", resume_devices=0)

    def test_a_second_resume(self) -> None:
        self.check(
            "the second time from what another world has computed",
            resume_devices=1,
            interruptions=(AtStep(2), AtStep(4)),
        )

    def test_what_is_cut_in_two(self) -> None:
        self.check(r"InsideValidation.* would cut in two", resume_devices=1, interruption=InsideValidation(1))
        self.check(r"AmidAccumulation.* would cut in two", resume_devices=1, interruption=AmidAccumulation(2))

    def test_a_further_run(self) -> None:
        self.check("devices is 2, and a further run is made on one rank", resume_devices=1, noise_floor=True)
        with self.assertRaisesRegex(TypeError, "resume_devices is 2, and a further run"):
            concrete(cases.AnotherWorldMixin, resume_devices=2, cold_start=True)


if __name__ == "__main__":
    unittest.main()
