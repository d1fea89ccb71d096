"""Patterns of random number generators."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.generators import MersenneTwister, stream_of, twisters
from stopgo_mixins.comparison.diagnosis.validation import is_lost, ran_behind_the_checkpoint
from stopgo_mixins.comparison.states import state
from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence

_Twisters = dict[str, MersenneTwister]

_BEFORE_THE_FIRST_STEP = (MetricKind.BATCHES, MetricKind.LOOP_PROGRESS)
"""What is settled before the restored state is seen, and draws random numbers if it goes wrong."""


def rng_drawn_before_the_first_step(divergence: Divergence) -> Diagnosis | None:
    """All streams that differ in the restored state hold what was saved, and were then drawn from more, or less."""
    if not divergence.is_restored:
        return None
    offsets = _Restored(divergence).offsets
    if None in offsets.values():
        return None
    said = ", ".join(f"{stream} is {_apart(by)}" for stream, by in offsets.items() if by)
    sentence = (
        f"{said} the continuous run: it holds what was saved, but from there to the first step more or fewer random "
        "numbers were drawn, such as by a loader that begins anew, or by a hook"
    )
    known = divergence.runs.known.items()
    follows = tuple(metric for metric, about in known if any(kind in about.kinds for kind in _BEFORE_THE_FIRST_STEP))
    return Diagnosis(Cause.RNG_DRAWN, sentence, follows=follows)


def _apart(by: int) -> str:
    return f"{abs(by)} random numbers {'ahead of' if by > 0 else 'behind'}"


def rng_saved_before_a_validation(divergence: Divergence) -> Diagnosis | None:
    """The restored state is the one that was saved, and the validation that was due then has drawn from it since."""
    if not divergence.is_restored or not ran_behind_the_checkpoint(divergence):
        return None
    restored = _Restored(divergence)
    named = [stream for stream, by in restored.offsets.items() if by is None]
    if named and restored.is_known(named):
        return None
    leg = divergence.leg
    return Diagnosis(
        Cause.VALIDATION_MISSING,
        f"{', '.join(restored.offsets)}: the checkpoint was written before the validation after update {leg.start}, "
        f"which drew random numbers then, and which the {leg.name} does not run again",
        independent=True,
    )


def rng_not_restored(divergence: Divergence) -> Diagnosis | None:
    """The restored state of a stream differs.

    That is a cause of its own: a remedy restores the generators after whatever else has drawn from them. Only where a
    validation is lost between the checkpoint and state R would a restored stream differ, too.
    """
    if not divergence.is_restored:
        return None
    restored = _Restored(divergence)
    if is_lost(divergence) and not (restored.is_fresh and restored.has_moved):
        return None
    named = [stream for stream, by in restored.offsets.items() if by is None]
    generators = "generator" if len(named) == 1 else "generators"
    if restored.is_known(named):
        as_new = ", but left as the phase began with it" if restored.is_fresh else ""
        what = f"the {generators} {'was' if len(named) == 1 else 'were'} not restored with the checkpoint{as_new}"
    else:
        what = f"another state of the {generators}: not restored with the checkpoint, or drawn from since"
    return Diagnosis(Cause.RNG_NOT_RESTORED, f"{', '.join(named)}: {what}", independent=True)


@dataclass(frozen=True)
class _Restored:
    """The streams that differ in a restored state."""

    divergence: Divergence

    @cached_property
    def offsets(self) -> dict[str, int | None]:
        """By how many random numbers each is ahead of the continuous run; ``None`` for one that was not restored."""
        return {stream: self._offset(stream) for stream in _streams(self.divergence)}

    def _offset(self, stream: str) -> int | None:
        actual, expected = self._actual.get(stream), self._expected.get(stream)
        if actual is None or expected is None:
            return None
        if ahead := expected.numbers_until(actual):
            return ahead
        saved = self._before.get(stream)  # or a little before that
        if saved is None or saved == self._begin.get(stream) or saved.numbers_until(actual) is None:
            return None
        behind = actual.numbers_until(expected)
        return -behind if behind else None

    @cached_property
    def _actual(self) -> _Twisters:
        return self._twisters(self.divergence.leg.start, resumed=True)

    @cached_property
    def _expected(self) -> _Twisters:
        return self._twisters(self.divergence.leg.start)

    @cached_property
    def _before(self) -> _Twisters:
        """The last state before the resume point that was recorded; the interrupted run agrees with it."""
        recorded = {record.key.step for records in self.divergence.expected.values() for record in records}
        before = [step for step in recorded if step < self.divergence.leg.start]
        return self._twisters(max(before)) if before else {}

    @cached_property
    def _begin(self) -> _Twisters:
        return self._twisters(0)

    def _twisters(self, step: int, *, resumed: bool = False) -> _Twisters:
        found = self.divergence
        trace = found.leg.trace if resumed else found.runs.reference
        return twisters(state(trace, found.first.rank, found.metric, step))

    def is_known(self, streams: list[str]) -> bool:
        """Whether it can be told for each that it was not restored, and not only that it differs."""
        if self.is_fresh:
            return self.has_moved
        return all(stream in self._actual and stream in self._expected for stream in streams)

    @cached_property
    def is_fresh(self) -> bool:
        """Whether all that differs is as the run began with it."""
        return self._equals_state(0)

    @cached_property
    def has_moved(self) -> bool:
        """Whether the streams are no longer as the run began with them one step before the resume point."""
        return not self._equals_state(self.divergence.leg.start - 1)

    def _equals_state(self, step: int) -> bool:
        found = state(self.divergence.runs.reference, self.divergence.first.rank, self.divergence.metric, step)
        return all(
            each.actual and each.key.path in found and each.actual.leaf == found[each.key.path].leaf
            for each in self.divergence.here
        )


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
    return sorted({stream_of(mismatch.key.path) for mismatch in divergence.here})
