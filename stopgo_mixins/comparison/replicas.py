"""Whether ranks that train replicas of the same have recorded the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.wording import listed, step_of
from stopgo_mixins.trace.merge import side_by_side
from stopgo_mixins.trace.store import identity_of

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.record import Key
    from stopgo_mixins.trace.store import RankTrace, Trace


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
    for _, lines in side_by_side([each.steps(metric) for each in of_ranks]):
        identities = [set(map(identity_of, own)) for own in lines]
        if all(lines) and identities[0] != identities[1]:
            return _keys(of_ranks[1], lines[1], identities[0]) or _keys(of_ranks[0], lines[0], identities[1])
    return []


def _keys(trace: RankTrace, lines: list[str], known: set[str]) -> list[Key]:
    return [trace.parse(line).key for line in lines if identity_of(line) not in known]
