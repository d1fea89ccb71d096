"""State that a run of Lightning keeps anywhere else: found where it is lost, and equal where it is saved."""

from __future__ import annotations

import re
import unittest
from collections.abc import Callable
from typing import Any

from parameterized import parameterized

from tests.outcome import Outcome, concrete, run
from tests.unsaved.runs import RUNS, Made, MadeMixin

NAMED = [(make.__name__, make) for make in RUNS]


def outcome_of(make: Callable[[], Made], **attributes: object) -> tuple[Any, Outcome]:
    case: Any = concrete(MadeMixin, make=staticmethod(make), **attributes)
    return case, run(case)


class TestRuns(unittest.TestCase):
    @parameterized.expand(NAMED)
    def test_lost(self, _: str, make: Callable[[], Made]) -> None:
        path, is_used = RUNS[make]
        case, outcome = outcome_of(make)
        self.assertEqual(outcome.error, "")
        message = re.sub(r"\s+", " ", outcome.failed.get("unsaved_state", ""))
        self.assertIn("root cause of this run: unsaved_state at state 3 (restored), rank 0: ", message)
        restored = {found.key.path for found in case.comparison("unsaved_state").at_first}
        self.assertIn(path, restored)
        if is_used:
            self.assertEqual(set(re.findall(r"root cause of this run: (\w+)", message)), {"unsaved_state"})
            self.assertTrue({"parameters", "valid_input"} & outcome.failed.keys())
        else:
            self.assertEqual(set(outcome.failed), {"unsaved_state"})

    @parameterized.expand(NAMED)
    def test_saved(self, _: str, make: Callable[[], Made]) -> None:
        _, outcome = outcome_of(make, saves=True)
        self.assertEqual((outcome.error, outcome.failed), ("", {}))
        self.assertIn("unsaved_state", outcome.passed)


if __name__ == "__main__":
    unittest.main()
