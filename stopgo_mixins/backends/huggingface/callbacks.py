"""The user's callbacks on ``transformers.Trainer``, and what they save."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from transformers.trainer_callback import ExportableState

from stopgo_mixins.recorders.recorder import Recorder

if TYPE_CHECKING:
    from transformers import Trainer, TrainerCallback


def user_callbacks(trainer: Trainer) -> dict[str, TrainerCallback]:
    """The callbacks that are no recorders, by the names of their classes, which the second of a class follows."""
    named: dict[str, TrainerCallback] = {}
    count: Counter[str] = Counter()
    for callback in trainer.callback_handler.callbacks:
        if not isinstance(callback, Recorder):
            name = type(callback).__name__
            count[name] += 1
            named[name if count[name] == 1 else f"{name} {count[name]}"] = callback
    return named


def saved_states(trainer: Trainer) -> dict[str, dict[str, Any]]:
    """What those callbacks save that the trainer would ask for it, by the same names."""
    return {
        name: callback.state()
        for name, callback in user_callbacks(trainer).items()
        if isinstance(callback, ExportableState)
    }
