"""Patterns of when validations run, and how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.states import number
from stopgo_mixins.comparison.wording import ranges
from stopgo_mixins.events import Moment

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
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
    rank, leg = divergence.first.rank, divergence.leg
    records = trace.ranks[rank].records(divergence.metric) if rank in trace.ranks else ()
    keys = (record.key for record in records if record.key.moment is Moment.VALIDATION_END)
    return {key.step for key in keys if key.step > leg.start and leg in divergence.runs.required_in(key)}


def validation_cut_short(divergence: Divergence) -> Diagnosis | None:
    """A validation read fewer batches."""
    for mismatch in divergence.here:
        actual, expected = number(mismatch.actual), number(mismatch.expected)
        if "['batches']" in mismatch.key.path and actual is not None and expected is not None and actual < expected:
            sentence = (
                f"the validation after update {mismatch.key.step} read {actual:g} batches instead of {expected:g}"
            )
            return Diagnosis(Cause.VALIDATION_CUT_SHORT, sentence, independent=True)
    return None
