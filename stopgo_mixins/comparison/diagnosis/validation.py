"""Patterns of when validations run, and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.states import number
from stopgo_mixins.comparison.wording import counted, ranges
from stopgo_mixins.events import Moment
from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.record import Key
    from stopgo_mixins.trace.store import Trace


def validation_repeated(divergence: Divergence) -> Diagnosis | None:
    """Lightning 2.4 does this: it goes back into the validation loop in which the checkpoint was written."""
    first, leg = divergence.first, divergence.leg
    if not first.key.path.startswith("repeated") or first.actual is None:
        return None
    interrupted = divergence.runs.before(leg)[-1]
    return Diagnosis(
        Cause.VALIDATION_REPEATED,
        f"the {leg.name} ran the validation after update {first.key.step} again, which the {interrupted.name} had run "
        "before it was interrupted: whatever counts validations or monitors val_loss sees it twice",
        independent=True,
    )


def validation_lost(divergence: Divergence) -> Diagnosis | None:
    """The one that was due where the run was interrupted: saved before it, resumed behind it."""
    first = divergence.first
    if first.difference is not Difference.MISSING or first.key.step != divergence.leg.start or not is_lost(divergence):
        return None
    return Diagnosis(
        Cause.VALIDATION_MISSING,
        f"the validation after update {first.key.step}, at which the run was interrupted, ran neither before nor after "
        "the interruption",
        independent=True,
    )


def is_lost(divergence: Divergence) -> bool:
    """Whether the validation due at the resume point ran in the continuous run and in no leg."""
    runs, leg = divergence.runs, divergence.leg
    traces = (runs.reference, *(each.trace for each in (*runs.before(leg), leg)))
    expected, *found = (leg.start in _all_validated(trace, divergence) for trace in traces)
    return expected and not any(found)


def validation_moved(divergence: Divergence) -> Diagnosis | None:
    """Validations run after other updates than in the continuous run, or not at all."""
    if divergence.first.difference not in (Difference.MISSING, Difference.UNEXPECTED):
        return None
    leg = divergence.leg
    expected, resumed = (_validated(trace, divergence) for trace in (divergence.runs.reference, leg.trace))
    if expected == resumed:
        return None
    found = f"after updates {ranges(resumed)} instead of {ranges(expected)}"
    if resumed < expected:
        return Diagnosis(Cause.VALIDATION_MISSING, f"the {leg.name} validated {found}", independent=True)
    by = _shift(expected, resumed)
    sentence = f"the {leg.name} validated {found}" + (f": shifted by {by:+d}" if by else "")
    return Diagnosis(Cause.VALIDATION_SHIFTED, sentence, independent=True)


def _shift(expected: set[int], resumed: set[int]) -> int | None:
    """By how many updates all validations come later; the last may lie beyond the end of the run."""
    by = min(resumed) - min(expected, default=min(resumed))
    return by if by and {step + by for step in expected} >= resumed else None


def _validated(trace: Trace, divergence: Divergence) -> set[int]:
    """After which updates a run validated, of those that only the leg at hand may have validated after."""
    leg = divergence.leg
    keys = _validation_ends(trace, divergence, [divergence.metric])
    return {key.step for key in keys if key.step > leg.start and leg in divergence.runs.required_in(key)}


def _all_validated(trace: Trace, divergence: Divergence) -> set[int]:
    """After which updates a run validated, whatever metric diverges."""
    known = divergence.runs.known.items()
    metrics = [metric for metric, about in known if MetricKind.VALIDATIONS in about.kinds]
    return {key.step for key in _validation_ends(trace, divergence, metrics)}


def _validation_ends(trace: Trace, divergence: Divergence, metrics: Iterable[str]) -> Iterator[Key]:
    rank = divergence.first.rank
    records = (each for metric in metrics if rank in trace.ranks for each in trace.ranks[rank].records(metric))
    return (record.key for record in records if record.key.moment is Moment.VALIDATION_END)


def validation_cut_short(divergence: Divergence) -> Diagnosis | None:
    """A validation read fewer batches."""
    for mismatch in divergence.here:
        actual, expected = number(mismatch.actual), number(mismatch.expected)
        if "['batches']" in mismatch.key.path and actual is not None and expected is not None and actual < expected:
            after, read = mismatch.key.step, counted(actual, "batch")
            sentence = f"the validation after update {after} read {read} instead of {expected:g}"
            return Diagnosis(Cause.VALIDATION_CUT_SHORT, sentence, independent=True)
    return None
