"""The verdict on a metric: equal records count only where they could have differed."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.noise_floor import noise_floor
from stopgo_mixins.comparison.numbers import distance, is_nan, values_of
from stopgo_mixins.comparison.power import weaknesses
from stopgo_mixins.comparison.resumption import started_from_scratch
from stopgo_mixins.comparison.start import looks_like_a_start
from stopgo_mixins.comparison.wording import listed

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.noise_floor import NoiseFloor
    from stopgo_mixins.comparison.numbers import Distance
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.trace.record import Record


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


def judge(runs: Runs, comparison: Comparison, tolerance: Tolerance | None = None) -> Judgement:
    """Judges one compared metric.

    Args:
        runs: the traces.
        comparison: of the metric.
        tolerance: with which it was compared.
    """
    if comparison.mismatches:
        noise = noise_floor(runs, comparison.metric, tolerance)
        if noise and all(map(noise.covers, comparison.mismatches)):
            return Judgement(Verdict.NOT_VERIFIED, _cannot_judge(noise, comparison))
        return Judgement(Verdict.FAILED)
    if not comparison.compared:
        return _judge_nothing(runs, comparison.metric)
    reason = _lack_of_evidence(runs, comparison) or _lack_of_power(runs, comparison.metric, tolerance)
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
    return Judgement(Verdict.FAILED, "nothing was recorded in any of the three phases, although the metric applies")


def _lack_of_evidence(runs: Runs, comparison: Comparison) -> str | None:
    if scratch := started_from_scratch(runs):
        return f"{scratch}; that its records equal those of the continuous run is no evidence"
    point = runs.resume_point
    if not comparison.before:
        return f"nothing was recorded before the resume point ({point})"
    if not comparison.after:
        return f"nothing was recorded after the resume point ({point})"
    if not any(series.varies for series in comparison.series.values()):
        return (
            f"constant: none of {listed(comparison.constant_paths)} changes in {comparison.compared} records, "
            "so a resume that lost it would look the same"
        )
    if _only_nan_is_left(runs, comparison):
        return f"every number after the resume point ({point}) is NaN in both runs, and equal NaN are no evidence"
    if looks_like_a_start(runs, comparison.metric):
        start = "the resume phase without its checkpoint" if runs.cold_start else "its own start"
        return (
            f"what the continuous run records from the resume point ({point}) on equals {start}, so a resume that "
            "restored nothing of it would look the same; interrupt at another step"
        )
    return None


def _only_nan_is_left(runs: Runs, comparison: Comparison) -> bool:
    """Whether nothing but NaN follows the resume point on any path that ever changes."""
    varying = comparison.series.keys() - set(comparison.constant_paths)
    return all(
        _is_all_nan(record)
        for trace in runs.resume.ranks.values()
        for record in trace.records(comparison.metric)
        if record.key.path in varying
    )


def _is_all_nan(record: Record) -> bool:
    values = values_of(record)
    return values is not None and values.numel() > 0 and bool(is_nan(values).all())


def _lack_of_power(runs: Runs, metric: str, tolerance: Tolerance | None) -> str | None:
    if tolerance is None or tolerance.is_bitwise:
        return None
    found = weaknesses(runs, metric, tolerance)
    if not found:
        return None
    worst, weak = found[0], listed([weakness.path for weakness in found])
    return (
        f"{tolerance} is too wide for {weak}: {worst.path or 'the value'} could be replaced by {worst.replacement} and "
        f"would still pass. The largest tolerance that would do is {worst.largest}"
    )
