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
        sound: the names of those that passed, or compared records that are all equal and prove nothing as they stand:
            if one of those fails, something has become unequal.
        failed: the names of those that failed or raised an error.
        skipped: name -> reason.
    """

    sound: frozenset[str]
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
        unsound = {*failed, *(test for test in skipped if not _compared_equal(test_case, test))}
        return cls(frozenset(names) - unsound, failed, skipped)


def _compared_equal(test_case: type[Any], test: str) -> bool:
    comparison = test_case.comparison(test.removeprefix("test_"))
    return bool(comparison.compared) and not comparison.mismatches


def _name(test: unittest.TestCase) -> str:
    whole: unittest.TestCase = getattr(test, "test_case", test)  # of a subTest
    return whole.id().rpartition(".")[2]
