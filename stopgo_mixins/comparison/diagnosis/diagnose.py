"""Which rules are tried on which metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.accumulation import gradients_lost, number_of_batches
from stopgo_mixins.comparison.diagnosis.before import before_the_interruption
from stopgo_mixins.comparison.diagnosis.counters import counter
from stopgo_mixins.comparison.diagnosis.data import data_moved, other_samples, validation_data_moved
from stopgo_mixins.comparison.diagnosis.divergence import Divergence, Rule
from stopgo_mixins.comparison.diagnosis.restored import copy_of_rank_0, structure_changed, what_it_equals
from stopgo_mixins.comparison.diagnosis.rng import rng_drawn, rng_not_restored
from stopgo_mixins.comparison.diagnosis.schedule import hyper_parameter, schedule_moved
from stopgo_mixins.comparison.diagnosis.validation import (
    validation_cut_short,
    validation_moved,
    validation_repeated,
)

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.diagnosis.cause import Diagnosis
    from stopgo_mixins.comparison.runs import Runs

_OF_METRIC: Mapping[str, tuple[Rule, ...]] = {
    "rng_state": (rng_not_restored, rng_drawn),
    "train_input": (number_of_batches, data_moved),
    "valid_input": (validation_data_moved,),
    "sample_exposure": (other_samples,),
    "validation_schedule": (validation_repeated, validation_moved, validation_cut_short),
    "learning_rate": (schedule_moved,),
    "scheduler_state": (schedule_moved, counter),
    "param_groups": (counter, schedule_moved, hyper_parameter),
    "global_step": (counter,),
    "consumed_samples": (counter,),
    "loop_progress": (counter,),
    "logged_metrics": (counter,),
    "gradients": (gradients_lost,),
}
"""Metric -> the patterns that only it can show."""


def diagnose(runs: Runs, comparison: Comparison) -> Diagnosis | None:
    """Names the cause of a divergence, or returns ``None`` where no known pattern fits."""
    if not comparison.mismatches:
        return None
    divergence = Divergence(runs, comparison)
    own = _OF_METRIC.get(comparison.metric, ())
    rules = (before_the_interruption, copy_of_rank_0, *own, structure_changed, what_it_equals)
    return next((found for rule in rules if (found := rule(divergence)) is not None), None)
