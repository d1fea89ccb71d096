from __future__ import annotations

import gc
import tempfile
import tracemalloc
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stopgo_mixins import TraceError
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.trace.record import Record
from stopgo_mixins.trace.store import RankTrace, Trace, TraceWriter
from stopgo_mixins.trace.values import SMALL_BYTES

LARGE = torch.arange(SMALL_BYTES, dtype=torch.float32)  # four times as many bytes as are always kept


def state(step: int) -> Position:
    return Position(Moment.STEP_START, step)


class WithTrace(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def writer(self, budget: int = 0, **settings: Any) -> TraceWriter:
        writer = TraceWriter(self.directory, 0, budget, **settings)
        self.addCleanup(writer.close)
        return writer

    def trace(self) -> RankTrace:
        return Trace(self.directory).ranks[0]

    def records(self, metric: str = "m") -> list[Record]:
        return list(self.trace().records(metric))

    def kept_steps(self, metric: str = "m") -> list[int]:
        return [record.key.step for record in self.records(metric) if record.read_bytes() is not None]


class TestRecords(WithTrace):
    def test_a_record_is_read_back_as_it_was_written(self) -> None:
        position = Position(Moment.VALIDATION_BATCH, 4, (1, 0, 2), provoked=True)
        self.writer().record("m", position, {"a": torch.tensor([1.5, -2.0])}, "logged")
        (record,) = self.records()
        self.assertEqual(record.key, (4, Moment.VALIDATION_BATCH, (1, 0, 2), "logged['a']"))
        self.assertEqual((record.rank, record.provoked), (0, True))
        self.assertEqual(record.leaf.form, ("tensor", "float32", (2,), "cpu"))
        self.assertEqual(record.read_bytes(), np.array([1.5, -2.0], dtype=np.float32).tobytes())

    def test_a_phase_that_recorded_nothing_has_no_metrics(self) -> None:
        self.writer().event("phase_start", mode="stop")
        self.assertEqual(self.trace().metrics, set())
        self.assertEqual(self.records("anything"), [])

    def test_what_happened_to_the_run_is_read_back_in_order(self) -> None:
        writer = self.writer()
        writer.event("step_end", update=1)
        writer.event("checkpoint_saved", path="x", update=1)
        writer.event("step_end", update=2)
        self.assertEqual([event["update"] for event in self.trace().events("step_end")], [1, 2])
        self.assertEqual(len(self.trace().events()), 3)

    def test_each_rank_has_its_own_records(self) -> None:
        for rank in (0, 1, 10):
            writer = TraceWriter(self.directory, rank, 0)
            writer.record("m", state(0), rank)
            writer.close()
        ranks = Trace(self.directory).ranks
        self.assertEqual(
            {rank: next(trace.records("m")).leaf.scalar for rank, trace in ranks.items()}, {0: 0, 1: 1, 10: 10}
        )


class TestKeys(WithTrace):
    def test_a_key_recorded_twice_is_an_error_that_says_which(self) -> None:
        writer = self.writer()
        position = Position(Moment.MICRO_BATCH, 3, (1,))
        writer.record("train_loss", position, 1.0, "['loss']")
        with self.assertRaisesRegex(
            TraceError,
            r"train_loss was recorded twice at micro_batch 3, ordinal \(1,\), path \"\['loss'\]\": give each record",
        ):
            writer.record("train_loss", position, 2.0, "['loss']")

    def test_only_the_whole_key_is_taken(self) -> None:
        writer = self.writer()
        for metric in ("m", "n"):
            for position in (Position(Moment.MICRO_BATCH, 3, (0,)), Position(Moment.MICRO_BATCH, 3, (1,)), state(3)):
                writer.record(metric, position, {"a": 1, "b": 2})
        writer.record("m", state(4), {"a": 1, "b": 2})
        self.assertEqual(len(self.records("m")), 8)

    def test_a_step_that_comes_back_is_an_error(self) -> None:
        writer = self.writer()
        for step in (4, 5):
            writer.record("m", state(step), 1)
        with self.assertRaisesRegex(TraceError, "m was recorded at step 4 after step 5"):
            writer.record("m", state(4), 1)


class TestAliasing(WithTrace):
    """On a CPU, a tensor that is kept instead of written shows what training does to it later."""

    def assert_remembered(self, writer: TraceWriter, original: Any, change: Any) -> None:
        expected = original.numpy().tobytes() if isinstance(original, torch.Tensor) else original.tobytes()
        writer.record("m", state(0), {"value": original})
        change(original)
        writer.record("m", state(1), {"value": original})
        before, after = self.records()
        self.assertEqual(before.read_bytes(), expected)
        self.assertNotEqual(before.leaf.digest, after.leaf.digest)
        self.assertNotEqual(before.read_bytes(), after.read_bytes())

    def test_a_tensor_that_changes_in_place(self) -> None:
        self.assert_remembered(self.writer(), torch.ones(5), lambda tensor: tensor.add_(1))

    def test_a_large_tensor_that_changes_in_place(self) -> None:
        self.assert_remembered(self.writer(2**20), LARGE.clone(), lambda tensor: tensor.add_(1))

    def test_an_array_that_changes_in_place(self) -> None:
        self.assert_remembered(self.writer(), np.ones(5), lambda array: np.add(array, 1, out=array))

    def test_this_would_catch_a_writer_that_writes_later(self) -> None:
        writer = _LateWriter(self.directory, 0, 0)
        self.addCleanup(writer.close)
        with self.assertRaises(AssertionError):
            self.assert_remembered(writer, torch.ones(5), lambda tensor: tensor.add_(1))


class _LateWriter(TraceWriter):
    """Does what a missing clone does: looks at the value of a record when the next one is taken."""

    _pending: tuple[Any, ...] | None = None

    def record(self, *arguments: Any) -> None:
        pending, self._pending = self._pending, arguments
        if pending is not None:
            super().record(*pending)
            super().record(*arguments)


class TestMemory(WithTrace):
    def test_does_not_grow_with_the_number_of_steps(self) -> None:
        writer = self.writer(budget=2**20)
        value = {f"layer {index}": torch.ones(64) for index in range(4)}
        writer.record("m", state(0), value)
        tracemalloc.start()
        self.addCleanup(tracemalloc.stop)
        sizes = []
        for step in range(1, 201):
            writer.record("m", state(step), value)
            if step in (50, 200):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
        self.assertLess(sizes[1] - sizes[0], 2**14)  # 150 steps of 4 keys each would be 100 kilobytes

    def test_is_read_back_a_step_at_a_time(self) -> None:
        writer = self.writer()
        for step in range(3):
            writer.record("m", state(step), {"a": 1, "b": 2})
        steps = self.trace().steps("m")
        number, (block,) = next(steps)
        self.assertEqual((number, len(block)), (0, 2))
        self.assertEqual([number for number, _ in steps], [1, 2])


class TestBudget(WithTrace):
    SIZE = LARGE.numel() * LARGE.element_size()

    def record(self, writer: TraceWriter, steps: range, metric: str = "m") -> None:
        for step in steps:
            writer.record(metric, state(step), LARGE + step)

    def test_small_values_are_kept_beyond_any_budget(self) -> None:
        writer = self.writer(budget=0)
        for step in range(5):
            writer.record("m", state(step), torch.full((SMALL_BYTES,), step, dtype=torch.uint8))
        self.assertEqual(self.kept_steps(), [0, 1, 2, 3, 4])

    def test_large_values_are_kept_as_far_as_the_budget_goes_and_the_digests_all(self) -> None:
        self.record(self.writer(budget=4 * self.SIZE), range(5))
        self.assertEqual(self.kept_steps(), [0, 1])  # away from the resume point half of the budget
        self.assertEqual(len({record.leaf.digest for record in self.records()}), 5)
        self.assertEqual(len(self.records()), 5)

    def test_values_from_the_resume_point_on_come_first(self) -> None:
        self.record(self.writer(budget=4 * self.SIZE, resume_point=6), range(9))
        self.assertEqual(self.kept_steps(), [0, 1, 6, 7])

    def test_metrics_with_a_tolerance_may_use_the_whole_budget(self) -> None:
        writer = self.writer(budget=4 * self.SIZE, keep_first=["m"])
        self.record(writer, range(2), "n")
        self.record(writer, range(5))
        self.assertEqual(self.kept_steps("n"), [0, 1])
        self.assertEqual(self.kept_steps("m"), [0, 1])

    def test_the_values_file_is_no_larger_than_the_budget(self) -> None:
        self.record(self.writer(budget=4 * self.SIZE, resume_point=6), range(20))
        self.assertEqual((self.directory / "rank-0" / "values.bin").stat().st_size, 4 * self.SIZE)


class TestUnchanged(WithTrace):
    """What is the same as it was is written once."""

    def size(self) -> int:
        return (self.directory / "rank-0" / "values.bin").stat().st_size

    def test_a_value_that_stays_is_kept_at_every_step_and_written_once(self) -> None:
        writer = self.writer(budget=2**20)
        for step in range(5):
            writer.record("m", state(step), {"frozen": LARGE, "small": torch.ones(2)})
        self.assertEqual(self.size(), LARGE.nbytes + 8)
        read = [record.read_bytes() for record in self.records()]
        self.assertEqual(read, 5 * [LARGE.numpy().tobytes(), torch.ones(2).numpy().tobytes()])

    def test_one_that_changes_is_written_again_and_so_is_the_one_that_comes_back(self) -> None:
        writer = self.writer(budget=2**20)
        values = [LARGE, LARGE + 1, LARGE]
        for step, value in enumerate(values):
            writer.record("m", state(step), value)
        self.assertEqual(self.size(), 3 * LARGE.nbytes)
        self.assertEqual(
            [record.read_bytes() for record in self.records()], [each.numpy().tobytes() for each in values]
        )

    def test_a_metric_does_not_read_what_another_one_has_kept(self) -> None:
        writer = self.writer(budget=2**20)
        for metric in ("m", "n"):
            writer.record(metric, state(0), LARGE)
        self.assertEqual(self.size(), 2 * LARGE.nbytes)

    def test_the_paths_of_a_value_are_written_once(self) -> None:
        writer = self.writer()
        for step in range(5):
            writer.record("m", state(step), {"weight": step, "bias": 1})
        lines = (self.directory / "rank-0" / "m.jsonl").read_text().splitlines()
        self.assertEqual(["weight" in line for line in lines], [True] + 5 * [False])
        self.assertEqual([record.leaf.scalar for record in self.records()], [0, 1, 1, 1, 2, 1, 3, 1, 4, 1])

    def test_other_paths_are_written_beside_them_and_known_again(self) -> None:
        writer = self.writer()
        values = [{"a": 1}, {"b": 2.5}, {"a": 3}, {"a": "x", "b": None}]
        for step, value in enumerate(values):
            writer.record("m", state(step), value)
        self.assertEqual(
            [(record.key.step, record.key.path, record.leaf.scalar) for record in self.records()],
            [(0, "['a']", 1), (1, "['b']", 2.5), (2, "['a']", 3), (3, "['a']", "x"), (3, "['b']", None)],
        )
        self.assertEqual((self.directory / "rank-0" / "m.jsonl").read_text().count("structure"), 3)


if __name__ == "__main__":
    unittest.main()
