"""Many interruptions of one run: a class for each, and one continuous run for all."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Any, ClassVar

import lightning

from stopgo_mixins import AfterValidation, AmidAccumulation, AtEpochEnd, AtStep, InsideValidation, Mode, sweep
from tests.outcome import Outcome, concrete, run
from tests.tiny import TinyMixin

REPEATS_VALIDATION = {"validation_schedule"} if lightning.__version__.startswith("2.4.") else set()


class CountingMixin(TinyMixin, abstract=True):
    """Counts how often each phase ran."""

    num_steps = 10
    ran: ClassVar[list[Mode]] = []

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        cls.ran.append(mode)
        return super().setup_model(mode)


class ForgetfulMixin(CountingMixin, abstract=True):
    """Its loader is not restored if the run was interrupted after the second step."""

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        model, (train, validation) = super().setup_model(mode)
        if mode is Mode.RESUME and cls.interruption == AtStep(2):
            train.load_state_dict = lambda state: None
        return model, (train, validation)


class SweepCase(unittest.TestCase):
    def setUp(self) -> None:
        self.before = set(Path(tempfile.gettempdir()).glob("stopgo-Counting-*"))

    def swept(self, base: type, *points: Any, **attributes: object) -> dict[str, Any]:
        """The classes that a sweep makes, by the names of their points."""
        module = vars(sys.modules[base.__module__])
        before = set(module)
        decorated = sweep(*points)(concrete(base, **attributes))
        made = {name: module[name] for name in set(module) - before}
        for name in made:
            self.addCleanup(module.pop, name)
        self.assertEqual(unittest.defaultTestLoader.getTestCaseNames(decorated), [])
        return {name.partition("_")[2]: made[name] for name in sorted(made)}

    def run_all(self, classes: dict[str, Any]) -> tuple[dict[str, Outcome], str]:
        with contextlib.redirect_stderr(io.StringIO()) as printed:
            outcomes = {name: run(case) for name, case in classes.items()}
        return outcomes, printed.getvalue()


class TestSweep(SweepCase):
    def test_every_point_is_resumed_and_the_reference_runs_once(self) -> None:
        CountingMixin.ran.clear()
        points = [AtStep(step) for step in range(1, 9)]
        classes = self.swept(CountingMixin, *points, AtEpochEnd(1), InsideValidation(2))
        self.assertIn("AtStep_step_3", classes)
        outcomes, printed = self.run_all(classes)
        for name, outcome in outcomes.items():
            with self.subTest(name):
                self.assertEqual(outcome.error, "")
                if name.startswith("AtStep"):
                    self.assertLessEqual(set(outcome.failed), REPEATS_VALIDATION)
                self.assertIn("parameters", outcome.passed)
        self.assertEqual([CountingMixin.ran.count(mode) for mode in (Mode.STOP, Mode.CONTINUOUS)], [0, 1])
        steps = 10 + sum(10 - step for step in range(1, 9)) + (10 - 4) + (10 - 4)
        self.assertIn(f"Counting: 10 interruptions cost {steps} steps.", printed)

    def test_a_fault_that_only_some_points_show(self) -> None:
        outcomes, _ = self.run_all(self.swept(ForgetfulMixin, AtStep(2), AtStep(3), val_check_interval=None))
        self.assertIn("the data restarted", outcomes["AtStep_step_2"].failed["train_input"])
        self.assertEqual(outcomes["AtStep_step_3"].failed, {})

    def test_what_happened_before_the_point_belongs_to_it(self) -> None:
        classes = self.swept(CountingMixin, AfterValidation(1), AtStep(7))
        outcomes, printed = self.run_all(classes)
        self.assertEqual(self.run_all(classes)[1], printed)  # again, the reference included: nothing was left of it
        self.assertFalse(set(Path(tempfile.gettempdir()).glob("stopgo-Counting-*")) - self.before)
        for outcome in outcomes.values():
            self.assertLessEqual({"valid_loss", "train_loss", "learning_rate", "resume_point"}, outcome.passed)

    def test_a_reference_that_fails_fails_every_class(self) -> None:
        def broken(_cls: type, _mode: Mode) -> tuple[Any, ...]:
            raise ValueError("no data here")

        outcomes, _ = self.run_all(self.swept(TinyMixin, AtStep(1), AtStep(2), setup_model=classmethod(broken)))
        for outcome in outcomes.values():
            self.assertIn("the continuous phase failed: ValueError: no data here", outcome.error)

    def test_a_point_that_the_run_never_comes_past(self) -> None:
        outcomes, _ = self.run_all(self.swept(TinyMixin, AtStep(1), AmidAccumulation(2)))
        self.assertIn("was not interrupted", outcomes["AmidAccumulation_step_2_micro_batches_1"].error)
        self.assertEqual(outcomes["AtStep_step_1"].error, "")

    def test_what_can_be_swept(self) -> None:
        for points, message in (
            ((3,), r"@sweep of Tiny: 3 is not an Interruption"),
            ((AtStep(2), AtStep(2)), r"@sweep of Tiny: AtStep\(step=2\) is given more than once"),
            ((AtStep(2, past=1),), r"@sweep of Tiny: AtStep\(step=2, past=1\): the run goes on at each point"),
        ):
            with self.assertRaisesRegex(TypeError, message):
                sweep(*points)(concrete(TinyMixin))
        with self.assertRaisesRegex(TypeError, r"@sweep of Tiny: noise_floor = True would make a second continuous"):
            sweep(AtStep(2))(concrete(TinyMixin, noise_floor=True))
        with self.assertRaisesRegex(TypeError, r"@sweep of Tiny: write @sweep\(\), or @sweep\(AtStep\(2\)"):
            sweep(concrete(TinyMixin))  # type: ignore[arg-type]  # the parentheses are missing

    def test_the_usual_points(self) -> None:
        classes = self.swept(CountingMixin, val_check_interval=3)
        expected = {"AtStep_step_1", "AtStep_step_2", "AfterValidation_number_1", "AtEpochEnd_number_1"}
        never = "AmidAccumulation_step_2_micro_batches_1"
        self.assertEqual(set(classes), {*expected, "AtEpochEnd_number_2", never})
        outcomes, printed = self.run_all(classes)
        for name in expected:
            self.assertEqual(outcomes[name].error, "")
            self.assertLessEqual(set(outcomes[name].failed), REPEATS_VALIDATION)
            self.assertIn("parameters", outcomes[name].passed)
        ((_, reason),) = outcomes[never].skipped
        self.assertIn("the run never reaches AmidAccumulation(step=2, micro_batches=1)", reason)
        self.assertIn(f"Counting: 6 interruptions cost {10 + 9 + 8 + 7 + 6 + 2} steps.", printed)


class TestWithoutAStopPhase(unittest.TestCase):
    def test_two_runs_instead_of_three(self) -> None:
        CountingMixin.ran.clear()
        outcome = run(concrete(CountingMixin, stop_phase=False))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))
        self.assertLessEqual({"parameters", "train_input", "resume_point", "number_of_steps"}, outcome.passed)
        self.assertEqual(CountingMixin.ran, [Mode.CONTINUOUS, Mode.RESUME, Mode.RESUME])  # the first one trains nothing

    def test_a_loader_that_is_not_restored(self) -> None:
        outcome = run(concrete(ForgetfulMixin, stop_phase=False, interruption=AtStep(2)))
        self.assertIn("the data restarted", outcome.failed["train_input"])


if __name__ == "__main__":
    unittest.main()
