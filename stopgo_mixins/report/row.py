"""What the report says of one metric."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import Difference
from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.comparison.wording import listed, place

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.declared import DeclaredDivergence
    from stopgo_mixins.comparison.diagnosis.cause import Diagnosis
    from stopgo_mixins.comparison.evidence import Judgement
    from stopgo_mixins.comparison.examination import Examination
    from stopgo_mixins.comparison.findings import RootDivergence


class CellState(enum.Enum):
    """What the map shows of a metric at a step."""

    DIFFERS = "differs"
    MISSING = "missing or extra"
    DECLARED = "declared"
    NOT_VERIFIED = "not verified"
    EQUAL = "equal"


class Role(enum.Enum):
    """What a divergence is to the run."""

    ROOT_CAUSE = "root cause"
    CONSEQUENCE = "consequence"


@dataclass(frozen=True)
class Row:
    """One metric.

    Attributes:
        comparison: of it.
        verdict: how its test ends.
        role: what its divergence is to the run; ``None`` where it has none.
        diagnosis: the named cause, of a root cause for which there is one.
        steps: the steps at which it is in each state.
        text: the message of its failure, the reason why it proves nothing, or the evidence that it was restored.
    """

    comparison: Comparison
    verdict: Verdict
    role: Role | None
    diagnosis: Diagnosis | None
    steps: Mapping[CellState, set[int]]
    text: str

    @classmethod
    def of(cls, examination: Examination, metric: str) -> Row:
        """What is known of a metric."""
        comparison, judgement = examination.comparison(metric), examination.judgement(metric)
        root = examination.findings.root_cause(metric)
        return cls(
            comparison,
            _verdict(examination, judgement),
            _role(comparison, root),
            None if root is None else root.diagnosis,
            _steps(comparison, judgement.verdict, examination.terms.declared.get(metric, ())),
            _text(examination, metric, judgement),
        )

    @property
    def metric(self) -> str:
        """Its name."""
        return self.comparison.metric

    @property
    def first(self) -> str:
        """Where it diverges first, in words; empty where it does not."""
        return place(self.comparison.first) if self.comparison.first else ""

    @property
    def begin(self) -> str:
        """The same in two words."""
        if self.comparison.first is None:
            return ""
        key = self.comparison.first.key
        return f"{'state' if key.moment.is_state else 'step'} {key.step}"

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts rows as one thing led to another, what agrees last."""
        if self.comparison.first is not None:
            return (0, self.comparison.first.order, self.role is not Role.ROOT_CAUSE)
        return (1, list(Verdict).index(self.verdict))


def _verdict(examination: Examination, judgement: Judgement) -> Verdict:
    strict = judgement.verdict is Verdict.NOT_VERIFIED and examination.terms.require_evidence
    return Verdict.FAILED if strict else judgement.verdict


def _role(comparison: Comparison, root: RootDivergence | None) -> Role | None:
    if not comparison.mismatches:
        return None
    return Role.CONSEQUENCE if root is None else Role.ROOT_CAUSE


def _steps(
    comparison: Comparison, verdict: Verdict, declared: Sequence[DeclaredDivergence]
) -> dict[CellState, set[int]]:
    steps: dict[CellState, set[int]] = {state: set() for state in CellState}
    for found in comparison.mismatches:
        if any(each.covers(found.key.path) for each in declared):
            state = CellState.DECLARED
        elif found.difference in (Difference.MISSING, Difference.UNEXPECTED):
            state = CellState.MISSING
        else:
            state = CellState.DIFFERS
        steps[state].add(found.key.step)
    agreeing = CellState.NOT_VERIFIED if verdict is Verdict.NOT_VERIFIED else CellState.EQUAL
    steps[agreeing] |= comparison.equal_steps
    return steps


def _text(examination: Examination, metric: str, judgement: Judgement) -> str:
    if judgement.verdict is Verdict.FAILED:
        return examination.failure(metric)
    declared = examination.terms.declared.get(metric, ())
    return judgement.reason or "\n".join(map(str, declared)) or _evidence(examination, metric)


def _evidence(examination: Examination, metric: str) -> str:
    """Why a metric that passed could have failed."""
    comparison, tolerance = examination.comparison(metric), examination.terms.tolerances.get(metric)
    legs = ", ".join(f"{leg.name} {count}" for leg, count in comparison.recorded.items())
    constant, paths = comparison.constant_paths, len(comparison.series)
    changing = f"{paths - len(constant)} of {paths} paths change" if paths > 1 else "it changes"
    return "; ".join(
        [
            f"{comparison.compared} records are equal {'bit for bit' if tolerance is None else f'within {tolerance}'}",
            f"recorded on both sides of the resume ({legs})",
            changing + (f", constant: {listed(constant)}" if constant else ""),
        ]
    )
