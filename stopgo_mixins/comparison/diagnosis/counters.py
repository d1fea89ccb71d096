"""Patterns of counters: global step, consumed samples, steps of an optimizer, steps that were logged."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.states import number
from stopgo_mixins.comparison.wording import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence
    from stopgo_mixins.trace.record import Record


def counter(divergence: Divergence) -> Diagnosis | None:
    """A counter is back at its start, or off by some steps."""
    counting = [found for found in divergence.here if is_counter(divergence, found.key.path)]
    lost = [found for found in counting if lost_counter(divergence, found)]
    if lost:
        paths = listed([found.key.path for found in lost])
        return Diagnosis(Cause.COUNTER_LOST, f"{paths}: {lost_counter(divergence, lost[0])}")
    return next((shifted for found in counting if (shifted := _shifted(divergence, found))), None)


def counter_of_the_epoch(divergence: Divergence) -> Diagnosis | None:
    """What a trainer counts in the running epoch, and begins anew in the next one, was restored off by some."""
    if not divergence.is_restored or any(found.key.path == "['epoch']" for found in divergence.here):
        return None
    counting = [found for found in divergence.here if _is_whole(found.actual) and _is_whole(found.expected)]
    return next((shifted for found in counting if (shifted := _shifted(divergence, found))), None)


def _is_whole(record: Record | None) -> bool:
    value = number(record)
    return value is not None and value.is_integer()


def lost_counter(divergence: Divergence, mismatch: Mismatch) -> str | None:
    """Says so where a counter is back at its start."""
    path = mismatch.key.path
    actual, expected = number(mismatch.actual), number(mismatch.expected)
    if actual is None or expected is None or not is_counter(divergence, path):
        return None
    start = number(divergence.expected[path][0])
    if actual not in (0, start):
        return None
    return f"the counter is back at {actual:g} instead of {expected:g} at {divergence.where}"


def is_counter(divergence: Divergence, path: str) -> bool:
    """Whether the continuous run does nothing with the number but add the same to it, now and then."""
    values = [number(record) for record in divergence.expected[path]]
    whole = [value for value in values if value is not None and float(value).is_integer()]
    if len(whole) < len(values) or len(whole) < _SHORTEST:
        return False
    growth = {later - earlier for earlier, later in pairwise(whole)} - {0}
    return len(growth) == 1 and growth.pop() > 0


_SHORTEST = 3
"""Fewer records tell no counter from another number."""


def _shifted(divergence: Divergence, mismatch: Mismatch) -> Diagnosis | None:
    actual, expected = number(mismatch.actual), number(mismatch.expected)
    if actual is None or expected is None:
        return None
    path = mismatch.key.path
    sentence = f"{path or divergence.metric} is {actual:g} instead of {expected:g} at {divergence.where}"
    return Diagnosis(Cause.COUNTER_SHIFTED, f"{sentence}: off by {actual - expected:+g}{_later(divergence, path)}")


def _later(divergence: Divergence, path: str) -> str:
    offsets = _offsets([found for found in divergence.comparison.mismatches if found.key.path == path])
    if len(offsets) < 2 or len(set(offsets)) == 1:  # noqa: PLR2004 - one offset neither stays nor grows
        return ", and it stays so" if len(offsets) > 1 else ""
    return f", and by {offsets[-1]:+g} in the end"


def _offsets(mismatches: Sequence[Mismatch]) -> list[float]:
    pairs = ((number(found.actual), number(found.expected)) for found in mismatches)
    return [actual - expected for actual, expected in pairs if actual is not None and expected is not None]
