"""Runs a class once more, up to a step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from stopgo_mixins.bridge.waypoint import Waypoint
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.made import MadeMixin
from stopgo_mixins.trials.stopped import subclass
from stopgo_mixins.zoom.watched_steps import Rerun, WatchedStepsMixin

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class Again(MadeMixin, WatchedStepsMixin):
    """Before a test class: its phases in a directory of their own, of which each ends after a step."""

    _rerun: ClassVar[Rerun]

    @override
    @classmethod
    def run_directory(cls, mode: Mode) -> Path:
        return cls._own_directory(mode)

    @override
    @classmethod
    def _waypoints(cls) -> tuple[Waypoint, ...]:
        if cls.stop_phase or cls._rerun.from_checkpoint:
            return ()
        return (Waypoint(cls._all_interruptions()[0], "waypoint", cls._trace_directory(0)),)

    @classmethod
    def run_again(cls, *, with_reference: bool) -> None:
        """Runs the leg and, if asked, the reference."""
        cls.make_run_directory()
        cls._prepare_processes()
        leg, from_checkpoint = cls._rerun.leg, cls._rerun.from_checkpoint
        if with_reference or not (from_checkpoint or cls.stop_phase):
            cls._run(Mode.CONTINUOUS)
        for earlier in range(leg):
            if from_checkpoint:
                cls._trace_directory(earlier).symlink_to(cls.original._trace_directory(earlier).absolute())  # type: ignore[attr-defined]  # a TrainingPhasesMixin
            elif earlier or cls.stop_phase:
                cls._run_leg(earlier)
        cls._leg = leg
        cls._run(Mode.RESUME if leg else Mode.STOP)


@contextmanager
def again(test_class: type[Any], rerun: Rerun, *, with_reference: bool) -> Iterator[type[Again]]:
    """Runs a class again whose phases have run.

    Raises:
        PhaseError: when a phase does not come as far as it did before.
    """
    made: Any = subclass(Again, test_class, f"{test_class.__name__}, once more")
    made.original, made._rerun = test_class, rerun
    try:
        made.run_again(with_reference=with_reference)
        yield made
    finally:
        made.doClassCleanups()
