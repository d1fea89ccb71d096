"""Ranks that train replicas of the same must record the same."""

from __future__ import annotations

import unittest

import torch

from stopgo_mixins.comparison.evidence import Verdict
from tests.comparison.synthetic import Phases, SyntheticCase, Value


def weights(step: int) -> object:
    return {"weight": torch.tensor([float(step)])}


def apart(step: int) -> object:
    return weights(step) if step < 6 else {"weight": torch.tensor([0.5 * step])}


class TestReplicas(SyntheticCase):
    def two_ranks(self, of_rank_1: Value, *replicated: str) -> Phases:
        phases = self.phases(world_size=2)
        for phases.rank in (0, 1):
            phases.state("parameters", of_rank_1 if phases.rank else weights)
            for phase in ("stop", "resume", "continuous"):
                phases.event(phase, "phase_start", mode=phase, world_size=2, replicated=list(replicated))
        return phases

    def test_equal_ones_pass(self) -> None:
        self.assertIs(self.judge(self.two_ranks(weights, "parameters"), "parameters").verdict, Verdict.PASSED)

    def test_a_rank_that_drifts_away_fails_although_the_runs_are_equal(self) -> None:
        judgement = self.judge(self.two_ranks(apart, "parameters"), "parameters")
        self.assertIs(judgement.verdict, Verdict.FAILED)
        self.assertEqual(
            judgement.reason,
            "the ranks hold replicas, and in the resume phase rank 1 differs from rank 0, first at state 6: ['weight']",
        )

    def test_what_only_one_of_them_has(self) -> None:
        other_names: tuple[tuple[Value, str], ...] = (
            (lambda step: {"weight": torch.tensor([float(step)]), "bias": step}, "['bias']"),
            (lambda step: {"bias": torch.tensor([float(step)])}, "['bias']"),
        )
        for other, path in other_names:
            judgement = self.judge(self.two_ranks(other, "parameters"), "parameters")
            self.assertIn(f"rank 1 differs from rank 0, first at state 0: {path}", judgement.reason)
        one_less = self.two_ranks(lambda step: {"weight": weights(step)}, "parameters")
        self.assertIn("first at state 0: ['weight']['weight']", self.judge(one_less, "parameters").reason)

    def test_what_is_not_replicated_may_differ(self) -> None:
        self.assertIs(self.judge(self.two_ranks(apart, "buffers"), "parameters").verdict, Verdict.PASSED)


if __name__ == "__main__":
    unittest.main()
