"""All that is asked of a run, each question once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.declared import declaration_problem
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.evidence import Judgement, Verdict, judge
from stopgo_mixins.comparison.findings import find, lacks_a_cause
from stopgo_mixins.comparison.first_module import named_by_first_module
from stopgo_mixins.comparison.message import failure_message, finding_lines, how_to_fix
from stopgo_mixins.comparison.noise_floor import determinism_problem
from stopgo_mixins.comparison.reach import what_counts
from stopgo_mixins.comparison.resumption import (
    Resumption,
    consumed_samples_problem,
    number_of_steps_problem,
    resume_point_problem,
)
from stopgo_mixins.comparison.training import nothing_trained

if TYPE_CHECKING:
    from stopgo_mixins.comparison.closer_look import CloserLook
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.findings import Findings
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.comparison.terms import Terms


@dataclass(frozen=True)
class Examination:
    """A run under the terms of its class.

    Attributes:
        runs: the traces.
        terms: of the class.
    """

    runs: Runs
    terms: Terms
    _compared: dict[str, Comparison] = field(default_factory=dict, init=False)
    _looks: list[CloserLook] = field(default_factory=list, init=False)

    @cached_property
    def resumption(self) -> Resumption:
        """What is asked of the run as a whole."""
        return Resumption(self.runs)

    @cached_property
    def metrics(self) -> list[str]:
        """All that were recorded or should have been, by name."""
        return sorted(self.runs.metrics | self.runs.known.keys())

    def comparison(self, metric: str) -> Comparison:
        """The comparison of one metric."""
        if metric not in self._compared:
            found = what_counts(self.runs, compare(self.runs, metric, self.terms.tolerances.get(metric)))
            self._compared[metric] = self._with_cause(found) if found.about.by_reach else found
        return self._compared[metric]

    def _with_cause(self, found: Comparison) -> Comparison:
        """What was found by reach, as it explains what differs elsewhere."""
        if not (found.overwritten or found.mismatches):
            return found
        others = self._comparisons_by_name()
        if found.overwritten and lacks_a_cause(self.runs, others):
            found = found.with_overwritten()
        return named_by_first_module(found, others.values())

    def _comparisons_by_name(self) -> dict[str, Comparison]:
        """Of the metrics whose values are not found by reach."""
        known = self.runs.about
        return {metric: self.comparison(metric) for metric in self.metrics if not known(metric).by_reach}

    @cached_property
    def _found(self) -> Findings:
        return find(self.resumption, self.comparisons)

    @property
    def findings(self) -> Findings:
        """What the run shows beside a single metric."""
        return self._found if self.closer_look is None else self._found.seen_closer(self.closer_look)

    @property
    def closer_look(self) -> CloserLook | None:
        """What was seen of the first step that differs; ``None`` where nobody has looked."""
        return self._looks[-1] if self._looks else None

    def look_closer(self, seen: CloserLook) -> None:
        """Takes into account what was seen of the first step that differs."""
        self._looks.append(seen)

    @property
    def comparisons(self) -> dict[str, Comparison]:
        """Those of all metrics, by name."""
        return {metric: self.comparison(metric) for metric in self.metrics}

    def _findings_with(self, part: Comparison) -> Findings:
        """What the run shows if a part of a comparison were all that differs in its metric."""
        return find(self.resumption, {**self.comparisons, part.metric: part})

    def is_consequence(self, metric: str) -> bool:
        """Whether another divergence explains that of a metric."""
        return bool(self.comparison(metric).mismatches) and self.findings.root_cause(metric) is None

    def judgement(self, metric: str) -> Judgement:
        """The verdict on a metric; the reason is empty where the comparison itself says everything."""
        comparison, terms = self.comparison(metric), self.terms
        if declared := terms.declared.get(metric):
            problem = declaration_problem(declared, comparison, self._findings_with)
            return Judgement(Verdict.FAILED, problem) if problem else Judgement(Verdict.PASSED)
        return judge(self.resumption, comparison, terms.tolerances.get(metric), terms.left_out.get(metric, ()))

    @property
    def root_causes(self) -> list[str]:
        """The lines that tell what is wrong with the run as a whole, and its root causes."""
        return finding_lines(self.findings, self.terms.declared)

    def failure(self, metric: str) -> str:
        """What the failing test of a metric says."""
        test, comparison, judgement = f"test_{metric}", self.comparison(metric), self.judgement(metric)
        reason = judgement.reason
        if not comparison.mismatches:
            remedy = how_to_fix(judgement.cause) if judgement.cause else []
            return "\n    ".join([f"{test}: {reason}.", *remedy])
        declared = [f"{test}: {reason}."] if reason else []
        return "\n".join([*declared, failure_message(test, comparison, self.findings, self.terms.declared)])

    def resume_point_problem(self) -> str | None:
        """What is wrong with the points from which the run was resumed; ``None`` where nothing is."""
        return self._with_remedy(resume_point_problem(self.resumption), Cause.COLD_START)

    def number_of_steps_problem(self) -> str | None:
        """Whether every leg made the updates that were missing, and any changed a weight."""
        problem = number_of_steps_problem(self.resumption, self.terms.num_steps)
        return self._with_remedy(problem, Cause.STEPS_MISSING) or nothing_trained(self.comparison("parameters"))

    def _with_remedy(self, problem: str | None, cause: Cause) -> str | None:
        """A problem of the run, and what helps if it has this cause."""
        if problem is None or all(found.cause is not cause for found in self.findings.of_the_run):
            return problem
        return "\n    ".join([problem, *how_to_fix(cause)])

    def consumed_samples_problem(self) -> str | None:
        """What is wrong with the sample counters at the start of each leg; ``None`` where nothing is."""
        return consumed_samples_problem(self.resumption)

    def determinism_problem(self) -> str | None:
        """In what two uninterrupted runs differ beyond the tolerances; ``None`` where they are the same."""
        return determinism_problem(self.runs, self.terms.tolerances)
