"""``assertCatches`` in a test class of a user."""

from __future__ import annotations

import dataclasses
import unittest
from collections import Counter
from typing import Any, ClassVar

from stopgo_mixins import Mode, Tolerance, faults
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.faults import ChangeBatches, DamageFile, EditCheckpoint, Fault, Injection, Point, Symptom
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
        without_fault, from_another_seed = 1, 1
        resumed = 1 + from_another_seed + without_fault + 3
        self.assertEqual(phases, {"stop": 2, "continuous": 1, "resume": resumed})

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

        message = "F33 (second moment zero): not tried. the injection failed: NotImplementedError: Case"
        failure = run(Case, ["fault"]).failed["fault"]
        self.assertIn(message, failure)
        self.assertIn("read_checkpoint: this backend's checkpoints cannot be edited.", failure)

    def test_says_that_it_never_asks_for_a_trainer(self) -> None:
        class Case(TinyLoopMixin, unittest.TestCase):
            def test_fault(self) -> None:
                self.assertCatches(dataclasses.replace(faults.BATCH_SKIPPED, id="F0"))

        failure = run(Case, ["fault"]).failed["fault"]
        self.assertIn("F0 (one batch skipped): not tried. it reaches a trainer through setup_trainer, which", failure)
        self.assertIn("this backend's train() never calls: let it train with what setup_trainer returns.", failure)

    def test_says_that_its_loaders_cannot_be_changed(self) -> None:
        class Case(Catching, unittest.TestCase):
            phases: ClassVar[Counter[str]] = Counter()
            fault = faults.BATCH_SKIPPED

            @classmethod
            def change_loaders(cls, trainer: Any, training: Any, validation: Any) -> None:
                """Forgets to."""

        failure = run(Case, ["fault"]).failed["fault"]
        self.assertIn(
            "not tried. it reaches what a trainer reads through change_loaders, and in the stop phase", failure
        )

    def test_says_that_it_loads_a_checkpoint_all_the_same(self) -> None:
        class Case(Catching, unittest.TestCase):
            phases: ClassVar[Counter[str]] = Counter()
            fault = faults.STARTED_FROM_SCRATCH
            saved: ClassVar[str | None] = None

            @classmethod
            def fit(cls, trainer: Any, model: Any, data: Any, checkpoint: str | None) -> None:
                Case.saved = checkpoint or Case.saved
                mode = Mode.RESUME if cls.__name__.endswith("F60") else None
                super().fit(trainer, model, data, Case.saved if mode else checkpoint)

        failure = run(Case, ["fault"]).failed["fault"]
        self.assertRegex(
            failure,
            r"not tried\. resume_checkpoint\(\) was None, and the resume phase loaded .*/step-3\.ckpt all the same",
        )


class TestAnInjectionThatFails(unittest.TestCase):
    """None of them is caught, although no run with it comes to its end."""

    def message(self, injection: Injection, **attributes: Any) -> str:
        fault = dataclasses.replace(HARMLESS, injection=injection)
        outcome = caught(fault, **attributes)
        self.assertEqual((outcome.error, outcome.passed), ("", set()))
        return outcome.failed["fault"]

    def test_before_the_phase(self) -> None:
        def damage(path: str) -> None:
            raise KeyError("optimizer")

        message = self.message(DamageFile(damage))
        self.assertIn("Catches, F0 (harmless): not tried. the injection failed: KeyError: 'optimizer'", message)

    def test_while_batches_are_read(self) -> None:
        message = self.message(ChangeBatches(lambda run, epoch: iter([next(iter([]))])))
        self.assertIn("Catches, F0 (harmless): not tried. the resume phase did not come to its end with it: ", message)
        self.assertIn("the resume phase failed: RuntimeError: generator raised StopIteration", message)

    def test_in_what_the_trainer_makes_of_the_checkpoint(self) -> None:
        def forget(saved: Any, run: Any) -> None:
            saved.weights.clear()

        message = self.message(EditCheckpoint(forget))
        self.assertIn("not tried. the resume phase did not come to its end with it: ", message)
        self.assertIn("Missing key(s) in state_dict", message)


class TestATestThatIsSkippedWithoutTheFault(unittest.TestCase):
    def test_catches_nothing(self) -> None:
        """A loss of a validation that only the fault brings about; otherwise the test has nothing to do."""

        class Validate(Injection):
            def listeners(self) -> list[object]:
                return [self]

            def run_end(self, state: Any) -> None:
                state.trainer.callbacks[-1].run._writer.record("valid_loss", Position(Moment.RUN_END, 5), 1.0)

        fault = Fault(id="F0", name="odd", what="", injection=Validate(), symptoms=(Symptom("valid_loss"),))
        outcome = caught(fault, val_check_interval=None)
        reason = (
            "survived. test_valid_loss is skipped without any fault: valid_loss is not applicable: no validation ran."
        )
        self.assertIn(reason, outcome.failed["fault"])


class TestAClassThatCannotBeResumed(unittest.TestCase):
    def test_its_error_is_shown(self) -> None:
        def setup_model(cls: Any, mode: Mode) -> tuple[Any, ...]:
            cls.phases[mode.value] += 1
            if mode is Mode.RESUME and cls.phases["resume"] > 1:
                raise ValueError("no such layer")
            return super(Catching, cls).setup_model(mode)

        outcome = caught(faults.SECOND_MOMENT_ZERO, setup_model=classmethod(setup_model))
        self.assertIn("Catches with no fault: the resume phase failed: ValueError: no such layer", outcome.error)
