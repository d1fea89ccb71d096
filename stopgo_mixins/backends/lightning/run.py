"""What a bridge knows of its run: counters, checkpoints, and when to end it."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from lightning.pytorch.callbacks import Checkpoint

from stopgo_mixins.backends.lightning.state import LightningTrainingState
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.exceptions import StopAndGoException

if TYPE_CHECKING:
    from stopgo_mixins.phase import PhasePlan
    from stopgo_mixins.recorders.recorder import EventDispatcher


@dataclass(frozen=True)
class _Written:
    """A checkpoint, and how far the loops were when it was written."""

    path: str
    progress: tuple[int, ...]


class LightningRun(Checkpoint):
    """One phase, without Lightning's hooks.

    Its own counters travel with the checkpoint, since none of Lightning's counts optimizer updates whatever the number
    of optimizers.

    Attributes:
        plan: the phase.
        state_class: what its events say about the run.
    """

    plan: PhasePlan
    state_class: ClassVar[type[LightningTrainingState]] = LightningTrainingState

    def __init__(self) -> None:
        self._updates = 0
        self._global_step = 0
        self._micro_batch = 0
        self._batches_run = 0
        self._validations: Counter[int] = Counter()
        self._ended_validations = 0
        self._stop_requested = False
        self._written: list[_Written] = []
        self._attached = ExitStack()
        self._state: LightningTrainingState
        self._events: EventDispatcher

    def begin(self, plan: PhasePlan) -> None:
        """Prepares for a phase, before the trainer is run."""
        self.plan = plan

    def end(self) -> None:
        """Takes every hook away, closes the trace and lets go of the run, whatever happened."""
        self._attached.close()

    # Counters

    @property
    def update(self) -> int:
        """Optimizer updates made so far: batches after which any optimizer has stepped."""
        return self._updates + (self._state.global_step > self._global_step)

    @property
    def _progress(self) -> tuple[int, ...]:
        state = self._state
        return self.update, state.processed_batches, state.completed_batches, self._validations[self.update]

    # The interruption

    def _interrupt_if_due(self) -> None:
        interruption = self.plan.interruption
        if interruption is None or self._stop_requested or self._updates >= self.plan.num_steps:
            return
        if not interruption.is_due(self._updates, self._ended_validations):
            return
        path = self._checkpoint_of_this_moment()
        self._events.writer.event("interrupted", update=self._updates, path=path)
        if not interruption.should_stop:
            self._mark_end()
            raise StopAndGoException(f"interrupted after step {self._updates}, resume from {path}")
        self._stop_requested = True
        self._state.trainer.should_stop = True

    def _mark_end(self) -> None:
        """Tells a phase that came to its end from one that broke off."""
        self._events.writer.event("phase_end", update=self._updates)

    def _checkpoint_of_this_moment(self) -> str:
        """The checkpoint that a callback of the trainer has just written, else one of the bridge's own."""
        if not self._has_just_saved():
            self._state.trainer.save_checkpoint(self._own_checkpoint())
        return self._written[-1].path

    def _has_just_saved(self) -> bool:
        return bool(self._written) and self._written[-1].progress == self._progress

    def _own_checkpoint(self) -> Path:
        return self.plan.checkpoint_directory / f"step-{self._updates}.ckpt"

    def _save_checkpoint(self, save: Callable[..., None], filepath: Any, *args: Any, **kwargs: Any) -> None:
        save(filepath, *args, **kwargs)
        weights_only = args[0] if args else kwargs.get("weights_only", False)
        if weights_only:  # nothing to resume from
            return
        path = str(self._path_on_disk(filepath).absolute())
        self._written.append(_Written(path, self._progress))
        self._events.writer.event("checkpoint_saved", path=path, update=self.update)
        self._emit("checkpoint_saved", path)

    def _path_on_disk(self, filepath: Any) -> Path:
        """Where a checkpoint that was saved as ``filepath`` lies."""
        return Path(filepath)

    # Events, and what is taken away again

    def _at(self, moment: Moment, step: int, *ordinal: int) -> None:
        self._events.move_to(Position(moment, step, ordinal, self._stop_requested))

    def _emit(self, event: str, *details: Any) -> None:
        self._state.update = self.update
        self._events.emit(event, self._state, *details)

    def _replace(self, owner: Any, method: str, replacement: Callable[..., Any]) -> None:
        """Puts a wrapper around a bound method until the phase ends."""
        original = getattr(owner, method)
        wrapper = functools.wraps(original)(functools.partial(replacement, original))
        owner.__dict__[method] = wrapper
        self._attached.callback(owner.__dict__.pop, method, None)
