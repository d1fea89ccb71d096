"""Patterns of accumulation windows: the micro-batches and gradients of one update."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.batches import batches
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.wording import counted

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.store import Trace


def gradients_lost(divergence: Divergence) -> Diagnosis | None:
    """The run was interrupted within an accumulation window, and the gradients up to there are gone."""
    first, leg = divergence.first, divergence.leg
    if first.key.step != leg.start + 1:
        return None
    for metric in ("train_input", "train_loss", "train_output"):
        resumed = batches(leg.trace, first.rank, metric)
        if resumed and resumed[0].step == first.key.step and resumed[0].place[1] > (0,):
            number = resumed[0].place[1][0]
            return Diagnosis(
                Cause.GRADIENTS_LOST,
                f"the run was interrupted after {counted(number, 'micro-batch')} of step {first.key.step}, and the "
                "gradients accumulated there are not in the checkpoint",
                independent=True,
            )
    return None


def number_of_batches(divergence: Divergence) -> Diagnosis | None:
    """An update reads more or fewer micro-batches than in the continuous run."""
    first, runs, leg = divergence.first, divergence.runs, divergence.leg
    if first.difference not in (Difference.MISSING, Difference.UNEXPECTED):
        return None
    step = first.key.step
    interrupted = [found for found in runs.before(leg) if step == leg.start + 1 == found.end + 1]
    cut_off = sum(_count(found.trace, divergence) for found in interrupted)  # of a window that was cut in two
    expected, resumed = _count(runs.reference, divergence), cut_off + _count(leg.trace, divergence)
    if not expected or not resumed or expected == resumed:
        return None
    sentence = f"step {step} reads {counted(resumed, 'micro-batch')} instead of {expected}"
    return Diagnosis(Cause.NUMBER_OF_BATCHES, sentence, independent=True)


def _count(trace: Trace, divergence: Divergence) -> int:
    found = batches(trace, divergence.first.rank, divergence.metric)
    return sum(batch.step == divergence.first.key.step for batch in found)
