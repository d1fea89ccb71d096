"""What an event says about a run of Lightning's fit loop."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from torch.utils.data import DistributedSampler

from stopgo_mixins.backends.fit_loop.callbacks import saved_state, user_callbacks
from stopgo_mixins.backends.fit_loop.package import package_of
from stopgo_mixins.backends.fit_loop.values import length_of
from stopgo_mixins.events import TrainingState
from stopgo_mixins.recorders.generators import generators_of

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.loops.evaluation_loop import _EvaluationLoop
    from lightning.pytorch.loops.fit_loop import _FitLoop
    from lightning.pytorch.loops.progress import _ProcessedTracker
    from torch import nn
    from torch.optim import Optimizer


class FitLoopState(TrainingState):
    """Reads a trainer as it stands.

    Args:
        trainer: the trainer, set up.
        module: the module that it trains.
    """

    def __init__(self, trainer: Trainer, module: LightningModule) -> None:
        self.trainer = trainer
        self.module = module
        self.rank = trainer.global_rank
        self.world_size = trainer.world_size
        self._batch_size = 0

    def learn_batch_size(self, batch: object) -> None:
        """Samples per micro-batch: the loader's own word, else the length of the first tensor in the first batch."""
        if not self._batch_size:
            size = getattr(self.trainer.train_dataloader, "batch_size", None)
            self._batch_size = size if isinstance(size, int) else length_of(batch)

    @property
    def model(self) -> nn.Module:
        """The LightningModule."""
        return self.module

    @property
    def optimizers(self) -> Sequence[Optimizer]:
        """Those of ``configure_optimizers``."""
        return self.trainer.optimizers

    @property
    def schedulers(self) -> Sequence[Any]:
        """Those of ``configure_optimizers``."""
        return [config.scheduler for config in self.trainer.lr_scheduler_configs]

    @property
    def grad_scalers(self) -> Sequence[Any]:
        """That of a mixed-precision plugin, if it has one."""
        scaler = getattr(self.trainer.precision_plugin, "scaler", None)
        return [] if scaler is None else [scaler]

    @property
    def epoch(self) -> int:
        """Lightning's ``current_epoch``."""
        return self.trainer.current_epoch

    @property
    def global_step(self) -> int:
        """Lightning's, which grows by one per optimizer."""
        return self.trainer.global_step

    @property
    def optimizer_steps(self) -> int:
        """The same: it has grown when a checkpoint callback saves in the hooks behind an update."""
        return self.trainer.global_step

    @property
    def progress(self) -> tuple[int, ...]:
        """Batches begun and finished, which differ during the hooks at a batch's end."""
        return self._batches.processed, self._batches.completed

    @property
    def consumed_samples(self) -> int:
        """Processed micro-batches, of all epochs, times batch size, times world size."""
        return self._batches.processed * self._batch_size * self.world_size

    def loop_progress(self) -> Mapping[str, int]:
        """The epoch, and what was counted in it.

        Left out is what has a metric of its own (``global_step``, the batches of all epochs as ``consumed_samples``,
        the step for loggers in ``logged_metrics``), and what Lightning itself does not restore: how many epochs were
        made ready, started and processed (2.4 counts the resumed epoch twice, 2.6 does not count one that ended with
        the checkpoint as processed), and the batches of the last validation (3 instead of 2 after a resume of 2.4).
        """
        loop = self.trainer.fit_loop.epoch_loop
        automatic, manual = loop.automatic_optimization, loop.manual_optimization
        return {
            "epoch": self.epoch,
            "batch of the epoch": loop.batch_idx,
            "optimizer steps of the epoch": automatic.optim_progress.optimizer.step.current.completed,
            "manual optimizer steps of the epoch": manual.optim_step_progress.current.completed,
            "scheduler steps of the epoch": loop.scheduler_progress.current.completed,
        }

    def callbacks(self) -> Mapping[str, object]:
        """The trainer's callbacks by the names of their classes; further ones of the same class are numbered."""
        return user_callbacks(self.trainer)

    def callback_states(self) -> Mapping[str, object]:
        """The non-empty ones."""
        states = {name: saved_state(callback) for name, callback in user_callbacks(self.trainer).items()}
        return {name: state for name, state in states.items() if state}

    def roots(self) -> Mapping[str, object]:
        """Also the module where a wrapper holds the model, the data, and the loggers."""
        module = {} if self.module is self.model else {"lightning_module": self.module}
        loggers = {f"loggers[{index}]": logger for index, logger in enumerate(self.trainer.loggers)}
        data = {name: owner for name, owner in self._data() if owner is not None}
        first = {"datamodule": data.pop("datamodule")} if "datamodule" in data else {}
        return {**super().roots(), **module, **first, **data, **loggers}

    def of_the_trainer(self) -> Iterable[object]:
        """The trainer, to which the module and many a callback hold on."""
        return (self.trainer,)

    def generators(self) -> Mapping[str, object]:
        """Those of the loaders, their samplers and data sets, and of the data module."""
        return {name: found for owner in self._data() for name, found in generators_of(*owner)}

    def _data(self) -> Iterator[tuple[str, object]]:
        loop = self.trainer.fit_loop
        for name, loaders in (
            ("train_dataloader", _loaders(loop)),
            ("val_dataloader", _loaders(loop.epoch_loop.val_loop)),
        ):
            yield from ((f"{name}[{index}]" if len(loaders) > 1 else name, each) for index, each in enumerate(loaders))
        yield "datamodule", getattr(self.trainer, "datamodule", None)

    def no_validation(self) -> str | None:
        """What Lightning asks for before it validates, in the order in which a user would write it."""
        loop = self.trainer.fit_loop.epoch_loop.val_loop
        inherited = package_of(self.module).LightningModule.validation_step
        if getattr(type(self.module), "validation_step", inherited) is inherited:
            return f"{type(self.module).__name__} has no validation_step"
        if not loop._data_source.is_defined():
            return "there is no validation loader: let setup_model return one with the data"
        if not self.trainer.limit_val_batches:
            return "the trainer has limit_val_batches = 0"
        if loop._combined_loader is not None and not sum(loop.max_batches):
            return "the validation loader has no batch"
        return self._no_validation_due()

    def _no_validation_due(self) -> str | None:
        every, epochs = self.trainer.val_check_batch, self.trainer.check_val_every_n_epoch
        if epochs is None and self._batches.completed < every:
            return f"the trainer validates every {every} batches, and the run has {self._batches.completed}"
        if epochs is not None and self.trainer.current_epoch < epochs:
            return f"the trainer validates every {epochs} epochs, and the run has {self.trainer.current_epoch}"
        return None

    def share_of_epoch(self) -> tuple[int, int] | None:
        """That of a ``DistributedSampler`` which does not leave out what is too much for some."""
        sampler = getattr(self.trainer.train_dataloader, "sampler", None)
        if not isinstance(sampler, DistributedSampler) or sampler.drop_last:
            return None
        own = range(sampler.rank, len(sampler.dataset), sampler.num_replicas)  # type: ignore[arg-type]  # it is sized
        return len(own), sampler.num_replicas

    def replicated(self) -> Collection[str]:
        """What DDP trains on each rank alike; an optimizer whose state is spread over the ranks is no such."""
        if not self._is_replica or any(hasattr(each, "consolidate_state_dict") for each in self.optimizers):
            return ()
        return ("optimizer_state", "parameters")

    def overwritten(self) -> Mapping[str, str]:
        """The buffers of all ranks but the first, unless DDP is told to leave them alone."""
        wrapped = self.trainer.strategy.model
        if self.rank == 0 or not self._is_replica or not getattr(wrapped, "broadcast_buffers", False):
            return {}
        return {"buffers": "DDP replaces those of this rank with those of rank 0 before each forward pass"}

    @property
    def _is_replica(self) -> bool:
        return self.world_size > 1 and type(self.trainer.strategy).__name__ == "DDPStrategy"

    def not_observed(self) -> Iterator[str]:
        """What happens in other processes."""
        if getattr(self.trainer.train_dataloader, "num_workers", 0):
            yield "random numbers drawn in the worker processes of the training loader"

    @property
    def _batches(self) -> _ProcessedTracker:
        total = self.trainer.fit_loop.epoch_loop.batch_progress.total
        return cast("_ProcessedTracker", total)  # declared as its base class


def _loaders(loop: _FitLoop | _EvaluationLoop) -> Sequence[object]:
    """Those that a loop reads, or will read: it sets them up when it first runs, if ``fit`` was given them."""
    if loop._combined_loader is not None:
        return loop._combined_loader.flattened
    source = loop._data_source
    if source.instance is None or source.is_module():
        return []
    return source.instance if isinstance(source.instance, list | tuple) else [source.instance]
