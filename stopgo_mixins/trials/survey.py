"""Tries faults on a test class."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopgo_mixins.isolation.output import progress
from stopgo_mixins.trials.after_phases import after_phases
from stopgo_mixins.trials.runner import TrialRunner
from stopgo_mixins.trials.stopped import Stopped, stopped_class
from stopgo_mixins.trials.stricter import StricterRun, stricter_runs

if TYPE_CHECKING:
    from stopgo_mixins.faults.fault import Fault
    from stopgo_mixins.mixins.phases import TrainingPhasesMixin
    from stopgo_mixins.trials.outcome import Outcome

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's


@dataclass(frozen=True)
class Survey:
    """What became of several faults.

    Attributes:
        outcomes: one for each.
        failing_without_fault: the tests that fail without any; that they fail with one does not count.
        stricter: what only another seed for the resume phase, and fresh processes, show.
    """

    outcomes: tuple[Outcome, ...]
    failing_without_fault: tuple[str, ...]
    stricter: tuple[StricterRun, ...]

    def as_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "failing_without_fault": self.failing_without_fault,
            "faults": [outcome.as_dict() for outcome in self.outcomes],
            "stricter": [vars(run) for run in self.stricter],
        }


def survey(test_class: type[TrainingPhasesMixin], faults: Collection[Fault]) -> Survey:
    """Stops a test class, runs it through, and resumes it with each of the faults.

    Its ``setUpClass`` and the fixtures of its module run as they do in a test run.

    Raises:
        PhaseError: when the class cannot be run, or not be resumed without a fault, with what a runner would report.
    """

    def inject_all(stopped: type[Stopped]) -> Survey:
        trials = TrialRunner(stopped)
        outcomes = tuple(_all_outcomes(trials, faults))
        stricter = tuple(stricter_runs(test_class, trials, outcomes))
        return Survey(outcomes, trials.without_fault.failed, stricter)

    return after_phases(stopped_class(test_class), inject_all, "no fault could be tried")


def _all_outcomes(trials: TrialRunner, faults: Collection[Fault]) -> Iterator[Outcome]:
    for number, fault in enumerate(faults, start=1):
        with progress(f"{trials.subject}: fault {number} of {len(faults)}, {fault.name} ..."):
            yield trials.run(fault)
