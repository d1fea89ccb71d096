"""Patterns of random number generators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.validation import is_lost
from stopgo_mixins.comparison.states import state

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence


def rng_not_restored(divergence: Divergence) -> Diagnosis | None:
    """The restored state of a stream differs.

    That is a cause of its own: a remedy restores the generators after whatever else has drawn from them. Only where a
    validation is lost between the checkpoint and state R would a restored stream differ, too.
    """
    if not divergence.is_restored:
        return None
    fresh = _equals_state(divergence, 0)
    if is_lost(divergence) and not (fresh and _has_moved(divergence)):
        return None
    named = _streams(divergence)
    generators = "generator was" if len(named) == 1 else "generators were"
    as_new = ", but left as the phase began with it" if fresh else ""
    sentence = f"{', '.join(named)}: the {generators} not restored with the checkpoint{as_new}"
    return Diagnosis(Cause.RNG_NOT_RESTORED, sentence, independent=True)


def _equals_state(divergence: Divergence, step: int) -> bool:
    """Whether all that diverges first is as the continuous run has it at a state."""
    found = state(divergence.runs.reference, divergence.first.rank, divergence.metric, step)
    return all(
        each.actual and each.key.path in found and each.actual.leaf == found[each.key.path].leaf
        for each in divergence.here
    )


def _has_moved(divergence: Divergence) -> bool:
    """Whether the streams are no longer as the run began with them one step before the resume point."""
    return not _equals_state(divergence, divergence.leg.start - 1)


def rng_drawn(divergence: Divergence) -> Diagnosis | None:
    """The state was restored, and then the interrupted run drew more or fewer numbers."""
    step = divergence.first.key.step
    if not divergence.is_state or step <= divergence.leg.start:
        return None
    return Diagnosis(
        Cause.RNG_DRAWN,
        f"{', '.join(_streams(divergence))}: equal up to state {step - 1}; before state {step} the interrupted run "
        "drew more or fewer random numbers",
    )


def _streams(divergence: Divergence) -> list[str]:
    return sorted({_head(mismatch.key.path) for mismatch in divergence.here})


def _head(path: str) -> str:
    """The first key of a path: ``['torch']`` is ``torch``."""
    match = re.match(r"\['(.*?)'\]", path)
    return match[1] if match else path
