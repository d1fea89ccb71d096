"""What a phase counts itself, since no trainer counts updates whatever the number of optimizers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stopgo_mixins.interruption import Progress

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState


class Counters:
    """Updates, micro-batches of the running window, and validations.

    Args:
        state: the run.

    Attributes:
        updates: optimizer updates that have been told of.
        micro_batch: how many micro-batches the running accumulation window has had.
        batches: how many micro-batches the run has had, over all legs.
        validations: after how many updates -> how many validations have begun there.
        epoch_ends: likewise, how many epochs have ended there.
        ended_validations: how many validations of the run have ended, over all legs.
        ended_epochs: how many epochs, likewise.
        validation_batches: how many batches of the running validation have been read.
    """

    def __init__(self, state: TrainingState) -> None:
        self.updates = 0
        self.micro_batch = 0
        self.batches = 0
        self.validations: Counter[int] = Counter()
        self.epoch_ends: Counter[int] = Counter()
        self.ended_validations = 0
        self.ended_epochs = 0
        self.validation_batches = 0
        self._state = state
        self._optimizer_steps = 0

    def start_training(self) -> None:
        """Counts optimizer steps from here on."""
        self._optimizer_steps = self._state.optimizer_steps

    def end_micro_batch(self) -> None:
        """One more micro-batch."""
        self.micro_batch += 1
        self.batches += 1

    def end_step(self) -> None:
        """One more update."""
        self.updates += 1
        self.micro_batch = 0
        self._optimizer_steps = self._state.optimizer_steps

    @property
    def update_is_made(self) -> bool:
        """Whether any optimizer has stepped since :meth:`end_step`."""
        return self._state.optimizer_steps > self._optimizer_steps

    @property
    def update(self) -> int:
        """Updates, with one that the trainer has just made."""
        return self.updates + self.update_is_made

    @property
    def validation(self) -> int:
        """How many validations have begun after the last update."""
        return self.validations[self.update]

    def begin_validation(self) -> None:
        """One more of them."""
        self.validations[self.update] += 1

    @property
    def epoch_has_ended(self) -> bool:
        """Whether an epoch has ended after the last update."""
        return self.epoch_ends[self.update] > 0

    def end_epoch(self) -> None:
        """One more epoch."""
        self.epoch_ends[self.update] += 1
        self.ended_epochs += 1

    @property
    def of_the_run(self) -> Progress:
        """How far the run has come."""
        return Progress(
            self.updates, self.micro_batch, self.ended_validations, self.validation_batches, self.ended_epochs
        )

    @property
    def is_amid_window(self) -> bool:
        """Whether micro-batches were read of a window whose update is still to be made."""
        return self._left_over > 0

    @property
    def _left_over(self) -> int:
        """Micro-batches of a window whose update is still to be made."""
        return 0 if self.update_is_made else self.micro_batch

    @property
    def progress(self) -> tuple[int, ...]:
        """How far the loops are: equal as long as nothing has happened."""
        return self.update, self._left_over, self.validation, *self._state.progress

    def state_dict(self) -> dict[str, int]:
        """What a later phase must know to go on counting."""
        return {
            "update": self.update,
            "micro_batch": self._left_over,
            "batches": self.batches,
            "validations": self.validation,
            "epoch_ends": self.epoch_ends[self.update],
            "ended_validations": self.ended_validations,
            "ended_epochs": self.ended_epochs,
        }

    def at_window_start(self) -> dict[str, int]:
        """The same of the moment at which the running window began."""
        counted = self.state_dict()
        return {**counted, "micro_batch": 0, "batches": counted["batches"] - counted["micro_batch"]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Goes on from what :meth:`state_dict` returned."""
        self.updates, self.micro_batch, self.batches = state["update"], state["micro_batch"], state["batches"]
        self.validations[self.updates], self.epoch_ends[self.updates] = state["validations"], state["epoch_ends"]
        self.ended_validations, self.ended_epochs = state["ended_validations"], state["ended_epochs"]
