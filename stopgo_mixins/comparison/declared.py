"""Divergences that a class knows of."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.findings import Findings


@dataclass(frozen=True, kw_only=True)
class DeclaredDivergence:
    """Says that a metric diverges, from where on, and why.

    The metric's test then passes only if it does: without a divergence, with an earlier or a later one, or with
    another cause it fails.

    Args:
        from_step: the step k of the *state k* or *behaviour k* that differs first.
        cause: the cause that the diagnosis names for it, or for the root cause that it follows from.
        reference: where the reason is written down, such as the number of an issue and a version.

    Raises:
        ValueError: for a negative step, an unknown cause or an empty reference.
    """

    from_step: int
    cause: str
    reference: str

    def __post_init__(self) -> None:
        if not isinstance(self.from_step, int) or isinstance(self.from_step, bool) or self.from_step < 0:
            raise ValueError(f"DeclaredDivergence(from_step={self.from_step!r}): a step is an integer of at least 0.")
        known = [str(cause) for cause in Cause]
        if self.cause not in known:
            close = difflib.get_close_matches(str(self.cause), known, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(
                f"DeclaredDivergence(cause={self.cause!r}): no such cause.{hint} Known: {', '.join(known)}."
            )
        if not self.reference:
            raise ValueError(f"DeclaredDivergence(reference={self.reference!r}): say where the reason is written down.")

    def __str__(self) -> str:
        return f"declared to diverge from step {self.from_step} on because of {str(self.cause)!r} ({self.reference})"


def declaration_problem(declared: DeclaredDivergence, comparison: Comparison, findings: Findings) -> str | None:
    """In what a metric is not as it was declared; ``None`` where it is."""
    if comparison.first is None:
        return f"{declared}, but it does not diverge: take the declaration away"
    step = comparison.first.key.step
    if step != declared.from_step:
        when = "earlier" if step < declared.from_step else "later"
        return f"{declared}, but it diverges {when}: from step {step} on"
    causes = _causes(comparison, findings)
    if declared.cause not in causes:
        return f"{declared}, but the cause is another one: {', '.join(map(repr, causes)) or 'no known pattern fits'}"
    return None


def _causes(comparison: Comparison, findings: Findings) -> list[str]:
    """Of the metric itself if it is a root cause, else of those that it follows from."""
    own = [cause for cause in findings.root_causes if cause.comparison.metric == comparison.metric]
    diagnoses = [cause.diagnosis for cause in own or findings.root_causes]
    if not own:
        diagnoses += findings.of_the_run
    return [str(diagnosis.cause) for diagnosis in diagnoses if diagnosis is not None]
