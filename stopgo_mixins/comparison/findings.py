"""What a run shows beside the metric at hand: its root causes, what follows from them, and what nobody looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.causality import root_causes
from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.metric import MetricKind

if TYPE_CHECKING:
    from stopgo_mixins.comparison.closer_look import CloserLook
    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.resumption import Resumption
    from stopgo_mixins.comparison.runs import Leg, Runs


@dataclass(frozen=True)
class RootDivergence:
    """A divergence that no other one explains.

    Attributes:
        comparison: of the metric.
        diagnosis: its named cause, ``None`` where no known pattern fits.
        agreeing: what the metric is computed from, as far as it was recorded; all of it agrees up to there.
    """

    comparison: Comparison
    diagnosis: Diagnosis | None
    agreeing: tuple[str, ...]

    @property
    def metric(self) -> str:
        """Which one."""
        return self.comparison.metric

    @property
    def first(self) -> Mismatch:
        """The first divergence."""
        return self.comparison.mismatches[0]


@dataclass(frozen=True)
class Findings:
    """Everything that concerns the run as a whole.

    Attributes:
        of_the_run: causes that belong to no metric: a cold start, missing steps.
        root_causes: in training order.
        consequences: the other diverging metrics, by name.
        not_observed: what no recorder could see.
        only_reports: whether nothing differs but what the run logs.
    """

    of_the_run: tuple[Diagnosis, ...]
    root_causes: tuple[RootDivergence, ...]
    consequences: tuple[str, ...]
    not_observed: tuple[str, ...]
    only_reports: bool

    def seen_closer(self, look: CloserLook) -> Findings:
        """With the name that a closer look has for root causes without one."""
        causes = (
            replace(each, diagnosis=each.diagnosis or look.diagnosis(each.comparison)) for each in self.root_causes
        )
        return replace(self, root_causes=tuple(causes))

    def root_cause(self, metric: str) -> RootDivergence | None:
        """That of a metric, if it is one."""
        return next((cause for cause in self.root_causes if cause.metric == metric), None)


def find(resumption: Resumption, comparisons: Mapping[str, Comparison]) -> Findings:
    """Looks at all metrics of a run together.

    Args:
        resumption: the run, and whether it was resumed.
        comparisons: of all metrics.
    """
    runs = resumption.runs
    of_the_run = tuple(_of_the_run(resumption))
    concerned = {metric: found for metric, found in comparisons.items() if not _explained_by_the_end(found, runs.last)}
    causes = tuple(
        RootDivergence(comparison, diagnosis, _agreeing(runs, comparison, comparisons))
        for comparison, diagnosis in diagnosed_root_causes(runs, concerned)
    )
    named = {cause.comparison.metric for cause in causes}
    consequences = sorted(metric for metric, found in comparisons.items() if found.mismatches and metric not in named)
    if not consequences:
        causes = tuple(_not_yet_seen(runs, cause) for cause in causes)
    only_reports = bool(named) and all(
        MetricKind.LOGGED in runs.about(metric).kinds for metric in (*named, *consequences)
    )
    not_observed = _not_observed(runs, comparisons)
    return Findings(of_the_run, causes, tuple(consequences), not_observed, only_reports)


def _not_observed(runs: Runs, comparisons: Mapping[str, Comparison]) -> tuple[str, ...]:
    noted = (event for trace in runs.reference.ranks.values() for event in trace.events("not_observed"))
    unrepeatable = (
        f"{metric} {path} (two runs differ in it before the interruption)"
        for metric, found in comparisons.items()
        for path in sorted(found.unrepeatable)
    )
    return tuple(dict.fromkeys([*(event["what"] for event in noted), *unrepeatable, *_not_reseeded(runs)]))


def _not_reseeded(runs: Runs) -> Iterator[str]:
    start = runs.reseeded
    if start is not None and (problem := start.problem(runs.legs[1].start)):
        yield f"what is right only because every phase starts from seed {start.seed} (another start: {problem})"


def _not_yet_seen(runs: Runs, cause: RootDivergence) -> RootDivergence:
    """Adds what it means that nothing followed from a root cause."""
    diagnosis = cause.diagnosis
    if diagnosis is None or diagnosis.cause is not Cause.UNSAVED_STATE:
        return cause
    steps = len(runs.reference.events("step_end")) - cause.comparison.mismatches[0].leg.start
    sentence = f"{diagnosis.sentence}; nothing else differs within these {steps} steps, but what reads it later will"
    return replace(cause, diagnosis=replace(diagnosis, sentence=sentence))


def diagnosed_root_causes(
    runs: Runs, comparisons: Mapping[str, Comparison]
) -> list[tuple[Comparison, Diagnosis | None]]:
    """The root causes of the run in training order, each with its named cause where a known pattern fits."""
    diagnoses = {metric: diagnose(runs, comparison) for metric, comparison in comparisons.items()}
    independent = [metric for metric, diagnosis in diagnoses.items() if diagnosis and diagnosis.independent]
    apart = {metric: diagnosis.apart_from for metric, diagnosis in diagnoses.items() if diagnosis}
    return [
        (cause, diagnoses[cause.metric])
        for cause in root_causes(comparisons, runs.known, independent, apart)
        if not any(
            parent in independent or cause.metric not in (runs.about(parent).depends_on or ())
            for parent in _followed(cause, diagnoses[cause.metric], comparisons)
        )
    ]


def _followed(
    comparison: Comparison, diagnosis: Diagnosis | None, comparisons: Mapping[str, Comparison]
) -> Iterator[str]:
    """The metrics that a diagnosis says explain it, as far as they diverge where that can be."""
    first = comparison.mismatches[0]
    for metric in diagnosis.follows if diagnosis else ():
        found = comparisons[metric].first if metric in comparisons else None
        if found and found.leg == first.leg and found.key.step - first.key.step in (0, 1):
            yield metric


def lacks_a_cause(runs: Runs, comparisons: Mapping[str, Comparison]) -> bool:
    """Whether the run diverges, and no known pattern says why."""
    return any(diagnosis is None for _, diagnosis in diagnosed_root_causes(runs, comparisons))


def _of_the_run(resumption: Resumption) -> list[Diagnosis]:
    found = [Diagnosis(Cause.COLD_START, scratch) for scratch in resumption.from_scratch.values()]
    last = resumption.runs.last
    made, expected = last.steps_made, len(resumption.runs.reference.events("step_end")) - last.start
    if made < expected:
        sentence = f"the {last.name} made {made} steps, expected {expected}: everything after them is missing"
        found.append(Diagnosis(Cause.STEPS_MISSING, sentence))
    return found


def _explained_by_the_end(comparison: Comparison, last: Leg) -> bool:
    """Whether all that differs is missing because the last leg ended too early."""
    return bool(comparison.mismatches) and all(_is_beyond(found, last) for found in comparison.mismatches)


def _is_beyond(mismatch: Mismatch, last: Leg) -> bool:
    step, end = mismatch.key.step, last.start + last.steps_made
    beyond = step > end or (mismatch.key.moment.is_state and step == end)
    return beyond and mismatch.difference is Difference.MISSING and mismatch.leg == last


def _agreeing(runs: Runs, comparison: Comparison, comparisons: Mapping[str, Comparison]) -> tuple[str, ...]:
    parents = runs.about(comparison.metric).depends_on or ()
    recorded = (metric for metric in parents if metric in comparisons and comparisons[metric].compared)
    return tuple(dict.fromkeys(recorded))
