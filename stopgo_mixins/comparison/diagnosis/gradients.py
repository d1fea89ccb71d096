"""Patterns of gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.batches import batches
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence


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
