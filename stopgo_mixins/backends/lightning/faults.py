"""Where faults reach into Lightning: its checkpoint file, and what its trainer reads and when it validates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from typing_extensions import override

from stopgo_mixins.faults.saved_state import SavedState

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from lightning.pytorch.loops.fetchers import _DataFetcher


class LightningSavedState(SavedState):
    """A checkpoint file of Lightning.

    Args:
        path: of the file.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
        self._fit: dict[str, Any] = self._content["loops"]["fit_loop"]
        self._batches: dict[str, Any] = self._fit["epoch_loop.batch_progress"]
        self.weights = self._content["state_dict"]
        self.optimizers = self._content["optimizer_states"]
        self.schedulers = self._content["lr_schedulers"]
        self.scalers = [self._content[plugin] for plugin in _SCALING_PLUGINS if plugin in self._content]
        self.loaders = self._fit["state_dict"].setdefault("combined_loader", [])
        self.batches_read = self._batches["total"]["processed"]
        self.at_epoch_end = self._batches["is_last_batch"]

    @override
    def move_global_step(self, steps: int) -> None:
        for progress in self._optimizer_steps():
            progress["total"]["completed"] += steps

    def _optimizer_steps(self) -> list[dict[str, Any]]:
        """The counters of automatic and of manual optimization, the one in use being above 0."""
        automatic = self._fit["epoch_loop.automatic_optimization.optim_progress"]["optimizer"]["step"]
        manual = self._fit["epoch_loop.manual_optimization.optim_step_progress"]
        return [progress for progress in (automatic, manual) if progress["total"]["completed"]]

    @override
    def move_consumed_samples(self, micro_batches: int) -> None:
        for counter in self._batches["total"]:  # all of them: how they differ tells where the loop was left
            self._batches["total"][counter] += micro_batches

    @override
    def restart_logged_steps(self) -> None:
        self._fit["epoch_loop.state_dict"]["_batches_that_stepped"] = 0

    @override
    def write(self) -> None:
        torch.save(self._content, self._path)


_SCALING_PLUGINS = ("MixedPrecision",)
"""The precision plugins that keep the state of a gradient scaler, as Lightning calls it in its checkpoints."""


def change_loaders(trainer: Trainer, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
    """Hands every loader of a fit to one of two functions, just before the trainer uses it.

    A strategy is asked to process each loader once it is otherwise ready, and may replace it.
    """
    process = trainer.strategy.process_dataloader

    def process_and_change(dataloader: object) -> object:
        change = validation if trainer.validating or trainer.sanity_checking else training
        return change(process(dataloader))

    # For this one fit only.
    trainer.strategy.process_dataloader = process_and_change  # type: ignore[method-assign]


def move_validations(trainer: Trainer, micro_batches: int) -> None:
    """Lets every validation of a fit come so many micro-batches later."""
    loop = trainer.fit_loop.epoch_loop
    is_due, total = loop._should_check_val_fx, loop.batch_progress.total

    def is_due_later(data_fetcher: _DataFetcher) -> bool:
        total.ready -= micro_batches  # which is what Lightning times validations by
        try:
            return is_due(data_fetcher)
        finally:
            total.ready += micro_batches

    # For this one fit only.
    loop._should_check_val_fx = is_due_later  # type: ignore[method-assign]
