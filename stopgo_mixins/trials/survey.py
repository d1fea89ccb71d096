"""Tries faults on a test class, as one test that a runner can run."""

from __future__ import annotations

import unittest
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.trials.runner import TrialRunner
from stopgo_mixins.trials.stopped import Stopped, subclass
from stopgo_mixins.trials.stricter import StricterRun, stricter_runs

if TYPE_CHECKING:
    from stopgo_mixins.faults.fault import Fault
    from stopgo_mixins.mixins.phases import TrainingPhasesMixin
    from stopgo_mixins.trials.outcome import Outcome

__unittest = True  # keeps the frames of this module out of unittest's tracebacks


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


def survey(test_class: type[TrainingPhasesMixin], faults: Iterable[Fault]) -> Survey:
    """Stops a test class, runs it through, and resumes it with each of the faults.

    Its ``setUpClass`` and the fixtures of its module run as they do in a test run.

    Raises:
        PhaseError: when the class cannot be run, or not be resumed without a fault, with what a runner would report.
    """
    surveys: list[Survey] = []

    def inject_all(self: Any) -> None:
        trials = TrialRunner(type(self))
        outcomes = tuple(trials.run(fault) for fault in faults)
        stricter = tuple(stricter_runs(test_class, trials, outcomes))
        surveys.append(Survey(outcomes, trials.without_fault.failed, stricter))

    stopped = subclass(Stopped, test_class, test_class.__name__)
    stopped.inject_all = inject_all
    result = unittest.TestResult()
    unittest.TestSuite([stopped("inject_all")]).run(result)
    problems = [message for _, message in (*result.errors, *result.failures, *result.skipped)]
    if problems:
        raise PhaseError(f"{test_class.__name__}: no fault could be tried.\n{problems[0]}")
    return surveys[0]
