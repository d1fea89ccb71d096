"""Compares what stop and resume recorded of a metric with what continuous recorded."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.numbers import agree
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.store import identity_of

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
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
        phase: ``Mode.STOP`` or ``Mode.RESUME``, whichever recorded (or should have recorded) the actual value.
        difference: in what they differ.
        actual: the interrupted run's record, ``None`` if missing.
        expected: the continuous run's record, ``None`` if unexpected.
    """

    key: Key
    rank: int
    phase: Mode
    difference: Difference
    actual: Record | None
    expected: Record | None

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts mismatches in training order, by rank within a moment."""
        return (*self.key.order, self.rank)


@dataclass
class Series:
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
        before: how many of them the stop phase recorded.
        after: how many of them the resume phase recorded.
        steps: at which anything was compared.
        series: what each path did in the continuous run.
    """

    metric: str
    mismatches: list[Mismatch] = field(default_factory=list)
    compared: int = 0
    before: int = 0
    after: int = 0
    steps: set[int] = field(default_factory=set)
    series: dict[str, Series] = field(default_factory=dict)

    @property
    def first(self) -> Mismatch | None:
        """The first divergence."""
        return self.mismatches[0] if self.mismatches else None

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
    result = Comparison(metric)
    for rank in runs.ranks:
        _RankComparison(runs, rank, tolerance, result).run()
    result.mismatches.sort(key=lambda mismatch: mismatch.order)
    return result


class _RankComparison:
    """Walks through the three traces of one rank, step by step, so that memory does not grow with the run."""

    def __init__(self, runs: Runs, rank: int, tolerance: Tolerance | None, result: Comparison) -> None:
        self.runs, self.rank, self.tolerance, self.result = runs, rank, tolerance, result

    def run(self) -> None:
        traces = [self._steps(trace) for trace in (self.runs.reference, self.runs.stop, self.runs.resume)]
        for step, (continuous, stop, resume) in side_by_side(traces):
            self.result.steps.add(step)
            expected = self._expected(continuous)
            actual = {
                Mode.STOP: self._actual(self.runs.stop, stop),
                Mode.RESUME: self._actual(self.runs.resume, resume),
            }
            for phase, found in actual.items():
                self._compare_phase(phase, expected, found)
            self._find_missing(expected, actual)

    def _steps(self, trace: Trace) -> Iterator[tuple[int, list[str]]]:
        rank_trace = trace.ranks.get(self.rank)
        return rank_trace.steps(self.result.metric) if rank_trace else iter(())

    def _trace(self, trace: Trace) -> RankTrace:
        return trace.ranks[self.rank]

    def _expected(self, lines: list[str]) -> dict[str, Record]:
        """The continuous records by identity, counted into their series."""
        records = {identity_of(line): self._trace(self.runs.reference).parse(line) for line in lines}
        for record in records.values():
            series = self.result.series.setdefault(record.key.path, Series(record.leaf.digest))
            series.count += 1
            series.varies |= series.first != record.leaf.digest
        return records

    def _actual(self, trace: Trace, lines: list[str]) -> dict[str, str]:
        return {identity_of(line): line for line in lines}

    def _compare_phase(self, phase: Mode, expected: dict[str, Record], found: dict[str, str]) -> None:
        trace = self.runs.stop if phase is Mode.STOP else self.runs.resume
        by_key: dict[Key, Record] | None = None
        for identity, line in found.items():
            counterpart = expected.get(identity)
            if counterpart is None:
                actual = self._trace(trace).parse(line)
                if actual.provoked:
                    continue
                if by_key is None:
                    by_key = {record.key: record for record in expected.values()}
                counterpart = by_key.get(actual.key)
                self._judge(phase, actual, counterpart)
            self._count(phase)

    def _count(self, phase: Mode) -> None:
        self.result.compared += 1
        if phase is Mode.STOP:
            self.result.before += 1
        else:
            self.result.after += 1

    def _judge(self, phase: Mode, actual: Record, expected: Record | None) -> None:
        if expected is None:
            self._mismatch(actual.key, phase, Difference.UNEXPECTED, actual, None)
        elif not agree(actual, expected, self.tolerance):
            self._mismatch(actual.key, phase, _difference(actual, expected), actual, expected)

    def _find_missing(self, expected: dict[str, Record], actual: dict[Mode, dict[str, str]]) -> None:
        keys: dict[Mode, set[Key]] | None = None
        for identity, record in expected.items():
            required = self.runs.required_in(record.key)
            if all(identity in actual[phase] for phase in required):
                continue
            if keys is None:
                keys = {phase: self._keys(phase, found) for phase, found in actual.items()}
            having = {phase for phase, found in keys.items() if record.key in found}
            if self.runs.either_phase(record.key) and having:
                continue
            for phase in required - having:
                self.result.compared += 1
                self._mismatch(record.key, phase, Difference.MISSING, None, record)

    def _keys(self, phase: Mode, found: dict[str, str]) -> set[Key]:
        trace = self._trace(self.runs.stop if phase is Mode.STOP else self.runs.resume) if found else None
        return {trace.parse(line).key for line in found.values()} if trace else set()

    def _mismatch(
        self, key: Key, phase: Mode, difference: Difference, actual: Record | None, expected: Record | None
    ) -> None:
        self.result.mismatches.append(Mismatch(key, self.rank, phase, difference, actual, expected))


def _difference(actual: Record, expected: Record) -> Difference:
    ours, theirs = actual.leaf, expected.leaf
    if ours.kind != theirs.kind:
        return Difference.TYPE
    if ours.dtype != theirs.dtype:
        return Difference.DTYPE
    if ours.shape != theirs.shape:
        return Difference.SHAPE
    return Difference.DEVICE if ours.device != theirs.device else Difference.VALUE


def side_by_side(traces: list[Iterator[tuple[int, list[str]]]]) -> Iterator[tuple[int, list[list[str]]]]:
    """Merges step-ordered iterators: yields each step with the lines that every trace has for it."""
    heads = [next(trace, None) for trace in traces]
    while remaining := [head for head in heads if head is not None]:
        step = min(number for number, _ in remaining)
        lines = [head[1] if head is not None and head[0] == step else [] for head in heads]
        yield step, lines
        heads = [
            next(trace, None) if head is not None and head[0] == step else head
            for head, trace in zip(heads, traces, strict=True)
        ]
