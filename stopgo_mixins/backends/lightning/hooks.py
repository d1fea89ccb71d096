"""Tells of a run of plain Lightning: its strategy runs a training step for each micro-batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from stopgo_mixins.backends.fit_loop.hooks import FitLoopHooks
from stopgo_mixins.backends.fit_loop.package import Checkpoint
from stopgo_mixins.backends.fit_loop.values import loss_of
from stopgo_mixins.backends.lightning.batch_iterator import BatchIterator, is_batch_iterator
from stopgo_mixins.bridge.gradients import gradients_of

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from torch.optim import Optimizer


class LightningHooks(FitLoopHooks, Checkpoint):
    """Listens to one phase of Lightning's trainer."""

    def __init__(self) -> None:
        super().__init__()
        self._validation_place = (0, 0)

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        # The strategy's methods, which call the module's: what stood on the module would travel with its copies.
        self._wrap(trainer.strategy, "training_step", self._training_step)
        self._wrap(trainer.strategy, "validation_step", self._validation_step)

    def _training_step(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        output = self._with_batch("training_step", self._micro_batch_started, step, *args, **kwargs)
        self.run.micro_batch_ended(output, loss_of(output))
        return output

    def _micro_batch_started(self, batch: Any, *_place: int) -> None:
        self._state.learn_batch_size(batch)
        self.run.micro_batch_started(batch)

    def _with_batch(
        self, name: str, started: Callable[..., None], step: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Runs a step, and tells of its batch before the model sees it."""
        batch = next(iter((*args, *kwargs.values())))
        if not is_batch_iterator(batch):
            started(batch)
            return step(*args, **kwargs)
        iterator = BatchIterator(batch, started)
        output = step(iterator)  # the only argument of such a step
        iterator.check(name)
        return output

    @override
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self.run.gradients_ready(gradients_of(self._state, optimizer) if self.run.wants_gradients else {})

    @override
    def on_validation_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        self._validation_place = dataloader_idx, batch_idx

    def _validation_step(self, step: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        output = self._with_batch("validation_step", self._validation_batch_started, step, *args, **kwargs)
        self.run.validation_batch_ended(output, loss_of(output))
        return output

    def _validation_batch_started(self, batch: Any, *place: int) -> None:
        loader, index = place[::-1] or self._validation_place
        self.run.validation_batch_started(batch, loader, index)
