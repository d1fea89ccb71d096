"""What the control arms show: how far two uninterrupted runs lie apart, and how a run begins that restored nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.causality import DEPENDS_ON
from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.numbers import Distance, agree, distance
from stopgo_mixins.trace.merge import side_by_side
from stopgo_mixins.trace.store import identity_of

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.events import Moment
    from stopgo_mixins.trace.record import Key, Leaf, Record
    from stopgo_mixins.trace.store import RankTrace


@dataclass(frozen=True)
class NoiseFloor:
    """By how much two uninterrupted runs differ in a metric.

    Attributes:
        begin: where they first differ, in the metric or in what it is computed from.
        largest: the largest distance, ``None`` where no numbers were kept.
    """

    begin: Key
    largest: Distance | None

    def covers(self, mismatch: Mismatch) -> bool:
        """Whether a number differs after two uninterrupted runs have begun to."""
        return mismatch.difference is Difference.VALUE and self.begin.order <= mismatch.key.order


def noise_floor(runs: Runs, metric: str, tolerance: Tolerance | None) -> NoiseFloor | None:
    """What the second continuous run shows; ``None`` where there is none, or it equals the first in this metric.

    By chance a metric may differ a little later than what it is computed from.
    """
    own = list(_noise(runs, metric, tolerance))
    if not own:
        return None
    parents = (record for parent in DEPENDS_ON.get(metric, ()) for _, record in _noise(runs, parent, None))
    begin = min((record.key for record in chain(parents, (record for _, record in own))), key=lambda key: key.order)
    gaps = (distance(other, record) for other, record in own)
    return NoiseFloor(begin, max(filter(None, gaps), key=lambda gap: gap.absolute, default=None))


def _noise(runs: Runs, metric: str, tolerance: Tolerance | None) -> Iterator[tuple[Record, Record]]:
    """Pairs of the second and the first continuous run that differ."""
    if runs.repeated is not None:
        for rank in runs.reference.ranks.keys() & runs.repeated.ranks.keys():
            yield from _differing(runs.repeated.ranks[rank], runs.reference.ranks[rank], metric, tolerance)


def _differing(
    repeated: RankTrace, continuous: RankTrace, metric: str, tolerance: Tolerance | None
) -> Iterator[tuple[Record, Record]]:
    for _, (ours, theirs) in side_by_side([repeated.steps(metric), continuous.steps(metric)]):
        known = {identity_of(line) for line in ours}
        differing = [continuous.parse(line) for line in theirs if identity_of(line) not in known]
        others = {record.key: record for record in map(repeated.parse, ours)} if differing else {}
        for record in differing:
            other = others.get(record.key)
            if other is not None and not agree(other, record, tolerance):
                yield other, record


_Leaves = dict[tuple["Moment", tuple[int, ...], str], "Leaf"]
"""Moment, ordinal and path -> what was recorded there at one step."""

NEED_NO_RESTORING = frozenset({"valid_input"})
"""Metrics that rightly begin anew: each validation reads its data from the start."""


def looks_like_a_start(runs: Runs, metric: str, point: int) -> bool:
    """Whether a run that restored nothing records what the continuous run records from a resume point R on.

    That run is the resume phase without its checkpoint where the class asks for it, else the continuous run's start.
    Of state only state R counts: what follows from it is computed.
    """
    if not point or metric in NEED_NO_RESTORING:
        return False
    starts = (runs.cold_start or runs.reference).ranks
    verdicts = [
        _looks_alike(_beside(starts[rank], trace, metric, point))
        for rank, trace in runs.reference.ranks.items()
        if rank in starts
    ]
    return all(verdict is not False for verdict in verdicts) and True in verdicts


def _looks_alike(steps: Iterator[tuple[_Leaves, _Leaves]]) -> bool | None:
    """``None`` where there is nothing to compare."""
    alike = None
    for start, later in steps:
        if start and later:
            if start != later:
                return False
            alike = True
            if any(moment.is_state for moment, _, _ in later):
                break
    return alike


def _beside(start: RankTrace, continuous: RankTrace, metric: str, point: int) -> Iterator[tuple[_Leaves, _Leaves]]:
    """Steps 0, 1, ... of one run beside steps R, R + 1, ... of the other."""
    shifted = ((step - point, lines) for step, lines in continuous.steps(metric) if step >= point)
    for _, (ours, theirs) in side_by_side([start.steps(metric), shifted]):
        yield _leaves(start, ours), _leaves(continuous, theirs)


def _leaves(trace: RankTrace, lines: list[str]) -> _Leaves:
    records = map(trace.parse, lines)
    return {(record.key.moment, record.key.ordinal, record.key.path): record.leaf for record in records}
