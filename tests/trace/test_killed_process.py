from __future__ import annotations

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy as np

from stopgo_mixins.events import Moment, Position
from stopgo_mixins.trace.store import RankTrace, Trace, TraceWriter

WRITES_UNTIL_KILLED = """
import itertools, pathlib, sys, torch
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.trace.store import TraceWriter

writer = TraceWriter(pathlib.Path(sys.argv[1]), 0, 2**40)
for step in itertools.count():
    writer.record("m", Position(Moment.STEP_START, step), {"a": torch.full((1000,), float(step)), "b": step})
    writer.event("step_end", update=step)
    if step == 100:
        print("writing", flush=True)
"""


class TestKilledProcess(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def trace(self) -> RankTrace:
        return Trace(self.directory).ranks[0]

    def test_everything_recorded_before_sigkill_is_there(self) -> None:
        with subprocess.Popen(
            [sys.executable, "-c", WRITES_UNTIL_KILLED, str(self.directory)], stdout=subprocess.PIPE, text=True
        ) as process:
            self.addCleanup(process.kill)
            self.assertEqual(process.stdout.readline(), "writing\n")
            process.kill()
        records = [record for record in self.trace().records("m") if record.key.path == "['a']"]
        self.assertEqual([record.key.step for record in records], list(range(len(records))))
        self.assertGreater(len(records), 100)
        for record in records[-3:]:
            expected = np.full(1000, record.key.step, dtype=np.float32)
            self.assertEqual(record.read_bytes(), expected.tobytes())
        self.assertGreaterEqual(len(self.trace().events("step_end")), 100)

    def test_half_a_line_at_the_end_is_no_record(self) -> None:
        writer = TraceWriter(self.directory, 0, 0)
        for step in range(3):
            writer.record("m", Position(Moment.STEP_START, step), step)
            writer.event("step_end", update=step)
        writer.close()
        for name, read in {
            "m.jsonl": lambda: [record.leaf.scalar for record in self.trace().records("m")],
            "phase.jsonl": lambda: [event["update"] for event in self.trace().events()],
        }.items():
            path = self.directory / "rank-0" / name
            written = path.read_bytes()
            last_line = written.rindex(b"\n", 0, -1) + 1
            for end in range(last_line, len(written)):
                with self.subTest(file=name, bytes_of_the_last_line=end - last_line):
                    path.write_bytes(written[:end])
                    self.assertEqual(read(), [0, 1])


if __name__ == "__main__":
    unittest.main()
