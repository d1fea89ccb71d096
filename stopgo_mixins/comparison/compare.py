"""Compares what the legs recorded of a metric with what the continuous run recorded."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.numbers import agree
from stopgo_mixins.metric import Metric
from stopgo_mixins.trace.merge import side_by_side
from stopgo_mixins.trace.store import identity_of

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.trace.record import Key, Record
    from stopgo_mixins.trace.store import RankTrace, Trace


class Difference(enum.Enum):
    """In what an interrupted record differs from the continuous one; structure before values."""

    MISSING = "missing"
    UNEXPECTED = "unexpected"
    TYPE = "type"
    DTYPE = "dtype"
    SHAPE = "shape"
    DEVICE = "device"
    VALUE = "value"


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
class PathSeries:
    """What one path of the metric did in the continuous run.

    Attributes:
        first: the digest of its first record.
        count: how many records it has.
        varies: whether any differs from the first.
    """

    first: str
    count: int = 0
    varies: bool = False


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
        return [found for found in self.mismatches if found.order == self.mismatches[0].order]

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


class _RankComparison:
    """Walks through the traces of one rank, step by step, so that memory does not grow with the run."""

    def __init__(self, runs: Runs, rank: int, tolerance: Tolerance | None, result: Comparison) -> None:
        self.runs, self.rank, self.tolerance, self.result = runs, rank, tolerance, result
        self.is_rounded = result.metric in runs.reference.rounded

    def run(self) -> None:
        legs = self.runs.legs
        traces = [self._steps(trace) for trace in (self.runs.reference, *(leg.trace for leg in legs))]
        for step, (continuous, *interrupted) in side_by_side(traces):
            compared = self.result.compared
            expected = self._expected(continuous)
            actual = {
                leg: {identity_of(line): line for line in lines} for leg, lines in zip(legs, interrupted, strict=True)
            }
            for leg, found in actual.items():
                self._compare_leg(leg, expected, found)
            self._find_missing(expected, actual)
            if self.result.compared > compared:
                self.result.steps.add(step)

    def _steps(self, trace: Trace) -> Iterator[tuple[int, list[str]]]:
        rank_trace = trace.ranks.get(self.rank)
        return rank_trace.steps(self.result.metric) if rank_trace else iter(())

    def _trace(self, trace: Trace) -> RankTrace:
        return trace.ranks[self.rank]

    def _expected(self, lines: list[str]) -> dict[str, Record]:
        """The continuous records by identity, counted into their series."""
        records = {identity_of(line): self._trace(self.runs.reference).parse(line) for line in lines}
        for record in records.values():
            series = self.result.series.setdefault(record.key.path, PathSeries(record.leaf.digest))
            series.count += 1
            series.varies |= series.first != record.leaf.digest
        return records

    def _compare_leg(self, leg: Leg, expected: dict[str, Record], found: dict[str, str]) -> None:
        by_key: dict[Key, Record] | None = None
        for identity, line in found.items():
            counterpart = expected.get(identity)
            if counterpart is None:
                actual = self._trace(leg.trace).parse(line)
                if actual.provoked:
                    continue
                if by_key is None:
                    by_key = {record.key: record for record in expected.values()}
                counterpart = by_key.get(actual.key)
                if counterpart is not None and self._is_incomparable(leg, actual.key):
                    self.result.incomparable = actual.key
                    continue
                self._judge(leg, actual, counterpart)
            self.result.compared += 1
            self.result.recorded[leg] += 1

    def _is_incomparable(self, leg: Leg, key: Key) -> bool:
        """Whether it was computed in another world, and nothing says how far it may differ for that."""
        if not self.is_rounded or not self.runs.in_another_world(leg) or _is_restored(leg, key):
            return False
        return self.tolerance is None or self.tolerance.is_bitwise

    def _judge(self, leg: Leg, actual: Record, expected: Record | None) -> None:
        moved = self.runs.in_another_world(leg) and _is_restored(leg, actual.key)  # which computes nothing
        tolerance = None if moved else self.tolerance
        if expected is None:
            self._mismatch(actual.key, leg, Difference.UNEXPECTED, actual, None)
        elif not agree(actual, expected, tolerance):
            self._mismatch(actual.key, leg, _difference(actual, expected), actual, expected)

    def _find_missing(self, expected: dict[str, Record], actual: dict[Leg, dict[str, str]]) -> None:
        keys: dict[Leg, set[Key]] | None = None
        for identity, record in expected.items():
            required = self.runs.required_in(record.key)
            if all(identity in actual[leg] for leg in required):
                continue
            if keys is None:
                keys = {leg: self._keys(leg, found) for leg, found in actual.items()}
            having = {leg for leg, found in keys.items() if record.key in found}
            meeting = self.runs.meeting_at(record.key)
            for leg in required - having - (meeting if having & meeting else frozenset()):
                self.result.compared += 1
                self._mismatch(record.key, leg, Difference.MISSING, None, record)

    def _keys(self, leg: Leg, found: dict[str, str]) -> set[Key]:
        """Of what the leg did by itself: what stopping provoked makes up for nothing."""
        records = (self._trace(leg.trace).parse(line) for line in found.values())
        return {record.key for record in records if not record.provoked}

    def _mismatch(
        self, key: Key, leg: Leg, difference: Difference, actual: Record | None, expected: Record | None
    ) -> None:
        self.result.mismatches.append(Mismatch(key, self.rank, leg, difference, actual, expected))


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
    return Difference.DEVICE if ours.device != theirs.device else Difference.VALUE
