"""State that no other metric knows."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING

from typing_extensions import override

from stopgo_mixins.metric import MetricKind
from stopgo_mixins.recorders.averaging import averaged_copies
from stopgo_mixins.recorders.model import extra_states
from stopgo_mixins.recorders.precision import grad_scalers
from stopgo_mixins.recorders.reach.parts import FOLLOWED
from stopgo_mixins.recorders.reach.readings import Clocks
from stopgo_mixins.recorders.reach.walk import Walk
from stopgo_mixins.recorders.recorder import StateRecorder
from stopgo_mixins.recorders.rng import generator_objects
from stopgo_mixins.trace.snapshot import ByPath

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState

STATES_FROM_RESUME_POINT = 2
"""How many states are recorded from the beginning, and from each resume point on; and then that of the end."""


class UnsavedStateRecorder(StateRecorder):
    """Everything that training changes, wherever it is kept, and that no other metric records.

    Found is what is reached from the model, the data, the callbacks, the loggers, the optimizers and the schedulers:
    through attributes, slots, containers, wrapped data sets, hooks, closures, partial functions and the owners of
    bound methods. Of it count tensors, arrays, numbers, strings, enums, generators, and iterators that tell where they
    are. What never changes in the continuous run is no evidence, and is not compared; neither is what differs in the
    restored state alone, being written again before anybody reads it.

    The user's own objects are read whole; of those of torch, of the trainer and of other well-known packages only
    what the user has put on them, and what leads to the user's own: see the reference for the list.
    """

    metric = "unsaved_state"
    depends_on = (
        *("train_input", "train_output", "train_loss", "gradients", "parameters", "buffers", "extra_state"),
        *("valid_input", "valid_output", "valid_loss", "validation_schedule", "logged_metrics", "averaged_weights"),
        *("optimizer_state", "param_groups", "learning_rate", "scheduler_state", "precision_state", "callback_state"),
        *("rng_state", "global_step", "consumed_samples", "loop_progress"),
    )
    at_once = ("callback_state", "scheduler_state", "extra_state")
    kinds = (MetricKind.REACHED,)
    changes_in_validation = True
    by_reach = True

    def __init__(self) -> None:
        super().__init__()
        self._clocks = Clocks()

    def phase_start(self, state: TrainingState) -> None:
        """Sets the clocks."""
        self._clocks = Clocks()

    @override
    def read(self, state: TrainingState) -> object:
        """Values by path, such as ``model.ema_shadow['net.0.weight']``; of what the ways begin at, the class."""
        roots, own = state.roots(), state.own_objects()
        known = {name: root for name, root in roots.items() if name not in own}
        walk = Walk(known, set(_owned(state)), _saved(state), self._clocks, further=own)
        values = ByPath({name: type(root).__name__ for name, root in roots.items()})
        values.update(walk.values())
        for path, reason in walk.left_alone.items():
            self.not_observed(f"{self.metric} {path} ({reason})")
        return values

    @override
    def step_start(self, state: TrainingState) -> None:
        if state.since_resume_point < STATES_FROM_RESUME_POINT:
            super().step_start(state)

    @override
    def run_end(self, state: TrainingState) -> None:
        super().step_start(state)


def _owned(state: TrainingState) -> Iterator[int]:
    """The ids of what other metrics record, and of what belongs to the trainer."""
    yield from map(id, state.of_the_trainer())
    copies = [copy for _, copy in averaged_copies(state)]
    for module in (state.model, *copies):
        yield from map(id, (*module.parameters(), *module.buffers()))
    yield from map(id, copies)
    yield from map(id, grad_scalers(state))
    yield from map(id, generator_objects(state).values())
    for optimizer in state.optimizers:
        yield from (id(parameter) for group in optimizer.param_groups for parameter in group["params"])


def _saved(state: TrainingState) -> Mapping[int, Collection[str]]:
    """The attributes that callbacks, schedulers, optimizers and modules save under their own names."""
    states, callbacks = state.callback_states(), state.callbacks()
    saved = [(callbacks[name], found) for name, found in states.items() if name in callbacks]
    saved += [(state.model.get_submodule(name), found) for name, found in extra_states(state.model).items()]
    saved += [(scheduler, scheduler.state_dict()) for scheduler in state.schedulers]
    saved += [(optimizer, {"state": ..., "param_groups": ...}) for optimizer in state.optimizers]
    return {id(owner): found.keys() - FOLLOWED.keys() for owner, found in saved if isinstance(found, Mapping)}
