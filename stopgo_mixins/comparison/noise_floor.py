"""How far two uninterrupted runs lie apart."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference, compare
from stopgo_mixins.comparison.completeness import absent_ranks, damage, missing_end
from stopgo_mixins.comparison.numbers import distance, values_of
from stopgo_mixins.comparison.wording import listed, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stopgo_mixins.comparison.compare import Mismatch
    from stopgo_mixins.comparison.numbers import Distance
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.tolerance import Tolerance


@dataclass(frozen=True)
class NoiseFloor:
    """By how much two uninterrupted runs differ in a metric.

    Attributes:
        differing: the records on which they do, in training order; at least one.
    """

    differing: Sequence[Mismatch]

    @property
    def begin(self) -> int:
        """The step from which on they differ."""
        return self.differing[0].key.step

    @property
    def largest(self) -> Distance | None:
        """The largest distance of all, ``None`` where no numbers were kept."""
        return largest_gap(self.differing)

    def covers(self, mismatch: Mismatch) -> bool:
        """Whether a number differs by no more than two uninterrupted runs do at its moment and path, up to its step.

        Noise grows as training goes on, so what they differ by later is no excuse.
        What was not kept, is not finite or is no floating-point number has no size that could be compared.
        """
        if mismatch.difference is not Difference.VALUE or not _is_float(mismatch):
            return False
        gap, noise = _gap(mismatch), self.at(mismatch)
        return gap is not None and noise is not None and gap.absolute <= noise.absolute

    def at(self, mismatch: Mismatch) -> Distance | None:
        """The largest finite distance at the moment and path of a mismatch, up to its step."""
        return largest_gap([found for found in self.differing if _is_before(found, mismatch)])


def _is_before(noise: Mismatch, mismatch: Mismatch) -> bool:
    ours, theirs = noise.key, mismatch.key
    alike = (noise.rank, ours.moment, ours.path) == (mismatch.rank, theirs.moment, theirs.path)
    return alike and ours.order <= theirs.order


def _is_float(mismatch: Mismatch) -> bool:
    values = values_of(mismatch.expected) if mismatch.expected else None
    return values is not None and (values.is_floating_point() or values.is_complex())


def _gap(mismatch: Mismatch) -> Distance | None:
    """The finite distance of a mismatch, if it has one."""
    if mismatch.actual is None or mismatch.expected is None:
        return None
    gap = distance(mismatch.actual, mismatch.expected)
    return gap if gap is not None and math.isfinite(gap.absolute) else None


def largest_gap(mismatches: Sequence[Mismatch]) -> Distance | None:
    """The largest finite distance, ``None`` where there is none."""
    return max(filter(None, map(_gap, mismatches)), key=lambda gap: gap.absolute, default=None)


def noise_floor(runs: Runs, metric: str, tolerance: Tolerance | None) -> NoiseFloor | None:
    """What the second continuous run shows; ``None`` where there is none, or it equals the first in this metric.

    Of a metric that is found by reach, ``None`` too: where two uninterrupted runs differ, nothing of it is compared.
    """
    if runs.repetition is None or runs.about(metric).by_reach:
        return None
    differing = compare(runs.repetition, metric, tolerance).mismatches
    return NoiseFloor(differing) if differing else None


def determinism_problem(runs: Runs, tolerances: Mapping[str, Tolerance]) -> str | None:
    """In what two uninterrupted runs differ beyond the tolerances; ``None`` where they are the same.

    Args:
        runs: among them the second continuous run.
        tolerances: by metric.
    """
    if problem := absent_ranks(runs) or missing_end(runs) or damage(runs):
        return f"{problem}."
    metrics = sorted(runs.metrics | (runs.repeated.metrics if runs.repeated else set()))
    floors = {metric: noise_floor(runs, metric, tolerances.get(metric)) for metric in metrics}
    differing = {metric: floor for metric, floor in floors.items() if floor}
    if not differing:
        return None
    in_order = sorted(differing, key=lambda metric: differing[metric].differing[0].order)
    return (
        f"two uninterrupted runs are not the same: they differ in "
        f"{listed([_where(metric, differing[metric]) for metric in in_order])}. No resumed run can be shown to be the "
        "same as one of them. Make training deterministic, or give what may differ a tolerance."
    )


def _where(metric: str, noise: NoiseFloor) -> str:
    return f"{metric} from {place(noise.differing[0])} on ({size_of(noise.largest)})"


def size_of(gap: Distance | None) -> str:
    """In words."""
    if gap is None:
        return "by what has no size"
    relative = "" if gap.relative is None else f" (rel {gap.relative:.1e})"
    return f"by up to {gap.absolute:.1e}{relative}"
