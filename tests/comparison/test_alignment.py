"""Records are aligned by key, whatever each phase recorded and in whatever order."""

from __future__ import annotations

import unittest

import torch

from stopgo_mixins import Tolerance
from stopgo_mixins.comparison.compare import Comparison, Difference, compare
from stopgo_mixins.events import Moment, Position
from tests.comparison.synthetic import Phases, SyntheticCase


class TestAlignment(SyntheticCase):
    def compared(self, phases: Phases, tolerance: Tolerance | None = None) -> Comparison:
        return compare(phases.runs(), "metric", tolerance)

    def test_every_record_is_compared_once(self) -> None:
        comparison = self.compared(self.phases().state("metric", lambda step: step))
        self.assertEqual((comparison.compared, [*comparison.recorded.values()]), (9, [4, 5]))
        self.assertEqual((comparison.mismatches, comparison.equal_steps), ([], set(range(9))))

    def test_all_mismatches_are_collected_in_training_order(self) -> None:
        phases = self.phases().state(
            "metric", lambda step: {"b": step, "a": step}, lambda step: {"b": -step, "a": -step}
        )
        comparison = self.compared(phases)
        found = [(mismatch.key.step, mismatch.key.path) for mismatch in comparison.mismatches]
        self.assertEqual(found, [(step, path) for step in range(4, 9) for path in ("['b']", "['a']")])
        self.assertEqual(comparison.differing_steps, set(range(4, 9)))
        self.assertEqual({mismatch.leg.name for mismatch in comparison.mismatches}, {"resume phase"})

    def killed(self, stopped: float = 0, resumed: float = 0) -> Phases:
        """Stopped at step 7, resumed from step 4: steps 5 to 7 are there twice."""
        phases = self.phases(saved=(4,), loaded=4)
        for update in (5, 6, 7):
            phases.event("stop", "step_end", update=update)
        for phase, steps, offset in (
            ("continuous", range(1, 9), 0),
            ("stop", range(1, 8), stopped),
            ("resume", range(5, 9), resumed),
        ):
            for step in steps:
                phases.behave(phase, "metric", step, float(step) + offset * (step == 6))
        return phases

    def test_what_a_killed_run_did_twice_must_be_right_twice(self) -> None:
        self.assertEqual(self.compared(self.killed()).mismatches, [])
        for arguments, leg in (({"stopped": 0.5}, "stop phase"), ({"resumed": 0.5}, "resume phase")):
            (mismatch,) = self.compared(self.killed(**arguments)).mismatches
            self.assertEqual((mismatch.key.step, mismatch.leg.name), (6, leg))

    def test_a_record_that_only_the_resume_phase_lacks(self) -> None:
        phases = self.phases(saved=(4,), loaded=4)
        for phase, steps in (("continuous", range(1, 9)), ("stop", range(1, 5)), ("resume", (5, 6, 8))):
            for step in steps:
                phases.behave(phase, "metric", step, step)
        (mismatch,) = self.compared(phases).mismatches
        self.assertEqual((mismatch.key.step, mismatch.difference), (7, Difference.MISSING))

    def test_the_validation_at_the_interruption_may_run_in_either_phase(self) -> None:
        for phase in ("stop", "resume"):
            phases = self.phases()
            for run in (phase, "continuous"):
                phases.writer(run).record("metric", Position(Moment.VALIDATION_END, 4, (0,)), 1)
            self.assertEqual(self.compared(phases).mismatches, [])
        phases = self.phases()
        phases.writer("continuous").record("metric", Position(Moment.VALIDATION_END, 4, (0,)), 1)
        self.assertEqual([found.difference for found in self.compared(phases).mismatches], [Difference.MISSING])

    def test_micro_batches_of_a_window_that_is_cut_in_two(self) -> None:
        phases = self.phases()
        for phase, places in (
            ("continuous", [(step, micro) for step in range(1, 9) for micro in (0, 1)]),
            ("stop", [*((step, micro) for step in range(1, 5) for micro in (0, 1)), (5, 0)]),
            ("resume", [(5, 1), *((step, micro) for step in range(6, 9) for micro in (0, 1))]),
        ):
            for step, micro in places:
                phases.writer(phase).record("metric", Position(Moment.MICRO_BATCH, step, (micro,)), 10 * step + micro)
        self.assertEqual(self.compared(phases).mismatches, [])

    def test_what_stopping_provokes_is_left_out(self) -> None:
        phases = self.phases().behaviour("metric", float)
        phases.writer("stop").record("metric", Position(Moment.VALIDATION_END, 4, (0,), provoked=True), 1)
        self.assertEqual(self.compared(phases).mismatches, [])

    def test_ranks_are_compared_one_by_one(self) -> None:
        phases = self.phases()
        for rank in (0, 1):
            phases.rank = rank
            phases.state("metric", lambda step: step, lambda step, off=rank: step + off)
        comparison = self.compared(phases)
        self.assertEqual({mismatch.rank for mismatch in comparison.mismatches}, {1})

    def test_what_lies_between_the_stop_and_a_checkpoint_from_nowhere_is_missing(self) -> None:
        phases = self.phases(loaded=6).behaviour("metric", float).state("state", float)
        runs = phases.runs()
        found = {name: [found.key.step for found in compare(runs, name).mismatches] for name in ("metric", "state")}
        self.assertEqual(found, {"metric": [5, 6], "state": [4, 5]})

    def test_what_stopping_provoked_makes_up_for_nothing(self) -> None:
        for provoked, missing in ((False, 0), (True, 1)):
            phases = self.phases()
            phases.writer("continuous").record("metric", Position(Moment.VALIDATION_END, 4, (0,)), 1)
            phases.writer("stop").record("metric", Position(Moment.VALIDATION_END, 4, (0,), provoked=provoked), 1)
            self.assertEqual(len(self.compared(phases).mismatches), missing)

    def test_a_rank_that_did_not_come_back(self) -> None:
        phases = self.phases().state("metric", lambda step: step)
        phases.rank = 1
        for phase, steps in (("continuous", range(9)), ("stop", range(4))):
            for step in steps:
                phases.writer(phase).record("metric", Position(Moment.STEP_START, step), step)
        comparison = self.compared(phases)
        found = {(mismatch.rank, mismatch.difference) for mismatch in comparison.mismatches}
        self.assertEqual(found, {(1, Difference.MISSING)})
        self.assertEqual(len(comparison.mismatches), 5)

    def test_tolerances(self) -> None:
        phases = self.phases().state(
            "metric", lambda step: torch.tensor([1.0, 2.0 * step]), lambda step: torch.tensor([1.001, 2.002 * step])
        )
        self.assertEqual(self.compared(phases, Tolerance(rtol=2e-3)).mismatches, [])
        self.assertEqual(len(self.compared(phases, Tolerance(rtol=0.5e-3)).mismatches), 5)
        self.assertEqual(len(self.compared(phases, Tolerance(atol=2e-3)).mismatches), 5)
        self.assertEqual(len(self.compared(phases).mismatches), 5)

    def test_no_tolerance_for_another_form_or_for_counters(self) -> None:
        for other in (torch.tensor([1.0]).double(), torch.tensor([1.0, 1.0]), torch.tensor(1.0)):
            phases = self.phases().state("metric", lambda _: torch.tensor([1.0]), lambda _, value=other: value)
            self.assertEqual(len(self.compared(phases, Tolerance(atol=10)).mismatches), 5)
        phases = self.phases().state("metric", lambda step: step, lambda step: step + 1)
        self.assertEqual(len(self.compared(phases, Tolerance(atol=10)).mismatches), 5)

    def test_a_tolerance_without_values_stays_bitwise(self) -> None:
        phases = self.phases(value_budget=0)
        phases.state(
            "metric", lambda step: torch.full((2000,), float(step)), lambda step: torch.full((2000,), step + 1e-6)
        )
        self.assertEqual(len(self.compared(phases, Tolerance(atol=1)).mismatches), 5)


if __name__ == "__main__":
    unittest.main()
