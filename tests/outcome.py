"""Makes test classes, runs them in this process and tells how each of their tests ended."""

from __future__ import annotations

import unittest
from collections.abc import Iterable


class Outcome(unittest.TestResult):
    """How the tests of one class ended, by name without ``test_``.

    Attributes:
        passed: names.
        failed: name -> message.
        skipped_for: name -> reason.
        error: what went wrong outside of the tests, such as a failed phase; empty where nothing did.
    """

    def __init__(self) -> None:
        super().__init__()
        self.passed: set[str] = set()

    @property
    def failed(self) -> dict[str, str]:
        return {_name(test): message for test, message in self.failures}

    @property
    def skipped_for(self) -> dict[str, str]:
        return {_name(test): reason for test, reason in self.skipped}

    @property
    def error(self) -> str:
        return "\n".join(message for _, message in self.errors)

    def addSuccess(self, test: unittest.TestCase) -> None:
        self.passed.add(_name(test))


def concrete(base: type, **attributes: object) -> type:
    """A test class made of a mixin, which no runner finds by itself."""
    return type(
        base.__name__.removesuffix("Mixin"), (base, unittest.TestCase), {"__module__": base.__module__, **attributes}
    )


def run(case: type, names: Iterable[str] | None = None) -> Outcome:
    """Runs a class's tests, or those with the given names (without ``test_``), phases included."""
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromTestCase(case) if names is None else loader.suiteClass(case(f"test_{n}") for n in names)
    outcome = Outcome()
    suite.run(outcome)
    return outcome


def _name(test: unittest.TestCase) -> str:
    return test.id().rpartition(".")[2].removeprefix("test_")
