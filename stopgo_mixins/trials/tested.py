"""Runs the tests of a class whose phases have run."""

from __future__ import annotations

import contextlib
import io
import unittest
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tested:
    """How the tests of a class ended.

    Attributes:
        passed: the names of those that did.
        failed: the names of those that failed or raised an error.
        skipped: name -> reason.
    """

    passed: frozenset[str]
    failed: tuple[str, ...]
    skipped: Mapping[str, str]

    @classmethod
    def run(cls, test_case: type[Any]) -> Tested:
        """Runs all tests of a class whose phases have run; what they print is lost."""
        result = unittest.TestResult()
        names = unittest.defaultTestLoader.getTestCaseNames(test_case)
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for name in names:
                test_case(name).run(result)
        failed = tuple(dict.fromkeys(_name(test) for test, _ in (*result.failures, *result.errors)))
        skipped = {_name(test): reason for test, reason in result.skipped}
        return cls(frozenset(names) - skipped.keys() - set(failed), failed, skipped)


def _name(test: unittest.TestCase) -> str:
    whole: unittest.TestCase = getattr(test, "test_case", test)  # of a subTest
    return whole.id().rpartition(".")[2]
