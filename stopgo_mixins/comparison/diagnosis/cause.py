"""The causes that have a name, and what a diagnosis says."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Cause(str, enum.Enum):
    """Why a resumed run differs; each has its section in "Fixing a divergence" in the documentation."""

    COLD_START = "cold start"
    STEPS_MISSING = "steps missing"
    SAVING_CHANGED_THE_RUN = "saving changed the run"
    NOT_DETERMINISTIC = "not deterministic"
    OTHER_SETUP = "another setup"

    DATA_RESTARTED = "data restarted"
    DATA_SHIFTED = "data shifted"
    DATA_RESHUFFLED = "data reshuffled"
    OTHER_SAMPLES = "other samples"
    EPOCH_REPLAYED = "epoch replayed"
    EPOCH_SKIPPED = "epoch skipped"
    EPOCH_SHORTER = "epoch shorter"
    EPOCH_ORDER_REUSED = "epoch order reused"
    EPOCH_NOT_ENDED = "epoch not ended"
    EPOCH_END_REPEATED = "epoch end repeated"
    EPOCH_MEAN_LOST = "epoch mean lost"

    VALIDATION_REPEATED = "validation repeated"
    VALIDATION_MISSING = "validation missing"
    VALIDATION_SHIFTED = "validation shifted"
    VALIDATION_CUT_SHORT = "validation cut short"

    RNG_NOT_RESTORED = "RNG not restored"
    RNG_DRAWN = "RNG drawn from"

    SCHEDULE_RESTARTED = "schedule restarted"
    SCHEDULE_SHIFTED = "schedule shifted"
    SCHEDULE_STEP_MISSED = "schedule step missed"
    HYPER_PARAMETER = "hyper-parameter not restored"
    COUNTER_LOST = "counter lost"
    COUNTER_SHIFTED = "counter shifted"

    UNSAVED_STATE = "unsaved state"
    SHARED_SEED = "shared seed"
    STATE_MISSING = "state missing"
    STRUCTURE_CHANGED = "structure changed"
    INITIAL_VALUE = "initial value"
    STATE_OF_ANOTHER_STEP = "state of another step"
    ZEROS = "zeros"
    ROUNDED = "equal after rounding"
    COPY_OF_ANOTHER = "copy of another tensor"
    COPY_OF_RANK_0 = "copy of rank 0"
    REPLICAS_DIFFER = "replicas differ"
    SHARDS_MISPLACED = "shards misplaced"
    GRADIENTS_LOST = "accumulated gradients lost"
    NUMBER_OF_BATCHES = "another number of batches"

    OTHER_COMPUTATION = "another computation"
    OTHER_KERNEL = "another kernel"

    __str__ = str.__str__

    @property
    def section(self) -> str:
        """The heading of its section in the documentation."""
        return self.value[0].upper() + self.value[1:]


@dataclass(frozen=True)
class Diagnosis:
    """A named cause.

    Attributes:
        cause: its name.
        sentence: what was seen, for someone who looks for the cause in their own trainer.
        independent: the cause stands on its own, whatever else diverged before it.
        follows: metrics of which each explains it if it diverges at the same moment or in the step after, unless it
            is computed from this one: what made it differ was there before it shows.
        apart_from: metrics of which none explains it, although it depends on them and they diverged before.
    """

    cause: Cause
    sentence: str
    independent: bool = False
    follows: tuple[str, ...] = ()
    apart_from: tuple[str, ...] = ()
