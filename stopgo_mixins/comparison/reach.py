"""Of a metric whose values are found by reach: which differences count, and whether there was anything to lose."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.events import Moment
    from stopgo_mixins.trace.store import RankTrace

_State = tuple[int, "Moment"]


class Reached:
    """What one rank of a run recorded of the metric.

    Args:
        trace: of the rank.
        metric: which one.
        until: records of later steps are left out.
    """

    def __init__(self, trace: RankTrace, metric: str, until: int | None = None) -> None:
        self._values: dict[str, list[str]] = defaultdict(list)
        self.roots: dict[_State, set[str]] = defaultdict(set)
        for record in trace.records(metric):
            if until is None or record.key.step <= until:
                self._values[record.key.path].append(record.leaf.digest)
                self.roots[record.key.step, record.key.moment].add(root_of(record.key.path))

    def changes(self, path: str) -> bool:
        """Whether a path has more than one value, or is there at some states only."""
        values = self._values.get(path, [])
        return bool(values) and (len(set(values)) > 1 or len(values) < len(self.roots))

    @cached_property
    def changing(self) -> list[str]:
        """The paths that change."""
        return [path for path in self._values if self.changes(path)]


def root_of(path: str) -> str:
    """The name of the object at which the way begins."""
    return re.split(r"[.\[(]", path, maxsplit=1)[0]


def anything_changed(runs: Runs, comparison: Comparison) -> bool:
    """Whether, up to the last resume point, anything was compared that changes in the continuous run."""
    until = runs.last.start
    changing = (Reached(trace, comparison.metric, until).changing for trace in runs.reference.ranks.values())
    return any(path not in comparison.unrepeatable for paths in changing for path in paths)


def what_counts(runs: Runs, comparison: Comparison) -> Comparison:
    """The comparison of any metric; of one that is found by reach without every difference that is none.

    That is: in what never changes in the continuous run, or is not found in it; in a state that only one of the two
    recorded; in what lies behind an object that the leg did not have yet, such as a loader; and in what is
    ``unrepeatable``.
    What a leg lacks in the restored state alone is set aside as ``overwritten``.
    """
    if not runs.about(comparison.metric).by_reach:
        return comparison
    judged = dict.fromkeys((mismatch.rank, mismatch.leg) for mismatch in comparison.mismatches)
    judges = {(rank, leg): _Judge(runs, comparison.metric, rank, leg) for rank, leg in judged}
    changing = [found for found in comparison.mismatches if judges[found.rank, found.leg].counts(found)]
    unrepeatable = _unrepeatable(runs, comparison.metric, changing)
    counting = [found for found in changing if found.key.path not in unrepeatable]
    lasting = {_place(found) for found in counting if not found.is_restored}
    mismatches: list[Mismatch] = []
    overwritten: list[Mismatch] = []
    for found in counting:
        lasts = _place(found) in lasting or not judges[found.rank, found.leg].goes_on_after(found)
        (mismatches if lasts else overwritten).append(found)
    return replace(comparison, mismatches=mismatches, overwritten=overwritten, unrepeatable=unrepeatable)


def _unrepeatable(runs: Runs, metric: str, mismatches: Sequence[Mismatch]) -> frozenset[str]:
    """The paths in which two runs differ that are the same up to there, such as how long something took."""
    first = runs.legs[0]
    saved = min((event["update"] for event in first.saved), default=first.end)
    differing = [found for found in mismatches if found.leg == first and found.key.step < saved]
    if runs.repetition is not None:
        differing += compare(runs.repetition, metric).mismatches
    return frozenset(found.key.path for found in differing)


def _place(mismatch: Mismatch) -> tuple[int, Leg, str]:
    return mismatch.rank, mismatch.leg, mismatch.key.path


class _Judge:
    """Judges the differences of one leg on one rank."""

    def __init__(self, runs: Runs, metric: str, rank: int, leg: Leg) -> None:
        found = (trace.ranks.get(rank) for trace in (runs.reference, leg.trace))
        self._expected, self._actual = (Reached(trace, metric) if trace else None for trace in found)

    def counts(self, mismatch: Mismatch) -> bool:
        if self._expected is None or self._actual is None:
            return True  # a rank is missing
        path, state = mismatch.key.path, (mismatch.key.step, mismatch.key.moment)
        if state not in self._expected.roots or not self._expected.changes(path):
            return False
        return mismatch.actual is not None or root_of(path) in self._actual.roots.get(state, ())

    def goes_on_after(self, mismatch: Mismatch) -> bool:
        """Whether both recorded a later state, in which the difference was not seen."""
        if self._expected is None or self._actual is None:
            return False
        return any(step > mismatch.key.step for step, _ in self._expected.roots.keys() & self._actual.roots.keys())
