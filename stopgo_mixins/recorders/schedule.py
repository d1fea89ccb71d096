"""Learning rates, hyper-parameters and scheduler states."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.optimized import optimized_names
from stopgo_mixins.recorders.recorder import StateRecorder
from stopgo_mixins.recorders.stages import LOSSES
from stopgo_mixins.recorders.wholes import Same

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class _OptimizerRecorder(StateRecorder):
    def missing(self, state: TrainingState) -> str | None:
        return None if state.optimizers else "the run has no optimizer"


class LearningRateRecorder(_OptimizerRecorder):
    """The learning rate of every group of every optimizer, with which the next update is made."""

    metric = "learning_rate"
    depends_on = ("scheduler_state", "unsaved_state", *LOSSES)
    at_once = ("scheduler_state", "unsaved_state")
    kinds = (MetricKind.SCHEDULE,)
    changes_in_validation = True
    whole = Same(is_rounded=False)

    def read(self, state: TrainingState) -> object:
        """Floats, as ``[optimizer][group]``."""
        return [[group["lr"] for group in optimizer.param_groups] for optimizer in state.optimizers]


class ParamGroupsRecorder(_OptimizerRecorder):
    """All hyper-parameters of every group but the learning rate, and which parameters each group holds.

    The learning rate is a metric of its own, so that a wrong weight decay and a wrong schedule fail in different tests.
    """

    metric = "param_groups"
    depends_on = ("scheduler_state", "unsaved_state")
    at_once = ("scheduler_state", "unsaved_state")
    kinds = (MetricKind.COUNTERS, MetricKind.SCHEDULE, MetricKind.HYPER_PARAMETERS)
    changes_in_validation = True
    whole = Same(is_rounded=False)

    def read(self, state: TrainingState) -> object:
        """``[optimizer][group]`` mappings; ``params`` holds names."""
        return [
            [
                {
                    **{name: value for name, value in group.items() if name not in ("params", "lr")},
                    "params": [name(parameter) for parameter in group["params"]],
                }
                for group in optimizer.param_groups
            ]
            for optimizer, name in zip(state.optimizers, optimized_names(state), strict=True)
        ]


class SchedulerStateRecorder(StateRecorder):
    """What every learning-rate scheduler would save."""

    metric = "scheduler_state"
    depends_on = (*LOSSES, "unsaved_state", "validation_schedule")
    kinds = (MetricKind.SCHEDULE, MetricKind.COUNTERS)
    changes_in_validation = True
    whole = Same(is_rounded=False)

    def read(self, state: TrainingState) -> object:
        """The ``state_dict()`` of each scheduler."""
        return [scheduler.state_dict() for scheduler in state.schedulers]

    def missing(self, state: TrainingState) -> str | None:
        """Not applicable without a scheduler."""
        return None if state.schedulers else "the run has no scheduler"
