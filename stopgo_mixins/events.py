"""The training loop, as every recorder sees it, whatever the trainer.

A bridge (the one class that knows a trainer's hooks) turns them into these events::

    phase_start(state)
    while state.update < num_steps:
        for each micro-batch of the accumulation window:
            step_start(state)                             # first of the window: the state k before update k + 1
            micro_batch_start(state, batch)
            module_output(state, name, call, output)      # every call of a direct child of the model
            micro_batch_end(state, output, loss)
        gradients_ready(state, gradients)                 # once per optimizer, before clipping
        ...                                               # the update: k becomes k + 1
        step_end(state)
        logged(state, step, values)                       # what the trainer logs for this step, if anything
        if a validation is due:
            validation_start(state)
            for each validation batch:
                validation_batch_start(state, batch)
                validation_module_output(state, name, call, output)
                validation_batch_end(state, output, loss)
            validation_end(state, batches, logged)        # batches: how many of each loader
            logged(state, step, values)                   # what the trainer logs for the validation
        if the epoch is over:
            logged(state, step, values)                   # what the trainer logs for the epoch
        checkpoint_saved(state, path)                     # whenever one was written
    run_end(state)                                        # only when all updates were made: state N

``checkpoint_loaded(state, path)`` fires once, before the first step of a phase that loaded one.
A validation that a resume runs again, although it had run before the checkpoint, is only
``validation_repeated(state, batches)``.
The sanity validation that some trainers run first is no event.

Each event happens at a :class:`Position`.
*State k* is the state after k updates, *behaviour k* belongs to update k.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from stopgo_mixins.spread import Spread

EVENTS = (
    "phase_start",
    "checkpoint_loaded",
    "step_start",
    "micro_batch_start",
    "module_output",
    "micro_batch_end",
    "gradients_ready",
    "step_end",
    "logged",
    "validation_start",
    "validation_batch_start",
    "validation_module_output",
    "validation_batch_end",
    "validation_end",
    "validation_repeated",
    "checkpoint_saved",
    "run_end",
)
"""The names of all events; a recorder subscribes to one by defining a method of that name."""


class Moment(enum.Enum):
    """Where in the training loop a record was taken."""

    MICRO_BATCH = "micro_batch"
    GRADIENTS = "gradients"
    STEP_END = "step_end"
    VALIDATION_BATCH = "validation_batch"
    VALIDATION_END = "validation_end"
    EPOCH_END = "epoch_end"
    STEP_START = "step_start"
    RUN_END = "run_end"

    @property
    def is_state(self) -> bool:
        """Whether records of this moment are *state k* (else they are *behaviour k*)."""
        return self in (Moment.STEP_START, Moment.RUN_END)

    @property
    def is_validation(self) -> bool:
        """Whether the moment lies in a validation, which runs between update k and state k."""
        return self in (Moment.VALIDATION_BATCH, Moment.VALIDATION_END)

    @property
    def is_behind_update(self) -> bool:
        """Whether the moment lies between update k and state k, so that an interruption after k may come before it."""
        return self.is_validation or self is Moment.EPOCH_END

    @property
    def order(self) -> int:
        """The place of the moment among those with the same step number, in training order."""
        return _ORDER[self]


_ORDER = {moment: number for number, moment in enumerate(Moment)}


@dataclass(frozen=True)
class Position:
    """Where the training loop is.

    Attributes:
        moment: the kind of place.
        step: k of *state k* or *behaviour k*.
        ordinal: counts within the step by the trainer's own progress: ``(micro-batch,)``,
            ``(optimizer call,)`` for gradients, ``(validation at this step, loader, batch)`` in a validation.
        provoked: the trainer does this only because it was told to stop; left out of every comparison.
    """

    moment: Moment
    step: int
    ordinal: tuple[int, ...] = ()
    provoked: bool = False


class TrainingState:
    """What an event says about the run; each bridge implements it for its trainer.

    Everything is read when it is asked for and may alias live memory:
    a recorder that keeps something passes it to ``record`` at once.

    Attributes:
        rank: the global rank of this process.
        world_size: how many processes train together.
        update: k, the number of optimizer updates made so far, whatever the number of optimizers.
        since_resume_point: how many states were passed since the run began, or came past a place where it is
            interrupted, be it this run or the one that it is compared with: 0 for state R, 1 for state R + 1.
        begins_windows_anew: whether the trainer, resumed from a checkpoint that it wrote amid an accumulation window,
            reads that window from its first micro-batch.
        own_objects: returns what the user keeps beside the trainer and training may change, by name.
        reads_own_samples: whether no rank of a lower number reads the same samples, as those of one model do that is
            spread over several ranks.
    """

    rank: int = 0
    world_size: int = 1
    update: int = 0
    since_resume_point: int = 0
    begins_windows_anew: bool = False
    own_objects: Callable[[], Mapping[str, object]] = dict
    reads_own_samples: bool = True

    @property
    def model(self) -> nn.Module:
        """The module whose parameters and buffers are trained, without any wrapper for several ranks."""
        raise NotImplementedError

    @property
    def optimizers(self) -> Sequence[Optimizer]:
        """The optimizers in the order in which the trainer keeps them."""
        raise NotImplementedError

    @property
    def schedulers(self) -> Sequence[Any]:
        """The learning-rate schedulers: anything with a ``state_dict()``."""
        raise NotImplementedError

    @property
    def grad_scalers(self) -> Sequence[Any]:
        """The gradient scalers of fp16 training: anything with a ``state_dict()``."""
        return []

    @property
    def optimizer_steps(self) -> int:
        """Any count that grows when an optimizer has stepped.

        A trainer that saves checkpoints between that and the call of ``step_ended`` must have one.
        """
        return 0

    @property
    def progress(self) -> tuple[int, ...]:
        """Whatever the trainer counts that tells two moments of one update apart at which it could save."""
        return ()

    @property
    def epoch(self) -> int:
        """The trainer's own number of the epoch, from 0."""
        return 0

    @property
    def global_step(self) -> int:
        """The trainer's own claim of how many steps were made."""
        raise NotImplementedError

    @property
    def consumed_samples(self) -> int:
        """The trainer's own claim of how many training samples were read, over all ranks."""
        raise NotImplementedError

    def no_validation(self) -> str | None:
        """Why this run never validates, in words; ``None`` where it does, or where the trainer does not tell."""
        return None

    def not_observed(self) -> Iterable[str]:
        """What takes part in the run and is not seen by any recorder, in words."""
        return ()

    def replicated(self) -> Collection[str]:
        """The metrics that every rank must record alike, since each trains a replica of the same."""
        return ()

    def share_of_epoch(self) -> tuple[int, int] | None:
        """How many samples of an epoch are this rank's, and among how many ranks an epoch is shared.

        Left out are those that a sampler repeats so that all ranks read as many; ``None`` where none are.
        """
        return None

    def spread(self) -> Mapping[str, Spread]:
        """How parameters are spread over the ranks, by name; a ``DTensor`` says that itself."""
        return {}

    def overwritten(self) -> Mapping[str, str]:
        """The metrics that this rank replaces by another one's before it uses them: name -> how that comes about."""
        return {}

    def parameter_names(self) -> Mapping[int, str]:
        """Names of everything an optimizer may hold: ``id(parameter) -> name``, tied weights by their first name."""
        return {id(parameter): name for name, parameter in self.model.named_parameters()}

    def loop_progress(self) -> Mapping[str, float | None]:
        """The counters of the trainer's loops that a correct resume restores, by name."""
        return {}

    def callbacks(self) -> Mapping[str, object]:
        """The callbacks that the user gave to the trainer, by name; those of this library are none of them."""
        return {}

    def callback_states(self) -> Mapping[str, object]:
        """What each of these callbacks would save, without what two equal runs may differ in."""
        return {}

    def roots(self) -> Mapping[str, object]:
        """From where all that training may change is reached, by name."""
        return {
            "model": self.model,
            **_numbered("optimizers", self.optimizers),
            **_numbered("schedulers", self.schedulers),
            **self.callbacks(),
            **self.own_objects(),
        }

    def of_the_trainer(self) -> Iterable[object]:
        """What the trainer keeps for itself, so that nothing is reached through it."""
        return ()

    def generators(self) -> Mapping[str, object]:
        """Random number generators that the data own, by name; see :mod:`stopgo_mixins.recorders.generators`."""
        return {}

    def extra_rng_streams(self) -> Mapping[str, Tensor]:
        """States of random streams that only this trainer has, by name."""
        return {}


def _numbered(name: str, things: Sequence[object]) -> dict[str, object]:
    return {f"{name}[{index}]": each for index, each in enumerate(things)}
