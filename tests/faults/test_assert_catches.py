"""``assertCatches`` in a test class of a user."""

from __future__ import annotations

import dataclasses
import unittest
from collections import Counter
from typing import Any, ClassVar

from stopgo_mixins import Mode, Tolerance, faults
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults import Fault, Injection, Point, Symptom
from tests.bridge.test_loop import TinyLoopMixin
from tests.outcome import Outcome, run
from tests.tiny import TinyMixin

HARMLESS = Fault(id="F0", name="harmless", what="nothing", injection=Injection(), symptoms=(Symptom("rng_state"),))


class Catching(TinyMixin, abstract=True):
    """Tells which phases ran."""

    phases: ClassVar[Counter[str]]
    fault: Fault

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        cls.phases[mode.value] += 1
        return super().setup_model(mode)

    def test_fault(self) -> None:
        self.assertCatches(self.fault)


def caught(fault: Fault, names: list[str] | None = None, **attributes: Any) -> Outcome:
    """How the tests of a class end that must catch a fault."""
    body = {"fault": fault, "phases": Counter(), "__module__": __name__, **attributes}
    return run(type("Catches", (Catching, unittest.TestCase), body), names or ["fault"])


class TestAFaultThatIsCaught(unittest.TestCase):
    def test_passes(self) -> None:
        outcome = caught(faults.SECOND_MOMENT_ZERO)
        self.assertEqual((outcome.passed, outcome.error), ({"fault"}, ""))

    def test_the_class_is_stopped_once_more_and_resumed_once_for_each(self) -> None:
        phases: Counter[str] = Counter()

        def test_fault(self: Any) -> None:
            for fault in (faults.SECOND_MOMENT_ZERO, faults.WEIGHTS_ROUNDED, faults.SECOND_MOMENT_ZERO):
                self.assertCatches(fault)

        outcome = caught(HARMLESS, phases=phases, test_fault=test_fault)
        self.assertEqual((outcome.passed, outcome.error), ({"fault"}, ""))
        without_fault = 1
        self.assertEqual(phases, {"stop": 2, "continuous": 1, "resume": 1 + without_fault + 3})

    def test_leaves_the_class_as_it_is(self) -> None:
        names = ["fault", "train_loss", "optimizer_state", "resume_point"]
        self.assertEqual(caught(faults.SECOND_MOMENT_ZERO, names).passed, set(names))

    def test_the_tests_with_a_fault_inject_none_themselves(self) -> None:
        injected: list[str] = []

        def test_fault(self: Any) -> None:
            self.assertCatches(faults.SECOND_MOMENT_ZERO)
            injected.append(type(self).__name__)

        caught(HARMLESS, test_fault=test_fault)
        self.assertEqual(injected, ["Catches"])


class TestAFaultThatIsNotCaught(unittest.TestCase):
    def message(self, fault: Fault, **attributes: Any) -> str:
        outcome = caught(fault, **attributes)
        self.assertEqual(outcome.error, "")
        return outcome.failed["fault"]

    def test_no_test_fails(self) -> None:
        self.assertIn("Catches, F0 (harmless): survived. No reason is known", self.message(HARMLESS))

    def test_a_metric_was_removed(self) -> None:
        message = self.message(faults.PYTHON_RNG_NOT_RESTORED, metrics={"rng_state": None})
        self.assertIn("survived. Catches has no test_rng_state: the metric was removed.", message)

    def test_it_does_not_apply(self) -> None:
        message = self.message(faults.ACCUMULATION_IGNORED)
        self.assertIn("not applicable. every update reads one micro-batch", message)

    def test_another_metric_should_have_failed(self) -> None:
        fault = dataclasses.replace(faults.SECOND_MOMENT_ZERO, symptoms=(Symptom("train_input", Point.FIRST_STEP),))
        self.assertIn("caught. test_train_input should fail, and does not", self.message(fault))

    def test_it_should_have_failed_elsewhere(self) -> None:
        fault = dataclasses.replace(faults.SECOND_MOMENT_ZERO, symptoms=(Symptom("parameters", Point.RESTORED),))
        message = self.message(fault)
        self.assertIn("test_parameters should fail first at the restored state R, and does so at state 4", message)

    def test_another_cause_should_have_been_named(self) -> None:
        fault = dataclasses.replace(faults.SECOND_MOMENT_ZERO, causes=(Cause.ROUNDED,))
        expected = 'the cause "equal after rounding" should be named; named are: optimizer_state state 3: zeros'
        self.assertIn(expected, self.message(fault))

    def test_a_tolerance_is_wider_than_the_fault(self) -> None:
        wide = dict.fromkeys(TinyMixin.recorder_types(), Tolerance(rtol=1e3, atol=1e3))
        message = self.message(faults.SECOND_MOMENT_ZERO, tolerances=wide)
        self.assertIn("survived. the tolerance of optimizer_state, Tolerance(rtol=1000.0, atol=1000.0), is", message)


class TestABackendWithoutHooksForFaults(unittest.TestCase):
    def test_says_which_one_it_lacks(self) -> None:
        class Case(TinyLoopMixin, unittest.TestCase):
            def test_fault(self) -> None:
                self.assertCatches(faults.SECOND_MOMENT_ZERO)

        message = "read_checkpoint: this backend's checkpoints cannot be edited."
        self.assertIn(message, run(Case, ["fault"]).error)


class TestAClassThatCannotBeResumed(unittest.TestCase):
    def test_its_error_is_shown(self) -> None:
        def setup_model(cls: Any, mode: Mode) -> tuple[Any, ...]:
            cls.phases[mode.value] += 1
            if mode is Mode.RESUME and cls.phases["resume"] > 1:
                raise ValueError("no such layer")
            return super(Catching, cls).setup_model(mode)

        outcome = caught(faults.SECOND_MOMENT_ZERO, setup_model=classmethod(setup_model))
        self.assertIn("Catches with no fault: the resume phase failed: ValueError: no such layer", outcome.error)
