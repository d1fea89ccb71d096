"""What the rules look at: where a metric diverges first, and its records before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Diagnosis
from stopgo_mixins.comparison.states import series, state
from stopgo_mixins.comparison.wording import place

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.trace.record import Leaf, Record


@dataclass(frozen=True)
class Divergence:
    """The divergence of one metric.

    Attributes:
        runs: the traces.
        comparison: of the metric; it has mismatches.
    """

    runs: Runs
    comparison: Comparison

    @property
    def metric(self) -> str:
        """Which one."""
        return self.comparison.metric

    @property
    def first(self) -> Mismatch:
        """The first divergence."""
        return self.comparison.mismatches[0]

    @property
    def leg(self) -> Leg:
        """The leg in which it diverges."""
        return self.first.leg

    @property
    def where(self) -> str:
        """In words."""
        return place(self.first)

    @cached_property
    def here(self) -> list[Mismatch]:
        """All mismatches at the moment of the first one, on its rank and in its leg."""
        return self.comparison.at_first

    @property
    def is_state(self) -> bool:
        """Whether it is a state that diverges first, not behaviour."""
        return self.first.key.moment.is_state

    @property
    def is_restored(self) -> bool:
        """Whether it is state R that diverges first, as the leg restored it."""
        return self.first.is_restored

    @cached_property
    def start(self) -> dict[str, Record]:
        """State 0 of the continuous run by path, on the rank of the first divergence."""
        return state(self.runs.reference, self.first.rank, self.metric, 0)

    @cached_property
    def expected(self) -> dict[str, list[Record]]:
        """What the continuous run recorded on that rank under each path, in training order."""
        return series(self.runs.reference, self.first.rank, self.metric)

    @cached_property
    def resumed(self) -> dict[str, list[Record]]:
        """The same of the leg."""
        return series(self.leg.trace, self.first.rank, self.metric)

    @cached_property
    def tensors(self) -> dict[Leaf, tuple[str, str]]:
        """Metric and path of the continuous run's state tensors at the diverging step, the metric's own first."""
        found: dict[Leaf, tuple[str, str]] = {}
        for metric in sorted(self.runs.reference.metrics, key=lambda name: (name != self.metric, name)):
            for record in state(self.runs.reference, self.first.rank, metric, self.first.key.step).values():
                if record.leaf.kind == "tensor":
                    found.setdefault(record.leaf, (metric, record.key.path))
        return found


Rule = Callable[[Divergence], Diagnosis | None]
"""Recognises one pattern, or returns ``None``."""
