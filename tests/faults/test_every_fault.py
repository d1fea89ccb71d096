"""Every fault is caught: by the metric and at the point that the table of faults names, with its cause, and alone."""

from __future__ import annotations

import unittest

from stopgo_mixins import faults
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults import checkpoint_files, shards
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.survey import survey
from tests.faults import models
from tests.faults.rows import LEARNING, VALIDATION, Row, RowsMixin

EPOCH_ENDS_EARLY = {"loop_progress", "rng_state", "sample_exposure"}
ENDS = {"learning_rate", "param_groups", "scheduler_state", "consumed_samples", "loop_progress", "rng_state"}
"""What is recorded of a state, and hence missing where the run ends too early."""
READ = {"train_input", "sample_exposure"}


class TestState(RowsMixin, unittest.TestCase):
    """Interrupted after update 9 of 18, amid the second epoch, with a learning rate that changes at every step."""

    model = models.Digits
    rows = (
        Row(
            faults.SCHEDULER_NOT_RESTORED,
            [("scheduler_state", "state 9", Cause.SCHEDULE_RESTARTED)],
            LEARNING,
            first={"learning_rate": "state 9", "parameters": "state 10", "train_loss": "step 11"},
        ),
        Row(
            faults.SCHEDULER_STEPPED_ON_LOAD,
            [("scheduler_state", "state 9", Cause.SCHEDULE_SHIFTED)],
            LEARNING,
            first={"learning_rate": "state 9"},
            says="+1",
        ),
        Row(
            faults.HYPER_PARAMETERS_FROM_CONSTRUCTOR,
            [("param_groups", "state 9", Cause.HYPER_PARAMETER)],
            LEARNING,
            says="weight_decay",
        ),
        Row(
            faults.PYTHON_RNG_NOT_RESTORED, [("rng_state", "state 9", Cause.RNG_NOT_RESTORED)], LEARNING, says="python"
        ),
        Row(faults.NUMPY_RNG_NOT_RESTORED, [("rng_state", "state 9", Cause.RNG_NOT_RESTORED)], LEARNING, says="numpy"),
        Row(
            faults.TORCH_RNG_NOT_RESTORED,
            [("rng_state", "state 9", Cause.RNG_NOT_RESTORED)],
            LEARNING,
            first={"train_output": "step 10"},
            says="torch",
        ),
        Row(
            faults.GENERATOR_NOT_RESTORED,
            [
                ("rng_state", "state 9", Cause.RNG_NOT_RESTORED),
                ("train_input", "step 13", Cause.EPOCH_ORDER_REUSED),
            ],
            LEARNING,
            says="sampler",
        ),
        Row(
            faults.CONSUMED_SAMPLES_WRONG,
            [("consumed_samples", "state 9", Cause.COUNTER_SHIFTED)],
            says="+128",
        ),
        Row(
            faults.OPTIMIZER_STATE_EMPTY,
            [("optimizer_state", "state 9", Cause.STATE_MISSING)],
            LEARNING,
            first={"parameters": "state 10", "train_loss": "step 11"},
        ),
        Row(
            faults.SECOND_MOMENT_ZERO,
            [("optimizer_state", "state 9", Cause.ZEROS)],
            LEARNING,
            first={"parameters": "state 10", "train_loss": "step 11"},
            says="exp_avg_sq",
        ),
        Row(
            faults.STEP_COUNTER_LOST,
            [("optimizer_state", "state 9", Cause.COUNTER_LOST)],
            LEARNING,
            first={"parameters": "state 10", "train_loss": "step 11"},
            says="['step']",
        ),
        Row(faults.WEIGHTS_ROUNDED, [("parameters", "state 9", Cause.ROUNDED)], LEARNING, says="bfloat16"),
        Row(
            faults.TENSOR_NOT_LOADED,
            [("parameters", "state 9", Cause.INITIAL_VALUE)],
            LEARNING,
            says="['features.0.bias']",
        ),
        Row(
            faults.BUFFERS_LOST,
            [("buffers", "state 9", Cause.INITIAL_VALUE)],
            VALIDATION,
            says="['features.1.running_mean']",
        ),
        Row(
            faults.GLOBAL_STEP_OFF_BY_ONE,
            [("", "", Cause.STEPS_MISSING), ("global_step", "state 9", Cause.COUNTER_SHIFTED)],
            (LEARNING - {"valid_output", "valid_loss"}) | ENDS | READ | {"number_of_steps"},
            says="off by +1",
        ),
        Row(faults.LOGGED_STEPS_RESTART, [("logged_metrics", "step 10", Cause.COUNTER_LOST)]),
        Row(
            faults.NOTHING_TRAINED,
            [("", "", Cause.STEPS_MISSING)],
            LEARNING
            | ENDS
            | READ
            | {"number_of_steps", "global_step", "valid_input", "validation_schedule"}
            | {"train_val_init_consumed_samples"},
            says="made 0 steps",
        ),
        Row(
            faults.STARTED_FROM_SCRATCH,
            [("", "", Cause.COLD_START)],
            {"resume_point", "number_of_steps", "train_val_init_consumed_samples"},
            says="no checkpoint",
        ),
    )


class TestData(RowsMixin, unittest.TestCase):
    """The same run."""

    model = models.Digits
    rows = (
        Row(
            faults.DATA_RESTARTED,
            [
                ("rng_state", "state 9", Cause.RNG_NOT_RESTORED),
                ("train_input", "step 10", Cause.DATA_RESTARTED),
            ],
            LEARNING | {"sample_exposure"},
        ),
        Row(
            faults.LAST_BATCH_AGAIN,
            [("train_input", "step 10", Cause.DATA_SHIFTED)],
            LEARNING | {"sample_exposure"},
            says="1 batch behind",
        ),
        Row(
            faults.BATCH_SKIPPED,
            [("train_input", "step 10", Cause.DATA_SHIFTED)],
            LEARNING | EPOCH_ENDS_EARLY,
            says="1 batch ahead",
        ),
        Row(
            faults.SKIPPED_IN_EVERY_EPOCH,
            [("train_input", "step 13", Cause.EPOCH_SHORTER)],
            LEARNING | EPOCH_ENDS_EARLY,
            says="shorter by 3 batches",
        ),
        Row(
            faults.FIRST_PERMUTATION_REUSED,
            [("train_input", "step 10", Cause.EPOCH_ORDER_REUSED)],
            LEARNING | {"sample_exposure"},
        ),
        Row(
            faults.RESHUFFLED_THEN_SKIPPED,
            [("train_input", "step 10", Cause.OTHER_SAMPLES)],
            LEARNING | {"sample_exposure"},
        ),
        Row(
            faults.VALIDATION_READS_OTHERS,
            [("valid_input", "step 12", Cause.DATA_SHIFTED)],
            VALIDATION,
        ),
        Row(
            faults.VALIDATION_SHIFTED,
            [("validation_schedule", "step 11", Cause.VALIDATION_SHIFTED)],
            LEARNING | {"valid_input", "rng_state"},
        ),
        Row(
            faults.VALIDATION_CUT,
            [("validation_schedule", "step 12", Cause.VALIDATION_CUT_SHORT)],
            VALIDATION | {"valid_input"},
        ),
    )


class TestAtEpochEnd(RowsMixin, unittest.TestCase):
    """Interrupted after update 6, the last of the first epoch."""

    model = models.AtEpochEnd
    rows = (
        Row(
            faults.EPOCH_SKIPPED,
            [("train_input", "step 7", Cause.EPOCH_SKIPPED)],
            LEARNING,
            first={"rng_state": "state 6"},  # the epoch that is skipped draws from it
        ),
        Row(faults.EPOCH_REPLAYED, [("train_input", "step 7", Cause.EPOCH_REPLAYED)], LEARNING),
    )


class TestEpochSchedule(RowsMixin, unittest.TestCase):
    model = models.EpochSchedule
    rows = (
        Row(
            faults.SCHEDULER_LAGS,
            [("scheduler_state", "state 9", Cause.SCHEDULE_SHIFTED)],
            LEARNING,
            first={"learning_rate": "state 12"},
        ),
    )


class TestAccumulating(RowsMixin, unittest.TestCase):
    model = models.Accumulating
    rows = (
        Row(
            faults.ACCUMULATION_IGNORED,
            [("train_input", "step 6", Cause.DATA_SHIFTED)],
            LEARNING | {"sample_exposure"},
            says="2 batches behind",
        ),
    )


class TestSeveralCheckpoints(RowsMixin, unittest.TestCase):
    model = models.SeveralCheckpoints
    rows = (Row(faults.OLDER_CHECKPOINT, [], {"resume_point"}),)


class TestAveraged(RowsMixin, unittest.TestCase):
    model = models.Averaged
    rows = (
        Row(faults.SCALER_LOST, [("precision_state", "state 9", Cause.INITIAL_VALUE)]),
        Row(
            faults.EXTRA_STATE_LOST,
            [("extra_state", "state 9", Cause.INITIAL_VALUE)],
            LEARNING | {"averaged_weights"},
            says="head.2",
        ),
        Row(faults.AVERAGED_WEIGHTS_LOST, [("averaged_weights", "state 9", Cause.COPY_OF_ANOTHER)]),
        Row(
            faults.AVERAGED_WEIGHTS_LOADED,
            [("parameters", "state 9", Cause.COPY_OF_ANOTHER)],
            LEARNING | {"averaged_weights", "extra_state"},
        ),
        Row(
            faults.DATA_RESTARTED,
            [
                ("rng_state", "state 9", Cause.RNG_NOT_RESTORED),
                ("train_input", "step 10", Cause.DATA_RESTARTED),
            ],
            LEARNING | {"averaged_weights", "extra_state", "sample_exposure"},
            says="sampler.generator: the generators were not restored",
        ),
        Row(
            faults.RESHUFFLED_THEN_SKIPPED,
            [("train_input", "step 10", Cause.OTHER_SAMPLES)],
            LEARNING | {"averaged_weights", "extra_state", "sample_exposure"},
        ),
    )


class TestCounting(RowsMixin, unittest.TestCase):
    model = models.Counting
    rows = (
        Row(
            faults.ATTRIBUTES_LOST,
            [("unsaved_state", "state 9", Cause.UNSAVED_STATE)],
            says="training changes model.smoothed and 1 more",
        ),
    )


class TestHalfPrecision(RowsMixin, unittest.TestCase):
    model = models.HalfPrecision
    rows = (
        Row(
            faults.MASTER_WEIGHTS_ROUNDED,
            [("optimizer_state", "state 9", Cause.ROUNDED)],
            {"train_output", "train_loss", "gradients", "parameters"},
        ),
    )


class TestFiles(unittest.TestCase):
    """What ends the resume phase instead of changing it."""

    def test_the_error_names_the_checkpoint(self) -> None:
        found = survey(models.Digits, [faults.CHECKPOINT_CUT, faults.CHECKPOINT_GONE])
        for outcome in found.outcomes:
            with self.subTest(fault=outcome.fault.id):
                self.assertEqual((outcome.status, outcome.missing), (Status.CAUGHT, ()))
                self.assertEqual([test.name for test in outcome.tests], ["the resume phase"])


class TestTable(unittest.TestCase):
    def test_every_fault_has_a_row(self) -> None:
        cases = [case for case in RowsMixin.__subclasses__() if case.__module__ == __name__]
        rows = [row.fault.id for case in cases for row in case.rows]
        elsewhere = {"F09": "needs a GPU", "F56": "TestFiles", "F58": "TestFiles"}
        for family, where in ((checkpoint_files, "tests/huggingface, tests/accelerate"), (shards, "tests/ranks")):
            elsewhere |= {each.id: where for each in vars(family).values() if isinstance(each, faults.Fault)}
        self.assertEqual({*rows, *elsewhere}, set(faults.ALL_FAULTS))
