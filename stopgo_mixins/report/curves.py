"""The numbers behind a divergence, column by column."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.numbers import distance
from stopgo_mixins.comparison.states import number

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.report.columns import Columns
    from stopgo_mixins.trace.store import RankTrace

Line = Sequence[float | None]
"""A number for each column; ``None`` where there is none."""


@dataclass(frozen=True)
class Curves:
    """What became of the record that diverges first, at the first step of each column that has it.

    Attributes:
        path: of the record.
        interrupted: its numbers in the interrupted run; none where it is no single number.
        continuous: the same of the continuous run.
        absolute: by how much they differ; for a tensor, where they do most.
        ulps: how many representable numbers lie between them.
    """

    path: str
    interrupted: Line
    continuous: Line
    absolute: Line
    ulps: Line

    @classmethod
    def of(cls, runs: Runs, comparison: Comparison, columns: Columns) -> Curves:
        """Those of a metric that diverges."""
        first = comparison.mismatches[0]
        absolute, ulps = _distances(comparison, columns)
        interrupted: Line = [None] * len(columns)
        for leg in runs.legs:  # the later one goes on from where it was resumed
            found = _numbers(leg.trace.ranks.get(first.rank), comparison.metric, first, columns)
            interrupted = [old if new is None else new for old, new in zip(interrupted, found, strict=True)]
        continuous = _numbers(runs.reference.ranks.get(first.rank), comparison.metric, first, columns)
        return cls(first.key.path, interrupted, continuous, absolute, ulps)


def _distances(comparison: Comparison, columns: Columns) -> tuple[Line, Line]:
    first = comparison.mismatches[0]
    absolute: list[float | None] = [None] * len(columns)
    ulps: list[float | None] = [None] * len(columns)
    seen = set()
    for found in comparison.mismatches:
        column = columns.of_step(found.key.step)
        if column in seen or not _is_alike(found, first) or found.difference is not Difference.VALUE:
            continue
        seen.add(column)
        gap = distance(found.actual, found.expected) if found.actual and found.expected else None
        if gap is not None and math.isfinite(gap.absolute):
            absolute[column], ulps[column] = gap.absolute, gap.ulps
    return absolute, ulps


def _is_alike(found: Mismatch, first: Mismatch) -> bool:
    return found.rank == first.rank and found.key.path == first.key.path


def _numbers(trace: RankTrace | None, metric: str, first: Mismatch, columns: Columns) -> Line:
    numbers: list[float | None] = [None] * len(columns)
    record = first.expected or first.actual
    if trace is None or (record is not None and math.prod(record.leaf.shape) != 1):
        return numbers
    for step, blocks in trace.steps(metric):
        column = columns.of_step(step)
        if numbers[column] is None:
            records = (record for block in blocks for record in trace.of_block(block))
            found = number(next((each for each in records if each.key.path == first.key.path), None))
            numbers[column] = found if found is not None and math.isfinite(found) else None
    return numbers
