"""Faults of what modules keep beside their weights: averaged weights, and extra state."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.disturbance import Disturbance
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import Disturb
from stopgo_mixins.recorders.averaging import AveragedWeightsRecorder, trained_tensors
from stopgo_mixins.recorders.model import ExtraStateRecorder

if TYPE_CHECKING:
    from torch import Tensor

    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.faults.stopped_run import StoppedRun


class ExtraStateNotLoaded(Disturbance):
    """Gives every module the extra state back that it was built with."""

    def phase_start(self, state: TrainingState) -> None:
        """Everything is built, nothing is loaded."""
        recorded: Any = ExtraStateRecorder().read(state)
        self._built = {name: copy.deepcopy(state.model.get_submodule(name).get_extra_state()) for name in recorded}

    def disturb(self, state: TrainingState) -> None:
        """Puts it back."""
        for name, value in self._built.items():
            state.model.get_submodule(name).set_extra_state(value)


class AverageLost(Disturbance):
    """Begins the averaged weights anew, as a copy of the trained ones."""

    def disturb(self, state: TrainingState) -> None:
        """Overwrites the averages."""
        for average, weight in _averages(state):
            average.copy_(weight)


class AverageLoaded(Disturbance):
    """Lets the run train on with the averaged weights."""

    def disturb(self, state: TrainingState) -> None:
        """Overwrites the trained weights."""
        for average, weight in _averages(state):
            weight.copy_(average)


def _averages(state: TrainingState) -> Iterator[tuple[Tensor, Tensor]]:
    """Every averaged weight with the trained one, whose name is longer where only a part of the model is averaged."""
    trained = dict(trained_tensors(state.model, state.model.named_parameters()))
    copies: Any = AveragedWeightsRecorder().read(state)
    for tensors in copies.values():
        for name, average in tensors.items():
            own = name.removeprefix("module.")
            alike = [(other, weight) for other, weight in trained.items() if weight.shape == average.shape]
            found = [weight for other, weight in alike if f".{other}".endswith(f".{own}")]
            if len(found) == 1:
                yield average, found[0]


def _require(metric: str, run: StoppedRun) -> None:
    if reason := run.lacks(metric):
        raise NotApplicable(reason)
    if run.digests("extra_state", 0) == run.digests("extra_state", run.resume_point):
        raise NotApplicable("no module's extra state has changed before the resume point")


EXTRA_STATE_LOST = Fault(
    id="F40",
    name="a module's extra state lost",
    what="what get_extra_state() gave to the checkpoint is not given back",
    injection=Disturb(ExtraStateNotLoaded, partial(_require, "extra_state")),
    symptoms=(Symptom("extra_state", Point.RESTORED),),
    causes=(Cause.INITIAL_VALUE,),
)
AVERAGED_WEIGHTS_LOST = Fault(
    id="F47",
    name="averaged weights lost",
    what="the averaged weights begin anew from the trained ones",
    injection=Disturb(AverageLost, partial(_require, "averaged_weights")),
    symptoms=(Symptom("averaged_weights", Point.RESTORED),),
    causes=(Cause.COPY_OF_ANOTHER,),
)
AVERAGED_WEIGHTS_LOADED = Fault(
    id="F48",
    name="averaged weights loaded as the model's",
    what="the run trains on with the averaged weights",
    injection=Disturb(AverageLoaded, partial(_require, "averaged_weights")),
    symptoms=(Symptom("parameters", Point.RESTORED),),
    causes=(Cause.COPY_OF_ANOTHER,),
)
