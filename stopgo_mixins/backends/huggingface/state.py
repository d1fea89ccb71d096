"""What an event says about a run of ``transformers.Trainer``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from accelerate.optimizer import AcceleratedOptimizer

from stopgo_mixins.backends.huggingface.callbacks import saved_states, user_callbacks
from stopgo_mixins.events import TrainingState
from stopgo_mixins.recorders.generators import generators_of

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer
    from transformers import Trainer


class TransformersState(TrainingState):
    """Reads a trainer as it stands.

    Args:
        trainer: the trainer.

    Attributes:
        amid_epoch: whether an epoch has begun and has not ended.
    """

    begins_windows_anew = True

    def __init__(self, trainer: Trainer) -> None:
        self.trainer: Any = trainer  # which declares no type for most of what it has
        self.rank = trainer.args.process_index
        self.world_size = trainer.args.world_size
        self.amid_epoch = False

    @property
    def model(self) -> nn.Module:
        """The model that the trainer was given."""
        model: nn.Module = self.trainer.accelerator.unwrap_model(self.trainer.model)
        return model

    @property
    def optimizers(self) -> Sequence[Optimizer]:
        """The one that the trainer has, as torch knows it."""
        optimizer = self.trainer.optimizer
        if optimizer is None:
            return []
        return [optimizer.optimizer if isinstance(optimizer, AcceleratedOptimizer) else optimizer]

    @property
    def schedulers(self) -> Sequence[Any]:
        """The one that the trainer has."""
        return [] if self.trainer.lr_scheduler is None else [self.trainer.lr_scheduler]

    @property
    def grad_scalers(self) -> Sequence[Any]:
        """That of fp16 training."""
        scaler = getattr(self.trainer.accelerator, "scaler", None)
        return [] if scaler is None else [scaler]

    @property
    def epoch(self) -> int:
        """The whole part of the trainer's ``epoch``."""
        return int(self.trainer.state.epoch or 0)

    @property
    def is_between_epochs(self) -> bool:
        """Whether all steps of an epoch were made, and none of the next."""
        return float(self.trainer.state.epoch or 0).is_integer()

    @property
    def global_step(self) -> int:
        """The trainer's, which is what a checkpoint will say."""
        step: int = self.trainer.state.global_step
        return step

    @property
    def optimizer_steps(self) -> int:
        """The same: it has grown when a callback saves at the end of a step."""
        return self.global_step

    @property
    def progress(self) -> tuple[int, ...]:
        """Whether the hooks at the end of the epoch are still to come."""
        return (int(self.amid_epoch),)

    @property
    def consumed_samples(self) -> int:
        """Updates times the samples of each: the trainer skips so much of its data, and keeps no other count."""
        args = self.trainer.args
        return int(self.global_step * args.train_batch_size * args.gradient_accumulation_steps * self.world_size)

    def loop_progress(self) -> Mapping[str, float | None]:
        """What ``TrainerState`` counts, and the best metric.

        Left out are the paths of checkpoints, the limits and intervals, which come from the arguments, and
        ``total_flos``, which is brought up to date only when the trainer logs or saves.
        """
        state = self.trainer.state
        return {
            "epoch": state.epoch,
            "logs": len(state.log_history),
            "input tokens": state.num_input_tokens_seen,
            "best metric": state.best_metric,
            "step of the best metric": state.best_global_step,
        }

    def callbacks(self) -> Mapping[str, object]:
        """The user's, by the names of their classes; further ones of the same class are numbered."""
        return user_callbacks(self.trainer)

    def callback_states(self) -> Mapping[str, object]:
        """What those save that have something to save."""
        return saved_states(self.trainer)

    def roots(self) -> Mapping[str, object]:
        """Also the data, and the trainer itself, of which people make classes of their own."""
        data = {name: owner for name, owner in self._data() if owner is not None}
        return {**super().roots(), **data, "trainer": self.trainer}

    def generators(self) -> Mapping[str, object]:
        """Those of the training loader, its sampler and data set, and of the evaluation data set."""
        return {name: found for owner in self._data() for name, found in generators_of(*owner)}

    def _data(self) -> Iterator[tuple[str, object]]:
        yield "train_dataloader", self.trainer.callback_handler.train_dataloader
        yield "eval_dataset", self.trainer.eval_dataset

    def not_observed(self) -> Iterator[str]:
        """What happens in other processes."""
        if self.trainer.args.dataloader_num_workers:
            yield "random numbers drawn in the worker processes of the training loader"
