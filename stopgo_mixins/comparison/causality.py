"""Which divergences are root causes, by what the metrics say they depend on.

Restored state and inputs are roots.
Random numbers, weights and inputs make outputs, outputs make losses, losses gradients, gradients the next state.
A divergence is a consequence if something that it depends on diverged before it, else a root cause; there may be
several, and there is always one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from stopgo_mixins.events import Moment
from stopgo_mixins.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Collection

    from stopgo_mixins.comparison.compare import Comparison, Mismatch
    from stopgo_mixins.metric import Metrics


def root_causes(
    comparisons: Mapping[str, Comparison],
    known: Metrics,
    roots: Collection[str] = (),
    apart: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> list[Comparison]:
    """The diverging metrics that no other divergence explains, in training order.

    Args:
        comparisons: all metrics of the run, by name.
        known: what the metrics say of themselves; one that is missing says nothing.
        roots: metrics whose divergence has a cause of its own, whatever else diverged.
        apart: metric -> those of which none explains its divergence.
    """
    diverging = {
        metric: _Divergence(metric, known.get(metric, Metric), comparison.first)
        for metric, comparison in comparisons.items()
        if comparison.first is not None
    }
    unseen = {metric for metric, comparison in comparisons.items() if comparison.incomparable}
    parents = _Parents(known, unseen)
    found = sorted((comparisons[metric] for metric in diverging), key=lambda comparison: comparison.mismatches[0].order)

    def is_cause(metric: str) -> bool:
        others = {name: other for name, other in diverging.items() if name not in apart.get(metric, ())}
        return metric in roots or not _is_explained(diverging[metric], others, parents)

    causes = [comparison for comparison in found if is_cause(comparison.metric)]
    return causes or found[:1]  # metrics that depend on each other within a moment explain each other


@dataclass(frozen=True)
class _Divergence:
    """Where a metric diverges first, and what it says of itself."""

    metric: str
    about: type[Metric]
    first: Mismatch

    @property
    def came_about(self) -> tuple[float, float]:
        """When the diverging value came about: weights at state k exist before the validation after update k."""
        step, moment = self.first.key.step, self.first.key.moment
        if self.about.decided_before_validation and moment.is_validation:
            return step, Moment.VALIDATION_BATCH.order - 0.5
        if moment.is_state:
            place = Moment.STEP_START if self.about.changes_in_validation else Moment.GRADIENTS
            return step, place.order + 0.5
        return step, moment.order

    def explains(self, effect: _Divergence) -> bool:
        """Whether it came before a divergence that depends on it, or acts on it within the moment."""
        ours, theirs = self.first.key, effect.first.key
        if ours.moment.is_state and theirs.moment.is_state and ours.step == theirs.step:
            return self._acts_at_once_on(effect)  # read together: each was restored, or left by the last update
        earlier, later = self.came_about, effect.came_about
        return earlier < later or (earlier == later and self._acts_at_once_on(effect))

    def _acts_at_once_on(self, effect: _Divergence) -> bool:
        if effect.about.depends_on is None:  # what is computed from it cannot have made it
            return effect.metric not in (self.about.depends_on or ())
        return self.metric in effect.about.at_once or not effect.first.key.moment.is_state


@dataclass(frozen=True)
class _Parents:
    """What each metric depends on.

    Attributes:
        known: what the metrics say of themselves.
        unseen: those that may differ without anybody seeing it; what they depend on shows through.
    """

    known: Metrics
    unseen: Collection[str]

    def of(self, about: type[Metric]) -> set[str]:
        """All by which a metric may have come to differ."""
        found: set[str] = set()
        left = list(self._named_by(about))
        while left:
            parent = left.pop()
            if parent not in found:
                found.add(parent)
                left += self._named_by(self.known.get(parent, Metric)) if parent in self.unseen else ()
        return found

    def _named_by(self, about: type[Metric]) -> Iterable[str]:
        if about.depends_on is not None:
            return about.depends_on
        return [metric for metric, known in self.known.items() if known.depends_on is not None]


def _is_explained(effect: _Divergence, diverging: Mapping[str, _Divergence], parents: _Parents) -> bool:
    found = parents.of(effect.about) - {effect.metric}
    return any(diverging[parent].explains(effect) for parent in found if parent in diverging)
