"""The legs of an interrupted run: where each ends, and where what it leaves behind lies."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar

from typing_extensions import final

from stopgo_mixins.bridge.waypoint import Waypoint
from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.interruption import AfterValidation, Interruption
from stopgo_mixins.isolation.run_directory import RunDirectory
from stopgo_mixins.mixins.not_interrupted import why_not_interrupted
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.store import Trace

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class LegsMixin:
    """Knows where the run of a class is interrupted, and the files of each leg.

    Attributes:
        num_steps: optimizer updates of the whole run, whatever the number of optimizers; required.
        interruption: where and how the stop phase ends.
        interruptions: several of them instead: the run is interrupted and resumed as often, each time from the
            checkpoint of the time before.
        stop_phase: whether a run of its own is interrupted. Else the continuous phase writes the checkpoint where the
            run would be, and goes on, and the resume phase is compared with how it goes on: two runs instead of three,
            which do not show what saving and stopping themselves change.
        tempdir: the run directory, made in ``setUpClass``.
        metadata_dir: where the traces lie, inside it.
    """

    num_steps: ClassVar[int]
    interruption: ClassVar[Interruption] = AfterValidation()
    interruptions: ClassVar[tuple[Interruption, ...]] = ()
    stop_phase: ClassVar[bool] = True

    tempdir: ClassVar[RunDirectory]
    metadata_dir: ClassVar[Path]

    _leg: ClassVar[int] = 0
    """The number of the leg at hand."""

    @classmethod
    def run_directory(cls, mode: Mode) -> Path:
        """Where the trainer of a phase works: one directory for the interrupted run, one for the continuous one."""
        name = "continuous" if mode is Mode.CONTINUOUS else "interrupted"
        path = Path(cls.tempdir.name) / name
        path.mkdir(exist_ok=True)
        return path

    @classmethod
    @final
    def trace(cls, mode: Mode) -> Trace:
        """What a phase recorded; of several resume phases, the first."""
        return Trace(cls.metadata_dir / mode.value)

    @classmethod
    def legs(cls) -> list[tuple[Mode, Path]]:
        """The legs of the interrupted run in the order in which they ran: the phase, and where its trace lies."""
        numbers = range(len(cls._all_interruptions()) + 1)
        return [(Mode.RESUME if leg else Mode.STOP, cls._trace_directory(leg)) for leg in numbers]

    @classmethod
    def _trace_directory(cls, leg: int) -> Path:
        mode = Mode.RESUME if leg else Mode.STOP
        return cls.metadata_dir / (mode.value if leg <= 1 else f"{mode.value}-{leg}")

    @classmethod
    def _phase_name(cls, leg: int) -> str:
        return "stop phase" if not leg else "resume phase" if leg == 1 else f"resume phase {leg}"

    @classmethod
    def _all_interruptions(cls) -> tuple[Interruption, ...]:
        """Those of ``interruptions``, else the one of ``interruption``."""
        return cls.interruptions or (cls.interruption,)

    @classmethod
    def _interruption(cls) -> Interruption | None:
        """That of the leg at hand; the last one has none."""
        return next(iter(cls._all_interruptions()[cls._leg :]), None)

    @classmethod
    def resume_checkpoint(cls) -> str | None:
        """The path that a resume phase loads: the checkpoint from which the phase before it is to be resumed."""
        return cls._checkpoint_left_by(max(cls._leg - 1, 0))

    @classmethod
    def _checkpoint_left_by(cls, leg: int) -> str | None:
        """The checkpoint from which a leg is to be resumed, by its own word."""
        return cls._newest_checkpoint(leg)

    @classmethod
    def _newest_checkpoint(cls, leg: int) -> str:
        """That of the moment of the interruption; where a signal came, the trainer may have written one upon it."""
        trace = Trace(cls._trace_directory(leg))
        by_signal = isinstance(cls._all_interruptions()[leg].by, signal.Signals)
        return str(trace.events("checkpoint_saved" if by_signal else "interrupted")[-1]["path"])

    @classmethod
    def _waypoints(cls) -> tuple[Waypoint, ...]:
        """Where the continuous phase leaves behind what a stop phase would."""
        if cls.stop_phase:
            return ()
        return (Waypoint(cls._all_interruptions()[0], "waypoint", cls._trace_directory(0)),)

    @classmethod
    def _demand_interruption(cls, interruption: Interruption) -> None:
        trace, name = Trace(cls._trace_directory(cls._leg)), cls._phase_name(cls._leg)
        if not trace.events("interrupted"):
            ran = trace if trace.ranks else cls.trace(Mode.CONTINUOUS)  # which was to leave that of the stop phase
            why = why_not_interrupted(ran, interruption, cls.num_steps)
            raise PhaseError(f"{cls.__name__}: the {name} was not interrupted: {why}")
        written = cls._newest_checkpoint(cls._leg)
        if not Path(written).exists():
            raise PhaseError(f"{cls.__name__}: the {name} left no checkpoint: there is no {written}.")

    @classmethod
    def _demand_all_steps(cls, trace: Trace, name: str) -> None:
        made = len(trace.events("step_end"))
        if made != cls.num_steps:
            raise PhaseError(
                f"{cls.__name__}: the {name} made {made} optimizer updates, but num_steps = {cls.num_steps}. "
                "Let the trainer that setup_trainer returns run for cls.num_steps updates."
            )
