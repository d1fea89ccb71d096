"""What is right only because every phase starts from one seed: a resume from another one has something else there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.states import series
from stopgo_mixins.comparison.wording import listed, step_of
from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.record import Key, Record
    from stopgo_mixins.trace.store import RankTrace, Trace


@dataclass(frozen=True)
class OnlyBySeed:
    """What a metric has right only because of the seed.

    Attributes:
        rank: where.
        first: the first such record of the resume phase.
        paths: all of that moment.
    """

    rank: int
    first: Key
    paths: tuple[str, ...]

    @property
    def is_state(self) -> bool:
        """Whether it is restored state, or else the first batch."""
        return self.first.moment.is_state

    @property
    def where(self) -> str:
        """In words."""
        restored = " (restored)" if self.is_state else ""
        return f"{listed(self.paths)} at {step_of(self.first)}{restored}, rank {self.rank}"


def only_by_seed(runs: Runs) -> dict[str, OnlyBySeed]:
    """What each metric has right only because of the seed, where the first resume phase was started reseeded."""
    start = runs.reseeded
    if start is None or start.problem(runs.legs[1].start):
        return {}
    found = {metric: _of_metric(runs, start.trace, metric) for metric in sorted(start.trace.metrics)}
    return {metric: each for metric, each in found.items() if each is not None}


def _of_metric(runs: Runs, reseeded: Trace, metric: str) -> OnlyBySeed | None:
    for rank, other in reseeded.ranks.items():
        if rank not in runs.legs[1].trace.ranks or rank not in runs.reference.ranks:
            continue
        right = _right_elsewhere(other, runs.legs[1].trace.ranks[rank], runs.reference.ranks[rank], metric)
        if MetricKind.RANDOM_STREAMS in runs.about(metric).kinds:
            right = list(_drawn_from(right, runs.reference, rank, metric))
        if right:
            here = (record.key.path for record in right if record.key.order == right[0].key.order)
            return OnlyBySeed(rank, right[0].key, tuple(here))
    return None


def _right_elsewhere(other: RankTrace, leg: RankTrace, reference: RankTrace, metric: str) -> list[Record]:
    """The records of the leg that the reference has as well, and the other start has not."""
    theirs = {record.key: record.leaf for record in other.records(metric)}
    last = max((key.step for key in theirs), default=-1)
    differing = [record for record in _up_to(last, leg, metric) if record.leaf != theirs.get(record.key, record.leaf)]
    if not differing:
        return []
    right = {record.key: record.leaf for record in _up_to(last, reference, metric)}
    return [record for record in differing if record.leaf == right.get(record.key)]


def _up_to(last: int, trace: RankTrace, metric: str) -> Iterator[Record]:
    """Those of the states and steps up to one."""
    for step, blocks in trace.steps(metric):
        if step > last:
            return
        for block in blocks:
            yield from trace.of_block(block)


def _drawn_from(streams: list[Record], reference: Trace, rank: int, metric: str) -> Iterator[Record]:
    """A stream that nobody draws from in training cannot matter."""
    known: Mapping[str, list[Record]] = series(reference, rank, metric) if streams else {}
    for record in streams:
        path = record.key.path
        if any(each.leaf != record.leaf for each in known.get(path, ())):
            yield record
