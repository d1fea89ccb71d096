"""What depends on what, and hence which divergences are root causes.

Restored state and inputs are roots.
Random numbers, weights and inputs make outputs, outputs make losses, losses gradients, gradients the next state.
A divergence is a consequence if something that it depends on diverged before it, else a root cause; there may be
several.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stopgo_mixins.events import Moment

if TYPE_CHECKING:
    from collections.abc import Collection

    from stopgo_mixins.comparison.compare import Comparison, Mismatch

_FORWARD = ("rng_state", "parameters", "buffers", "extra_state")
_UPDATE = ("gradients", "learning_rate", "param_groups", "optimizer_state", "precision_state")
_LOSSES = ("train_loss", "valid_loss")

DEPENDS_ON: Mapping[str, tuple[str, ...]] = {
    "global_step": (),
    "consumed_samples": (),
    "validation_schedule": (),
    "loop_progress": ("global_step", "consumed_samples", "validation_schedule", "train_input"),
    "scheduler_state": (*_LOSSES, "validation_schedule"),
    "learning_rate": ("scheduler_state", *_LOSSES),
    "param_groups": ("scheduler_state",),
    "rng_state": ("train_input", "validation_schedule"),
    "train_input": ("rng_state",),
    "sample_exposure": ("train_input",),
    "train_output": ("train_input", *_FORWARD),
    "train_loss": ("train_output", "train_input", *_FORWARD),
    "gradients": ("train_loss", "train_output", "train_input", "precision_state", *_FORWARD),
    "precision_state": ("gradients",),
    "optimizer_state": (*_UPDATE, "parameters"),
    "parameters": _UPDATE,
    "averaged_weights": ("parameters", "buffers"),
    "buffers": ("train_output", "train_input", *_FORWARD),
    "extra_state": ("train_output", "train_input", *_FORWARD),
    "valid_input": ("rng_state", "validation_schedule"),
    "valid_output": ("valid_input", "averaged_weights", *_UPDATE, *_FORWARD),
    "valid_loss": ("valid_output", "valid_input", "averaged_weights", *_UPDATE, *_FORWARD),
    "callback_state": (*_LOSSES, "validation_schedule", "logged_metrics", "global_step", "parameters"),
    "logged_metrics": (
        *("train_input", "train_output", "train_loss", "gradients"),
        *("global_step", "consumed_samples", "loop_progress"),
        *("valid_input", "valid_output", "valid_loss", "validation_schedule", *_UPDATE, *_FORWARD),
    ),
}
"""Metric -> the metrics that it is computed from; a metric that is not listed depends on all that are."""

_SAME_MOMENT = {
    ("train_input", "train_output"),
    ("train_input", "train_loss"),
    ("train_output", "train_loss"),
    ("valid_input", "valid_output"),
    ("valid_input", "valid_loss"),
    ("valid_output", "valid_loss"),
    ("scheduler_state", "learning_rate"),
    ("scheduler_state", "param_groups"),
    ("global_step", "loop_progress"),
    ("consumed_samples", "loop_progress"),
    ("train_input", "sample_exposure"),
    ("valid_loss", "logged_metrics"),
    ("parameters", "averaged_weights"),
    ("buffers", "averaged_weights"),
}
"""(cause, effect) pairs in which the cause acts within the moment; all others need an earlier one."""

_AFTER_VALIDATION = {
    *("rng_state", "learning_rate", "scheduler_state", "param_groups"),
    *("callback_state", "loop_progress", "global_step", "consumed_samples"),
}
"""State metrics that may change in a validation; weights and the like are what the update left."""


def root_causes(comparisons: Mapping[str, Comparison], roots: Collection[str] = ()) -> list[Comparison]:
    """The diverging metrics that no other divergence explains, in training order.

    Args:
        comparisons: all metrics of the run, by name.
        roots: metrics whose divergence has a cause of its own, whatever else diverged.
    """
    diverging = {metric: comparison.first for metric, comparison in comparisons.items()}
    causes = [
        comparisons[metric]
        for metric, first in diverging.items()
        if first is not None and (metric in roots or not _explained(metric, first, diverging))
    ]
    return sorted(causes, key=lambda comparison: comparison.mismatches[0].order)


def _explained(metric: str, first: Mismatch, diverging: Mapping[str, Mismatch | None]) -> bool:
    parents = DEPENDS_ON.get(metric, tuple(DEPENDS_ON))
    return any(
        _precedes(parent, cause, metric, first)
        for parent in parents
        if parent != metric and (cause := diverging.get(parent)) is not None
    )


def _precedes(parent: str, cause: Mismatch, metric: str, effect: Mismatch) -> bool:
    acts_at_once = (parent, metric) in _SAME_MOMENT or metric not in DEPENDS_ON
    if cause.key.moment.is_state and effect.key.moment.is_state and cause.key.step == effect.key.step:
        return acts_at_once  # states of one step are read together: each was restored, or left by the last update
    earlier, later = _causal_order(parent, cause), _causal_order(metric, effect)
    return earlier < later or (acts_at_once and earlier == later)


def _causal_order(metric: str, mismatch: Mismatch) -> tuple[float, float]:
    """When the diverging value came about: weights at state k exist before the validation after update k."""
    step, moment = mismatch.key.step, mismatch.key.moment
    if metric == "validation_schedule":  # recorded at a validation's end, decided before its first batch
        return step, Moment.VALIDATION_BATCH.order - 0.5
    if moment.is_state:
        place = Moment.STEP_START if metric in _AFTER_VALIDATION else Moment.GRADIENTS
        return step, place.order + 0.5
    return step, moment.order
