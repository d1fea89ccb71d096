"""Whether a tolerance could fail at all: what it would accept in place of the recorded numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import torch

from stopgo_mixins.comparison.numbers import values_of, widened
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.comparison.wording import listed

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.record import Record

_ZEROS = "zeros"

REPLACEMENTS = (_ZEROS, "its first value", "itself one step earlier")
"""What a wrong resume may put in the place of a series: a lost tensor, one that no longer changes, one that lags."""


@dataclass(frozen=True)
class Weakness:
    """A tolerance accepts a replacement of a series.

    Attributes:
        path: of the series.
        replacement: the most similar of :data:`REPLACEMENTS`.
        largest: the largest tolerance, in the same ratio of ``rtol`` to ``atol``, that would reject it.
    """

    path: str
    replacement: str
    largest: Tolerance


def lack_of_power(runs: Runs, metric: str, tolerance: Tolerance | None) -> str | None:
    """Which wrong numbers a tolerance would accept; ``None`` where it rejects all that are tried."""
    if tolerance is None or tolerance.is_bitwise:
        return None
    found = weaknesses(runs, metric, tolerance)
    if not found:
        return None
    worst, weak = found[0], listed([weakness.path for weakness in found])
    return (
        f"{tolerance} is too wide for {weak}: {worst.path or 'the value'} could be replaced by {worst.replacement} and "
        f"would still pass. The largest tolerance that would do is {worst.largest}"
    )


def accepts_anything(runs: Runs, metric: str, tolerance: Tolerance | None) -> str | None:
    """Says so where zeros would pass in place of every number of the metric; ``None`` where any would be missed."""
    if tolerance is None or tolerance.is_bitwise:
        return None
    resumed = [each.multiples.get(_ZEROS) for each in _all_series(runs, metric, tolerance)]
    if not any(resumed) or any(multiple is None or multiple > 1 for multiple in resumed):
        return None
    return (
        f"{tolerance} accepts zeros in the place of all that the metric records, so its test could hardly fail: take a "
        f"smaller one, or remove the metric with metrics = {{{metric!r}: None}}"
    )


def weaknesses(runs: Runs, metric: str, tolerance: Tolerance) -> list[Weakness]:
    """Every series of the continuous run that could be replaced after the resume point without being noticed.

    A series is what one path holds at one ordinal, step after step.
    Each is put to the test alone: a whole optimizer state of zeros is noticed by its first moments even where the
    second moments could be anything.
    """
    found: dict[str, Weakness] = {}
    for each in _all_series(runs, metric, tolerance):
        if weakness := each.weakness(tolerance):
            found.setdefault(each.path, weakness)
    return sorted(found.values(), key=lambda weakness: weakness.largest.rtol + weakness.largest.atol)


def _all_series(runs: Runs, metric: str, tolerance: Tolerance) -> Iterator[_Series]:
    for trace in runs.reference.ranks.values():
        series: dict[tuple[object, ...], _Series] = {}
        for record in trace.records(metric):
            key = (record.key.path, record.key.moment.is_state, record.key.ordinal)
            series.setdefault(key, _Series(record.key.path)).add(record, tolerance, _is_resumed(runs, record))
        yield from series.values()


def _is_resumed(runs: Runs, record: Record) -> bool:
    return not runs.required_in(record.key).isdisjoint(runs.resumed)


@dataclass
class _Series:
    """How far each replacement lies from the recorded numbers, in multiples of what the tolerance accepts."""

    path: str
    first: torch.Tensor | None = None
    previous: torch.Tensor | None = None
    multiples: dict[str, float] = field(default_factory=dict)

    def add(self, record: Record, tolerance: Tolerance, is_resumed: bool) -> None:
        values = values_of(record)
        if values is None or not (values.is_floating_point() or values.is_complex()):
            return  # compared bit by bit, whatever the tolerance
        values = widened(values)
        if self.first is None:
            self.first = values
        elif is_resumed:
            for name, other in zip(REPLACEMENTS, self._replacements(values), strict=True):
                self.multiples[name] = max(self.multiples.get(name, 0.0), _multiple(other, values, tolerance))
        self.previous = values

    def _replacements(self, values: torch.Tensor) -> Iterator[torch.Tensor | None]:
        yield torch.zeros_like(values)
        yield self.first
        yield self.previous

    def weakness(self, tolerance: Tolerance) -> Weakness | None:
        """The replacement that comes closest, unless the tolerance rejects it; an equal one is no replacement."""
        name, multiple = min(self.multiples.items(), key=lambda item: item[1] or math.inf, default=("", 0.0))
        if not 0 < multiple <= 1:
            return None
        return Weakness(
            self.path, name, Tolerance(_below(tolerance.rtol * multiple), _below(tolerance.atol * multiple))
        )


def _multiple(other: torch.Tensor | None, values: torch.Tensor, tolerance: Tolerance) -> float:
    """The factor by which the tolerance must grow to accept ``other``; 0 where it is equal."""
    if other is None or other.shape != values.shape:
        return math.inf
    equal = (other == values) | (other.isnan() & values.isnan())
    accepted = tolerance.atol + tolerance.rtol * values.abs()
    multiples = torch.where(equal, 0.0, ((other - values).abs() / accepted).nan_to_num(math.inf, posinf=math.inf))
    return float(multiples.max()) if multiples.numel() else 0.0


def _below(limit: float) -> float:
    """A number of two digits that is smaller."""
    if limit == 0:
        return 0.0
    unit = 10.0 ** (math.floor(math.log10(limit)) - 1)
    return float(f"{(math.ceil(limit / unit) - 1) * unit:.1e}")
