"""Phases of which single steps are watched, operator by operator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.zoom.step_watch import EndAfterStep, SeenEnough, StepWatch, is_first_resumed

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan
    from stopgo_mixins.events import TrainingState

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


@dataclass(frozen=True)
class Rerun:
    """What the phases of a class are run again for.

    Attributes:
        step: k of the update after which they end.
        leg: the number of the leg that makes it.
        watched: whether that step is watched.
        from_checkpoint: whether the leg loads what the first run left, and not what is made once more.
    """

    step: int
    leg: int
    watched: bool
    from_checkpoint: bool

    def is_chosen(self, state: TrainingState) -> bool:
        """Whether the step that begins is that one."""
        return state.update == self.step - 1


class WatchedStepsMixin(TrainingPhasesMixin):
    """Watches the first resumed step of a class that asks for it, in both runs.

    Attributes:
        zoom: whether to name the first operator that differs where a metric differs. The first step that a resume
            makes is watched in every run; a later one takes two further runs, up to that step.
    """

    zoom: ClassVar[bool] = False

    _rerun: ClassVar[Rerun | None] = None
    _step_watch: ClassVar[StepWatch | None] = None

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        plan = super().plan(mode)
        return dataclasses.replace(plan, listeners=(*plan.listeners, *cls._watching(mode, plan.trace_directory)))

    @classmethod
    def _watching(cls, mode: Mode, trace_directory: Path) -> Iterator[object]:
        rerun, cls._step_watch = cls._rerun, None
        if rerun is None:
            if cls.zoom:
                cls._step_watch = StepWatch(trace_directory, is_first_resumed)
        elif mode is Mode.CONTINUOUS or cls._leg == rerun.leg:
            if rerun.watched:
                cls._step_watch = StepWatch(trace_directory, rerun.is_chosen)
            yield EndAfterStep(rerun.step)
        if cls._step_watch is not None:
            yield cls._step_watch

    @override
    @classmethod
    def _train_phase(cls, mode: Mode) -> None:
        try:
            super()._train_phase(mode)
        except SeenEnough:
            pass
        finally:
            if cls._step_watch is not None:
                cls._step_watch.close()
