"""Whether the traces tell everything: of every rank, up to the end, and without contradicting each other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.wording import listed, listed_ranks, ranges

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.trace.store import Trace

BEGINNING = {"checkpoint_loaded": "the checkpoint that was loaded", "first_step": "the first step"}
"""Event -> what its update says about how a phase began."""

ENDING = {"checkpoint_saved": "the checkpoints that were written", "interrupted": "where it was interrupted"}
"""Event -> what its updates say about how a phase came to its end."""

STEPS = {"step_end": "the steps that were made"}
"""Event -> what its updates say about how far a phase went."""


def absent_ranks(runs: Runs) -> str | None:
    """Says so where a trace lacks a rank, does not tell how many there were, or tells of another number."""
    all_traces = {**runs.traces, **runs.control_arms}
    problem = next(filter(None, (_absent(name, trace) for name, trace in all_traces.items())), None)
    return problem or _other_world(all_traces, runs.reference)


def _absent(name: str, trace: Trace) -> str | None:
    if not trace.ranks:
        return f"the {name} left no trace"
    if trace.world_size is None:
        return f"the {name} does not tell how many ranks trained together: its trace has no phase_start with world_size"
    if trace.absent_ranks:
        return f"{listed_ranks(trace.absent_ranks)} of {trace.world_size} left no trace of the {name}"
    return None


def _other_world(traces: Mapping[str, Trace], reference: Trace) -> str | None:
    for name, trace in traces.items():
        if trace.world_size != reference.world_size and not (trace.is_whole and reference.is_whole):
            return f"the {name} trained on {trace.world_size} ranks, the continuous phase on {reference.world_size}"
    return None


def missing_end(runs: Runs) -> str | None:
    """Says so where a trace breaks off that should not: what happened after that, nobody knows."""
    killed = [leg.trace for leg in runs.before(runs.last)] if runs.may_break_off else []
    for name, trace in {**runs.traces, **runs.control_arms}.items():
        if trace not in killed and not trace.has_ended:
            broken = [rank for rank, found in trace.ranks.items() if not found.has_ended]
            return f"the trace of the {name} breaks off on {listed_ranks(broken)}: it has no end mark (phase_end)"
    return None


def damage(runs: Runs) -> str | None:
    """Says so where the files of a trace are others than they were when its end mark was written."""
    for name, trace in {**runs.traces, **runs.control_arms}.items():
        for rank, found in trace.ranks.items():
            if damaged := found.damaged:
                return (
                    f"the trace of the {name} is damaged on rank {rank}: {listed(damaged)} changed after the end of "
                    "the phase"
                )
    return None


def contradiction(runs: Runs, about: Mapping[str, str]) -> str | None:
    """In what the ranks of one trace contradict each other.

    Args:
        runs: the traces.
        about: event -> what its updates say.
    """
    killed = [leg.trace for leg in runs.before(runs.last) if _was_killed(leg)]
    found = (
        _contradiction(name, trace, event, what)
        for name, trace in runs.traces.items()
        for event, what in about.items()
        if event in BEGINNING or trace not in killed
    )
    return next(filter(None, found), None)


def _was_killed(leg: Leg) -> bool:
    """Whether no rank was asked to end; then each got as far as it did."""
    return not any(trace.events("interrupted") for trace in leg.trace.ranks.values())


def _contradiction(name: str, trace: Trace, event: str, what: str) -> str | None:
    ranks_by_word: dict[str, list[int]] = defaultdict(list)
    for rank, found in trace.ranks.items():
        ranks_by_word[ranges({each["update"] for each in found.events(event)})].append(rank)
    if len(ranks_by_word) <= 1:
        return None
    words = (f"{listed_ranks(ranks)}: {word}" for word, ranks in ranks_by_word.items())
    return f"the ranks of the {name} disagree about {what} ({'; '.join(words)})"
