"""Patterns of random number generators."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence


def rng_not_restored(divergence: Divergence) -> Diagnosis | None:
    """The restored state of a stream differs.

    That is a cause of its own: a remedy restores the generators after whatever else has drawn from them.
    """
    if not divergence.is_restored:
        return None
    named = _streams(divergence)
    generators = "generator was" if len(named) == 1 else "generators were"
    start = divergence.start
    fresh = all(
        found.actual and found.key.path in start and found.actual.leaf == start[found.key.path].leaf
        for found in divergence.here
    )
    as_new = ", but left as the phase began with it" if fresh else ""
    sentence = f"{', '.join(named)}: the {generators} not restored with the checkpoint{as_new}"
    return Diagnosis(Cause.RNG_NOT_RESTORED, sentence, independent=True)


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
