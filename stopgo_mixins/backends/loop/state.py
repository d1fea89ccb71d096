"""What an event says about a run of a loop of one's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch

from stopgo_mixins.events import TrainingState
from stopgo_mixins.exceptions import BridgeError
from stopgo_mixins.recorders.generators import generators_of
from stopgo_mixins.recorders.reach.loaders import roots_of_loader

if TYPE_CHECKING:
    from torch import nn
    from torch.optim import Optimizer


class LoopState(TrainingState):
    """What the loop has said.

    Attributes:
        watched: the model.
        watched_optimizers: that train it.
        watched_schedulers: that change their learning rates.
        watched_scalers: of its gradients.
        steps: how often any optimizer has stepped in this phase.
        counters: the loop's own.
        loader: the training data that were read last.
        validation_loaders: those of the last validation.
    """

    watched: nn.Module

    def __init__(self) -> None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            self.rank, self.world_size = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self.watched_optimizers: Sequence[Optimizer] = ()
        self.watched_schedulers: Sequence[Any] = ()
        self.watched_scalers: Sequence[Any] = ()
        self.steps = 0
        self.counters: Mapping[str, float] = {}
        self.loader: object = None
        self.validation_loaders: list[object] = []

    def is_watched(self, optimizer: Optimizer) -> bool:
        """Whether an optimizer is one of those."""
        return any(optimizer is watched for watched in self.watched_optimizers)

    def demand_schedulers(self) -> None:
        """Looks for schedules that nobody watches: the first of torch's schedulers replaces its optimizer's step.

        Raises:
            BridgeError: when there is one, and none is watched.
        """
        scheduled = [one for one in self.watched_optimizers if hasattr(one.step, "_wrapped_by_lr_sched")]
        if scheduled and not self.watched_schedulers:
            raise BridgeError(
                f"a scheduler changes the learning rate of {type(scheduled[0]).__name__}, and train_loop named no "
                "scheduler: call run.watch(model, optimizer, schedulers=[scheduler])."
            )

    @property
    def model(self) -> nn.Module:
        """The one that is watched."""
        return self.watched

    @property
    def optimizers(self) -> Sequence[Optimizer]:
        """Those that are watched."""
        return self.watched_optimizers

    @property
    def schedulers(self) -> Sequence[Any]:
        """Those that are watched."""
        return self.watched_schedulers

    @property
    def grad_scalers(self) -> Sequence[Any]:
        """Those that are watched."""
        return self.watched_scalers

    @property
    def optimizer_steps(self) -> int:
        """Steps of any optimizer."""
        return self.steps

    @property
    def epoch(self) -> int:
        """What the loop has said of its epoch."""
        return int(self.counters.get("epoch", 0))

    @property
    def global_step(self) -> int:
        """Updates as they are counted here: nobody can read a counter that is a variable of a function."""
        return self.update

    @property
    def consumed_samples(self) -> int:
        """The same, which is above 0 once anything was consumed."""
        return self.update

    def loop_progress(self) -> Mapping[str, float]:
        """What the loop has said of its counters."""
        return self.counters

    def roots(self) -> Mapping[str, object]:
        """Also what is read."""
        validation = {f"validation_loader[{index}]": each for index, each in enumerate(self.validation_loaders)}
        read = {"loader": self.loader, **validation}
        return {**super().roots(), **{path: part for name in read for path, part in roots_of_loader(name, read[name])}}

    def generators(self) -> Mapping[str, object]:
        """Those of the training loader, its sampler and its data set."""
        return dict(generators_of("loader", self.loader))

    def not_observed(self) -> Iterator[str]:
        """What happens in other processes."""
        if getattr(self.loader, "num_workers", 0):
            yield "random numbers drawn in the worker processes of the training loader"
