"""Kills the stop phase of a test class at each file event, as one test that a runner can run."""

from __future__ import annotations

import unittest
from typing import TYPE_CHECKING, Any

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.kills.killed import Killed
from stopgo_mixins.kills.runner import DeathOutcome, KillRunner
from stopgo_mixins.trials.stopped import subclass

if TYPE_CHECKING:
    from stopgo_mixins.mixins.phases import TrainingPhasesMixin


def survey_kills(test_class: type[TrainingPhasesMixin]) -> list[DeathOutcome]:
    """Stops a test class and runs it through, then restarts it after each death that its stop phase could have had.

    Its ``setUpClass`` and the fixtures of its module run as they do in a test run.

    Raises:
        PhaseError: when the class cannot be run, with what a runner would report.
    """
    outcomes: list[DeathOutcome] = []

    def kill_at_each_file_event(self: Any) -> None:
        outcomes.extend(KillRunner(type(self)).run())

    killed = subclass(Killed, test_class, test_class.__name__)
    killed.test_class = test_class
    killed.kill_at_each_file_event = kill_at_each_file_event
    result = unittest.TestResult()
    unittest.TestSuite([killed("kill_at_each_file_event")]).run(result)
    problems = [message for _, message in (*result.errors, *result.failures, *result.skipped)]
    if problems:
        raise PhaseError(f"{test_class.__name__}: it could not be killed.\n{problems[0]}")
    return outcomes
