"""What a run shows beside the metric at hand: its root causes, what follows from them, and what nobody looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.causality import root_causes
from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.comparison.resumption import started_from_scratch, steps_made
from stopgo_mixins.mode import Mode

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.declared import DeclaredDivergence
    from stopgo_mixins.comparison.runs import Runs


@dataclass(frozen=True)
class RootCause:
    """A divergence that no other one explains.

    Attributes:
        comparison: of the metric.
        diagnosis: its named cause, ``None`` where no known pattern fits.
        agreeing: what the metric is computed from, as far as it was recorded; all of it agrees up to there.
        declared: what the class says about it.
    """

    comparison: Comparison
    diagnosis: Diagnosis | None
    agreeing: tuple[str, ...]
    declared: DeclaredDivergence | None = None


@dataclass(frozen=True)
class Findings:
    """Everything that concerns the run as a whole.

    Attributes:
        of_the_run: causes that belong to no metric: a cold start, missing steps.
        root_causes: in training order.
        consequences: the other diverging metrics, by name.
        not_observed: what no recorder could see.
    """

    of_the_run: tuple[Diagnosis, ...]
    root_causes: tuple[RootCause, ...]
    consequences: tuple[str, ...]
    not_observed: tuple[str, ...]


def find(
    runs: Runs, comparisons: Mapping[str, Comparison], declared: Mapping[str, DeclaredDivergence] = MappingProxyType({})
) -> Findings:
    """Looks at all metrics of a run together.

    Args:
        runs: the traces.
        comparisons: of all metrics.
        declared: what the class says about them.
    """
    of_the_run = tuple(_of_the_run(runs))
    last = runs.resume_point + steps_made(runs.resume)
    concerned = {metric: found for metric, found in comparisons.items() if not _explained_by_the_end(found, last)}
    causes = tuple(
        RootCause(comparison, diagnosis, _agreeing(runs, comparison, comparisons), declared.get(comparison.metric))
        for comparison, diagnosis in diagnosed_root_causes(runs, concerned)
    )
    named = {cause.comparison.metric for cause in causes}
    consequences = sorted(metric for metric, found in comparisons.items() if found.mismatches and metric not in named)
    not_observed = dict.fromkeys(event["what"] for event in runs.reference.events("not_observed"))
    return Findings(of_the_run, causes, tuple(consequences), tuple(not_observed))


def diagnosed_root_causes(
    runs: Runs, comparisons: Mapping[str, Comparison]
) -> list[tuple[Comparison, Diagnosis | None]]:
    """The root causes of the run in training order, each with its named cause where a known pattern fits."""
    diagnoses = {metric: diagnose(runs, comparison) for metric, comparison in comparisons.items()}
    independent = [metric for metric, diagnosis in diagnoses.items() if diagnosis and diagnosis.independent]
    return [(cause, diagnoses[cause.metric]) for cause in root_causes(comparisons, runs.known, independent)]


def _of_the_run(runs: Runs) -> list[Diagnosis]:
    found = []
    if scratch := started_from_scratch(runs):
        found.append(Diagnosis(Cause.COLD_START, scratch))
    made, expected = steps_made(runs.resume), steps_made(runs.reference) - runs.resume_point
    if made < expected:
        sentence = f"the resume phase made {made} steps, expected {expected}: everything after them is missing"
        found.append(Diagnosis(Cause.STEPS_MISSING, sentence))
    return found


def _explained_by_the_end(comparison: Comparison, last_step: int) -> bool:
    """Whether all that differs is missing because the resume phase ended too early."""
    return bool(comparison.mismatches) and all(_is_beyond(found, last_step) for found in comparison.mismatches)


def _is_beyond(mismatch: Mismatch, last_step: int) -> bool:
    beyond = mismatch.key.step > last_step or (mismatch.key.moment.is_state and mismatch.key.step == last_step)
    return beyond and mismatch.difference is Difference.MISSING and mismatch.phase is Mode.RESUME


def _agreeing(runs: Runs, comparison: Comparison, comparisons: Mapping[str, Comparison]) -> tuple[str, ...]:
    parents = runs.about(comparison.metric).depends_on or ()
    return tuple(metric for metric in parents if metric in comparisons and comparisons[metric].compared)
