"""The fault library on the real stack: what it changes between stop and resume makes the right tests fail."""

from __future__ import annotations

import unittest

from stopgo_mixins import faults, require_nemo
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults import Fault
from stopgo_mixins.faults.injections import EditCheckpoint
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.survey import survey
from tests.faults.rows import LEARNING, Row, RowsMixin
from tests.megatron import cases

MOVES = LEARNING - {"buffers"}
"""What differs once a single update has gone wrong; the GPT has no buffers."""

REWRITTEN = Fault(
    id="F0",
    name="checkpoint rewritten",
    what="nothing: the checkpoint is read and written back",
    injection=EditCheckpoint(lambda saved, run: None),
    symptoms=(),
)


@require_nemo
class TestMixedPrecision(RowsMixin, unittest.TestCase):
    model = cases.MixedPrecision
    rows = (
        Row(
            faults.SCHEDULER_NOT_RESTORED,
            [("scheduler_state", "state 4", Cause.SCHEDULE_RESTARTED)],
            MOVES,
            first={"learning_rate": "state 4", "parameters": "state 5", "train_loss": "step 6"},
        ),
        Row(
            faults.SCHEDULER_STEPPED_ON_LOAD,
            [("scheduler_state", "state 4", Cause.SCHEDULE_SHIFTED)],
            MOVES,
            first={"learning_rate": "state 4"},
            says="+1",
        ),
        Row(
            faults.OPTIMIZER_STATE_EMPTY,
            [("optimizer_state", "state 4", Cause.ZEROS)],
            MOVES,
            says="['exp_avg']",
        ),
        Row(
            faults.SECOND_MOMENT_ZERO,
            [("optimizer_state", "state 4", Cause.ZEROS)],
            MOVES,
            first={"parameters": "state 5", "train_loss": "step 6"},
            says="['exp_avg_sq']",
        ),
        Row(
            faults.MASTER_WEIGHTS_ROUNDED,
            [("optimizer_state", "state 4", Cause.ROUNDED)],
            MOVES,
            says="['main_parameter']",
        ),
        Row(
            faults.TENSOR_NOT_LOADED,
            [("parameters", "state 4", Cause.INITIAL_VALUE)],
            MOVES,
            first={"train_loss": "step 5"},
        ),
        Row(
            faults.DATA_RESTARTED,
            [
                ("consumed_samples", "state 4", Cause.COUNTER_LOST),
                ("train_input", "step 5", Cause.DATA_RESTARTED),
            ],
            MOVES | {"sample_exposure", "train_val_init_consumed_samples"},
        ),
        Row(
            faults.TORCH_RNG_NOT_RESTORED,
            [("rng_state", "state 4", Cause.RNG_NOT_RESTORED)],
            MOVES,
            first={"train_output": "step 5"},
            says="torch",
        ),
    )


@require_nemo
class TestFullPrecision(RowsMixin, unittest.TestCase):
    model = cases.FullPrecision
    rows = (
        Row(faults.STEP_COUNTER_LOST, [("optimizer_state", "state 4", Cause.COUNTER_LOST)], MOVES, says="['step']"),
        Row(faults.WEIGHTS_ROUNDED, [("parameters", "state 4", Cause.ROUNDED)], MOVES, first={"train_loss": "step 5"}),
        Row(
            faults.VALIDATION_CUT,
            [("validation_schedule", "step 8", Cause.VALIDATION_CUT_SHORT)],
            {"valid_input", "valid_loss", "valid_output", "logged_metrics"},
        ),
    )


@require_nemo
class TestDamagedCheckpoints(unittest.TestCase):
    def test_end_the_phase_and_not_the_suite(self) -> None:
        found = survey(cases.FullPrecision, [faults.CHECKPOINT_CUT, faults.CHECKPOINT_GONE])
        for outcome in found.outcomes:
            self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()))
            self.assertEqual([test.name for test in outcome.tests], ["the resume phase"])


@require_nemo
class TestGradientScaler(RowsMixin, unittest.TestCase):
    """Its growth tracker counts the steps, and is back at the start."""

    model = cases.HalfPrecision
    rows = (Row(faults.SCALER_LOST, [("precision_state", "state 4", Cause.COUNTER_LOST)]),)


@require_nemo
class TestGlobalStep(unittest.TestCase):
    def test_the_count_of_samples_that_is_computed_from_it_is_no_root_cause(self) -> None:
        (outcome,) = survey(cases.FullPrecision, [faults.GLOBAL_STEP_OFF_BY_ONE]).outcomes
        self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()))
        self.assertIn("test_consumed_samples", {test.name for test in outcome.tests})
        self.assertEqual([cause.metric for cause in outcome.root_causes if cause.metric], ["global_step"])


@require_nemo
class TestHalfPrecision(RowsMixin, unittest.TestCase):
    """Nothing fails that should not, and what cannot be broken says why."""

    model = cases.HalfPrecision
    rows = ()
    unbroken = (
        REWRITTEN,
        faults.CONSUMED_SAMPLES_WRONG,
        faults.LOGGED_STEPS_RESTART,
        faults.WEIGHTS_ROUNDED,
        faults.SKIPPED_IN_EVERY_EPOCH,
        faults.RESHUFFLED_THEN_SKIPPED,
    )

    @classmethod
    def setUpClass(cls) -> None:
        found = survey(cls.model, cls.unbroken)
        cls._outcomes = {outcome.fault.id: outcome for outcome in found.outcomes}
        cls._failing_without_fault = found.failing_without_fault

    def test_reading_and_writing_a_checkpoint_changes_nothing(self) -> None:
        self.assertIs(self._outcomes[REWRITTEN.id].status, Status.SURVIVED)

    def test_the_count_of_samples_is_the_position_of_the_data(self) -> None:
        self.assert_not_applicable(faults.CONSUMED_SAMPLES_WRONG, "data and count move together")

    def test_one_epoch_only(self) -> None:
        self.assert_not_applicable(faults.SKIPPED_IN_EVERY_EPOCH, "ends in the epoch in which it is interrupted")

    def test_nothing_shuffles(self) -> None:
        self.assert_not_applicable(faults.RESHUFFLED_THEN_SKIPPED, "compute the order of the samples from their count")

    def test_no_count_of_logged_steps(self) -> None:
        self.assert_not_applicable(faults.LOGGED_STEPS_RESTART, "under the global step")

    def test_weights_that_are_narrow_already(self) -> None:
        self.assert_not_applicable(faults.WEIGHTS_ROUNDED, "no weight in the checkpoint is wider than bf16")

    def assert_not_applicable(self, fault: Fault, reason: str) -> None:
        outcome = self._outcomes[fault.id]
        self.assertIs(outcome.status, Status.NOT_APPLICABLE)
        self.assertIn(reason, outcome.reason)
