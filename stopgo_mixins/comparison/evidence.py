"""The verdict on a metric: equal records count only where they could have differed."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.numbers import is_nan, values_of
from stopgo_mixins.comparison.resumption import started_from_scratch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.runs import Runs
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


def judge(runs: Runs, comparison: Comparison) -> Judgement:
    """Judges one compared metric."""
    if comparison.mismatches:
        return Judgement(Verdict.FAILED)
    if not comparison.compared:
        return _judge_nothing(runs, comparison.metric)
    reason = _lack_of_evidence(runs, comparison)
    return Judgement(Verdict.NOT_VERIFIED, reason) if reason else Judgement(Verdict.PASSED)


def _judge_nothing(runs: Runs, metric: str) -> Judgement:
    reasons = [event["reason"] for event in runs.continuous.events("not_applicable") if event["metric"] == metric]
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
            f"constant: none of {_listed(comparison.constant_paths)} changes in {comparison.compared} records, "
            "so a resume that lost it would look the same"
        )
    if _only_nan(runs, comparison.metric):
        return "every number kept is NaN in the continuous run, and equal NaN are no evidence"
    return None


def _listed(paths: list[str], most: int = 3) -> str:
    shown = ", ".join(path or "the value" for path in paths[:most])
    return shown if len(paths) <= most else f"{shown} and {len(paths) - most} more"


def _only_nan(runs: Runs, metric: str) -> bool:
    verdicts = [_is_all_nan(record) for record in _continuous(runs, metric)]
    known = [verdict for verdict in verdicts if verdict is not None]
    return bool(known) and all(known)


def _continuous(runs: Runs, metric: str) -> Iterator[Record]:
    for trace in runs.continuous.ranks.values():
        yield from trace.records(metric)


def _is_all_nan(record: Record) -> bool | None:
    values = values_of(record)
    if values is None or not values.numel() or not (values.is_floating_point() or values.is_complex()):
        return None
    return bool(is_nan(values).all())
