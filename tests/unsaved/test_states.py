"""Which states are recorded, in every leg and in the run that they are compared with."""

from __future__ import annotations

import signal
import unittest
from typing import Any

from stopgo_mixins import AfterValidation, AtEpochEnd, AtStep, InsideValidation
from stopgo_mixins.bridge.resume_points import ResumePoints
from stopgo_mixins.interruption import Progress
from tests.outcome import Outcome, concrete, run
from tests.unsaved.keeping import KeepingMixin, Net
from tests.unsaved.nets import Average, Count, Moment


class StatesMixin(KeepingMixin, abstract=True):
    """A long run, and the states that each of its phases records."""

    num_steps = 30
    val_check_interval = 5
    net = Count
    saves = True

    @classmethod
    def run_stop_and_go(cls) -> None:
        super().run_stop_and_go()
        cls.states = [cls._states(trace) for trace in (cls.runs().reference, *(leg.trace for leg in cls.runs().legs))]

    @staticmethod
    def _states(trace: Any) -> list[int]:
        return [step for step, _ in trace.ranks[0].steps("unsaved_state")]


class Idle(Count):
    """Remembers nothing."""

    def remember(self, output: Any) -> None:
        pass


class TestStates(unittest.TestCase):
    def states(self, **attributes: object) -> list[list[int]]:
        self.case: Any = concrete(StatesMixin, **attributes)
        outcome = run(self.case)
        self.assertEqual(outcome.error, "")
        self.assertIn("unsaved_state", outcome.passed)
        found: list[list[int]] = self.case.states
        return found

    def test_the_first_ones_of_the_run_and_from_the_resume_point_on_and_the_last(self) -> None:
        for interruption in (AtStep(20), AfterValidation(4)):
            with self.subTest(str(interruption)):
                reference, stop, resume = self.states(interruption=interruption)
                self.assertEqual(reference, [0, 1, 20, 21, 30])
                self.assertEqual((stop, resume), ([0, 1], [20, 21, 30]))

    def test_a_state_that_only_one_of_them_records_is_not_compared(self) -> None:
        reference, stop, resume = self.states(interruption=InsideValidation(4))
        self.assertEqual((reference, stop), ([0, 1, 20, 21, 30], [0, 1]))
        self.assertEqual(resume, [20, 21, 25, 26, 30])  # the leg does not know what it has seen of validation 4

    def test_lost_work(self) -> None:
        reference, stop, resume = self.states(interruption=AtStep(20, past=2))
        self.assertEqual((reference, stop, resume), ([0, 1, 20, 21, 30], [0, 1, 20, 21], [20, 21, 30]))

    def test_a_chain(self) -> None:
        reference, *legs = self.states(interruptions=(AtStep(10), AtStep(20)))
        self.assertEqual(reference, [0, 1, 10, 11, 20, 21, 30])
        self.assertEqual(legs, [[0, 1], [10, 11], [20, 21, 30]])

    def test_a_run_that_is_never_interrupted_leaves_the_trace_of_the_first_leg(self) -> None:
        reference, stop, resume = self.states(interruption=AtStep(20), stop_phase=False)
        self.assertEqual((reference, stop, resume), ([0, 1, 20, 21, 30], [0, 1], [20, 21, 30]))


class TestResumePoints(unittest.TestCase):
    def test_each_place_counts_once(self) -> None:
        points = ResumePoints([AtStep(2), AtEpochEnd(1)])
        points.begin(Progress(0))
        counted = []
        for update in range(6):
            counted.append(points.next_state())
            points.come_past(Progress(update + 1, epochs=int(update >= 3)))
        self.assertEqual(counted, [0, 1, 0, 1, 0, 1])

    def test_what_lies_behind_a_leg_that_begins(self) -> None:
        points = ResumePoints([AtStep(2), AtStep(5)])
        points.begin(Progress(3))
        self.assertEqual([points.next_state(), points.next_state()], [0, 1])
        points.come_past(Progress(4))
        self.assertEqual(points.next_state(), 2)
        points.come_past(Progress(5))
        self.assertEqual(points.next_state(), 0)

    def test_a_place_that_the_bridge_does_not_interrupt_at_is_passed(self) -> None:
        try:
            from stopgo_mixins import Preemption
        except ImportError:
            self.skipTest("NeMo is not installed")
        preemption = Preemption(step=2, by=signal.SIGTERM)
        self.assertFalse(preemption.is_due(Progress(2)))
        self.assertEqual([preemption.is_passed(Progress(update)) for update in (1, 2)], [False, True])


class TestVerdicts(unittest.TestCase):
    """What is said where there is nothing to compare, or where it is left out."""

    def outcome_of(self, **attributes: object) -> Outcome:
        outcome = run(concrete(KeepingMixin, **attributes))
        self.assertEqual(outcome.error, "")
        return outcome

    def test_nothing_changes(self) -> None:
        outcome = self.outcome_of(net=Idle, saves=True, require_evidence=True)
        self.assertIn("nothing that was reached had changed at the resume point (3)", str(outcome.skipped_for))
        self.assertNotIn("unsaved_state", outcome.failed)

    def test_left_out_with_a_reason(self) -> None:
        outcome = self.outcome_of(net=Average, unsaved={"model.value": "made anew in the export"})
        self.assertEqual(outcome.failed, {})
        self.assertIn("unsaved_state", outcome.skipped_for)

    def test_a_path_that_is_not_there(self) -> None:
        outcome = self.outcome_of(net=Moment, saves=True, unsaved={"model.values": "a mistake"})
        self.assertEqual(set(outcome.failed), {"unsaved_state"})
        self.assertIn("unsaved names model.values, and there is no such path", outcome.failed["unsaved_state"])

    def test_what_the_phases_differ_in_before_the_interruption(self) -> None:
        outcome = self.outcome_of(net=unlike_others(), saves=True)
        self.assertEqual(outcome.failed, {})
        self.assertIn("nothing that was reached had changed", outcome.skipped_for["unsaved_state"])

    def test_it_is_told_from_what_is_lost(self) -> None:
        case: Any = concrete(KeepingMixin, net=unlike_others(Average))
        self.assertEqual(set(run(case).failed), {"unsaved_state"})
        self.assertEqual(case.comparison("unsaved_state").unrepeatable, {"model.began"})

    def test_what_two_uninterrupted_runs_differ_in(self) -> None:
        outcome = self.outcome_of(net=unlike_others(), saves=True, noise_floor=True, stop_phase=False)
        self.assertEqual(outcome.failed, {})
        self.assertIn("determinism", outcome.passed)


def unlike_others(net: type[Net] = Idle) -> type[Net]:
    """A net that notes at each output how many there were in the process, as one notes how long something took."""
    made: list[Net] = []

    class Unlike(net):  # type: ignore[valid-type,misc]  # a class that is made for each test
        def begin(self) -> None:
            super().begin()
            made.append(self)
            self.began = 0

        def remember(self, output: Any) -> None:
            super().remember(output)
            self.began += len(made)

    return Unlike


if __name__ == "__main__":
    unittest.main()
