"""The verdict on a metric: equal records count only where they could have differed."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.doubt import lack_of_evidence, worthless
from stopgo_mixins.comparison.noise_floor import largest_gap, noise_floor, size_of
from stopgo_mixins.comparison.omissions import all_left_out, never_found, unreadable
from stopgo_mixins.comparison.power import accepts_anything, lack_of_power
from stopgo_mixins.comparison.reach import anything_changed
from stopgo_mixins.comparison.replicas import unequal_replicas
from stopgo_mixins.comparison.wording import place

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.noise_floor import NoiseFloor
    from stopgo_mixins.comparison.resumption import Resumption
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.shared_seed import OnlyBySeed
    from stopgo_mixins.comparison.tolerance import Tolerance


class Verdict(enum.Enum):
    """How a metric's test ends."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_APPLICABLE = "not applicable"
    NOT_VERIFIED = "not verified"


@dataclass(frozen=True)
class Judgement:
    """A verdict with its reason, which is empty where the comparison itself says everything.

    Attributes:
        verdict: it.
        reason: for it.
        cause: why it failed, where that has a name and the comparison does not know it.
    """

    verdict: Verdict
    reason: str = ""
    cause: Cause | None = None


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
        return _judge_mismatches(comparison, noise_floor(runs, comparison.metric, tolerance))
    if only := resumption.only_by_seed.get(comparison.metric):
        return _judge_by_seed(resumption, comparison.metric, only)
    if runs.about(comparison.metric).by_reach:
        return _judge_what_was_reached(resumption, comparison)
    if problem := accepts_anything(runs, comparison.metric, tolerance) or unequal_replicas(runs, comparison.metric):
        return Judgement(Verdict.FAILED, problem)
    reason = (
        lack_of_evidence(resumption, comparison)
        or unreadable(runs, comparison.metric)
        or lack_of_power(runs, comparison.metric, tolerance)
    )
    return Judgement(Verdict.NOT_VERIFIED, reason) if reason else Judgement(Verdict.PASSED)


def _judge_mismatches(comparison: Comparison, noise: NoiseFloor | None) -> Judgement:
    if noise is None:
        return Judgement(Verdict.FAILED)
    beyond = next((found for found in comparison.mismatches if not noise.covers(found)), None)
    if beyond is None:
        return Judgement(Verdict.NOT_VERIFIED, _cannot_judge(noise, comparison))
    return Judgement(Verdict.FAILED, _beyond(noise, beyond))


def _cannot_judge(noise: NoiseFloor, comparison: Comparison) -> str:
    return (
        f"cannot judge: from step {noise.begin} on two uninterrupted runs already differ {size_of(noise.largest)}, the "
        f"interrupted run {size_of(largest_gap(comparison.mismatches))}. Make training deterministic, or set a "
        "tolerance above that"
    )


def _beyond(noise: NoiseFloor, mismatch: Mismatch) -> str:
    where = f"{mismatch.key.path or 'the value'} at {place(mismatch)}"
    at = noise.at(mismatch)
    so_far = f"differ {size_of(at)} up to there" if at else "do not differ up to there in a number that has a size"
    return f"{where} differs {size_of(largest_gap([mismatch]))}; two uninterrupted runs {so_far}"


def _judge_by_seed(resumption: Resumption, metric: str, only: OnlyBySeed) -> Judgement:
    """Equal it is, and would not be if a restart got another seed."""
    runs = resumption.runs
    start = runs.reseeded
    if start is None:
        raise ValueError("nothing was started from another seed")
    parents = [name for name in runs.about(metric).depends_on or () if name in resumption.only_by_seed]
    if parents and not only.is_state:
        reason = f"{Cause.SHARED_SEED}, as a consequence of {' and '.join(parents)}: {only.where}"
        return Judgement(Verdict.NOT_VERIFIED if start.is_contract else Verdict.FAILED, reason)
    if start.is_contract:
        reason = f"{only.where}: right only because every restart gets seed {start.seed}, as resume_seed says"
        return Judgement(Verdict.NOT_VERIFIED, reason)
    reason = (
        f"{Cause.SHARED_SEED}; {only.where}: right only because every phase starts from seed {start.seed}. "
        f"Started once more from seed {start.other}, the resume phase loaded the same checkpoint and had something "
        "else there"
    )
    return Judgement(Verdict.FAILED, reason, Cause.SHARED_SEED)


def _judge_what_was_reached(resumption: Resumption, comparison: Comparison) -> Judgement:
    """Nothing says that there is anything to find; where there is, it must have changed before it can be lost."""
    runs = resumption.runs
    if reason := worthless(resumption) or unreadable(runs, comparison.metric):
        return Judgement(Verdict.NOT_VERIFIED, reason)
    if not anything_changed(runs, comparison):
        return Judgement(
            Verdict.NOT_APPLICABLE,
            f"apart from what has a metric of its own, nothing that was reached had changed at the resume point "
            f"({runs.last.start})",
        )
    return Judgement(Verdict.PASSED)


def _judge_nothing(runs: Runs, metric: str) -> Judgement:
    reasons = [event["reason"] for event in runs.reference.events("not_applicable") if event["metric"] == metric]
    if reasons:
        return Judgement(Verdict.NOT_APPLICABLE, reasons[0])
    if omitted := unreadable(runs, metric) or all_left_out(runs, metric):
        return Judgement(Verdict.NOT_VERIFIED, omitted)
    return Judgement(Verdict.FAILED, "nothing was recorded in any of the three phases, although the metric applies")
