"""What a training loop of one's own tells of itself; all else is heard by hooks of torch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from stopgo_mixins.backends.loop.checkpoints import copy_into, load_beside, save_beside
from stopgo_mixins.backends.loop.closures import Arguments, closure_of, followed, with_closure
from stopgo_mixins.backends.loop.state import LoopState
from stopgo_mixins.backends.loop.validation import Validation
from stopgo_mixins.bridge.gradients import gradients_of
from stopgo_mixins.bridge.run import PhaseRun
from stopgo_mixins.bridge.source import Source
from stopgo_mixins.exceptions import BridgeError

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan

Batch = TypeVar("Batch")

_EMPTY_LOADERS = 100
"""More in a row than there can be for a good reason."""


class LoopRun:
    """One phase of a loop, for the loop to talk to.

    Args:
        plan: the phase.
        directory: where it may write.
        resume_from: the checkpoint that it is to load.
        require_new: is called with the name of each part that is to be watched, and the part.

    Attributes:
        num_steps: updates that the whole run makes.
        directory: where the loop may write; the interrupted run has one, and the continuous run another.
        resume_from: the checkpoint that the loop is to load before it trains, if any.
        should_stop: whether the loop is asked to end after the update at hand.
        training_source: what the training batches are read from.
        validation_source: the same of the validation batches.
    """

    def __init__(
        self, plan: PhasePlan, directory: Path, resume_from: Path | None, require_new: Callable[[str, object], None]
    ) -> None:
        self.num_steps = plan.num_steps
        self.directory = directory
        self.resume_from = resume_from
        self.should_stop = False
        self._plan = plan
        self._require_new = require_new
        self._state = LoopState()
        self._has_loaded = False
        self._has_begun = False
        self._is_in_batch = False
        self._is_in_step = False
        self._told_gradients: set[int] = set()
        self._validation: Validation | None = None
        self._newest: Path | None = None
        self._at_epoch_end = False
        self._empty_loaders = 0
        self._attached = ExitStack()
        self.training_source, self.validation_source = Source(), Source()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Surrounds the loop; afterwards nothing is attached to anything."""
        with self._attached as phase:
            self._run = phase.enter_context(PhaseRun(self._plan, self._state, self._copy_checkpoint, self._stop))
            # Hooks of all optimizers: what stood on one of them would travel with its copies.
            phase.callback(register_optimizer_step_pre_hook(self._before_step).remove)
            phase.callback(register_optimizer_step_post_hook(self._after_step).remove)
            yield
            self._end()

    # Before training

    def watch(
        self, model: nn.Module, *optimizers: Optimizer, schedulers: Iterable[Any] = (), scalers: Iterable[Any] = ()
    ) -> None:
        """Says what is trained; to be called before the first batch.

        Args:
            model: the module, without any wrapper for several ranks.
            optimizers: that train it.
            schedulers: whatever has a ``state_dict()`` and changes the learning rate.
            scalers: gradient scalers.

        Raises:
            TypeError: when a part is that of an earlier phase, or an optimizer is none.
        """
        for optimizer in optimizers:
            if not isinstance(optimizer, Optimizer):
                raise TypeError(
                    f"run.watch(model, *optimizers) was given a {type(optimizer).__name__}: give each "
                    "torch.optim.Optimizer, without any wrapper, and schedulers=[...] and scalers=[...] by name."
                )
        self._require_new("model", model)
        for optimizer in optimizers:
            self._require_new("optimizer", optimizer)
        self._state.watched, self._state.watched_optimizers = model, optimizers
        self._state.watched_schedulers, self._state.watched_scalers = list(schedulers), list(scalers)

    def loaded(self, path: str | Path) -> None:
        """Says that everything was restored from a checkpoint.

        Raises:
            BridgeError: when training has begun, or when no such checkpoint was ever said to be saved.
        """
        if self._has_begun:
            raise BridgeError("train_loop called run.loaded(path) after its first batch: load before you train.")
        path = Path(path).absolute()
        self._has_loaded = True
        self._run.checkpoint_loaded(str(path), load_beside(path))

    # Training

    def batches(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        """Yields what a loader yields, and tells of it; within :meth:`validation` of validation batches.

        When the training data come to their end, so does an epoch.
        """
        return self._training_batches(loader) if self._validation is None else self._validation.batches(loader)

    def _training_batches(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        self._begin()
        self._go_on()
        self._state.loader = loader
        length = len(loader) if isinstance(loader, Sized) else None
        number = 0
        for number, batch in enumerate(self.training_source.read(lambda: iter(loader)), start=1):
            self._at_epoch_end = number == length
            self._run.micro_batch_started(batch)
            self._is_in_batch = True
            self._told_gradients.clear()
            yield batch
            self._go_on()
        self._at_epoch_end = True
        self._run.epoch_ended()
        self._demand_batches(number)

    def _demand_batches(self, read: int) -> None:
        """A loop that waits for its steps reads on and on where there is nothing to read."""
        self._empty_loaders = 0 if read else self._empty_loaders + 1
        if self._empty_loaders == _EMPTY_LOADERS:
            raise BridgeError(
                f"train_loop has read nothing from {_EMPTY_LOADERS} loaders in a row, and would never come to its end: "
                "let run.batches(loader) be given one with batches."
            )

    def loss(self, loss: Tensor) -> None:
        """Says the loss of the batch at hand, as soon as it is computed and before ``loss.backward()``.

        Of a closure that an optimizer evaluates several times it is that of the first evaluation.

        Raises:
            BridgeError: when there is no batch.
        """
        if self._validation is not None:
            self._validation.loss(loss)
            return
        if not self._is_in_batch and self._is_in_step:
            return
        if not self._is_in_batch:
            raise BridgeError("train_loop called run.loss(loss) without a batch: read them by run.batches(loader).")
        self._is_in_batch = False
        self._run.micro_batch_ended(loss.detach(), loss.detach())

    def gradients(self) -> None:
        """Says that the gradients are complete, for who goes on to clip them.

        Without it they are recorded as the optimizer gets them, which is behind the clipping.
        """
        for optimizer in self._state.optimizers:
            self._tell_gradients(optimizer)

    def progress(self, **counters: float) -> None:
        """Says how far the loop is by its own counters, such as ``epoch=2``: at first, and whenever they change."""
        self._state.counters = counters

    def log(self, step: int, values: Mapping[str, object]) -> None:
        """Says what the loop logs, and the step under which it does so."""
        if self._validation is not None:
            self._validation.logs.append((step, dict(values)))
            return
        self._settle()
        self._run.logged(step, values)

    def _begin(self) -> None:
        if self._has_begun:
            return
        if not hasattr(self._state, "watched"):
            raise BridgeError("train_loop trains a model that nobody watches: call run.watch(model, optimizer) first.")
        if self.resume_from is not None and not self._has_loaded:
            raise BridgeError(
                f"train_loop was to load run.resume_from, {str(self.resume_from)!r}, and trains without having said "
                "so: call run.loaded(run.resume_from) once everything is restored."
            )
        self._state.demand_schedulers()
        self._has_begun = True
        self._run.training_started()

    def _settle(self) -> None:
        """The loop goes on to something else: an update that it has made is complete, its schedule included."""
        if self._is_in_batch:
            raise BridgeError("train_loop reported no loss for a batch: call run.loss(loss) before loss.backward().")
        if self._run.update_is_made:
            self._run.step_ended()

    def _go_on(self) -> None:
        """The loop wants a further batch: all that belonged to the last one has been said."""
        self._settle()
        self._run.end_if_past()

    def _before_step(self, optimizer: Optimizer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments | None:
        if not self._state.is_watched(optimizer):
            return None
        if not self._has_begun:
            raise BridgeError("train_loop made an update without a batch: read them by run.batches(loader).")
        closure = closure_of(args, kwargs)
        if closure is None or not self._is_in_batch:
            self._before_update(optimizer)
        if closure is None:
            return None
        self._is_in_step = True
        return with_closure(args, kwargs, followed(closure, lambda: self._before_update(optimizer)))

    def _before_update(self, optimizer: Optimizer) -> None:
        if self._is_in_batch:
            raise BridgeError(
                "train_loop reported no loss before an update: call run.loss(loss) before loss.backward()."
            )
        self._tell_gradients(optimizer)

    def _tell_gradients(self, optimizer: Optimizer) -> None:
        if id(optimizer) not in self._told_gradients:
            self._told_gradients.add(id(optimizer))
            self._run.gradients_ready(gradients_of(self._state, optimizer))

    def _after_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        if self._state.is_watched(optimizer):
            self._is_in_step = False
            self._state.steps += 1

    # Validation

    @contextmanager
    def validation(self) -> Iterator[None]:
        """Surrounds a validation: its batches, their losses if it has any, and what it logs."""
        self._begin()
        self._settle()
        self._validation = validation = Validation(self._run, self.validation_source)
        yield
        self._validation = None
        self._state.validation_loaders = validation.loaders
        validation.end()

    # Checkpoints, and the end

    def saved(self, path: str | Path) -> None:
        """Says that a checkpoint was written from which the loop can be continued: here it may be interrupted.

        Raises:
            BridgeError: when there is no such file or directory.
            StopAndGoException: when the phase ends here; let it pass.
        """
        self._settle()
        path = Path(path).absolute()
        if not path.exists():
            raise BridgeError(f"train_loop called run.saved(path), but there is no {path}: call it once it is written.")
        self._note_checkpoint(path)
        self._run.interrupt_if_due()

    def _note_checkpoint(self, path: Path) -> None:
        own = self._run.state_dict()
        if self._state.rank == 0:
            save_beside(path, {**own, "at_epoch_end": self._at_epoch_end})
        self._newest = path
        self._run.checkpoint_saved(str(path))

    def _copy_checkpoint(self, name: str) -> None:
        """Keeps the checkpoint that the loop has just written.

        Raises:
            BridgeError: when it has not: nobody else can write one.
        """
        if self._newest is None or not self._run.has_just_saved:
            raise BridgeError(
                "train_loop is to be interrupted where it saves no checkpoint: choose a place at which it calls "
                "run.saved(path), such as AtStep(k)."
            )
        self._note_checkpoint(copy_into(self._plan.checkpoint_directory / name, self._newest))

    def _stop(self) -> None:
        self.should_stop = True

    def _end(self) -> None:
        if self._plan.interruption is not None and self._newest is None:
            raise BridgeError("train_loop never called run.saved(path), so there is nothing to resume from.")
        self._settle()
        self._run.training_ended()
