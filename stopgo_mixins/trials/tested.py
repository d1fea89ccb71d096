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
        failed: the names of those that failed or raised an error.
        skipped: name -> reason.
    """

    failed: tuple[str, ...]
    skipped: Mapping[str, str]

    @classmethod
    def run(cls, test_case: type[Any]) -> Tested:
        """Runs all tests of a class whose phases have run; what they print is lost."""
        result = unittest.TestResult()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            for name in unittest.defaultTestLoader.getTestCaseNames(test_case):
                test_case(name).run(result)
        failed = [_name(test) for test, _ in (*result.failures, *result.errors)]
        return cls(tuple(dict.fromkeys(failed)), {_name(test): reason for test, reason in result.skipped})


def _name(test: unittest.TestCase) -> str:
    whole: unittest.TestCase = getattr(test, "test_case", test)  # of a subTest
    return whole.id().rpartition(".")[2]
