"""RecordTrace in real runs on two ranks: what compare says of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from stopgo_mixins.comparison.evidence import Verdict
from stopgo_mixins.real_runs.recorded import recorded_runs
from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict
from tests.documentation.pages import ROOT
from tests.ranks.test_torchrun import TORCHRUN
from tests.real_runs.on_ranks import SAVED_AT, UPDATES
from tests.real_runs.printing import printed


class TestTwoRanks(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = Path(temporary.name)
        subprocess.run(
            [sys.executable, *TORCHRUN, "-m", "tests.real_runs.on_ranks", temporary.name],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            timeout=300,
            check=True,
        )

    def compare(self, interrupted: str, uninterrupted: str = "whole") -> RunComparison:
        return RunComparison(recorded_runs([self.directory / interrupted], self.directory / uninterrupted))

    def test_each_rank_leaves_its_own_trace_and_is_compared(self) -> None:
        found = self.compare("exact")
        failed = found.of(Verdict.FAILED).keys() - {"validation_schedule"}  # Lightning 2.4 validates again
        self.assertEqual((failed, found.problems), (set(), {}))
        recorded = {"parameters", "optimizer_state", "rng_state", "train_input", "train_loss"}
        self.assertLessEqual(recorded, found.of(Verdict.PASSED).keys())
        legs = [(leg.start, leg.end, leg.broke_off, [*leg.trace.ranks]) for leg in found.runs.legs]
        self.assertEqual(legs, [(0, SAVED_AT + 1, True, [0, 1]), (SAVED_AT, UPDATES, False, [0, 1])])

    def test_what_is_wrong_on_one_rank_is_named_with_it(self) -> None:
        status, text = printed("compare", self.directory / "wrong", self.directory / "whole")
        self.assertEqual(status, 1)
        roots = set(re.findall(r"root cause of this run: (\w+ at \w+ \d+)[^:]*(?=, rank 1: )", text))
        self.assertEqual(roots, {"rng_state at state 4"}, text)
        self.assertIn("['torch'] equals what rank 0 has at state 4 (restored)\n", text)

    def test_nothing_is_shown_where_the_part_of_a_rank_is_not_there(self) -> None:
        shutil.copytree(self.directory / "exact", self.directory / "part")
        shutil.rmtree(self.directory / "part" / "leg-1" / "rank-1")
        found = self.compare("part")
        self.assertEqual((found.verdict, found.of(Verdict.PASSED)), (RunVerdict.DIFFERENT, {}))
        self.assertIn("rank 1", found.problems["number_of_steps"])


if __name__ == "__main__":
    unittest.main()
