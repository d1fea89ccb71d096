"""What the ranks of a phase say together: of events, of their number, and of the end."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from stopgo_mixins.trace.store import Trace, TraceWriter


class TestRanks(unittest.TestCase):
    def trace(self, *events_of_rank: list[tuple[str, dict[str, Any]]]) -> Trace:
        """Of a phase in which each rank wrote these events."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        for rank, events in enumerate(events_of_rank):
            writer = TraceWriter(Path(directory.name), rank, 0)
            for name, fields in events:
                writer.event(name, **fields)
            writer.close()
        return Trace(Path(directory.name))

    def steps(self, *updates: int) -> list[tuple[str, dict[str, Any]]]:
        return [("step_end", {"update": update}) for update in updates]

    def test_an_event_is_what_every_rank_wrote(self) -> None:
        trace = self.trace(self.steps(1, 2, 3), self.steps(1, 2))
        self.assertEqual([event["update"] for event in trace.events("step_end")], [1, 2])
        trace = self.trace(self.steps(1, 2), self.steps(1, 2, 3))
        self.assertEqual([event["update"] for event in trace.events("step_end")], [1, 2])
        self.assertEqual(len(trace.ranks[1].events("step_end")), 3)

    def test_one_that_two_ranks_wrote_differently_is_none(self) -> None:
        loaded = [[("checkpoint_loaded", {"update": update, "path": "x"})] for update in (4, 2)]
        self.assertEqual(self.trace(*loaded).events("checkpoint_loaded"), [])
        self.assertEqual(len(self.trace(loaded[0], loaded[0]).events("checkpoint_loaded")), 1)

    def test_no_rank_no_event(self) -> None:
        trace = self.trace()
        self.assertEqual((trace.events("step_end"), trace.world_size, trace.has_ended), ([], None, False))

    def test_the_number_of_ranks(self) -> None:
        start = [("phase_start", {"mode": "stop", "world_size": 3})]
        trace = self.trace([("phase_start", {"mode": "stop"})], start)
        self.assertEqual((trace.world_size, trace.absent_ranks), (3, [2]))
        self.assertEqual(self.trace(start, start, start).absent_ranks, [])
        self.assertIsNone(self.trace([("phase_start", {"mode": "stop"})]).world_size)

    def test_a_phase_has_ended_when_all_its_ranks_have(self) -> None:
        end = [("phase_end", {"update": 4})]
        self.assertTrue(self.trace(end, end).has_ended)
        self.assertFalse(self.trace(end, self.steps(1, 2, 3, 4)).has_ended)


if __name__ == "__main__":
    unittest.main()
