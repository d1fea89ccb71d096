"""The verdict on a metric: equal records count only where they could have differed."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.doubt import lack_of_evidence
from stopgo_mixins.comparison.noise_floor import noise_floor
from stopgo_mixins.comparison.numbers import distance
from stopgo_mixins.comparison.omissions import all_left_out, never_found, unreadable
from stopgo_mixins.comparison.power import lack_of_power

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.noise_floor import NoiseFloor
    from stopgo_mixins.comparison.numbers import Distance
    from stopgo_mixins.comparison.resumption import Resumption
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.tolerance import Tolerance


class Verdict(enum.Enum):
    """How a metric's test ends."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    NOT_VERIFIED = "not verified"


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reason, which is empty where the comparison itself says everything."""

    verdict: Verdict
    reason: str = ""


def judge(
    resumption: Resumption,
    comparison: Comparison,
    tolerance: Tolerance | None = None,
    left_out: Collection[str] = (),
) -> Judgement:
    """Judges one compared metric.

    Args:
        resumption: the run, and whether it was resumed.
        comparison: of the metric.
        tolerance: with which it was compared.
        left_out: the paths that the class leaves out of it.
    """
    runs = resumption.runs
    if unknown := never_found(runs, comparison.metric, left_out):
        return Judgement(Verdict.FAILED, unknown)
    if not comparison.compared:
        return _judge_nothing(runs, comparison.metric)
    if comparison.mismatches:
        noise = noise_floor(runs, comparison.metric, tolerance)
        if noise and all(map(noise.covers, comparison.mismatches)):
            return Judgement(Verdict.NOT_VERIFIED, _cannot_judge(noise, comparison))
        return Judgement(Verdict.FAILED)
    reason = (
        lack_of_evidence(resumption, comparison)
        or unreadable(runs, comparison.metric)
        or lack_of_power(runs, comparison.metric, tolerance)
    )
    return Judgement(Verdict.NOT_VERIFIED, reason) if reason else Judgement(Verdict.PASSED)


def _cannot_judge(noise: NoiseFloor, comparison: Comparison) -> str:
    gaps = (
        distance(found.actual, found.expected) for found in comparison.mismatches if found.actual and found.expected
    )
    largest = max(filter(None, gaps), key=lambda gap: gap.absolute, default=None)
    return (
        f"cannot judge: from step {noise.begin.step} on two uninterrupted runs already differ by {_gap(noise.largest)}"
        f", the interrupted run by {_gap(largest)}. Make training deterministic, or set a tolerance above that"
    )


def _gap(gap: Distance | None) -> str:
    return "numbers that were not kept" if gap is None else f"up to {gap.absolute:.1e} (rel {gap.relative:.1e})"


def _judge_nothing(runs: Runs, metric: str) -> Judgement:
    reasons = [event["reason"] for event in runs.reference.events("not_applicable") if event["metric"] == metric]
    if reasons:
        return Judgement(Verdict.NOT_APPLICABLE, reasons[0])
    if omitted := unreadable(runs, metric) or all_left_out(runs, metric):
        return Judgement(Verdict.NOT_VERIFIED, omitted)
    return Judgement(Verdict.FAILED, "nothing was recorded in any of the three phases, although the metric applies")
