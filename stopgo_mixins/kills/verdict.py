"""What a restart made of what a death had left."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.completeness import absent_ranks, damage
from stopgo_mixins.comparison.reach import what_counts
from stopgo_mixins.comparison.resumption import Resumption
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.wording import listed, place
from stopgo_mixins.exceptions import TraceError

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.tolerance import Tolerance
    from stopgo_mixins.metric import Metrics
    from stopgo_mixins.trace.store import Trace


class Survival(enum.Enum):
    """How a run survives a death."""

    EXACT = "exact"
    LOST_WORK = "lost work"
    REFUSED = "refused by name"
    REFUSED_UNNAMED = "refused, no file named"
    DIVERGED = "silent divergence"
    HUNG = "hang"
    UNREADABLE = "unreadable trace"

    @property
    def is_failure(self) -> bool:
        """Whether nobody would notice, or nobody could tell."""
        return self in (Survival.DIVERGED, Survival.HUNG, Survival.UNREADABLE)

    @property
    def is_refusal(self) -> bool:
        """Whether the restart ended in an error."""
        return self in (Survival.REFUSED, Survival.REFUSED_UNNAMED)


@dataclass(frozen=True)
class Left:
    """What a death left, as far as the verdict needs to know.

    Attributes:
        updates: made before it.
        whole: path -> update, of the checkpoints that are whole.
        torn: the paths of checkpoints that are not.
        damaged: the files of which less is left than was written.
    """

    updates: int
    whole: Mapping[str, int]
    torn: Collection[str]
    damaged: Collection[str] = ()


@dataclass(frozen=True)
class KillVerdict:
    """What became of a run after a death.

    Attributes:
        survival: in a word.
        loaded: the checkpoint that the restart loaded; empty where it loaded none.
        redone: updates that had been made before the death and were made again.
        reason: why, in words; empty where there is nothing to say.
        diverged: the metrics that differ from the continuous run.
    """

    survival: Survival
    loaded: str = ""
    redone: int = 0
    reason: str = ""
    diverged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judge:
    """Judges restarts of one run.

    Attributes:
        stop: the trace of the stop phase.
        reference: that of the continuous run.
        known: what the metrics say of themselves.
        tolerances: per metric.
        num_steps: updates of the whole run.
        excused: the metrics that differ without any death.
    """

    stop: Trace
    reference: Trace
    known: Metrics
    tolerances: Mapping[str, Tolerance]
    num_steps: int
    excused: Collection[str] = ()

    def refusal(self, left: Left, error: str, reason: str) -> KillVerdict:
        """Of a restart that ended in an error.

        Args:
            left: what it found.
            error: all that was said about it, the traceback included.
            reason: the error in a line.
        """
        names = [*left.damaged, *left.torn] or [*left.whole]
        named = any(name in error for name in names) or not names
        return KillVerdict(Survival.REFUSED if named else Survival.REFUSED_UNNAMED, reason=reason)

    def restart(self, left: Left, resume: Trace) -> KillVerdict:
        """Of a restart that trained to its end."""
        try:
            return self._restart(left, resume)
        except TraceError as error:
            return KillVerdict(Survival.UNREADABLE, reason=str(error))

    def _restart(self, left: Left, resume: Trace) -> KillVerdict:
        loaded = next(iter(resume.events("checkpoint_loaded")), None)
        legs = [resume] if loaded is None else [self.stop, resume]
        runs = Runs.of(legs, self.reference, self.known)
        if problem := _unreadable(runs):
            return KillVerdict(Survival.UNREADABLE, reason=problem)
        start = runs.last.start
        path = "" if loaded is None else str(loaded["path"])
        redone = max(0, left.updates - start)  # who died may not have said of the last update that it was made
        diverged = {metric: found for metric, found in self._mismatches(runs).items() if metric not in self.excused}
        problem = _from_scratch(runs, left) or self._too_few(runs) or _differences(diverged)
        if problem:
            return KillVerdict(Survival.DIVERGED, path, redone, problem, tuple(diverged))
        if redone > 0:
            return KillVerdict(Survival.LOST_WORK, path, redone, _passed_over(start, left))
        return KillVerdict(Survival.EXACT, path)

    def _mismatches(self, runs: Runs) -> dict[str, Comparison]:
        compared = (compare(runs, metric, self.tolerances.get(metric)) for metric in sorted(runs.metrics))
        found = (what_counts(runs, comparison) for comparison in compared)
        return {comparison.metric: comparison for comparison in found if comparison.mismatches}

    def _too_few(self, runs: Runs) -> str:
        made, expected = runs.last.steps_made, self.num_steps - runs.last.start
        return "" if made == expected else f"it made {made} updates, and {expected} were missing"


def _unreadable(runs: Runs) -> str | None:
    if problem := absent_ranks(runs) or damage(runs):
        return problem
    return None if runs.last.trace.has_ended else "the trace of the resume phase breaks off: it has no end mark"


def _from_scratch(runs: Runs, left: Left) -> str:
    if runs.last.is_first:
        there = [*(f"{path}, which is whole" for path in left.whole), *(f"{path}, which is torn" for path in left.torn)]
        return f"it started from scratch, although there is {listed(there)}" if there else ""
    return next(iter(Resumption(runs).from_scratch.values()), "")


def _differences(diverged: Mapping[str, Comparison]) -> str:
    firsts = {metric: found.first for metric, found in diverged.items() if found.first is not None}
    in_order = sorted(firsts.items(), key=lambda found: found[1].order)
    return f"different: {listed([f'{metric} at {place(first)}' for metric, first in in_order])}" if firsts else ""


def _passed_over(start: int, left: Left) -> str:
    newer = [path for path, update in left.whole.items() if update > start]
    return f"it went back to update {start}, although {listed(newer)} is whole" if newer else ""
