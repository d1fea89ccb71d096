"""What a report says, whatever its format."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.wording import counted
from stopgo_mixins.report.columns import Columns
from stopgo_mixins.report.row import Role, Row

if TYPE_CHECKING:
    from stopgo_mixins.comparison.examination import Examination
    from stopgo_mixins.report.subject import Subject


@dataclass(frozen=True)
class Contents:
    """The report of one run.

    Attributes:
        subject: what it is about.
        rows: one per metric, in the order in which one thing led to another.
        columns: the steps.
        problems: what is wrong with the run as a whole, by test.
    """

    subject: Subject
    rows: tuple[Row, ...]
    columns: Columns
    problems: dict[str, str]

    @classmethod
    def of(cls, subject: Subject) -> Contents:
        """Compares and judges everything.

        Raises:
            TraceError: when a trace is damaged.
        """
        examination = subject.examination
        rows = sorted((Row.of(examination, metric) for metric in examination.metrics), key=lambda row: row.order)
        resumed_at = [leg.start for leg in examination.runs.resumed]
        columns = Columns.of(examination.terms.num_steps, resumed_at)
        return cls(subject, tuple(rows), columns, _problems(examination))

    def ended(self, verdict: Verdict) -> list[Row]:
        """The metrics whose tests end so."""
        return [row for row in self.rows if row.verdict is verdict]

    @property
    def drawn(self) -> list[Row]:
        """The metrics of which anything was recorded."""
        return [row for row in self.rows if row.comparison.compared]

    @property
    def failed(self) -> bool:
        """Whether any test fails."""
        return bool(self.problems) or bool(self.ended(Verdict.FAILED))

    @property
    def headline(self) -> str:
        """The outcome in a sentence."""
        roles = Counter(row.role for row in self.ended(Verdict.FAILED))
        roots, consequences = roles[Role.ROOT_CAUSE], roles[Role.CONSEQUENCE]
        if roots:
            follow = f", {counted(consequences, 'other metric')} with it" if consequences else ""
            return f"The resumed run is not the same run: {counted(roots, 'root cause')}{follow}."
        if self.failed:
            return "The run does not show that it was resumed exactly."
        passed, verified = len(self.ended(Verdict.PASSED)), len(self.ended(Verdict.NOT_VERIFIED))
        rest = f"; {counted(verified, 'metric')} could not be verified" if verified else ""
        return f"The resumed run is the same run in {counted(passed, 'metric')}{rest}."

    @property
    def not_observed(self) -> tuple[str, ...]:
        """What no recorder could see."""
        return self.subject.examination.findings.not_observed


def _problems(examination: Examination) -> dict[str, str]:
    found = {
        "test_resume_point": examination.resume_point_problem(),
        "test_number_of_steps": examination.number_of_steps_problem(),
        "test_train_val_init_consumed_samples": examination.consumed_samples_problem(),
    }
    if examination.runs.repeated is not None:
        found["test_determinism"] = examination.determinism_problem()
    return {test: problem for test, problem in found.items() if problem}
