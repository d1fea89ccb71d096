"""Bytes that are read back are those that were recorded, or the read is an error."""

from __future__ import annotations

import unittest
from collections.abc import Callable

import torch

from stopgo_mixins import Tolerance, TraceError
from tests.comparison.synthetic import Phases, SyntheticCase
from tests.trace.test_store import LARGE, WithTrace, state


def flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


class TestDamagedValues(WithTrace):
    def damage(self, change: Callable[[bytes], bytes]) -> None:
        values = self.directory / "rank-0" / "values.bin"
        values.write_bytes(change(values.read_bytes()))

    def setUp(self) -> None:
        super().setUp()
        writer = self.writer(budget=2**20)
        writer.record("first", state(3), torch.ones(2))
        writer.record("second", state(3), {"empty": torch.ones(0), "number": 1, "weights": LARGE})
        writer.close()

    def assert_damaged(self, sentence: str) -> None:
        *whole, weights = self.records("second")
        self.assertEqual([record.read_bytes() for record in whole], [b"", b""])
        with self.assertRaisesRegex(TraceError, sentence):
            weights.read_bytes()

    def test_a_bit(self) -> None:
        self.damage(flipped)
        self.assert_damaged(
            r"rank-0/values\.bin is damaged: the bytes of second at step_start 3, ordinal \(\), path \"\['weights'\]\" "
            r"are not those that were recorded\. Run the test again\."
        )
        (other,) = self.records("first")
        self.assertEqual(other.read_bytes(), torch.ones(2).numpy().tobytes())

    def test_the_end_cut_off(self) -> None:
        self.damage(lambda data: data[:-96])
        self.assert_damaged(r"second at step_start 3, .* end after 4000 of 4096\. Run")

    def test_all_of_it_gone(self) -> None:
        (self.directory / "rank-0" / "values.bin").unlink()
        for metric in ("first", "second"):
            with self.assertRaisesRegex(
                TraceError, rf"values\.bin is gone, and with it the bytes of {metric} at step_start 3"
            ):
                self.records(metric)[-1].read_bytes()


class TestToleranceOverDamagedValues(SyntheticCase):
    """A tolerance reads values back, and must not accept the wrong ones."""

    def different(self) -> Phases:
        return self.phases().state(
            "metric", lambda step: torch.tensor([float(step + 1)]), lambda step: torch.tensor([step + 1.5])
        )

    def test_copied_over(self) -> None:
        phases = self.different()
        runs = phases.runs()
        resumed, expected = (phases.directory / phase / "rank-0" / "values.bin" for phase in ("resume", "continuous"))
        resumed.write_bytes(expected.read_bytes()[-len(resumed.read_bytes()) :])  # as if nothing had been different
        self.assertEqual(runs.last.start, 4)
        with self.assertRaisesRegex(TraceError, "the bytes of metric at step_start 4"):
            self.judge(phases, "metric", Tolerance(atol=1e-3))


if __name__ == "__main__":
    unittest.main()
