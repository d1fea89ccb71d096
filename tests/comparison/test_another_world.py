"""Runs that are resumed on another number of ranks, of which traces hold wholes."""

from __future__ import annotations

import torch

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.completeness import absent_ranks
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.examination import Examination
from stopgo_mixins.comparison.terms import Terms
from stopgo_mixins.comparison.tolerance import Tolerance
from tests.comparison.synthetic import Phases, SyntheticCase

ROUNDED = ("parameters", "optimizer_state", "train_loss", "valid_loss", "gradients")
CLOSE = Tolerance(rtol=1e-5, atol=0.0)


def weight(step: int) -> dict[str, torch.Tensor]:
    return {"net.weight": torch.arange(1.0, 13.0).reshape(4, 3) * (step + 1)}


def loss(step: int) -> float:
    return 1 / (step + 1)


def nearly(value: float) -> float:
    return value * (1 + 1e-9)


class WorldCase(SyntheticCase):
    def world(self) -> Phases:
        """Resumed after four steps."""
        return self.phases(rounded=ROUNDED)


class TestCompared(WorldCase):
    def test_the_worlds_may_differ_where_wholes_are_recorded(self) -> None:
        self.assertIsNone(absent_ranks(self.world().runs()))

    def test_what_was_restored_counts_and_what_was_computed_does_not(self) -> None:
        phases = self.world().state("parameters", weight, lambda step: weight(step + (step > 4)))
        comparison = compare(phases.runs(), "parameters")
        self.assertEqual((comparison.mismatches, comparison.steps), ([], {0, 1, 2, 3, 4}))
        self.assertEqual(self.judge(phases, "parameters").verdict, Verdict.PASSED)

    def test_within_a_tolerance_what_was_computed_counts_too(self) -> None:
        phases = self.world().state("parameters", weight, lambda step: weight(step + (step > 4)))
        self.assertEqual(compare(phases.runs(), "parameters", CLOSE).differing_steps, {5, 6, 7, 8})

    def test_no_tolerance_is_one_for_what_was_restored(self) -> None:
        phases = self.world().state(
            "parameters", weight, lambda step: {"net.weight": weight(step)["net.weight"] * (1 + 1e-6)}
        )
        self.assertEqual(compare(phases.runs(), "parameters", CLOSE).differing_steps, {4})

    def test_losses_need_a_tolerance(self) -> None:
        phases = self.world().behaviour("train_loss", loss, lambda step: nearly(loss(step)))
        judgement = self.judge(phases, "train_loss")
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        self.assertIn("computed in another world, where sums are rounded otherwise", judgement.reason)
        self.assertEqual(self.judge(phases, "train_loss", CLOSE).verdict, Verdict.PASSED)

    def test_what_no_sum_goes_into_is_compared_bit_by_bit(self) -> None:
        phases = self.world().state("learning_rate", loss, lambda step: nearly(loss(step)))
        self.assertEqual(compare(phases.runs(), "learning_rate").differing_steps, {4, 5, 6, 7, 8})

    def test_what_is_missing_after_the_resume_is_missing(self) -> None:
        phases = self.world().behaviour("train_loss", loss)
        phases.behave("continuous", "gradients", 6, 1.0)
        self.assertEqual(len(compare(phases.runs(), "gradients").mismatches), 1)


class TestCauses(WorldCase):
    def test_what_follows_unseen_is_no_root_cause(self) -> None:
        phases = self.world().behaviour("train_input", float, lambda step: step + 0.5)
        phases.behaviour("gradients", float, lambda step: step + 0.5)
        phases.state("parameters", weight, lambda step: weight(step + (step > 4)))
        phases.behaviour("valid_loss", loss, lambda step: loss(step) + (step > 5))
        examination = Examination(phases.runs(), Terms(8, {"valid_loss": CLOSE}))
        self.assertEqual([cause.metric for cause in examination.findings.root_causes], ["train_input"])

    def test_shards_in_another_order(self) -> None:
        for dimension, places in ((0, "0 holds what 2 should"), (1, "0 holds what 2 should")):
            with self.subTest(dimension=dimension):
                phases = self.world().state(
                    "parameters",
                    weight,
                    lambda step, by=dimension: {"net.weight": weight(step)["net.weight"].roll(-2 if not by else 1, by)},
                )
                found = self.diagnose(phases, "parameters")
                self.assertEqual(found.cause, Cause.SHARDS_MISPLACED)
                self.assertIn(
                    f"along dimension {dimension} are those of the continuous run in other places: {places}",
                    found.sentence,
                )

    def test_one_shard_in_the_place_of_another(self) -> None:
        phases = self.world().state(
            "parameters", weight, lambda step: {"net.weight": weight(step)["net.weight"][[0, 1, 0, 1]]}
        )
        found = self.diagnose(phases, "parameters")
        self.assertEqual(found.cause, Cause.SHARDS_MISPLACED)
        self.assertIn("2 holds what 0 should", found.sentence)

    def test_other_numbers_are_no_misplaced_shards(self) -> None:
        phases = self.world().state(
            "parameters", weight, lambda step: {"net.weight": weight(step)["net.weight"].flip(0) + 0.125}
        )
        runs = phases.runs()
        self.assertIsNone(Examination(runs, Terms(8)).findings.root_causes[0].diagnosis)

    def test_a_replica_of_its_own(self) -> None:
        phases = self.world().state("parameters", weight, lambda step: {**weight(step), "net.weight'] on rank 1": "0a"})
        found = self.diagnose(phases, "parameters")
        self.assertEqual(found.cause, Cause.REPLICAS_DIFFER)
        self.assertIn("rank 0 has the right values at state 4 (restored), and ranks that hold replicas", found.sentence)
