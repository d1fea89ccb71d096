"""Where faults reach into a trainer: what it reads, and when it evaluates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from transformers import DefaultFlowCallback

from stopgo_mixins.bridge.source import Source


def change_loaders(trainer: Any, training: Callable[[Any], Any], validation: Callable[[Any], Any]) -> None:
    """Lets a trainer read what the two functions make of its loaders.

    A trainer that is resumed amid an epoch reads the rest of it from another loader, which nobody else gets to see:
    what it hands about is the iterator of an epoch.
    """
    source, get_samples, get_evaluation = training(Source()), trainer.get_batch_samples, trainer.get_eval_dataloader
    offered: list[Iterator[Any]] = []
    read: list[Iterator[Any]] = []

    def get_changed_samples(epoch_iterator: Iterator[Any], *args: Any, **kwargs: Any) -> Any:
        if not offered or offered[-1] is not epoch_iterator:
            offered.append(epoch_iterator)
            first = [epoch_iterator]
            loader = trainer.callback_handler.train_dataloader
            read.append(source.read(lambda: first.pop() if first else iter(loader)))
        return get_samples(read[-1], *args, **kwargs)

    # For this one run only.
    trainer.get_batch_samples = get_changed_samples
    trainer.get_eval_dataloader = lambda *args: validation(get_evaluation(*args))


def move_validations(trainer: Any, micro_batches: int) -> None:
    """Lets every evaluation come so many updates later, since the trainer evaluates between two of them only."""
    flow: Any
    (flow,) = (one for one in trainer.callback_handler.callbacks if isinstance(one, DefaultFlowCallback))
    on_step_end = flow.on_step_end

    def evaluate_later(args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        changed = on_step_end(args, state, control, **kwargs)
        step = state.global_step - micro_batches
        changed.should_evaluate = step > 0 and step % state.eval_steps == 0
        return changed

    # For this one run only.
    flow.on_step_end = evaluate_later
