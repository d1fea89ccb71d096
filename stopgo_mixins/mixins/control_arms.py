"""Two optional further runs that show what the comparison of a class is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from typing_extensions import final, override

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.mixins.phases import TrainingPhasesMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.store import Trace

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


class ControlArmsMixin(TrainingPhasesMixin):
    """Runs the control arms after the three phases, where a class asks for them.

    Attributes:
        noise_floor: whether to run the continuous phase twice; ``test_determinism`` fails if the two differ, and what
            differs in the interrupted run by no more cannot be judged.
        cold_start: whether to run the resume phase once more without its checkpoint; what does not differ then was
            not restored from it.
    """

    noise_floor: ClassVar[bool] = False
    cold_start: ClassVar[bool] = False

    _control_traces: ClassVar[Mapping[str, Trace]]

    addClassCleanup: Callable[..., Any]  # noqa: N815 - unittest's own name

    @override
    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        traces = {}
        if cls.noise_floor:
            traces["repeated"] = cls._control_arm("second continuous run", Mode.CONTINUOUS)
        if cls.cold_start:
            no_checkpoint = staticmethod(lambda: None)
            to_the_end = {"interruptions": (), "_leg": 1}
            traces["cold_start"] = cls._control_arm(
                "cold start", Mode.RESUME, resume_checkpoint=no_checkpoint, **to_the_end
            )
        cls._control_traces = traces

    @classmethod
    @final
    def _demand_no_checkpoint(cls, cold_start: Trace) -> None:
        loaded = [event["path"] for trace in cold_start.ranks.values() for event in trace.events("checkpoint_loaded")]
        if loaded:
            raise PhaseError(
                f"{cls.__name__}: the cold start loaded {loaded[0]}, so it shows nothing. Let the run load what "
                "resume_checkpoint() returns, and nothing where that is None."
            )

    @classmethod
    @final
    def _control_arm(cls, name: str, mode: Mode, **attributes: object) -> Trace:
        """Runs a phase of a class like this one, with a run directory and callbacks of its own."""
        arm: Any = type(f"{cls.__name__}, {name}", (cls,), {**attributes, "isolation": "in_process"})
        arm.make_run_directory()
        cls.addClassCleanup(arm.doClassCleanups)
        arm._run(mode)
        trace: Trace = arm.trace(mode)
        if mode is Mode.RESUME:
            cls._demand_no_checkpoint(trace)
        cls._demand_all_steps(trace, name)
        return trace
