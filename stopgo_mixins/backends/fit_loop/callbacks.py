"""The user's callbacks on Lightning's trainer, and what of their state two equal runs have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stopgo_mixins.backends.fit_loop.package import is_a

if TYPE_CHECKING:
    from lightning.pytorch import Callback, Trainer

from stopgo_mixins.recorders.recorder import Recorder

_PATHS = ("dirpath", "best_model_path", "kth_best_model_path", "last_model_path")
"""Entries of ``ModelCheckpoint`` that depend on where the run works."""

_NEVER_RESTORED = ("current_score",)
"""Entries that it saves and neither loads nor reads: the next checkpoint sets them anew."""


def user_callbacks(trainer: Trainer) -> dict[str, Callback]:
    """The callbacks that are not this library's, by the names of their classes, which the second of a class follows."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set by a connector
    named: dict[str, Callback] = {}
    count: Counter[str] = Counter()
    for callback in callbacks:
        if not _is_ours(callback):
            name = type(callback).__name__
            count[name] += 1
            named[name if count[name] == 1 else f"{name} {count[name]}"] = callback
    return named


def _is_ours(callback: Callback) -> bool:
    """Whether it is a recorder, or of a class that this library defines: what a user makes of that is the user's."""
    return isinstance(callback, Recorder) or type(callback).__module__.startswith("stopgo_mixins.")


def saved_state(callback: Callback) -> Mapping[str, Any]:
    """What the callback saves, without paths, wall-clock times and what it would never load."""
    if is_a(callback, "Timer"):
        return {}
    state = callback.state_dict()
    if not is_a(callback, "ModelCheckpoint"):
        return state
    kept = {name: value for name, value in state.items() if name not in (*_PATHS, *_NEVER_RESTORED)}
    # Its keys are paths; whether the trainer keeps the same checkpoints shows in their scores.
    return {**kept, "best_k_models": sorted(state["best_k_models"].values())}
