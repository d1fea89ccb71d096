"""Where faults reach into Lightning's loops: what they read, and when they validate."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lightning.pytorch import Trainer
    from lightning.pytorch.loops.fetchers import _DataFetcher


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
