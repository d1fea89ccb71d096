"""How a run begins that restored nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from stopgo_mixins.trace.merge import side_by_side

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.events import Moment
    from stopgo_mixins.trace.blocks import Block
    from stopgo_mixins.trace.record import Leaf
    from stopgo_mixins.trace.store import RankTrace

_Leaves = dict[tuple["Moment", tuple[int, ...], str], "Leaf"]
"""Moment, ordinal and path -> what was recorded there at one step."""


def looks_like_a_start(runs: Runs, metric: str, point: int) -> bool:
    """Whether a run that restored nothing records what the continuous run records from a resume point R on.

    That run is the resume phase without its checkpoint where the class asks for it, else the continuous run's start.
    Of state only state R counts: what follows from it is computed.
    """
    if not point or runs.about(metric).begins_anew:
        return False
    starts = (runs.cold_start or runs.reference).ranks
    verdicts = [
        _looks_alike(_beside(starts[rank], trace, metric, point))
        for rank, trace in runs.reference.ranks.items()
        if rank in starts
    ]
    return all(verdict is not False for verdict in verdicts) and True in verdicts


def _looks_alike(steps: Iterator[tuple[_Leaves, _Leaves]]) -> bool | None:
    """``None`` where there is nothing to compare."""
    alike = None
    for start, later in steps:
        if start and later:
            if start != later:
                return False
            alike = True
            if any(moment.is_state for moment, _, _ in later):
                break
    return alike


def _beside(start: RankTrace, continuous: RankTrace, metric: str, point: int) -> Iterator[tuple[_Leaves, _Leaves]]:
    """Steps 0, 1, ... of one run beside steps R, R + 1, ... of the other."""
    shifted = ((step - point, blocks) for step, blocks in continuous.steps(metric) if step >= point)
    for _, (ours, theirs) in side_by_side([start.steps(metric), shifted]):
        yield _leaves(ours), _leaves(theirs)


def _leaves(blocks: Iterable[Block]) -> _Leaves:
    return {(*block.place, path): block.leaf(number) for block in blocks for number, path in enumerate(block.paths)}
