"""A suite that torchrun has started on two ranks."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from tests.documentation.pages import ROOT

TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d", "--rdzv-endpoint=localhost:0")

NAMES = [
    f"tests.ranks.torchrun_cases.{case}.test_{metric}"
    for case in ("InTheWorldOfTheSuite", "FailsOnRank1")
    for metric in ("parameters", "rng_state")
]


class TestTorchrun(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.logs = Path(directory.name)

    def test_phases_use_its_world_and_all_ranks_share_a_verdict(self) -> None:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        ended = subprocess.run(
            [sys.executable, *TORCHRUN, "--redirects=3", f"--log-dir={self.logs}", "-m", "unittest", "-v", *NAMES],
            cwd=ROOT,
            env={**variables, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        self.assertNotEqual(ended.returncode, 0)
        for rank in (0, 1):
            (log,) = self.logs.glob(f"*/attempt_0/{rank}/stderr.log")
            said = log.read_text(encoding="utf-8")
            self.assertEqual(said.count("... ok\n"), 2, said)
            self.assertIn(
                "PhaseError: FailsOnRank1: the stop phase failed: rank 1: ValueError: the data of rank 1 are gone", said
            )


if __name__ == "__main__":
    unittest.main()
