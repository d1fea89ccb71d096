"""Starts the resume phase once more, from another seed: what is right only because all phases share one shows then."""

from __future__ import annotations

import dataclasses
import shutil
import types
from pathlib import Path
from typing import Any, ClassVar

from typing_extensions import override

from stopgo_mixins.bridge.plan import PhasePlan
from stopgo_mixins.comparison.reseeded import ReseededStart
from stopgo_mixins.exceptions import PhaseError, StopAndGoException
from stopgo_mixins.isolation.request import PhaseRequest, pickled
from stopgo_mixins.isolation.run_directory import stood_in_for
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.store import Trace

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class ReseededStartMixin(TrainingPhasesMixin):
    """After all phases, starts the first resume phase once more from another seed, up to its first batch.

    By then, nothing that this changes in the process can reach a phase. For as long as it takes, the run directory is
    again what the stop phase has left.
    """

    _is_started_reseeded: ClassVar[bool] = True
    _is_reseeded: ClassVar[bool] = False
    """Whether this class is one that is made for that."""
    _reseeded: ClassVar[ReseededStart | None] = None

    @override
    @classmethod
    def run_stop_and_go(cls) -> None:
        cls._reseeded = None
        super().run_stop_and_go()
        if cls._left_by_stop().is_dir():
            cls._reseeded = cls._start_reseeded()

    @override
    @classmethod
    def _run_leg(cls, leg: int) -> None:
        if leg == 1 and cls._is_started_reseeded and cls.resume_seed in (None, cls.seed):
            if failure := cls._why_not_reseeded():
                cls._reseeded = cls._describe(cls, failure)
            else:
                shutil.copytree(cls.run_directory(Mode.RESUME), cls._left_by_stop(), symlinks=True)
        super()._run_leg(leg)

    @classmethod
    def _why_not_reseeded(cls) -> str:
        """Why such a start would show nothing; empty where it does."""
        if cls.resume_devices is not None:
            return "there is none where the resume phase trains on other ranks"
        return "" if cls._world is None else "there is none on the ranks of torchrun"

    @classmethod
    def _left_by_stop(cls) -> Path:
        return cls.metadata_dir / "before-resume"

    @classmethod
    def _start_reseeded(cls) -> ReseededStart:
        cls._leg = 1
        start, failure = cls._reseeded_class(), ""
        try:
            with stood_in_for(cls.run_directory(Mode.RESUME), cls._left_by_stop()):
                start._run(Mode.RESUME)
        except PhaseError as error:  # the run itself may be right all the same
            failure = str(error).splitlines()[0]
        return cls._describe(start, failure)

    @classmethod
    def _describe(cls, start: type[ReseededStartMixin], failure: str) -> ReseededStart:
        is_contract, trace = cls.resume_seed is not None, Trace(start._trace_directory(1))
        return ReseededStart(cls.seed, cls._other_seed(), is_contract, trace, failure)

    @classmethod
    def _reseeded_class(cls) -> Any:
        """A class like this one under the same name, as that may be part of what is recorded."""
        body = {name: getattr(cls, name) for name in ("__module__", "__qualname__", "__doc__")}
        body |= {"_is_reseeded": True}
        start: Any = types.new_class(cls.__name__, (cls,), {"abstract": True}, lambda space: space.update(body))
        start.callbacks = start._make_callbacks()
        if cls._is_apart(Mode.RESUME):
            start._request = lambda mode: _reseeded(cls._request(mode), start._trace_directory(1))
        return start

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        return dataclasses.replace(super().plan(mode), ends_before_training=cls._is_reseeded)

    @override
    @classmethod
    def _trace_directory(cls, leg: int) -> Path:
        if cls._is_reseeded and leg == 1:
            return cls.metadata_dir / "reseeded"
        return super()._trace_directory(leg)

    @override
    @classmethod
    def _starting_seed(cls, mode: Mode) -> int:
        return cls._other_seed() if cls._is_reseeded else super()._starting_seed(mode)

    @classmethod
    def _other_seed(cls) -> int:
        return cls.seed ^ 1

    @override
    @classmethod
    def _is_as_planned(cls, error: BaseException) -> bool:
        return isinstance(error, StopAndGoException) if cls._is_reseeded else super()._is_as_planned(error)


def _reseeded(request: PhaseRequest, files: Path) -> PhaseRequest:
    attributes = {**request.attributes, **pickled({"_is_reseeded": True})}
    return dataclasses.replace(request, attributes=attributes, files=files)
