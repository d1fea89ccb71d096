"""Whether an interrupted run is the same as an uninterrupted one."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.evidence import Judgement, Verdict
from stopgo_mixins.comparison.examination import Examination
from stopgo_mixins.comparison.resumption import (
    consumed_samples_problem,
    number_of_steps_problem,
    resume_point_problem,
)
from stopgo_mixins.comparison.terms import Terms
from stopgo_mixins.comparison.training import nothing_trained

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.findings import Findings
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
    def _examination(self) -> Examination:
        return Examination(self.runs, Terms(len(self.runs.reference.events("step_end")), self.tolerances))

    @cached_property
    def comparisons(self) -> dict[str, Comparison]:
        """Of each metric that any run recorded, or said why it did not."""
        noted = {str(event["metric"]) for event in self.runs.reference.events("not_applicable")}
        return {metric: self._examination.comparison(metric) for metric in sorted(self.runs.metrics | noted)}

    @cached_property
    def judgements(self) -> dict[str, Judgement]:
        """The verdict on each of them."""
        return {metric: self._examination.judgement(metric) for metric in self.comparisons}

    @property
    def findings(self) -> Findings:
        """The root causes, and what follows from them."""
        return self._examination.findings

    @cached_property
    def problems(self) -> dict[str, str]:
        """What is wrong with the run as a whole, by the name of the check."""
        resumption = self._examination.resumption
        weights = self.comparisons.get("parameters")
        steps = number_of_steps_problem(resumption, self._examination.terms.num_steps)
        found = {
            "resume_point": resume_point_problem(resumption),
            "number_of_steps": steps or (weights and nothing_trained(weights)),
            "train_val_init_consumed_samples": consumed_samples_problem(resumption),
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
