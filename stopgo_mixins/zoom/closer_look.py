"""Looks at the first step that differs, operator by operator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.closer_look import CloserLook
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.events import Moment
from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.mode import Mode
from stopgo_mixins.trace.store import Trace
from stopgo_mixins.zoom.again import again
from stopgo_mixins.zoom.first_difference import OperatorDifference, OperatorProblem, first_difference
from stopgo_mixins.zoom.operation import read_operations
from stopgo_mixins.zoom.step_watch import operations_file
from stopgo_mixins.zoom.watched_steps import Rerun

if TYPE_CHECKING:
    from stopgo_mixins.comparison.compare import Comparison
    from stopgo_mixins.comparison.runs import Runs

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


_CAUSES = {
    OperatorProblem.OTHER_OPERATOR: Cause.OTHER_COMPUTATION,
    OperatorProblem.ARGUMENT: Cause.OTHER_COMPUTATION,
    OperatorProblem.INPUT: Cause.OTHER_COMPUTATION,
    OperatorProblem.RANDOM_NUMBERS: Cause.RNG_NOT_RESTORED,
    OperatorProblem.KERNEL: Cause.OTHER_KERNEL,
}


def closer_look(test_class: type[Any]) -> CloserLook:
    """Finds the operator on which the runs of a class, whose phases have run, differ first.

    What was watched in those is compared, if the same leg makes the same step once more, unwatched. A step that was not
    watched is made once more by both runs and watched.
    """
    if ranks := test_class._several_ranks():
        return CloserLook(f"{test_class.__name__}.{ranks}, and only a run on one rank is watched.")
    runs = test_class.runs()
    step = StepInQuestion.of(runs, test_class.examination().comparisons.values())
    if step is None:
        return CloserLook("no training step differs.")
    return _Look(test_class, runs, step).taken()


class _Look:
    """At one step of a class."""

    def __init__(self, test_class: type[Any], runs: Runs, step: StepInQuestion) -> None:
        self._class, self._runs, self._step = test_class, runs, step
        self._traces = runs.legs[step.leg].trace, runs.reference
        self._was_watched = all(self._file(trace).exists() for trace in self._traces)

    def taken(self) -> CloserLook:
        problem = ""
        for from_checkpoint in self._beginnings():
            rerun = Rerun(self._step.number, self._step.leg, not self._was_watched, from_checkpoint)
            try:
                with again(self._class, rerun, with_reference=not self._was_watched) as made:
                    remade = Trace(made._trace_directory(self._step.leg)), made.trace(Mode.CONTINUOUS)
                    problem = self._what_changed(remade)
                    if not problem:
                        return self._compared(*(self._traces if self._was_watched else remade))
            except PhaseError as error:  # what fails is the closer look, not the test that asks for it
                problem = f"step {self._step.number} could not be made once more: {str(error).splitlines()[0]}"
        return self._seen(problem)

    def _beginnings(self) -> Iterator[bool]:
        """Whether to go on from the checkpoint of the first run; what it left may be gone, or overwritten since."""
        path = self._class._checkpoint_left_by(self._step.leg - 1) if self._step.leg else None
        if path is not None and Path(path).exists():
            yield True
        yield False

    def _what_changed(self, remade: tuple[Trace, Trace]) -> str:
        """What is another one watched than unwatched."""
        names = ("interrupted",) if self._was_watched else ("interrupted", "continuous")
        for name, before, now in zip(names, self._traces, remade, strict=False):
            metrics = sorted(metric for metric in before.metrics if not self._runs.about(metric).by_reach)
            if changed := [each for each in metrics if self._records(before, each) != self._records(now, each)]:
                return (
                    f"step {self._step.number} of the {name} run is not the same when it is made once more and "
                    f"{'not ' if self._was_watched else ''}watched ({', '.join(changed)}), so that nothing is said of "
                    "its operators."
                )
        return ""

    def _records(self, trace: Trace, metric: str) -> set[tuple[object, ...]]:
        """What is recorded of the step: the state before and after it, its micro-batches and gradients."""
        step = self._step.number
        steps = {
            Moment.STEP_START: (step - 1, step),
            Moment.MICRO_BATCH: (step,),
            Moment.GRADIENTS: (step,),
            Moment.RUN_END: (step,),
        }
        return {
            (rank, record.key, record.leaf)
            for rank, of_rank in trace.ranks.items()
            for record in of_rank.records(metric)
            if record.key.step in steps.get(record.key.moment, ())
        }

    def _compared(self, *traces: Trace) -> CloserLook:
        interrupted, continuous = (read_operations(self._file(trace)) for trace in traces)
        if interrupted is None or continuous is None:
            name = self._runs.legs[self._step.leg].name
            return self._seen(f"the {name} begins amid step {self._step.number}, and only whole steps are watched.")
        found = first_difference(interrupted, continuous)
        of = f"of the {len(continuous)} operators of step {self._step.number}, "
        return self._seen(of + "none differs.") if found is None else self._seen(f"{of}{found}", found)

    def _seen(self, sentence: str, difference: OperatorDifference | None = None) -> CloserLook:
        cause, facts = (None, None) if difference is None else (_CAUSES[difference.problem], difference.facts)
        return CloserLook(sentence, self._step.number, self._step.leg, cause, facts)

    def _file(self, trace: Trace) -> Path:
        return operations_file(trace.directory, self._step.number)
