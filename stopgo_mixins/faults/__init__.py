"""Faults that a resume can have, as objects: injected on purpose, they show what a test class would catch.

In a test, ``self.assertCatches(SECOND_MOMENT_ZERO)``; from the shell, all of them::

    python -m stopgo_mixins faults tests.test_digits.TestDigits
"""

from stopgo_mixins.faults.attributes import ATTRIBUTES_LOST
from stopgo_mixins.faults.checkpoint import CHECKPOINT_CUT, CHECKPOINT_GONE, OLDER_CHECKPOINT
from stopgo_mixins.faults.checkpoint_files import (
    LAST_LINK_STALE,
    LOADER_FILE_CUT,
    LOADER_FILE_MISSING,
    OPTIMIZER_FILE_CUT,
    OPTIMIZER_FILE_MISSING,
    RNG_FILE_CUT,
    RNG_FILE_MISSING,
    SCHEDULER_FILE_CUT,
    SCHEDULER_FILE_MISSING,
    TRAINER_STATE_CUT,
    TRAINER_STATE_MISSING,
    WEIGHTS_FILE_CUT,
    WEIGHTS_FILE_LACKS_A_TENSOR,
    WEIGHTS_FILE_MISSING,
    WEIGHTS_FILE_ZERO,
)
from stopgo_mixins.faults.data import (
    ACCUMULATION_IGNORED,
    BATCH_SKIPPED,
    DATA_RESTARTED,
    EPOCH_REPLAYED,
    EPOCH_SKIPPED,
    FIRST_PERMUTATION_REUSED,
    LAST_BATCH_AGAIN,
    RESHUFFLED_THEN_SKIPPED,
    SKIPPED_IN_EVERY_EPOCH,
)
from stopgo_mixins.faults.disturbance import Disturbance
from stopgo_mixins.faults.fault import Fault, Injection, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import (
    ChangeBatches,
    ChangeValidationBatches,
    DamageFile,
    Disturb,
    EditCheckpoint,
    LoadInstead,
    MoveValidations,
)
from stopgo_mixins.faults.loaders import Pass
from stopgo_mixins.faults.module_state import AVERAGED_WEIGHTS_LOADED, AVERAGED_WEIGHTS_LOST, EXTRA_STATE_LOST
from stopgo_mixins.faults.optimizer import (
    HYPER_PARAMETERS_FROM_CONSTRUCTOR,
    MASTER_WEIGHTS_ROUNDED,
    OPTIMIZER_STATE_EMPTY,
    SECOND_MOMENT_ZERO,
    STEP_COUNTER_LOST,
)
from stopgo_mixins.faults.precision import SCALER_LOST
from stopgo_mixins.faults.progress import (
    CONSUMED_SAMPLES_WRONG,
    GLOBAL_STEP_OFF_BY_ONE,
    LOGGED_STEPS_RESTART,
    NOTHING_TRAINED,
    STARTED_FROM_SCRATCH,
)
from stopgo_mixins.faults.registry import ALL_FAULTS
from stopgo_mixins.faults.rng import (
    CUDA_RNG_NOT_RESTORED,
    GENERATOR_NOT_RESTORED,
    NUMPY_RNG_NOT_RESTORED,
    PYTHON_RNG_NOT_RESTORED,
    TORCH_RNG_NOT_RESTORED,
)
from stopgo_mixins.faults.saved_files import SavedFiles
from stopgo_mixins.faults.saved_state import SavedState
from stopgo_mixins.faults.schedule import SCHEDULER_LAGS, SCHEDULER_NOT_RESTORED, SCHEDULER_STEPPED_ON_LOAD
from stopgo_mixins.faults.shards import METADATA_MISSING, SHARD_CUT, SHARD_MISSING, SHARE_ZERO
from stopgo_mixins.faults.stopped_run import StoppedRun
from stopgo_mixins.faults.validation import VALIDATION_CUT, VALIDATION_READS_OTHERS, VALIDATION_SHIFTED
from stopgo_mixins.faults.weights import BUFFERS_LOST, TENSOR_NOT_LOADED, WEIGHTS_ROUNDED

__all__ = [
    "ACCUMULATION_IGNORED",
    "ALL_FAULTS",
    "ATTRIBUTES_LOST",
    "AVERAGED_WEIGHTS_LOADED",
    "AVERAGED_WEIGHTS_LOST",
    "BATCH_SKIPPED",
    "BUFFERS_LOST",
    "CHECKPOINT_CUT",
    "CHECKPOINT_GONE",
    "CONSUMED_SAMPLES_WRONG",
    "CUDA_RNG_NOT_RESTORED",
    "DATA_RESTARTED",
    "EPOCH_REPLAYED",
    "EPOCH_SKIPPED",
    "EXTRA_STATE_LOST",
    "FIRST_PERMUTATION_REUSED",
    "GENERATOR_NOT_RESTORED",
    "GLOBAL_STEP_OFF_BY_ONE",
    "HYPER_PARAMETERS_FROM_CONSTRUCTOR",
    "LAST_BATCH_AGAIN",
    "LAST_LINK_STALE",
    "LOADER_FILE_CUT",
    "LOADER_FILE_MISSING",
    "LOGGED_STEPS_RESTART",
    "MASTER_WEIGHTS_ROUNDED",
    "METADATA_MISSING",
    "NOTHING_TRAINED",
    "NUMPY_RNG_NOT_RESTORED",
    "OLDER_CHECKPOINT",
    "OPTIMIZER_FILE_CUT",
    "OPTIMIZER_FILE_MISSING",
    "OPTIMIZER_STATE_EMPTY",
    "PYTHON_RNG_NOT_RESTORED",
    "RESHUFFLED_THEN_SKIPPED",
    "RNG_FILE_CUT",
    "RNG_FILE_MISSING",
    "SCALER_LOST",
    "SCHEDULER_FILE_CUT",
    "SCHEDULER_FILE_MISSING",
    "SCHEDULER_LAGS",
    "SCHEDULER_NOT_RESTORED",
    "SCHEDULER_STEPPED_ON_LOAD",
    "SECOND_MOMENT_ZERO",
    "SHARD_CUT",
    "SHARD_MISSING",
    "SHARE_ZERO",
    "SKIPPED_IN_EVERY_EPOCH",
    "STARTED_FROM_SCRATCH",
    "STEP_COUNTER_LOST",
    "TENSOR_NOT_LOADED",
    "TORCH_RNG_NOT_RESTORED",
    "TRAINER_STATE_CUT",
    "TRAINER_STATE_MISSING",
    "VALIDATION_CUT",
    "VALIDATION_READS_OTHERS",
    "VALIDATION_SHIFTED",
    "WEIGHTS_FILE_CUT",
    "WEIGHTS_FILE_LACKS_A_TENSOR",
    "WEIGHTS_FILE_MISSING",
    "WEIGHTS_FILE_ZERO",
    "WEIGHTS_ROUNDED",
    "ChangeBatches",
    "ChangeValidationBatches",
    "DamageFile",
    "Disturb",
    "Disturbance",
    "EditCheckpoint",
    "Fault",
    "Injection",
    "LoadInstead",
    "MoveValidations",
    "NotApplicable",
    "Pass",
    "Point",
    "SavedFiles",
    "SavedState",
    "StoppedRun",
    "Symptom",
]
