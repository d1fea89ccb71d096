"""Whether an interrupted run is the same as an uninterrupted one."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Comparison, compare
from stopgo_mixins.comparison.evidence import Judgement, Verdict, judge
from stopgo_mixins.comparison.findings import Findings, find
from stopgo_mixins.comparison.reach import what_counts
from stopgo_mixins.comparison.resumption import (
    Resumption,
    consumed_samples_problem,
    number_of_steps_problem,
    resume_point_problem,
)
from stopgo_mixins.comparison.training import nothing_trained

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.tolerance import Tolerance


class RunVerdict(enum.Enum):
    """What the comparison of two runs comes to."""

    SAME = "the same run"
    DIFFERENT = "not the same run"
    NOT_VERIFIED = "not verified"


@dataclass(frozen=True)
class RunComparison:
    """Two runs, and all that is asked of them.

    Attributes:
        runs: the traces.
        tolerances: by metric; everything else is compared bit by bit.
    """

    runs: Runs
    tolerances: Mapping[str, Tolerance] = field(default_factory=dict)

    @cached_property
    def _resumption(self) -> Resumption:
        return Resumption(self.runs)

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Of each metric that any run recorded, or said why it did not."""
        noted = {str(event["metric"]) for event in self.runs.reference.events("not_applicable")}
        metrics = sorted(self.runs.metrics | noted)
        found = (compare(self.runs, metric, self.tolerances.get(metric)) for metric in metrics)
        return {comparison.metric: what_counts(self.runs, comparison) for comparison in found}

    @cached_property
    def judgements(self) -> dict[str, Judgement]:
        """The verdict on each of them."""
        return {
            metric: judge(self._resumption, comparison, self.tolerances.get(metric))
            for metric, comparison in self.comparisons.items()
        }

    @cached_property
    def findings(self) -> Findings:
        """The root causes, and what follows from them."""
        return find(self._resumption, self.comparisons)

    @cached_property
    def problems(self) -> dict[str, str]:
        """What is wrong with the run as a whole, by the name of the check."""
        num_steps = len(self.runs.reference.events("step_end"))
        weights = self.comparisons.get("parameters")
        steps = number_of_steps_problem(self._resumption, num_steps)
        found = {
            "resume_point": resume_point_problem(self._resumption),
            "number_of_steps": steps or (weights and nothing_trained(weights)),
            "train_val_init_consumed_samples": consumed_samples_problem(self._resumption),
        }
        return {check: problem for check, problem in found.items() if problem}

    def of(self, verdict: Verdict) -> dict[str, str]:
        """The metrics with a verdict, and its reason."""
        return {metric: found.reason for metric, found in self.judgements.items() if found.verdict is verdict}

    @cached_property
    def verdict(self) -> RunVerdict:
        """One word for all of it: nothing may differ, and something must have been shown to be the same."""
        if self.problems or self.of(Verdict.FAILED):
            return RunVerdict.DIFFERENT
        return RunVerdict.SAME if self.of(Verdict.PASSED) else RunVerdict.NOT_VERIFIED
