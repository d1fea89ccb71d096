"""Where a phase saves on purpose, and how it ends there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.bridge.calls import left_out
from stopgo_mixins.bridge.checkpoint_files import damage_of, digest_of
from stopgo_mixins.bridge.ranks import gathered
from stopgo_mixins.bridge.waypoint import Itinerary
from stopgo_mixins.exceptions import PhaseError, StopAndGoException

if TYPE_CHECKING:
    from stopgo_mixins.bridge.counters import Counters
    from stopgo_mixins.bridge.plan import PhasePlan
    from stopgo_mixins.bridge.waypoint import Waypoint
    from stopgo_mixins.interruption import Interruption, Means
    from stopgo_mixins.trace.store import TraceWriter


@dataclass(frozen=True)
class _Written:
    """A checkpoint, and how far the loops were when it was written."""

    path: str
    progress: tuple[int, ...]


class Interrupter:
    """Knows the checkpoints of a phase, saves at the places of its plan, and ends it at one of them.

    Args:
        plan: the phase.
        counters: how far it is.
        writer: its trace.
        save: writes a checkpoint of this moment under a name; :meth:`note_checkpoint` is to hear of it.
        stop: asks the trainer to end by itself.

    Attributes:
        interrupted: whether the phase is ending, so that whatever still happens is provoked by that.
    """

    def __init__(
        self,
        plan: PhasePlan,
        counters: Counters,
        writer: TraceWriter,
        save: Callable[[str], object],
        stop: Callable[[], object],
    ) -> None:
        self.interrupted = False
        self._plan, self._counters, self._writer = plan, counters, writer
        self._save, self._stop = save, stop
        self._itinerary = Itinerary(plan.waypoints)
        self._written: list[_Written] = []
        self._saved_at: int | None = None

    @property
    def has_just_saved(self) -> bool:
        """Whether the newest checkpoint is one of this very moment."""
        return bool(self._written) and self._written[-1].progress == self._counters.progress

    def note_checkpoint(self, path: str) -> None:
        """A checkpoint was written, by whomever."""
        self._written.append(_Written(path, self._counters.progress))
        self._writer.event("checkpoint_saved", path=path, update=self._counters.update)

    def note_kept_checkpoints(self) -> None:
        """The phase is over: those of its checkpoints that are still there, each as it was written last."""
        for path, written in {each.path: each for each in self._written}.items():
            if Path(path).exists():
                digest, damage = digest_of(Path(path)), damage_of(Path(path))
                update = written.progress[0]
                self._writer.event("checkpoint_kept", path=path, update=update, digest=digest, damage=damage)

    def note_interruption(self) -> str:
        """The run ends now, to be resumed from the newest checkpoint, whose path it returns."""
        newest = self._written[-1]
        update, saved_at = self._counters.updates, newest.progress[0]
        self._writer.event("interrupted", update=update, path=newest.path, saved_at=saved_at)
        self.interrupted = True
        return newest.path

    def come_past(self, *, inside_validation: bool) -> None:
        """The run is at a place at which a checkpoint can be written.

        Raises:
            StopAndGoException: when it ends here by an exception.
            PhaseError: when it is to be ended by a signal that nobody handles, in the process of the tests.
        """
        if self._plan.ends_at(self._counters.updates):
            return
        for waypoint in self._itinerary.reached(self._counters.of_the_run, inside_validation=inside_validation):
            self._leave_behind(waypoint)
        interruption = self._plan.interruption
        if interruption is not None and not self.interrupted:
            self._save_if_due(interruption, inside_validation=inside_validation)
            self.end_if_past()

    def end_if_past(self) -> None:
        """The run is at a place at which it may end if its checkpoint was written, but none can be written now.

        Raises:
            StopAndGoException: when it ends here by an exception.
            PhaseError: when it is to be ended by a signal that nobody handles, in the process of the tests.
        """
        interruption = self._plan.interruption
        if interruption is None or self._saved_at is None or self.interrupted:
            return
        if self._saved_at + interruption.past <= self._counters.updates < self._plan.num_steps:
            self._end(interruption.by)

    def _leave_behind(self, waypoint: Waypoint) -> None:
        """What a first leg that ended here would leave; a checkpoint of the trainer's own may be gone tomorrow."""
        self._save_as(waypoint.name)
        branch = self._writer.branch(waypoint.trace_directory)
        update, path = self._counters.updates, self._written[-1].path
        branch.event("interrupted", update=update, path=path, saved_at=self._counters.update)
        branch.end(update)
        branch.close()

    def _save_if_due(self, interruption: Interruption, *, inside_validation: bool) -> None:
        is_here = interruption.inside_validation is inside_validation
        if self._saved_at is None and is_here and interruption.is_due(self._counters.of_the_run):
            if not self.has_just_saved:  # by a callback of the trainer
                self._save_as(f"step-{self._counters.updates}")
            self._saved_at = self._counters.updates

    def _save_as(self, name: str) -> None:
        self._save(name)
        if not self.has_just_saved:
            raise left_out("checkpoint_saved", "after it saved")

    def _end(self, by: Means) -> None:
        path = self.note_interruption()
        if by == "exception":
            raise StopAndGoException(f"interrupted after step {self._counters.updates}, resume from {path}")
        if by == "should_stop":
            self._stop()
        else:
            self._send(by)

    def _send(self, number: signal.Signals) -> None:
        """Meets whatever handler there is; where there is none the process dies here and now."""
        if number is not signal.SIGKILL and signal.getsignal(number) is not signal.SIG_DFL:
            signal.raise_signal(number)
            return
        if not self._plan.own_process:
            raise PhaseError(
                f'nothing handles {number.name} here, so it would end the tests: write isolation = "process", or let '
                "the trainer handle it."
            )
        self._writer.end(self._counters.updates)
        gathered(None)  # the launcher ends the other ranks as soon as one has died: each is to come here first
        os.kill(os.getpid(), number)
