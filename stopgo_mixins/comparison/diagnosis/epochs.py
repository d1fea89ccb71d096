"""Patterns of what happens at an epoch's end."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.wording import listed
from stopgo_mixins.events import Moment

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.store import Event, Trace


def changed_by_a_repeated_end(divergence: Divergence) -> Diagnosis | None:
    """What changes at the ends of epochs only differs once such an end was repeated."""
    ends = {event["update"] for event in _epoch_ends(divergence.runs.reference, divergence)}
    changes = _changes(divergence)
    return epoch_end_repeated(divergence) if changes and changes <= ends else None


def epoch_end_repeated(divergence: Divergence) -> Diagnosis | None:
    """Restored state differs, and the hooks of an epoch's end have run before the checkpoint and again behind it."""
    leg = divergence.leg
    if not divergence.is_restored or not any(event["repeated"] for event in _epoch_ends(leg.trace, divergence)):
        return None
    interrupted = divergence.runs.before(leg)[-1]
    return Diagnosis(
        Cause.EPOCH_END_REPEATED,
        f"{listed([found.key.path for found in divergence.here])}: the {leg.name} ended the epoch again that the "
        f"{interrupted.name} had ended after update {leg.start}, before the checkpoint was written: the hooks of the "
        "epoch's end ran twice",
    )


def _changes(divergence: Divergence) -> set[int]:
    """Before which states what differs changes in the continuous run."""
    series = (divergence.expected[found.key.path] for found in divergence.here)
    pairs = (pair for records in series for pair in pairwise(records))
    return {later.key.step for earlier, later in pairs if later.key.moment.is_state and earlier.leaf != later.leaf}


def _epoch_ends(trace: Trace, divergence: Divergence) -> list[Event]:
    found = trace.ranks.get(divergence.first.rank)
    return found.events("epoch_end") if found else []


def epoch_mean_lost(divergence: Divergence) -> Diagnosis | None:
    """What is logged at the end of the epoch in which the run was interrupted; what was gathered before is lost."""
    first, leg = divergence.first, divergence.leg
    if leg.is_first or first.key.moment is not Moment.EPOCH_END or first.key.step != _end_of_the_cut_epoch(divergence):
        return None
    paths = listed([found.key.path for found in divergence.here])
    later = [found for found in divergence.comparison.mismatches if found.key.step > first.key.step]
    nowhere = "" if later else ", and nowhere else"
    what = "is logged" if first.actual is None else "differs"
    return Diagnosis(
        Cause.EPOCH_MEAN_LOST,
        f"{paths} {what} at the end of the epoch in which the run was interrupted{nowhere}: what the epoch had "
        f"gathered up to update {leg.start} is not in it",
    )


def _end_of_the_cut_epoch(divergence: Divergence) -> int | None:
    """After which update the epoch ended that a leg began in its midst; ``None`` where the leg began a new one."""
    leg = divergence.leg
    before = [event for each in divergence.runs.before(leg) for event in _epoch_ends(each.trace, divergence)]
    if any(event["update"] == leg.start for event in before):
        return None
    ends = (event["update"] for event in _epoch_ends(leg.trace, divergence) if not event["repeated"])
    return next(ends, None)
