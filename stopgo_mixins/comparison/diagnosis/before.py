"""Differences that were there before the interruption."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.noise_floor import noise_floor

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence


def before_the_interruption(divergence: Divergence) -> Diagnosis | None:
    """The stop phase itself differs: saving has changed the run, or two runs are never the same."""
    leg = divergence.leg
    if not leg.is_first:
        return None
    if noise_floor(divergence.runs, divergence.metric, tolerance=None):
        sentence = f"the {leg.name} differs from {divergence.where} on, and so does a second uninterrupted run"
        return Diagnosis(Cause.NOT_DETERMINISTIC, sentence)
    key = divergence.first.key
    saved = {event["update"] for event in leg.saved}
    before = sorted(update for update in saved if update < key.step or (key.moment.is_state and update == key.step))
    if before:
        return Diagnosis(
            Cause.SAVING_CHANGED_THE_RUN,
            f"the {leg.name} differs from {divergence.where} on, before it was interrupted and after it saved a "
            f"checkpoint at step {before[-1]}: saving itself changed the run",
        )
    at_this_step = key.moment.is_behind_update and key.step in saved
    when = "at the step of its first checkpoint" if at_this_step else "before any checkpoint was written"
    sentence = f"the {leg.name} differs from {divergence.where} on, {when}: "
    if divergence.runs.repeated is not None:
        built = "setup_model or setup_trainer build something else for Mode.STOP, since two uninterrupted runs agree"
        return Diagnosis(Cause.OTHER_SETUP, sentence + built)
    either = "either training is not deterministic, or setup_model or setup_trainer build something else for Mode.STOP"
    return Diagnosis(Cause.NOT_DETERMINISTIC, f"{sentence}{either}; noise_floor = True tells which")
