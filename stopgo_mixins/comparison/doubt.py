"""Why records that are equal may prove nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.numbers import is_nan, values_of
from stopgo_mixins.comparison.start import looks_like_a_start
from stopgo_mixins.comparison.wording import listed

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.resumption import Resumption
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.trace.record import Record


def lack_of_evidence(resumption: Resumption, comparison: Comparison) -> str | None:
    """Why a metric that is equal everywhere might be so after a wrong resume, too; ``None`` where it might not."""
    runs = resumption.runs
    return (
        worthless(resumption)
        or _rounded_otherwise(runs, comparison)
        or _first(_one_sided(leg, runs, comparison) for leg in runs.resumed)
        or _constant(comparison)
        or _first(_blind(leg, runs, comparison) for leg in runs.resumed)
    )


def worthless(resumption: Resumption) -> str | None:
    """Why nothing that is equal proves anything in this run."""
    if not resumption.worthless:
        return None
    return f"{resumption.worthless}; that its records equal those of the continuous run is no evidence"


def _rounded_otherwise(runs: Runs, comparison: Comparison) -> str | None:
    """Of state, what was restored is compared all the same."""
    if comparison.incomparable is None or comparison.incomparable.moment.is_state:
        return None
    return (
        f"from the resume on it was computed on {runs.last.trace.world_size} instead of {runs.reference.world_size} "
        "ranks, and sums are rounded otherwise there: say how far it may differ, tolerances = "
        f"{{{comparison.metric!r}: Tolerance(rtol=1e-5, atol=0.0)}}"
    )


def _first(reasons: Iterator[str | None]) -> str | None:
    return next(filter(None, reasons), None)


def _one_sided(leg: Leg, runs: Runs, comparison: Comparison) -> str | None:
    """All that ran before a resume stands on its one side, all that ran from then on on the other."""
    for legs, side in ((runs.before(leg), "before"), (runs.legs[leg.number :], "after")):
        if side == "before" and runs.from_step and leg.start <= runs.from_step:  # nothing before it is compared
            continue
        if not any(comparison.recorded[found] for found in legs):
            return f"nothing was recorded {side} the resume point ({leg.start})"
    return None


def _constant(comparison: Comparison) -> str | None:
    if any(series.varies for series in comparison.series.values()):
        return None
    return (
        f"constant: {listed(comparison.constant_paths)} stayed the same in all {comparison.compared} records, "
        "so a resume that lost it would look the same"
    )


def _blind(leg: Leg, runs: Runs, comparison: Comparison) -> str | None:
    """Whether what follows a resume does not tell a right one from a wrong one."""
    if nothing := _nothing_is_left(runs.legs[leg.number :], comparison, leg.start):
        return nothing
    if looks_like_a_start(runs, comparison.metric, leg.start):
        start = "the resume phase without its checkpoint" if runs.cold_start else "its own start"
        return (
            f"what the continuous run records from the resume point ({leg.start}) on equals {start}, so a resume that "
            "restored nothing of it would look the same; interrupt at another step"
        )
    return None


def _nothing_is_left(legs: Sequence[Leg], comparison: Comparison, point: int) -> str | None:
    """Says so where the legs recorded no number on any path that ever changes."""
    varying = comparison.series.keys() - set(comparison.constant_paths)
    left = [
        _is_all_nan(record)
        for leg in legs
        for trace in leg.trace.ranks.values()
        for record in trace.records(comparison.metric)
        if record.key.path in varying
    ]
    if not left:
        return f"nothing that changes was recorded after the resume point ({point})"
    if all(left):
        return f"every number after the resume point ({point}) is NaN in both runs, and equal NaN are no evidence"
    return None


def _is_all_nan(record: Record) -> bool:
    values = values_of(record)
    return values is not None and values.numel() > 0 and bool(is_nan(values).all())
