"""Which rules are tried on which kind of metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.accumulation import gradients_lost, number_of_batches
from stopgo_mixins.comparison.diagnosis.before import before_the_interruption
from stopgo_mixins.comparison.diagnosis.callbacks import kept_of_generators
from stopgo_mixins.comparison.diagnosis.counters import counter
from stopgo_mixins.comparison.diagnosis.data import data_moved, other_samples, validation_data_moved
from stopgo_mixins.comparison.diagnosis.divergence import Divergence, Rule
from stopgo_mixins.comparison.diagnosis.epochs import (
    changed_by_a_repeated_end,
    epoch_end_repeated,
    epoch_mean_lost,
    epoch_not_ended,
)
from stopgo_mixins.comparison.diagnosis.restored import copy_of_rank_0, structure_changed, what_it_equals
from stopgo_mixins.comparison.diagnosis.rng import rng_drawn, rng_drawn_before_the_first_step, rng_not_restored
from stopgo_mixins.comparison.diagnosis.schedule import hyper_parameter, schedule_moved, step_missed
from stopgo_mixins.comparison.diagnosis.shards import replicas_differ
from stopgo_mixins.comparison.diagnosis.unsaved import unsaved_state
from stopgo_mixins.comparison.diagnosis.validation import (
    validation_cut_short,
    validation_lost,
    validation_moved,
    validation_repeated,
)
from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.diagnosis.cause import Diagnosis
    from stopgo_mixins.comparison.runs import Runs

_OF_KIND: Mapping[MetricKind, tuple[Rule, ...]] = {
    MetricKind.COUNTERS: (counter,),
    MetricKind.SCHEDULE: (step_missed, schedule_moved),
    MetricKind.HYPER_PARAMETERS: (hyper_parameter,),
    MetricKind.RANDOM_STREAMS: (rng_drawn_before_the_first_step, rng_not_restored, rng_drawn),
    MetricKind.BATCHES: (number_of_batches, data_moved),
    MetricKind.VALIDATION_BATCHES: (validation_data_moved,),
    MetricKind.EXPOSURE: (other_samples,),
    MetricKind.VALIDATIONS: (validation_repeated, validation_lost, validation_moved, validation_cut_short),
    MetricKind.GRADIENTS: (gradients_lost,),
    MetricKind.REACHED: (unsaved_state,),
    MetricKind.LOOP_PROGRESS: (epoch_not_ended,),
    MetricKind.LOGGED: (epoch_mean_lost,),
    MetricKind.SAVED_BY_CALLBACKS: (kept_of_generators,),
    MetricKind.OUTPUTS: (),
}
"""The patterns that only metrics of a kind can show."""


def diagnose(runs: Runs, comparison: Comparison) -> Diagnosis | None:
    """Names the cause of a divergence, or returns ``None`` where no known pattern fits."""
    if not comparison.mismatches:
        return None
    divergence = Divergence(runs, comparison)
    own = (rule for kind in runs.about(comparison.metric).kinds for rule in _OF_KIND[kind])
    rules = (
        *(before_the_interruption, copy_of_rank_0, replicas_differ, *own, structure_changed),
        *(changed_by_a_repeated_end, what_it_equals, epoch_end_repeated),
    )
    return next((found for rule in rules if (found := rule(divergence)) is not None), None)
