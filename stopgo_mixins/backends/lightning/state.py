"""What an event says about a run of Lightning's trainer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from stopgo_mixins.events import TrainingState

if TYPE_CHECKING:
    from lightning.pytorch import LightningModule, Trainer
    from lightning.pytorch.loops.progress import _ProcessedTracker
    from torch import nn
    from torch.optim import Optimizer


class LightningTrainingState(TrainingState):
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
        self.batch_size = 0

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
    def global_step(self) -> int:
        """Lightning's, which grows by one per optimizer."""
        return self.trainer.global_step

    @property
    def consumed_samples(self) -> int:
        """Processed micro-batches, of all epochs, times batch size, times world size."""
        return self.processed_batches * self.batch_size * self.world_size

    @property
    def processed_batches(self) -> int:
        """How many micro-batches Lightning has processed, before and after a resume."""
        return self._batches.processed

    @property
    def completed_batches(self) -> int:
        """How many of them Lightning has also finished with: one fewer during the hooks at a batch's end."""
        return self._batches.completed

    @property
    def _batches(self) -> _ProcessedTracker:
        total = self.trainer.fit_loop.epoch_loop.batch_progress.total
        return cast("_ProcessedTracker", total)  # declared as its base class
