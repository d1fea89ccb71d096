"""Whether the run was resumed at all: which checkpoint, from where, and how many steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.checkpoints import checkpoint_problem
from stopgo_mixins.comparison.completeness import (
    BEGINNING,
    ENDING,
    STEPS,
    absent_ranks,
    contradiction,
    damage,
    missing_end,
)
from stopgo_mixins.comparison.shared_seed import OnlyBySeed, only_by_seed
from stopgo_mixins.comparison.states import leaves, state
from stopgo_mixins.comparison.wording import listed_ranks

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Leg, Runs
    from stopgo_mixins.trace.lines import Event
    from stopgo_mixins.trace.record import Leaf
    from stopgo_mixins.trace.store import Trace


@dataclass(frozen=True)
class Resumption:
    """A run, and what is asked of it once, whatever the metric.

    Attributes:
        runs: the traces.
    """

    runs: Runs

    @cached_property
    def from_scratch(self) -> dict[Leg, str]:
        """The legs that did not continue from a checkpoint, although they should have, and what shows it.

        Either a leg says so itself, or what it began with is state 0, even if it claims to be at step R.
        """
        found = {leg: _started_from_scratch(leg, self.runs) for leg in self.runs.resumed}
        return {leg: scratch for leg, scratch in found.items() if scratch}

    @cached_property
    def worthless(self) -> str | None:
        """Why nothing that this run recorded is evidence of anything; ``None`` where it may be."""
        scratch = next(iter(self.from_scratch.values()), None)
        return scratch or absent_ranks(self.runs) or missing_end(self.runs) or damage(self.runs)

    @cached_property
    def only_by_seed(self) -> dict[str, OnlyBySeed]:
        """What is right only because every phase starts from one seed, by metric."""
        return only_by_seed(self.runs)


def _started_from_scratch(leg: Leg, runs: Runs) -> str | None:
    if empty := [rank for rank, trace in leg.trace.ranks.items() if not trace.events("checkpoint_loaded")]:
        return f"{_of_ranks(leg, empty)} loaded no checkpoint: its bridge never called checkpoint_loaded"
    if leg.trace.ranks and not leg.start:
        return f"the {leg.name} began with a checkpoint of step 0, in which there is nothing to restore"
    claim = f"started from scratch: it loaded the checkpoint of step {leg.start}, yet its"
    firsts = _first_events(leg, "first_step")
    if restarted := [rank for rank, first in firsts.items() if leg.start > first["update"] == 0]:
        return f"{_of_ranks(leg, restarted)} {claim} first step was step 1"
    if equal := _equal_to_the_start(leg, runs):
        return f"the {leg.name} {claim} {' and '.join(equal).replace('_', ' ')} are those of state 0 (a cold start)"
    return None


def _of_ranks(leg: Leg, ranks: Sequence[int]) -> str:
    """The leg, with the ranks at issue unless those are all."""
    return f"the {leg.name}" + ("" if len(ranks) == len(leg.trace.ranks) else f" on {listed_ranks(ranks)}")


def _first_events(leg: Leg, name: str) -> dict[int, Event]:
    """The first event of a kind on each rank that has one."""
    return {rank: events[0] for rank, trace in leg.trace.ranks.items() if (events := trace.events(name))}


def _equal_to_the_start(leg: Leg, runs: Runs) -> list[str]:
    """Which metrics of restored state equal state 0 although they should not; empty unless all of them do."""
    equal = []
    for metric in (name for name, about in runs.known.items() if about.indispensable):
        start, restored = _on_all_ranks(runs.reference, metric, 0), _on_all_ranks(leg.trace, metric, leg.start)
        if not start:  # where the comparison begins later
            continue
        if restored and start != restored:
            return []
        if restored and restored != _on_all_ranks(runs.reference, metric, leg.start):
            equal.append(metric)
    return equal


def _on_all_ranks(trace: Trace, metric: str, step: int) -> dict[int, dict[str, Leaf]]:
    found = {rank: leaves(state(trace, rank, metric, step)) for rank in trace.ranks}
    return {rank: values for rank, values in found.items() if values}


def resume_point_problem(resumption: Resumption) -> str | None:
    """What is wrong with the points from which the run was resumed; ``None`` where nothing is."""
    runs = resumption.runs
    if resumption.from_scratch:
        leg, scratch = next(iter(resumption.from_scratch.items()))
        return f"{scratch}.{_written(runs.before(leg))}"
    if problem := absent_ranks(runs) or contradiction(runs, BEGINNING | ENDING):
        return f"{problem}."
    of_legs = (_resume_point_problem(leg, runs.before(leg)) for leg in runs.resumed)
    return next(filter(None, of_legs), None) or checkpoint_problem(runs)


def _resume_point_problem(leg: Leg, earlier: Sequence[Leg]) -> str | None:
    loaded = next(iter(leg.trace.ranks.values())).events("checkpoint_loaded")[-1]
    writer, newest = _newest(earlier)
    if newest is not None and leg.start < newest["update"]:
        return (
            f"the {leg.name} loaded {loaded['path']} of step {leg.start}; the newest checkpoint that the "
            f"{writer} wrote is {newest['path']} of step {newest['update']}."
        )
    reached = max(found.end for found in earlier)
    if leg.start > reached:
        return f"the {leg.name} loaded a checkpoint of step {leg.start}, yet only {reached} steps had been made."
    for first in _first_events(leg, "first_step").values():
        if first["update"] != leg.start:
            return (
                f"the {leg.name} loaded the checkpoint of step {leg.start}, "
                f"yet it began with {first['update']} steps made."
            )
    return None


def _newest(legs: Sequence[Leg]) -> tuple[str, Event | None]:
    """The checkpoint of the most updates, and which leg wrote it."""
    written = [(leg.name, event) for leg in legs for event in leg.saved]
    return max(written, key=lambda found: int(found[1]["update"]), default=("", None))


def _written(earlier: Sequence[Leg]) -> str:
    last = next((leg for leg in reversed(earlier) if leg.saved), None)
    if last is None:
        return f" The {earlier[-1].name} wrote no checkpoint."
    return f" The {last.name} wrote {last.saved[-1]['path']} at step {last.saved[-1]['update']}."


def number_of_steps_problem(resumption: Resumption, num_steps: int) -> str | None:
    """What is wrong with the number of updates that the phases made; ``None`` where nothing is."""
    runs = resumption.runs
    if problem := absent_ranks(runs) or contradiction(runs, STEPS):
        return f"{problem}."
    for leg in runs.legs:
        start = _start(leg, runs.before(leg))
        end = num_steps if leg == runs.last else leg.end
        if leg.steps_made != end - start:
            nothing = " It trained nothing." if leg.steps_made == 0 else ""
            return (
                f"the {leg.name} ran {leg.steps_made} steps, expected {end - start} (from {start} to {end}).{nothing}"
            )
    made = len(runs.reference.events("step_end"))
    if made != num_steps:
        return f"the continuous phase ran {made} steps, expected {num_steps}."
    problem = missing_end(runs) or damage(runs)
    return f"{problem}." if problem else None


def _start(leg: Leg, earlier: Sequence[Leg]) -> int:
    """From which step a leg was to be continued: that of the newest checkpoint where it loaded none."""
    if leg.is_first or leg.trace.events("checkpoint_loaded"):
        return leg.start
    _, newest = _newest(earlier)
    return int(newest["update"]) if newest else 0


def consumed_samples_problem(resumption: Resumption) -> str | None:
    """What is wrong with the sample counters at the start of each leg; ``None`` where nothing is.

    No training sample is consumed at the start of stop and some are at the start of resume; validation begins at its
    first batch in both.
    """
    runs = resumption.runs
    if problem := absent_ranks(runs):
        return f"{problem}."
    return next(filter(None, map(_consumed_samples_problem, runs.legs)), None)


def _consumed_samples_problem(leg: Leg) -> str | None:
    firsts = _first_events(leg, "first_step")
    if idle := [rank for rank in leg.trace.ranks if rank not in firsts]:
        return f"{_of_ranks(leg, idle)} made no training step."
    for rank, first in firsts.items():
        consumed, who = first["consumed_samples"], _of_ranks(leg, [rank])
        if leg.is_first and consumed != 0:
            return f"{who} claims {consumed} consumed training samples before its first step, expected 0."
        if not leg.is_first and consumed <= 0:
            return f"{who} claims {consumed} consumed training samples before its first step, expected more."
    for rank, first in _first_events(leg, "first_validation_batch").items():
        if first["batch"] != 0:
            who = _of_ranks(leg, [rank])
            return f"the first validation of {who} began at batch {first['batch']}, expected 0."
    return None
