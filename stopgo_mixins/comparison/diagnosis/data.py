"""Patterns of the training and validation data: where the resumed batches stand in the continuous run."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import takewhile
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.batches import Batch, batches, epoch_starts, samples
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.wording import counted

if TYPE_CHECKING:
    from stopgo_mixins.comparison.diagnosis.divergence import Divergence

_SHORTEST_RUN = 2
"""So many batches in a row must match before a place is believed."""


def data_moved(divergence: Divergence) -> Diagnosis | None:
    """The resumed batches, or their samples, are found at another place of the continuous run."""
    reading = _training(divergence)
    if reading is None:
        return None
    found = reading.found()
    if found is not None:
        return _diagnose_place(reading, found)
    in_order = _diagnose_order(reading)
    if in_order is not None:
        return in_order
    alone = reading.found_alone()
    return _diagnose_other_samples(reading) if alone is None else _diagnose_place(reading, alone)


def validation_data_moved(divergence: Divergence) -> Diagnosis | None:
    """The same for the batches of one validation."""
    step, rank = divergence.first.key.step, divergence.first.rank
    expected, resumed = (
        [batch for batch in batches(trace, rank, divergence.metric) if batch.step == step]
        for trace in (divergence.runs.reference, divergence.leg.trace)
    )
    reading = _Reading.at_first_difference(expected, resumed, 0, [0])
    if reading is None:
        return None
    found = reading.found()
    found = reading.found_alone() if found is None else found
    return None if found is None else _shifted(reading, found)


@dataclass(frozen=True)
class _Reading:
    """What the resumed run reads, from its first wrong batch on, against what the continuous run reads.

    Attributes:
        expected: all batches of the continuous run.
        tail: the resumed batches from the first wrong one on.
        index: of the batch in ``expected`` that should be in its place.
        own_epoch: how many of them the resumed run itself reads before it begins another epoch; ``None`` for all.
        is_first: whether it is the first batch after the resume.
        starts: the indices in ``expected`` with which epochs begin.
    """

    expected: Sequence[Batch]
    tail: Sequence[Batch]
    index: int
    own_epoch: int | None
    is_first: bool
    starts: Sequence[int]

    @classmethod
    def at_first_difference(
        cls,
        expected: Sequence[Batch],
        resumed: Sequence[Batch],
        start: int,
        starts: Sequence[int],
        own_starts: Sequence[int] = (),
    ) -> _Reading | None:
        """``resumed[0]`` should equal ``expected[start]``; epochs begin at ``starts``, and in it at ``own_starts``."""
        pairs = zip(resumed, expected[start:], strict=False)
        wrong = next((number for number, (ours, theirs) in enumerate(pairs) if ours.content != theirs.content), None)
        if wrong is None:
            return None
        own_epoch = next((begin - wrong for begin in own_starts if begin > wrong), None)
        return cls(expected, resumed[wrong:], start + wrong, own_epoch, wrong == 0, starts)

    @property
    def step(self) -> int:
        """Of the first wrong batch."""
        return self.tail[0].step

    @cached_property
    def epoch(self) -> int:
        """The first batch of the epoch that the batch should belong to."""
        return self.epoch_of(self.index)

    def epoch_of(self, index: int) -> int:
        """The first batch of the epoch of a batch."""
        return self.starts[bisect_right(self.starts, index) - 1]

    @cached_property
    def epoch_end(self) -> int | None:
        """The first batch of the next epoch, ``None`` where the continuous run ends before it."""
        place = bisect_right(self.starts, self.index)
        return self.starts[place] if place < len(self.starts) else None

    @property
    def begins_epoch(self) -> bool:
        """Whether the first wrong batch should begin an epoch."""
        return self.index == self.epoch

    @property
    def is_within_epoch(self) -> bool:
        """Whether the run was resumed within an epoch, and this is the first batch after it."""
        return self.is_first and not self.begins_epoch

    @cached_property
    def samples(self) -> tuple[list[str] | None, list[str] | None, list[str] | None]:
        """Those that the epoch has left, those that it had read before, and those that are read of it; if kept."""
        rest = samples(self.expected[self.index : self.epoch_end])
        before = samples(self.expected[self.epoch : self.index])
        return rest, before, samples(self.tail[: self.own_epoch])

    def found(self) -> int | None:
        """Where the wrong batches stand in the continuous run; where they stand twice, the likeliest place."""
        runs = {place: self._run_at(place) for place in range(len(self.expected)) if place != self.index}
        found = [place for place, run in runs.items() if run]
        return min(found, key=lambda place: (-runs[place], self._unlikeliness(place)), default=None)

    def found_alone(self) -> int | None:
        """Where the first wrong batch stands in the continuous run, if there can be no second one to compare.

        A loader that begins anew may be left after one batch, since Lightning reads as many as the epoch has left; and
        what is read too early or too late may meet only the last one.
        """
        beginnings = [self.last_epoch, 0] if self.is_first else []
        likely = (*beginnings, len(self.expected) - 1)
        return next((place for place in likely if self.expected[place].content == self.tail[0].content), None)

    def _run_at(self, place: int) -> float:
        """How many batches in a row are those of ``expected[place:]``; 0 for fewer than are believed.

        Infinite if all are that there are to compare; a single one is believed only where no second is read.
        """
        pairs = list(zip(self.tail, self.expected[place:], strict=False))
        run = len(list(takewhile(bool, (ours.content == theirs.content for ours, theirs in pairs))))
        if run == len(pairs) > 1:
            return math.inf
        return run if run >= min(_SHORTEST_RUN, len(self.tail)) else 0

    def _unlikeliness(self, place: int) -> tuple[int, int]:
        likely = [self.last_epoch, 0] if self.is_first else [0]
        rank = likely.index(place) if place in likely else len(likely)
        return rank, abs(place - self.index)

    @property
    def last_epoch(self) -> int:
        """The first batch of the epoch in which the batch before the first wrong one was read."""
        return self.epoch_of(max(self.index - 1, 0))


def _training(divergence: Divergence) -> _Reading | None:
    runs, leg, rank, metric = divergence.runs, divergence.leg, divergence.first.rank, divergence.metric
    if divergence.first.difference in (Difference.MISSING, Difference.UNEXPECTED):
        return None
    expected = batches(runs.reference, rank, metric)
    resumed = [batch for batch in batches(leg.trace, rank, metric) if batch.step > leg.start]
    places = [batch.place for batch in expected]
    if not resumed or resumed[0].place not in places:
        return None
    starts, own_starts = epoch_starts(runs.reference, rank, expected), epoch_starts(leg.trace, rank, resumed)
    return _Reading.at_first_difference(expected, resumed, places.index(resumed[0].place), starts, own_starts)


def _diagnose_place(reading: _Reading, found: int) -> Diagnosis:
    same_offset = found - reading.epoch_of(found) == reading.index - reading.epoch
    if reading.is_first and found == reading.last_epoch and reading.begins_epoch:
        return _diagnosis(Cause.EPOCH_REPLAYED, reading, found, "the epoch that was over is read again")
    if reading.is_first and found in (0, reading.last_epoch):
        return _diagnosis(Cause.DATA_RESTARTED, reading, found, "the data restarted")
    if reading.begins_epoch and found > reading.index and found in reading.starts:
        return _diagnosis(Cause.EPOCH_SKIPPED, reading, found, "an epoch is skipped")
    if reading.begins_epoch and found > reading.index and not reading.is_first:
        short = f"the epoch is shorter by {counted(found - reading.index, 'batch')}"
        return _diagnosis(Cause.EPOCH_SHORTER, reading, found, short)
    if same_offset and reading.epoch_of(found) < reading.epoch:
        return _diagnosis(Cause.EPOCH_ORDER_REUSED, reading, found, "the order of an earlier epoch is used again")
    return _shifted(reading, found)


def _shifted(reading: _Reading, found: int) -> Diagnosis:
    shift = found - reading.index
    what = f"the data are {counted(abs(shift), 'batch')} {'ahead' if shift > 0 else 'behind'}"
    return _diagnosis(Cause.DATA_SHIFTED, reading, found, what, independent=reading.is_first)


def _diagnosis(cause: Cause, reading: _Reading, found: int, what: str, *, independent: bool = True) -> Diagnosis:
    step, ordinal = reading.expected[found].place
    batch = f" (batch {'.'.join(map(str, ordinal))})" if any(ordinal) else ""
    sentence = f"{what}: step {reading.step} reads the batch of step {step}{batch} of the continuous run"
    return Diagnosis(cause, sentence, independent=independent)


def _diagnose_order(reading: _Reading) -> Diagnosis | None:
    """No run of batches is found again, but all their samples are.

    Within an epoch that is the loader's doing, which forgot its permutation; the next epoch's permutation is drawn
    from random numbers that may have been wrong before.
    """
    end = reading.epoch_end
    rest, before, resumed = reading.samples
    if rest is None or before is None or resumed is None:
        return None
    within_epoch = reading.is_within_epoch
    if within_epoch and end is not None and _same(resumed, [*before, *rest]):
        sentence = f"the data restarted in another order: from step {reading.step} on all samples of the epoch are read"
        return Diagnosis(Cause.DATA_RESTARTED, sentence, independent=True)
    if end is not None and _same(resumed, rest):
        sentence = f"from step {reading.step} on the samples of the epoch are the right ones, in another order"
        return Diagnosis(Cause.DATA_RESHUFFLED, sentence, independent=within_epoch)
    return None


def _diagnose_other_samples(reading: _Reading) -> Diagnosis | None:
    """Some samples of the epoch are read a second time."""
    rest, before, resumed = reading.samples
    if rest is None or before is None or resumed is None:
        return None
    again = sum((Counter(resumed[: len(rest)]) & Counter(before)).values())
    if again:
        within_epoch = reading.is_within_epoch
        loader = ", as from a loader that does not know where it was and begins anew in another order"
        sentence = (
            f"{again} of {len(before)} samples that the epoch had read before step {reading.step} are read again, and "
            f"as many others never{loader if within_epoch else ''}"
        )
        return Diagnosis(Cause.OTHER_SAMPLES, sentence, independent=within_epoch)
    return None


def _same(resumed: Sequence[str], expected: Sequence[str]) -> bool:
    """Whether as many of the resumed samples are the expected ones, in any order."""
    return Counter(resumed[: len(expected)]) == Counter(expected)


def other_samples(divergence: Divergence) -> Diagnosis | None:
    """As many samples were seen, but not the same ones."""
    paths = {mismatch.key.path for mismatch in divergence.here}
    if divergence.first.difference is not Difference.VALUE or paths != {"['digest']"}:
        return None
    sentence = f"up to {divergence.where} as many samples were read as in the continuous run, but not the same ones"
    return Diagnosis(Cause.OTHER_SAMPLES, sentence)
