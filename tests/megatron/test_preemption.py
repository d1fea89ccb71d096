"""NeMo's preemption callback ends the process with ``sys.exit(0)``; no suite may end green by that."""

from __future__ import annotations

import signal
import unittest
from typing import Any

from stopgo_mixins import Mode, Preemption, require_nemo
from stopgo_mixins.trace.store import Trace
from tests.megatron.cases import GPTMixin, root_causes
from tests.outcome import run


@require_nemo
class TestPreemption(unittest.TestCase):
    def test_resumes_from_what_the_callback_saved(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            interruption = Preemption(step=6)

        outcome = run(Case)
        self.assertEqual(outcome.error, "")
        # The callback saves while Lightning still counts the batch as unfinished.
        self.assertEqual(set(outcome.failed), {"loop_progress"})
        self.assertIn("['batch of the epoch']", outcome.failed["loop_progress"])
        self.assertIn("resume_point", outcome.passed)

    def test_again_and_again(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            interruptions = (Preemption(3), Preemption(6, by=signal.SIGUSR1))

            @classmethod
            def run_stop_and_go(cls) -> None:
                super().run_stop_and_go()
                traces = [Trace(directory) for _, directory in cls.legs()]
                cls.interrupted = [[event["update"] for event in trace.events("interrupted")] for trace in traces]

        outcome = run(Case)
        self.assertEqual((outcome.error, set(outcome.failed)), ("", {"loop_progress"}))
        self.assertEqual(Case.interrupted, [[3], [6], []])

    def test_is_by_a_signal(self) -> None:
        with self.assertRaisesRegex(ValueError, "by is the signal to send"):
            Preemption(3, by="should_stop")

    def test_the_validation_of_the_same_step_is_lost_and_explains_the_rest(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            interruption = Preemption(step=4)
            dropout = 0.1

        outcome = run(Case)
        self.assertEqual(outcome.error, "")
        sentence = "the validation after update 4, at which the run was interrupted"
        self.assertIn(sentence, outcome.failed["validation_schedule"])
        self.assertEqual(root_causes(outcome.failed), {"validation_schedule"})

    def test_the_validation_does_not_explain_generators_that_nobody_restores(self) -> None:
        class Case(GPTMixin, unittest.TestCase):
            interruption = Preemption(step=4)
            dropout = 0.1
            rng_remedy = False

        outcome = run(Case)
        self.assertEqual(root_causes(outcome.failed), {"validation_schedule", "rng_state"})

    def test_in_a_phase_that_is_not_to_be_interrupted_is_a_failure(self) -> None:
        from lightning.pytorch import Callback
        from nemo.lightning.pytorch.callbacks import PreemptionCallback

        class Preempt(Callback):
            def on_train_batch_start(self, *_arguments: Any) -> None:
                signal.raise_signal(signal.SIGTERM)

        class Case(GPTMixin, unittest.TestCase):
            @classmethod
            def get_default_callbacks(cls) -> dict[Mode, dict[type, object]]:
                callbacks = super().get_default_callbacks()
                callbacks[Mode.RESUME] |= {PreemptionCallback: PreemptionCallback(), Preempt: Preempt()}
                return callbacks

        outcome = run(Case)
        self.assertIn("the resume phase failed: SystemExit: 0", outcome.error)
        self.assertEqual(outcome.passed, set())
