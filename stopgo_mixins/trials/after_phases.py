"""Asks something of a test class whose phases have run, as one test that a runner can run."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any, TypeVar

from stopgo_mixins.exceptions import PhaseError

__unittest = __tracebackhide__ = True  # keeps this module out of tracebacks: unittest's, and pytest's

_Answer = TypeVar("_Answer")


def after_phases(test_class: type[Any], ask: Callable[[Any], _Answer], unanswered: str) -> _Answer:
    """Runs the phases of a test class, and then a function.

    Its ``setUpClass`` and the fixtures of its module run as they do in a test run.

    Args:
        test_class: a class made for this question, which gets one more test.
        ask: is called with it.
        unanswered: what is said of the class where it has no answer, before what a runner would report.

    Raises:
        PhaseError: when the class cannot be run, or the function raises.
    """
    answers: list[_Answer] = []

    def answer(self: unittest.TestCase) -> None:
        answers.append(ask(type(self)))

    test_class._answer = answer
    result = unittest.TestResult()
    unittest.TestSuite([test_class("_answer")]).run(result)
    problems = [message for _, message in (*result.errors, *result.failures, *result.skipped)]
    if problems:
        raise PhaseError(f"{test_class.__name__}: {unanswered}.\n{problems[0]}")
    return answers[0]
