"""Tells of a run of NeMo: all micro-batches of an update are one training step of Lightning's fit loop."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.loops.training_epoch_loop import _TrainingEpochLoop
from megatron.core import parallel_state
from nemo.lightning.ckpt_utils import ckpt_to_dir
from nemo.lightning.megatron_parallel import MegatronStep
from nemo.utils.callbacks.dist_ckpt_io import AsyncFinalizableCheckpointIO
from torch import nn
from typing_extensions import override

from stopgo_mixins.backends.fit_loop.hooks import FitLoopHooks
from stopgo_mixins.backends.megatron.preemption import Preemption
from stopgo_mixins.backends.megatron.state import MegatronTrainingState
from stopgo_mixins.exceptions import StopAndGoException

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from torch.optim import Optimizer


class MegatronBridge(FitLoopHooks, Checkpoint):
    """Listens to one phase of NeMo's trainer.

    Megatron calls hooks of its own around each micro-batch, in validations too.
    """

    state_class = MegatronTrainingState

    def __init__(self) -> None:
        super().__init__()
        self._preempted = False

    @override
    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        self._phase.callback(_await_saves, trainer.strategy)
        super().setup(trainer, pl_module, stage)

    # Megatron's hooks, in the order in which they are called

    def on_megatron_microbatch_start(self, step: MegatronStep, batch: Any) -> None:
        """A micro-batch has been read."""
        if self._state.trainer.sanity_checking:
            return
        if step.forward_only:
            fetcher: Any = self._state.trainer.fit_loop.epoch_loop.val_loop._data_fetcher
            self.run.validation_batch_started(batch, fetcher._dataloader_idx, fetcher._batch_idx)
        else:
            self._state.learn_batch_size(batch)
            self.run.micro_batch_started(batch)
            self._preempt_if_due()

    def _preempt_if_due(self) -> None:
        """Sends the signal while the last micro-batches of the step are still to come."""
        interruption = self.run.plan.interruption
        if not isinstance(interruption, Preemption) or self._preempted:
            return
        if self.run.updates + 1 == interruption.step:
            self._preempted = True
            signal.raise_signal(interruption.by)  # type: ignore[arg-type]  # which a Preemption demands

    def on_megatron_microbatch_end(self, step: MegatronStep, output: Any, forward_callback: Any) -> None:
        """A micro-batch has gone forward; on the last pipeline stage its loss is computed next."""
        if self._state.trainer.sanity_checking:
            return
        ended = self.run.validation_batch_ended if step.forward_only else self.run.micro_batch_ended
        if parallel_state.is_pipeline_last_stage() and isinstance(forward_callback, nn.Module):
            _with_loss(ended, output, forward_callback)
        else:
            ended(output, None)

    @override
    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        # Megatron's DDP accumulates and reduces them in buffers of its own.
        parameters = self._state.model.named_parameters()
        self.run.gradients_ready(
            {name: getattr(found, "main_grad", found.grad) for name, found in parameters if found.requires_grad}
        )

    @override
    def _log(self, step: int, values: Mapping[str, Any]) -> None:
        # In training NeMo logs the step itself. What a validation logs stands under Lightning's own count, one
        # behind after every resume, since NeMo skips the repeated validation behind which Lightning counts.
        super()._log(self._state.global_step, values)

    @override
    def _validation_is_due(self) -> bool:
        # NeMo's own loop only adds that none is due before the first batch, and cannot be asked during that batch.
        loop: Any = self._state.trainer.fit_loop
        return _TrainingEpochLoop._should_check_val_fx(loop.epoch_loop, loop._data_fetcher)

    # Checkpoints

    @override
    def _save_checkpoint(self, save: Callable[..., None], filepath: Any, *args: Any, **kwargs: Any) -> None:
        if self._preempted:  # saved by NeMo's callback, which ends the process before this one is asked again
            self._end_step()
        super()._save_checkpoint(save, filepath, *args, **kwargs)
        if self._preempted:
            self.run.interrupted()

    @override
    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        checkpoint_io = trainer.strategy.checkpoint_io
        if isinstance(exception, StopAndGoException) and isinstance(checkpoint_io, AsyncFinalizableCheckpointIO):
            # The run is interrupted once its checkpoint is written, not while a process of its own still writes it.
            checkpoint_io.maybe_finalize_save_checkpoint(blocking=True)

    @override
    def _own_checkpoint(self, name: str) -> Path:
        return self._plan.checkpoint_directory / f"{name.replace('-', '=')}-last"  # AutoResume looks for "last"

    @override
    def _path_on_disk(self, filepath: Any) -> Path:
        return Path(ckpt_to_dir(filepath))


def _await_saves(strategy: Any) -> None:
    """Waits for the processes that still write a checkpoint when a phase has failed; nobody will load it."""
    checkpoint_io = strategy.checkpoint_io
    if isinstance(checkpoint_io, AsyncFinalizableCheckpointIO):
        pending = checkpoint_io.async_calls_queue.async_calls
        while pending:
            pending.popleft().async_caller.close()


def _with_loss(ended: Callable[[Any, Any], None], output: Any, loss_reduction: nn.Module) -> None:
    """Makes the call once the loss is there: Megatron has no hook between the loss and its gradients."""

    def hook(_module: nn.Module, _args: Any, result: Any) -> None:
        handle.remove()
        ended(output, result[0])

    handle = loss_reduction.register_forward_hook(hook)
