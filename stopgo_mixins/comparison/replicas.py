"""Whether ranks that train replicas of the same have recorded the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.wording import listed, step_of
from stopgo_mixins.trace.merge import side_by_side

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.blocks import Block
    from stopgo_mixins.trace.record import Key, Leaf
    from stopgo_mixins.trace.store import Trace


def unequal_replicas(runs: Runs, metric: str) -> str | None:
    """Says so where a rank differs from the first in what is replicated, in whichever phase."""
    for name, trace in runs.traces.items():
        if metric not in trace.replicated or 0 not in trace.ranks:
            continue
        for rank in sorted(trace.ranks.keys() - {0}):
            if differing := _first_differing(trace, rank, metric):
                paths = listed(list(dict.fromkeys(key.path for key in differing)))
                return (
                    f"the ranks hold replicas, and in the {name} rank {rank} differs from rank 0, first "
                    f"at {step_of(differing[0])}: {paths}"
                )
    return None


def _first_differing(trace: Trace, rank: int, metric: str) -> list[Key]:
    """The keys of the first step at which two ranks differ that have both come there."""
    of_ranks = trace.ranks[0], trace.ranks[rank]
    for _, blocks in side_by_side([each.steps(metric) for each in of_ranks]):
        contents = [[(block.place, block.provoked, block.content) for block in own] for own in blocks]
        if all(blocks) and contents[0] != contents[1]:
            of_first, of_other = map(_leaves, blocks)
            if differing := _keys(of_other, of_first) or _keys(of_first, of_other):
                return differing
    return []


_Leaves = dict[tuple["Key", bool], "Leaf"]


def _leaves(blocks: list[Block]) -> _Leaves:
    return {
        (block.key._replace(path=path), block.provoked): block.leaf(number)
        for block in blocks
        for number, path in enumerate(block.paths)
    }


def _keys(leaves: _Leaves, known: _Leaves) -> list[Key]:
    return [key for (key, provoked), leaf in leaves.items() if known.get((key, provoked)) != leaf]
