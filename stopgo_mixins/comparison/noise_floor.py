"""How far two uninterrupted runs lie apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.numbers import Distance, agree, distance
from stopgo_mixins.trace.merge import side_by_side
from stopgo_mixins.trace.store import identity_of

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.trace.record import Key, Record
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
    parents = (record for parent in runs.about(metric).depends_on or () for _, record in _noise(runs, parent, None))
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
