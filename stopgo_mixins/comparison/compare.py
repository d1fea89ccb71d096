"""Compares what the legs recorded of a metric with what the continuous run recorded."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.numbers import agree
from stopgo_mixins.comparison.series import PathSeries, SeriesOfBlocks
from stopgo_mixins.metric import Metric
from stopgo_mixins.trace.blocks import Place, differing
from stopgo_mixins.trace.merge import side_by_side

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.trace.blocks import Block
    from stopgo_mixins.trace.record import Key, Record
    from stopgo_mixins.trace.store import Trace


class Difference(enum.Enum):
    """In what an interrupted record differs from the continuous one; structure before values."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    TYPE = "type"
    DTYPE = "dtype"
    SHAPE = "shape"
    DEVICE = "device"
    VALUE = "value"
    ALGORITHM = "algorithm of the digest"


@dataclass(frozen=True)
class Mismatch:
    """One record on which interrupted and continuous differ.

    Attributes:
        key: of the record.
        rank: of the record.
        leg: which one recorded (or should have recorded) the actual value.
        difference: in what they differ.
        actual: the interrupted run's record, ``None`` if missing.
        expected: the continuous run's record, ``None`` if unexpected.
    """

    key: Key
    rank: int
    leg: Leg
    difference: Difference
    actual: Record | None
    expected: Record | None

    @property
    def is_restored(self) -> bool:
        """Whether it is the state with which a resume phase began."""
        return _is_restored(self.leg, self.key)

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts mismatches in training order, within a moment by rank, then by leg."""
        return (*self.key.order, self.rank, self.leg.number)


@dataclass
class Comparison:
    """The outcome for one metric.

    Attributes:
        metric: which one.
        mismatches: all of them, in training order.
        compared: how many records were compared.
        recorded: how many of them each leg recorded.
        steps: at which anything was compared.
        series: what each path did in the continuous run.
        incomparable: a record that differs, and was computed in another world in which sums are rounded otherwise; such
            records are not among those compared.
        overwritten: of a metric that is found by reach, what differs in the restored state alone; it is not among
            the mismatches.
        unrepeatable: of such a metric, the paths in which two runs differ before anything could be lost; what differs
            there is not among the mismatches.
        first_module: of such a metric, the module whose output differs first, if anything that it holds differs: that
            stands at the beginning of the mismatches.
        about: what is known of the metric.
    """

    metric: str
    mismatches: list[Mismatch] = field(default_factory=list)
    compared: int = 0
    recorded: Counter[Leg] = field(default_factory=Counter)
    steps: set[int] = field(default_factory=set)
    series: dict[str, PathSeries] = field(default_factory=dict)
    incomparable: Key | None = None
    overwritten: list[Mismatch] = field(default_factory=list)
    unrepeatable: frozenset[str] = frozenset()
    first_module: str = ""
    about: type[Metric] = Metric

    @property
    def first(self) -> Mismatch | None:
        """The first divergence."""
        return self.mismatches[0] if self.mismatches else None

    @property
    def at_first(self) -> list[Mismatch]:
        """All mismatches at the moment of the first one, on its rank and in its leg."""
        first = self.mismatches[0].order if self.mismatches else None
        return [found for found in self.mismatches if found.order == first]

    @property
    def differing_paths(self) -> list[str]:
        """The paths on which any record differs, the first to do so first."""
        return list(dict.fromkeys(mismatch.key.path for mismatch in self.mismatches))

    def only(self, covers: Callable[[str], bool]) -> Comparison:
        """The comparison if nothing but some paths differed."""
        return replace(self, mismatches=[found for found in self.mismatches if covers(found.key.path)])

    def with_overwritten(self) -> Comparison:
        """The comparison if what was written again before it was seen twice counted as well."""
        found = sorted((*self.mismatches, *self.overwritten), key=lambda mismatch: mismatch.order)
        return replace(self, mismatches=found, overwritten=[])

    @property
    def differing_steps(self) -> set[int]:
        """The steps at which any record differs."""
        return {mismatch.key.step for mismatch in self.mismatches}

    @property
    def equal_steps(self) -> set[int]:
        """The steps at which all records agree."""
        return self.steps - self.differing_steps

    @property
    def constant_paths(self) -> list[str]:
        """The paths that never varied in the continuous run, which therefore prove nothing."""
        return sorted(path for path, series in self.series.items() if not series.varies)


def compare(runs: Runs, metric: str, tolerance: Tolerance | None = None) -> Comparison:
    """Compares a metric bitwise (or within the tolerance), collecting every mismatch."""
    result = Comparison(metric, about=runs.about(metric))
    for rank in runs.ranks:
        _RankComparison(runs, rank, tolerance, result).run()
    result.mismatches.sort(key=lambda mismatch: mismatch.order)
    return result


_Blocks = Mapping[Place, Sequence["Block"]]
"""What a trace has of one step."""


class _RankComparison:
    """Walks through the traces of one rank, step by step, so that memory does not grow with the run."""

    def __init__(self, runs: Runs, rank: int, tolerance: Tolerance | None, result: Comparison) -> None:
        self.runs, self.rank, self.tolerance, self.result = runs, rank, tolerance, result
        self.series = SeriesOfBlocks()
        self.is_rounded = result.metric in runs.reference.rounded

    def run(self) -> None:
        legs = self.runs.legs
        traces = [self._steps(trace) for trace in (self.runs.reference, *(leg.trace for leg in legs))]
        for step, (continuous, *interrupted) in side_by_side(traces):
            compared = self.result.compared
            for block in continuous:
                self.series.add(block)
            expected = _by_place(continuous)
            actual = {leg: _by_place(blocks) for leg, blocks in zip(legs, interrupted, strict=True)}
            for leg, found in actual.items():
                self._compare_leg(leg, expected, found)
            self._find_missing(expected, actual)
            if self.result.compared > compared:
                self.result.steps.add(step)
        self.series.add_to(self.result.series)

    def _steps(self, trace: Trace) -> Iterator[tuple[int, list[Block]]]:
        rank_trace = trace.ranks.get(self.rank)
        return rank_trace.steps(self.result.metric) if rank_trace else iter(())

    def _records(self, trace: Trace, blocks: Iterable[Block]) -> dict[str, Record]:
        """Those of one place, by path."""
        of_rank = trace.ranks[self.rank]
        return {record.key.path: record for block in blocks for record in of_rank.of_block(block)}

    def _compare_leg(self, leg: Leg, expected: _Blocks, found: _Blocks) -> None:
        for place, blocks in found.items():
            counterparts = expected.get(place, ())
            if _same(blocks, counterparts):
                self._count(leg, sum(map(len, blocks)))
                continue
            own = [block for block in blocks if not block.provoked]
            if own:
                self._compare_blocks(leg, own, counterparts)

    def _compare_blocks(self, leg: Leg, blocks: Sequence[Block], counterparts: Sequence[Block]) -> None:
        self._count(leg, sum(map(len, blocks)))
        of_leg, of_reference = leg.trace.ranks[self.rank], self.runs.reference.ranks.get(self.rank)
        if of_reference is not None and [each.structure.text for each in blocks] == [
            each.structure.text for each in counterparts
        ]:
            for block, counterpart in zip(blocks, counterparts, strict=True):
                for number in differing(block, counterpart):
                    self._judge(leg, of_leg.record(block, number), of_reference.record(counterpart, number))
            return
        expected = self._records(self.runs.reference, counterparts) if of_reference is not None else {}
        for path, actual in self._records(leg.trace, blocks).items():
            counterpart_record = expected.get(path)
            if counterpart_record is None or counterpart_record.leaf != actual.leaf:
                self._judge(leg, actual, counterpart_record)

    def _count(self, leg: Leg, records: int) -> None:
        self.result.compared += records
        self.result.recorded[leg] += records

    def _is_incomparable(self, leg: Leg, key: Key) -> bool:
        """Whether it was computed in another world, and nothing says how far it may differ for that."""
        if not self.is_rounded or not self.runs.in_another_world(leg) or _is_restored(leg, key):
            return False
        return self.tolerance is None or self.tolerance.is_bitwise

    def _judge(self, leg: Leg, actual: Record, expected: Record | None) -> None:
        if expected is not None and self._is_incomparable(leg, actual.key):
            self.result.incomparable = actual.key
            self._count(leg, -1)
            return
        moved = self.runs.in_another_world(leg) and _is_restored(leg, actual.key)  # which computes nothing
        tolerance = None if moved else self.tolerance
        if expected is None:
            self._mismatch(actual.key, leg, Difference.UNEXPECTED, actual, None)
        elif not agree(actual, expected, tolerance):
            self._mismatch(actual.key, leg, _difference(actual, expected), actual, expected)

    def _find_missing(self, expected: _Blocks, actual: Mapping[Leg, _Blocks]) -> None:
        for place, blocks in expected.items():
            required = self.runs.required_in(blocks[0].key)
            lacking = [leg for leg in required if not _have_same_paths(actual[leg].get(place, ()), blocks)]
            if lacking:
                self._find_missing_at(place, blocks, lacking, actual)

    def _find_missing_at(
        self, place: Place, blocks: Sequence[Block], required: Sequence[Leg], actual: Mapping[Leg, _Blocks]
    ) -> None:
        paths = {leg: self._own_paths(found.get(place, ())) for leg, found in actual.items()}
        meeting = self.runs.meeting_at(blocks[0].key)
        for path, record in self._records(self.runs.reference, blocks).items():
            having = {leg for leg, found in paths.items() if path in found}
            for leg in set(required) - having - (meeting if having & meeting else frozenset()):
                self.result.compared += 1
                self._mismatch(record.key, leg, Difference.MISSING, None, record)

    def _own_paths(self, blocks: Sequence[Block]) -> set[str]:
        """Of what the leg did by itself: what stopping provoked makes up for nothing."""
        return {path for block in blocks if not block.provoked for path in block.paths}

    def _mismatch(
        self, key: Key, leg: Leg, difference: Difference, actual: Record | None, expected: Record | None
    ) -> None:
        self.result.mismatches.append(Mismatch(key, self.rank, leg, difference, actual, expected))


def _by_place(blocks: Iterable[Block]) -> dict[Place, list[Block]]:
    found: dict[Place, list[Block]] = {}
    for block in blocks:
        found.setdefault(block.place, []).append(block)
    return found


def _same(blocks: Sequence[Block], others: Sequence[Block]) -> bool:
    """Whether all leaves are the same, and provoked or not alike."""
    return len(blocks) == len(others) and all(
        block.provoked is other.provoked and block.content == other.content
        for block, other in zip(blocks, others, strict=True)
    )


def _have_same_paths(blocks: Sequence[Block], others: Sequence[Block]) -> bool:
    """Whether nothing that is needed can be missing, as far as that is seen at once."""
    return len(blocks) == len(others) and all(
        block.provoked is other.provoked and block.structure.text == other.structure.text
        for block, other in zip(blocks, others, strict=True)
    )


def _is_restored(leg: Leg, key: Key) -> bool:
    """Whether it is the state with which a resume phase began."""
    return key.moment.is_state and key.step == leg.start and not leg.is_first


def _difference(actual: Record, expected: Record) -> Difference:
    ours, theirs = actual.leaf, expected.leaf
    if ours.kind != theirs.kind:
        return Difference.TYPE
    if ours.dtype != theirs.dtype:
        return Difference.DTYPE
    if ours.shape != theirs.shape:
        return Difference.SHAPE
    if ours.device != theirs.device:
        return Difference.DEVICE
    if ours.algorithm != theirs.algorithm and actual.read_bytes() is None:
        return Difference.ALGORITHM
    return Difference.VALUE
