"""What was seen of a single step, operator by operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause, Diagnosis

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison


@dataclass(frozen=True)
class CloserLook:
    """At the first step that differs.

    Attributes:
        sentence: what was seen, or why nothing is said.
        step: k of the update; 0 where no training step differs.
        leg: the number of the leg that makes it.
        cause: the name of what the first operator that differs shows, which is that of the root causes of this step for
            which no other pattern fits.
        facts: of that operator, by their names: the operator, the module, the part of the step, the line of code, its
            inputs, what differs.
    """

    sentence: str
    step: int = 0
    leg: int = 0
    cause: Cause | None = None
    facts: Mapping[str, str] | None = None

    def diagnosis(self, comparison: Comparison) -> Diagnosis | None:
        """That of a metric which differs first in this step; ``None`` for any other."""
        first = comparison.mismatches[0]
        step = max(first.key.step, first.leg.start + 1)
        if self.cause is None or (step, first.leg.number) != (self.step, self.leg) or first.key.moment.is_validation:
            return None
        return Diagnosis(self.cause, self.sentence)
