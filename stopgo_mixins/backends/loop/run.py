"""What a training loop of one's own tells of itself; all else is heard by hooks of torch."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from stopgo_mixins.backends.loop.state import LoopState
from stopgo_mixins.bridge.gradients import gradients_of
from stopgo_mixins.bridge.run import PhaseRun
from stopgo_mixins.exceptions import BridgeError

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan

Batch = TypeVar("Batch")

_OWN_FILES = ".stopgo_mixins"
"""The directory beside the checkpoints for what belongs to them and is ours."""


class LoopRun:
    """One phase of a loop, for the loop to talk to.

    Args:
        plan: the phase.
        directory: where it may write.
        resume_from: the checkpoint that it is to load.
        check_model: is called with the model that is to be watched.

    Attributes:
        num_steps: updates that the whole run makes.
        directory: where the loop may write; the interrupted run has one, and the continuous run another.
        resume_from: the checkpoint that the loop is to load before it trains, if any.
        should_stop: whether the loop is asked to end after the update at hand.
    """

    def __init__(
        self, plan: PhasePlan, directory: Path, resume_from: str | None, check_model: Callable[[nn.Module], None]
    ) -> None:
        self.num_steps = plan.num_steps
        self.directory = directory
        self.resume_from = resume_from
        self.should_stop = False
        self._plan = plan
        self._check_model = check_model
        self._state = LoopState()
        self._has_begun = False
        self._is_in_batch = False
        self._validation: _Validation | None = None
        self._newest: Path | None = None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Surrounds the loop; afterwards nothing is attached to anything."""
        with ExitStack() as phase:
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
            TypeError: when the model is that of an earlier phase, or an optimizer is none.
        """
        for optimizer in optimizers:
            if not isinstance(optimizer, Optimizer):
                raise TypeError(
                    f"run.watch(model, *optimizers) was given a {type(optimizer).__name__}: give each "
                    "torch.optim.Optimizer, without any wrapper, and schedulers=[...] and scalers=[...] by name."
                )
        self._check_model(model)
        self._state.watched, self._state.watched_optimizers = model, optimizers
        self._state.watched_schedulers, self._state.watched_scalers = list(schedulers), list(scalers)

    def loaded(self, path: str | Path) -> None:
        """Says that everything was restored from a checkpoint.

        Raises:
            BridgeError: when training has begun.
        """
        if self._has_begun:
            raise BridgeError("train_loop called run.loaded(path) after its first batch: load before you train.")
        file = _own_file(Path(path).absolute())
        self._run.checkpoint_loaded(str(path), torch.load(file) if file.exists() else None)

    # Training

    def batches(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        """Yields what a loader yields, and tells of it; within :meth:`validation` of validation batches.

        When the training data come to their end, so does an epoch.
        """
        return self._training_batches(loader) if self._validation is None else self._validation_batches(loader)

    def _training_batches(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        self._begin()
        self._settle()
        self._state.loader = loader
        for batch in loader:
            self._run.micro_batch_started(batch)
            self._is_in_batch = True
            yield batch
            self._settle()
        self._run.epoch_ended()

    def loss(self, loss: Tensor) -> None:
        """Says the loss of the batch at hand, as soon as it is computed.

        Raises:
            BridgeError: when there is no batch.
        """
        if not self._is_in_batch:
            raise BridgeError("train_loop called run.loss(loss) without a batch: read them by run.batches(loader).")
        self._is_in_batch = False
        ended = self._run.micro_batch_ended if self._validation is None else self._run.validation_batch_ended
        ended(None, loss.detach())

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
            raise BridgeError("train_loop trains what nobody watches: call run.watch(model, optimizer) first.")
        self._has_begun = True
        self._run.training_started()

    def _settle(self) -> None:
        """The loop goes on to something else: an update that it has made is complete, its schedule included."""
        if self._is_in_batch:
            raise BridgeError("train_loop said no loss for a batch: call run.loss(loss) before loss.backward().")
        if self._run.update_is_made:
            self._run.step_ended()

    def _before_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        if not self._is_watched(optimizer):
            return
        if not self._has_begun:
            raise BridgeError("train_loop made an update without a batch: read them by run.batches(loader).")
        if self._is_in_batch:
            raise BridgeError("train_loop said no loss before an update: call run.loss(loss) before loss.backward().")
        self._run.gradients_ready(gradients_of(self._state, optimizer))

    def _after_step(self, optimizer: Optimizer, _args: Any, _kwargs: Any) -> None:
        if self._is_watched(optimizer):
            self._state.steps += 1

    def _is_watched(self, optimizer: Optimizer) -> bool:
        return any(optimizer is watched for watched in self._state.optimizers)

    # Validation

    @contextmanager
    def validation(self) -> Iterator[None]:
        """Surrounds a validation: its batches, their losses if it has any, and what it logs."""
        self._begin()
        self._settle()
        self._run.validation_started()
        self._validation = validation = _Validation()
        yield
        self._end_validation_batch()
        self._validation = None
        values = {name: value for _, logged in validation.logs for name, value in logged.items()}
        if self._run.validation_ended(values):
            for step, logged in validation.logs:
                self._run.logged(step, logged)

    def _validation_batches(self, loader: Iterable[Batch]) -> Iterator[Batch]:
        validation = self._validation or _Validation()
        number = validation.loaders
        validation.loaders += 1
        for index, batch in enumerate(loader):
            self._end_validation_batch()
            self._run.validation_batch_started(batch, number, index)
            self._is_in_batch = True
            yield batch
        self._end_validation_batch()

    def _end_validation_batch(self) -> None:
        if self._is_in_batch:
            self._is_in_batch = False
            self._run.validation_batch_ended(None, None)

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
        own, file = self._run.state_dict(), _own_file(path)
        if self._state.rank == 0:
            file.parent.mkdir(exist_ok=True)
            torch.save(own, file)
        self._newest = path
        self._run.checkpoint_saved(str(path))

    def _copy_checkpoint(self, name: str) -> None:
        """Keeps the checkpoint that the loop has just written: it is asked for at no other moment."""
        if self._newest is not None:
            kept = self._plan.checkpoint_directory / name / self._newest.name
            kept.parent.mkdir(parents=True)
            copy = shutil.copytree if self._newest.is_dir() else shutil.copy2
            copy(self._newest, kept)
            self._note_checkpoint(kept)

    def _stop(self) -> None:
        self.should_stop = True

    def _end(self) -> None:
        if self._plan.interruption is not None and self._newest is None:
            raise BridgeError("train_loop never called run.saved(path), so there is nothing to resume from.")
        self._settle()
        self._run.training_ended()


class _Validation:
    """What is remembered while one runs."""

    def __init__(self) -> None:
        self.loaders = 0
        self.logs: list[tuple[int, dict[str, object]]] = []


def _own_file(checkpoint: Path) -> Path:
    return checkpoint.parent / _OWN_FILES / f"{checkpoint.name}.pt"
