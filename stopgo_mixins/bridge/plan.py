"""What a bridge is told about the phase that it is to run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.trace.store import TraceWriter

if TYPE_CHECKING:
    from stopgo_mixins.bridge.waypoint import Waypoint
    from stopgo_mixins.interruption import Interruption
    from stopgo_mixins.mode import Mode
    from stopgo_mixins.recorders.recorder import Recorder
    from stopgo_mixins.trace.selection import LeftOut


NO_LIMIT = sys.maxsize
"""The number of updates of a run that goes on until its trainer ends it."""


@dataclass(frozen=True)
class PhasePlan:
    """One phase.

    Attributes:
        mode: which one.
        num_steps: optimizer updates of the whole run; :data:`NO_LIMIT` for a real run, of which the trainer
            alone knows when it is over.
        interruption: where to end, in a leg that is to be interrupted; else ``None``.
        recorders: what to feed with events.
        trace_directory: where the trace goes.
        checkpoint_directory: where the bridge writes a checkpoint if no callback of the trainer has.
        value_budget: bytes of large values to keep.
        resume_point: R where it is known already.
        keep_first: metrics whose values are needed for a tolerance.
        left_out: what is not to be recorded.
        listeners: what is told of events before the recorders are; an injected fault may act on one.
        interruptions: where any leg is interrupted, of this run or of one that is compared with it.
        waypoints: places at which to leave a checkpoint and the trace up to there, and go on.
        own_process: whether nobody but this phase loses anything if the process dies.
        worlds: on how many ranks the run trains, and on how many it is resumed, if that is in another world; then
            recorded is what all ranks have together, and not what each has.
        every_n_steps: how many updates lie between two that are recorded; see :class:`EventDispatcher`.
        own_objects: returns what the user keeps beside the trainer, by name.
        ends_before_training: whether to end at the first batch, of which only the model has not seen anything.
    """

    mode: Mode
    num_steps: int
    interruption: Interruption | None
    recorders: Sequence[Recorder]
    trace_directory: Path
    checkpoint_directory: Path
    value_budget: int
    resume_point: int | None
    keep_first: frozenset[str]
    left_out: LeftOut
    listeners: Sequence[object] = ()
    own_process: bool = False
    interruptions: Sequence[Interruption] = ()
    waypoints: Sequence[Waypoint] = ()
    worlds: tuple[int, int] | None = None
    every_n_steps: int = 1
    own_objects: Callable[[], Mapping[str, object]] = dict
    ends_before_training: bool = False

    def ends_at(self, updates: int) -> bool:
        """Whether so many updates are all that the plan asks for."""
        return updates >= self.num_steps

    @property
    def is_of_a_real_run(self) -> bool:
        """Whether nobody but the trainer decides where the run ends."""
        return self.num_steps == NO_LIMIT

    def open_trace(self, rank: int) -> TraceWriter:
        """The writer of this phase's trace on one rank."""
        writer = TraceWriter(self.trace_directory, rank, self.value_budget, self.resume_point, self.keep_first)
        writer.leave_out(self.left_out)
        return writer
