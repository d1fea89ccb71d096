"""A tolerance under which something else would pass as well is no check."""

from __future__ import annotations

import unittest

import torch
from hypothesis import given
from hypothesis import strategies as st

from stopgo_mixins import Tolerance
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.power import Weakness, weaknesses
from tests.comparison.synthetic import SyntheticCase, Value
from tests.comparison.values import few


class TestPower(SyntheticCase):
    def weaknesses(self, value: Value, tolerance: Tolerance) -> list[Weakness]:
        runs = self.phases().state("metric", value).runs()
        return weaknesses(runs, "metric", tolerance)

    def check(self, value: Value, tolerance: Tolerance, replacement: str, limit: float) -> None:
        """``limit`` times the tolerance is the first that accepts the replacement."""
        (weakness,) = self.weaknesses(value, tolerance)
        self.assertEqual(weakness.replacement, replacement)
        for largest, wide in ((weakness.largest.rtol, tolerance.rtol), (weakness.largest.atol, tolerance.atol)):
            self.assertTrue(0.9 * limit * wide <= largest <= limit * wide, weakness)
        self.assertEqual(self.weaknesses(value, weakness.largest), [])

    def test_zeros_would_pass(self) -> None:
        """A second moment of 1e-6 under the tolerance that many a test takes from an example."""
        self.check(
            lambda step: torch.tensor([1e-6 * (-1) ** step, 1e-7]),
            Tolerance(rtol=1e-4, atol=1e-4),
            "zeros",
            limit=1e-6 / (1e-4 + 1e-4 * 1e-6),
        )

    def test_the_first_value_would_pass(self) -> None:
        """It oscillates around its first value, which is far from 0."""
        values = [10.0, 10.5, 9.5, 10.5, 9.5, 10.5, 9.5, 10.5, 9.5]
        self.check(lambda step: values[step], Tolerance(atol=0.8), "its first value", limit=0.5 / 0.8)

    def test_a_lag_of_one_step_would_pass(self) -> None:
        """A learning rate that moves by 1e-5 each step."""
        self.check(
            lambda step: 1e-3 + 1e-5 * step, Tolerance(atol=1.5e-5), "itself one step earlier", limit=1.001 / 1.5
        )

    def test_enough_power(self) -> None:
        self.assertEqual(self.weaknesses(lambda step: 1e-3 + 1e-5 * step, Tolerance(atol=9e-6)), [])
        self.assertEqual(self.weaknesses(lambda step: 1e-3 + 1e-5 * step, Tolerance(rtol=1e-3)), [])

    def test_what_no_tolerance_could_tell_apart_is_left_out(self) -> None:
        for value in (lambda _: torch.zeros(2), lambda _: torch.ones(2), lambda step: step, lambda _: torch.empty(0)):
            self.assertEqual(self.weaknesses(value, Tolerance(atol=0.5)), [])

    def test_only_what_follows_the_resume_point_counts(self) -> None:
        """A warm-up that is over before the resume does not show whether the rest could be zeros."""
        (weakness,) = self.weaknesses(lambda step: 1.0 if step < 3 else 1e-6 * step, Tolerance(atol=1e-4))
        self.assertEqual(weakness.replacement, "itself one step earlier")

    def test_one_path_among_many(self) -> None:
        def moments(step: int) -> object:
            return {"exp_avg": torch.tensor(float(step + 1)), "exp_avg_sq": torch.tensor(1e-8 * (step + 1))}

        (weakness,) = self.weaknesses(moments, Tolerance(atol=1e-6))
        self.assertEqual(weakness.path, "['exp_avg_sq']")

    def test_another_shape_or_nan_is_noticed(self) -> None:
        for value in (
            lambda step: torch.full((step + 1,), float("nan")),
            lambda step: torch.tensor([float("inf"), step]),
            lambda step: torch.tensor([complex(0, 100 * step)]),
        ):
            self.assertEqual(self.weaknesses(value, Tolerance(atol=0.5)), [])

    @few
    @given(
        st.lists(st.floats(-100, 100, width=32), min_size=9, max_size=9),
        st.sampled_from([1e-3, 1.0, 30.0]),
        st.sampled_from([0.0, 1e-2, 0.5]),
    )
    def test_the_tolerance_that_is_named_would_do(self, values: list[float], atol: float, rtol: float) -> None:
        found = self.weaknesses(lambda step: torch.tensor(values[step]), Tolerance(rtol=rtol, atol=atol))
        for weakness in found:
            self.assertEqual(self.weaknesses(lambda step: torch.tensor(values[step]), weakness.largest), [])

    def test_the_verdict(self) -> None:
        phases = self.phases().state("metric", lambda step: 1.0 + 1.05e-6 * step)
        judgement = self.judge(phases, "metric", Tolerance(atol=1e-4))
        self.assertEqual(judgement.verdict, Verdict.NOT_VERIFIED)
        sentence = (
            "Tolerance(rtol=0.0, atol=0.0001) is too wide for the value: the value could be replaced by itself one "
            "step earlier and would still pass. The largest tolerance that would do is Tolerance(rtol=0.0, atol=1e-06)"
        )
        self.assertEqual(judgement.reason, sentence)

    def test_what_accepts_anything_is_a_mistake_of_the_class(self) -> None:
        phases = self.phases().state("metric", lambda step: {"w": 1e-3 * step, "constant": 0.0})
        judgement = self.judge(phases, "metric", Tolerance(atol=10))
        self.assertEqual(judgement.verdict, Verdict.FAILED)
        sentence = (
            "Tolerance(rtol=0.0, atol=10) accepts zeros in the place of all that the metric records, so its test could "
            "hardly fail: take a smaller one, or remove the metric with metrics = {'metric': None}"
        )
        self.assertEqual(judgement.reason, sentence)

    def test_what_accepts_anything_of_a_part_is_none(self) -> None:
        for other in (lambda step: step, lambda step: 100.0 + step):
            phases = self.phases().state("metric", lambda step, other=other: {"w": 1e-3 * step, "other": other(step)})
            self.assertEqual(self.judge(phases, "metric", Tolerance(atol=10)).verdict, Verdict.NOT_VERIFIED)

    def test_a_tolerance_that_failed_needs_no_power(self) -> None:
        phases = self.phases().state("metric", float, resumed=lambda step: step + 10)
        self.assertEqual(self.judge(phases, "metric", Tolerance(atol=5)).verdict, Verdict.FAILED)


if __name__ == "__main__":
    unittest.main()
