"""Patterns of what happens at an epoch's end."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.states import number
from stopgo_mixins.comparison.wording import listed
from stopgo_mixins.events import Moment

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.lines import Event
    from stopgo_mixins.trace.store import Trace


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


def epoch_not_ended(divergence: Divergence) -> Diagnosis | None:
    """The loops go on in an epoch that was over when the checkpoint was written."""
    found = {mismatch.key.path: (number(mismatch.actual), number(mismatch.expected)) for mismatch in divergence.here}
    epoch, begun = found.pop("['epoch']", (None, None))
    going_on = [(path, actual) for path, (actual, expected) in found.items() if expected == 0 and actual]
    if not divergence.is_restored or epoch is None or begun is None or epoch >= begun or not going_on:
        return None
    path, actual = going_on[0]
    return Diagnosis(
        Cause.EPOCH_NOT_ENDED,
        f"the {divergence.leg.name} goes on in epoch {epoch:g}, with {path} at {actual:g}, where the continuous run "
        f"begins epoch {begun:g}: the epoch was over when the checkpoint was written, and was not ended",
        independent=True,
    )


def epoch_mean_lost(divergence: Divergence) -> Diagnosis | None:
    """What is logged at the end of the epoch in which the run was interrupted; what was gathered before is lost."""
    first, leg = divergence.first, divergence.leg
    if leg.is_first or first.key.moment is not Moment.EPOCH_END or first.key.step != _end_of_the_cut_epoch(divergence):
        return None
    paths = listed([found.key.path for found in divergence.here])
    only_here = all(found.key.order == first.key.order for found in divergence.comparison.mismatches)
    what = "not logged" if first.actual is None else "another value"
    return Diagnosis(
        Cause.EPOCH_MEAN_LOST,
        f"{paths}: {what} at the end of the epoch in which the run was interrupted"
        f"{', and equal at all others' if only_here else ''}; it needs what the epoch had gathered up to update "
        f"{leg.start}",
        independent=only_here,
    )


def _end_of_the_cut_epoch(divergence: Divergence) -> int | None:
    """After which update the epoch ended that a leg began in its midst; ``None`` where the leg began a new one."""
    leg = divergence.leg
    before = [event for each in divergence.runs.before(leg) for event in _epoch_ends(each.trace, divergence)]
    if any(event["update"] == leg.start for event in before):
        return None
    ends = (event["update"] for event in _epoch_ends(leg.trace, divergence) if not event["repeated"])
    return next(ends, None)
