"""Patterns of accumulation windows: the micro-batches and gradients of one update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.batches import batches
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.store import Trace


def gradients_lost(divergence: Divergence) -> Diagnosis | None:
    """The run was interrupted within an accumulation window, and the gradients up to there are gone."""
    runs, first = divergence.runs, divergence.first
    if first.key.step != runs.resume_point + 1:
        return None
    for metric in ("train_input", "train_loss", "train_output"):
        resumed = batches(runs.resume, first.rank, metric)
        if resumed and resumed[0].step == first.key.step and resumed[0].place[1] > (0,):
            number = resumed[0].place[1][0]
            return Diagnosis(
                Cause.GRADIENTS_LOST,
                f"the run was interrupted after {number} micro-batches of step {first.key.step}, and the gradients "
                "accumulated in them are not in the checkpoint",
                independent=True,
            )
    return None


def number_of_batches(divergence: Divergence) -> Diagnosis | None:
    """An update reads more or fewer micro-batches than in the continuous run."""
    first, runs = divergence.first, divergence.runs
    if first.difference not in (Difference.MISSING, Difference.UNEXPECTED):
        return None
    step = first.key.step
    before = _count(runs.stop, divergence) if step == runs.resume_point + 1 else 0  # of a window that was cut in two
    expected, resumed = _count(runs.reference, divergence), before + _count(runs.resume, divergence)
    if not expected or not resumed or expected == resumed:
        return None
    sentence = f"step {step} reads {resumed} micro-batches instead of {expected}"
    return Diagnosis(Cause.NUMBER_OF_BATCHES, sentence, independent=True)


def _count(trace: Trace, divergence: Divergence) -> int:
    found = batches(trace, divergence.first.rank, divergence.metric)
    return sum(batch.step == divergence.first.key.step for batch in found)
