"""Runs a test class and tells how each of its tests ended."""

from __future__ import annotations

import unittest
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Outcome:
    """How the tests of one class ended.

    Attributes:
        passed: names without ``test_``.
        failed: name -> message.
        skipped: name -> reason.
        errors: what went wrong outside the tests, such as a failed phase.
    """

    passed: frozenset[str]
    failed: dict[str, str]
    skipped: dict[str, str]
    errors: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing failed."""
        return not self.failed and not self.errors


def run(case: type[unittest.TestCase]) -> Outcome:
    """Runs all tests of a class, phases included."""
    result = _Result()
    unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    return Outcome(
        frozenset(result.passed),
        {_name(test): message for test, message in result.failures},
        {_name(test): reason for test, reason in result.skipped},
        [message for _, message in result.errors],
    )


class _Result(unittest.TestResult):
    def __init__(self) -> None:
        super().__init__()
        self.passed: list[str] = []

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.passed.append(_name(test))


def _name(test: unittest.TestCase) -> str:
    return test.id().rpartition(".")[2].removeprefix("test_")
