"""What a comparison of two runs has found, for a terminal and for a program."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.message import failure_message, finding_lines, metric_lines
from stopgo_mixins.real_runs.recorded import recorded_every

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Leg
    from stopgo_mixins.real_runs.verdict import RunComparison


def lines_of(found: RunComparison) -> Iterator[str]:
    """The report: what was compared, the verdict, and the reasons for it."""
    yield from _what_was_compared(found)
    yield ""
    passed, judged = found.of(Verdict.PASSED), found.judgements
    yield f"{found.verdict.value}: {len(passed)} of {len(judged)} metrics are shown to be equal."
    yield from (f"  {check}: {problem}" for check, problem in found.problems.items())
    if found.of(Verdict.FAILED):
        yield from (f"  {line}" for line in finding_lines(found.findings, {}))
    yield from (f"  {line}" for metric in found.of(Verdict.FAILED) for line in _failure(found, metric))
    yield from (f"  passed: {', '.join(passed)}" for _ in range(bool(passed)))
    for verdict in (Verdict.NOT_VERIFIED, Verdict.NOT_APPLICABLE):
        yield from (f"  {verdict.value}: {metric} ({reason})" for metric, reason in found.of(verdict).items())


def _what_was_compared(found: RunComparison) -> Iterator[str]:
    runs = found.runs
    yield "interrupted run:"
    yield from (f"  {leg.name}: {_course(leg)} ({leg.trace.directory})" for leg in runs.legs)
    made = len(runs.reference.events("step_end"))
    yield f"uninterrupted run: {made} updates ({runs.reference.directory})"
    every = recorded_every(runs.reference)
    which = "every update" if every == 1 else f"every {every} updates"
    yield f"recorded: {which}" + (f"; compared from step {runs.from_step} on" if runs.from_step else "")


def _course(leg: Leg) -> str:
    """From where to where a leg went, and how it ended."""
    begin = "from the start" if leg.is_first else f"from the checkpoint of update {leg.start}"
    if not leg.broke_off:
        return f"{begin} to update {leg.end}"
    return f"{begin}, breaks off in update {leg.end + 1}: what it recorded until then is compared"


def _failure(found: RunComparison, metric: str) -> list[str]:
    """Where a metric differs; of a consequence, that it is one has been said."""
    comparison, reason = found.comparisons[metric], found.judgements[metric].reason
    if not comparison.mismatches:
        return [f"{metric}: {reason}"]
    return [] if metric in found.findings.consequences else metric_lines(metric, comparison)


def as_dict(found: RunComparison) -> dict[str, Any]:
    """The same for a program; the messages are those of the test classes."""
    findings = found.findings
    return {
        "verdict": found.verdict.value,
        "from_step": found.runs.from_step,
        "legs": [
            {
                "directory": str(leg.trace.directory),
                "start": leg.start,
                "end": leg.end,
                "broke_off": leg.broke_off,
            }
            for leg in found.runs.legs
        ],
        "problems": found.problems,
        "root_causes": [
            {
                "metric": cause.comparison.metric,
                "cause": cause.diagnosis and str(cause.diagnosis.cause),
                "sentence": cause.diagnosis and cause.diagnosis.sentence,
            }
            for cause in findings.root_causes
        ],
        "metrics": {metric: _metric_as_dict(found, metric) for metric in found.judgements},
    }


def _metric_as_dict(found: RunComparison, metric: str) -> dict[str, Any]:
    judgement, comparison = found.judgements[metric], found.comparisons[metric]
    shown = {"verdict": judgement.verdict.value, "compared": comparison.compared, "reason": judgement.reason}
    if comparison.first is None:
        return shown
    message = failure_message(metric, comparison, found.findings, {})
    return {**shown, "differing": len(comparison.mismatches), "first": comparison.first.key.step, "message": message}
