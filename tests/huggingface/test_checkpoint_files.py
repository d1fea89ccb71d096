"""The fault library on runs of ``transformers.Trainer``: its checkpoint directory, file by file."""

from __future__ import annotations

import unittest

from stopgo_mixins import faults
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.survey import survey
from tests.faults.rows import LEARNING, Row, RowsMixin
from tests.huggingface import subject

ENDING = (
    faults.CHECKPOINT_GONE,
    faults.WEIGHTS_FILE_CUT,
    faults.WEIGHTS_FILE_MISSING,
    faults.SCHEDULER_FILE_CUT,
    faults.OPTIMIZER_FILE_CUT,
    faults.RNG_FILE_CUT,
    faults.TRAINER_STATE_MISSING,
    faults.TRAINER_STATE_CUT,
)


class TestFiles(RowsMixin, unittest.TestCase):
    """What lies in the directory, and what becomes of the run without it."""

    model = subject.Subject
    rows = (
        Row(
            faults.OPTIMIZER_FILE_MISSING,
            [
                ("optimizer_state", "state 6", Cause.STATE_MISSING),
                ("scheduler_state", "state 6", Cause.SCHEDULE_RESTARTED),
            ],
            {*LEARNING, "learning_rate"},
        ),
        Row(
            faults.SCHEDULER_FILE_MISSING,
            [
                ("optimizer_state", "state 6", Cause.STATE_MISSING),
                ("scheduler_state", "state 6", Cause.SCHEDULE_RESTARTED),
            ],
            {*LEARNING, "learning_rate"},
        ),
        Row(faults.RNG_FILE_MISSING, [("rng_state", "state 6", Cause.RNG_NOT_RESTORED)], LEARNING),
        Row(
            faults.WEIGHTS_FILE_ZERO,
            [("buffers", "state 6", Cause.INITIAL_VALUE), ("parameters", "state 6", Cause.ZEROS)],
            LEARNING,
        ),
        Row(faults.WEIGHTS_FILE_LACKS_A_TENSOR, [("parameters", "state 6", Cause.INITIAL_VALUE)], LEARNING),
        Row(faults.LAST_LINK_STALE, [], {"resume_point"}),
        Row(faults.SECOND_MOMENT_ZERO, [("optimizer_state", "state 6", Cause.ZEROS)], LEARNING),
        Row(faults.WEIGHTS_ROUNDED, [("parameters", "state 6", Cause.ROUNDED)], LEARNING),
    )


class TestOthers(unittest.TestCase):
    def test_the_error_names_the_checkpoint(self) -> None:
        for outcome in survey(subject.Subject, ENDING).outcomes:
            with self.subTest(fault=outcome.fault.id):
                self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()))
                self.assertEqual([test.name for test in outcome.tests], ["the resume phase"])

    def test_the_trainers_counters_off_by_one(self) -> None:
        (outcome,) = survey(subject.Subject, [faults.GLOBAL_STEP_OFF_BY_ONE]).outcomes
        self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()))
        causes = {cause.metric: cause.cause for cause in outcome.root_causes}
        self.assertEqual(causes["global_step"], Cause.COUNTER_SHIFTED)
        self.assertEqual(causes["train_input"], Cause.DATA_SHIFTED)  # from its count follows what it reads next
