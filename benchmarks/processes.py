"""The digits, with all phases in one process and with the legs in fresh ones."""

from __future__ import annotations

import time
import unittest

from examples.test_digits import TestDigits

__all__ = ["DigitsInProcesses", "TestDigits", "seconds_of_a_class"]


class DigitsInProcesses(TestDigits):
    """The same class, whose legs run in fresh processes."""

    isolation = "process"


def seconds_of_a_class(case: type[unittest.TestCase]) -> float:
    """How long a class takes once everything is imported, and the server of processes runs."""
    _run(case)
    start = time.perf_counter()
    _run(case)
    return time.perf_counter() - start


def _run(case: type[unittest.TestCase]) -> None:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    if not result.wasSuccessful():
        raise RuntimeError([*result.errors, *result.failures][0][1])
