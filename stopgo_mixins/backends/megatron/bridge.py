"""The only class that knows Megatron's hooks; what NeMo shares with Lightning it leaves to Lightning's bridge."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from megatron.core import parallel_state
from nemo.lightning.ckpt_utils import ckpt_to_dir
from nemo.lightning.megatron_parallel import MegatronStep
from torch import nn
from typing_extensions import override

from stopgo_mixins.backends.lightning.bridge import LightningBridge
from stopgo_mixins.backends.megatron.preemption import Preemption
from stopgo_mixins.backends.megatron.state import MegatronTrainingState
from stopgo_mixins.events import Moment

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from torch.optim import Optimizer


class MegatronBridge(LightningBridge):
    """Listens to one phase of NeMo's trainer.

    All micro-batches of an update run within one training step of Lightning; Megatron calls hooks of its own around
    each of them, in validations too.
    """

    state_class = MegatronTrainingState

    def __init__(self) -> None:
        super().__init__()
        self._preempted = False

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._global_step = trainer.global_step
        self._observe_children()

    # Megatron's hooks, in the order in which they are called

    def on_megatron_microbatch_start(self, step: MegatronStep, batch: Any) -> None:
        """A micro-batch has been read."""
        if self._is_no_event:
            return
        if step.forward_only:
            self._enter_validation_micro_batch(batch)
            self._inside = Moment.VALIDATION_BATCH
        else:
            self._enter_micro_batch(batch)
            self._preempt_if_due()
            self._inside = Moment.MICRO_BATCH

    def _enter_validation_micro_batch(self, batch: Any) -> None:
        fetcher: Any = self._state.trainer.fit_loop.epoch_loop.val_loop._data_fetcher
        loader = fetcher._dataloader_idx
        self._validation_place = (self._validations[self.update] - 1, loader, self._validation_batches[loader])
        self._validation_batches[loader] += 1
        self._enter_validation_batch(batch, fetcher._batch_idx)

    def on_megatron_microbatch_end(self, step: MegatronStep, output: Any, forward_callback: Any) -> None:
        """A micro-batch has gone forward; on the last pipeline stage its loss is computed next."""
        if self._is_no_event:
            return
        self._inside = None
        event = "validation_batch_end" if step.forward_only else "micro_batch_end"
        if parallel_state.is_pipeline_last_stage() and isinstance(forward_callback, nn.Module):
            self._emit_with_loss(event, output, forward_callback)
        else:
            self._emit(event, output, None)
        if not step.forward_only:
            self._micro_batch += 1

    def _emit_with_loss(self, event: str, output: Any, loss_reduction: nn.Module) -> None:
        """Emits the event once the loss is there: Megatron has no hook between the loss and its gradients."""

        def hook(_module: nn.Module, _args: Any, result: Any) -> None:
            handle.remove()
            self._emit(event, output, result[0])

        handle = loss_reduction.register_forward_hook(hook)

    @override
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        self._at(Moment.GRADIENTS, self._step, 0)
        # Megatron's DDP accumulates and reduces them in buffers of its own.
        parameters = self._state.model.named_parameters()
        gradients = {name: getattr(found, "main_grad", found.grad) for name, found in parameters if found.requires_grad}
        self._emit("gradients_ready", gradients)

    @override
    def _emit(self, event: str, *details: Any) -> None:
        if event == "logged":
            # In training NeMo logs the step itself. What a validation logs stands under Lightning's own count, one
            # behind after every resume, since NeMo skips the repeated validation behind which Lightning counts.
            details = (self._state.global_step, *details[1:])
        super()._emit(event, *details)

    @property
    def _is_no_event(self) -> bool:
        trainer = self._state.trainer
        return trainer.sanity_checking or (trainer.validating and self._repeating)

    @override
    def _validation_is_due(self) -> bool:
        # NeMo's own loop only adds that none is due before the first batch, and cannot be asked during that batch.
        loop: Any = self._state.trainer.fit_loop
        return _TrainingEpochLoop._should_check_val_fx(loop.epoch_loop, loop._data_fetcher)

    # The interruption

    @override
    def _interrupt_if_due(self) -> None:
        if not isinstance(self.plan.interruption, Preemption):
            super()._interrupt_if_due()

    def _preempt_if_due(self) -> None:
        """Sends the signal while the last micro-batches of the step are still to come."""
        interruption = self.plan.interruption
        if isinstance(interruption, Preemption) and not self._preempted and self._step == interruption.step:
            self._preempted = True
            signal.raise_signal(interruption.signal)

    @override
    def _save_checkpoint(self, save: Callable[..., None], filepath: Any, *args: Any, **kwargs: Any) -> None:
        if self._preempted:  # saved by NeMo's callback, which ends the process before this one is asked again
            self._end_step()
        super()._save_checkpoint(save, filepath, *args, **kwargs)
        if self._preempted:
            self._events.writer.event("interrupted", update=self._updates, path=self._written[-1].path)
            self._mark_end()

    @override
    def _own_checkpoint(self) -> Path:
        return self.plan.checkpoint_directory / f"step={self._updates}-last"  # AutoResume looks for "last"

    @override
    def _path_on_disk(self, filepath: Any) -> Path:
        return Path(ckpt_to_dir(filepath))
