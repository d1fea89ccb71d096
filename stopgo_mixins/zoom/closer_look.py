"""Runs a class again up to the first step that differs, and looks at that step operator by operator."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from typing_extensions import override

from stopgo_mixins.events import Moment
from stopgo_mixins.mixins.reseeded import ReseededStartMixin
from stopgo_mixins.mode import Mode
from stopgo_mixins.trials.stopped import subclass
from stopgo_mixins.zoom.first_difference import first_difference
from stopgo_mixins.zoom.step_watch import SeenEnough, StepWatch

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.store import Trace
    from stopgo_mixins.zoom.operation import Operation

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


@dataclass(frozen=True)
class StepInQuestion:
    """The first step in which something differs.

    Attributes:
        number: k of the update.
        leg: the number of the leg that makes it.
    """

    number: int
    leg: int

    @classmethod
    def of(cls, runs: Runs, comparisons: Iterable[Comparison]) -> StepInQuestion | None:
        """The earliest of all metrics; ``None`` where only validations differ, or what no step has made.

        A restored state that differs shows in the step that follows; any other state in the step that made it.
        """
        found = [each.first for each in comparisons if each.first is not None]
        found = [each for each in found if not each.key.moment.is_validation]
        if not found:
            return None
        first = min(found, key=lambda mismatch: mismatch.key.order)
        step = max(first.key.step, first.leg.start + 1)
        return cls(step, first.leg.number) if step <= len(runs.reference.events("step_end")) else None


class WatchedPhasesMixin(ReseededStartMixin):
    """Before a test class: its phases, of which each ends after the step that is watched.

    Attributes:
        step: that.
        watches: what watches each phase.
    """

    _is_started_reseeded = False

    step: ClassVar[StepInQuestion]
    watches: ClassVar[dict[Mode, StepWatch]]

    @override
    @classmethod
    def plan(cls, mode: Mode) -> PhasePlan:
        plan = super().plan(mode)
        return dataclasses.replace(plan, listeners=(*plan.listeners, *cls._watching(mode)))

    @classmethod
    def _watching(cls, mode: Mode) -> Iterator[StepWatch]:
        if mode is Mode.CONTINUOUS or cls._leg == cls.step.leg:
            cls.watches[mode] = StepWatch(cls.step.number)
            yield cls.watches[mode]

    @override
    @classmethod
    def train(cls, mode: Mode) -> None:
        try:
            super().train(mode)
        except SeenEnough:
            pass
        finally:
            if mode in cls.watches:
                cls.watches[mode].close()


def closer_look(test_class: type[Any]) -> str:
    """Says which operator is the first on which the runs of a class differ; its phases have run.

    Raises:
        PhaseError: when a phase does not come as far as it did before.
    """
    if ranks := test_class._several_ranks():
        return f"zoom: {test_class.__name__}.{ranks}, and only a run on one rank is watched."
    runs = test_class.runs()
    step = StepInQuestion.of(runs, test_class.examination().comparisons.values())
    if step is None:
        return "zoom: no training step differs."
    watched: Any = subclass(WatchedPhasesMixin, test_class, f"{test_class.__name__}, watched")
    watched.isolation, watched.step, watched.watches = "in_process", step, {}
    watched.make_run_directory()
    try:
        for leg in range(step.leg):
            watched._run_leg(leg)
        watched._leg = step.leg
        watched._run(Mode.RESUME if step.leg else Mode.STOP)
        watched._run(Mode.CONTINUOUS)
        return _told(test_class, watched, step)
    finally:
        watched.doClassCleanups()


def _told(test_class: type[Any], watched: type[Any], step: StepInQuestion) -> str:
    interrupted = Mode.RESUME if step.leg else Mode.STOP
    pairs = {
        "interrupted": (test_class.runs().legs[step.leg].trace, watched._trace_directory(step.leg)),
        "continuous": (test_class.runs().reference, watched.metadata_dir / Mode.CONTINUOUS.value),
    }
    for name, (before, now) in pairs.items():
        if changed := sorted(_changed(before, type(before)(now), step.number)):
            return (
                f"zoom: step {step.number} of the {name} run is not the same when it is run once more and watched "
                f"({', '.join(changed)}), so that nothing is said of its operators."
            )
    operations: list[list[Operation]] = [watched.watches[mode].operations for mode in (interrupted, Mode.CONTINUOUS)]
    found = first_difference(*operations)
    return f"zoom: of the {len(operations[1])} operators of step {step.number}, {found or 'none differs.'}"


def _changed(before: Trace, now: Trace, step: int) -> Iterator[str]:
    """The metrics whose records of a step are not those of the run before."""
    for metric in before.metrics:
        if _records(before, metric, step) != _records(now, metric, step):
            yield metric


def _records(trace: Trace, metric: str, step: int) -> set[tuple[object, ...]]:
    """What is recorded of a step until its update: the state before, micro-batches and gradients."""
    moments = {Moment.MICRO_BATCH: step, Moment.GRADIENTS: step, Moment.STEP_START: step - 1}
    return {
        (rank, record.key, record.leaf)
        for rank, of_rank in trace.ranks.items()
        for record in of_rank.records(metric)
        if moments.get(record.key.moment) == record.key.step
    }
