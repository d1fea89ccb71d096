"""Logs of runs that left nothing else behind."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

from tests.real_runs.printing import printed

Values = Mapping[int, Mapping[str, float]]
"""Step -> name -> value."""


def losses(*steps: int, wrong: int | None = None) -> Values:
    return {step: {"loss": 1 / step + (step == wrong) / 100} for step in steps}


class LogCase(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = Path(directory.name)

    def csv(self, name: str, values: Values, column: str = "step") -> Path:
        names = sorted({name for logged in values.values() for name in logged})
        lines = [",".join(["epoch", *names, column])]
        lines += [
            ",".join(["", *(str(row.get(each, "")) for each in names), str(step)]) for step, row in values.items()
        ]
        path = self.directory / name / "metrics.csv"
        path.parent.mkdir()
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


class TestCsv(LogCase):
    def test_equal_logs_prove_little(self) -> None:
        legs = [self.csv("stopped", losses(1, 2, 3, 4)), self.csv("resumed", losses(3, 4, 5, 6))]
        status, text = printed("compare", *legs, self.csv("whole", losses(1, 2, 3, 4, 5, 6)).parent)
        self.assertEqual(status, 2)
        self.assertIn("not verified: all 8 logged values are equal in 6 steps. That proves little", text)
        self.assertIn("compared: loss", text)

    def test_a_difference_is_shown_where_it_begins(self) -> None:
        legs = [self.csv("stopped", losses(1, 2)), self.csv("resumed", losses(3, 4, 5, wrong=4))]
        whole = self.csv("whole", losses(1, 2, 3, 4, 5))
        status, text = printed("compare", *legs, whole)
        self.assertEqual(status, 1)
        self.assertIn("not the same run: 1 of 5 logged values differ.", text)
        self.assertIn("logged_values: first at step 4, rank 0: ['loss']", text)
        self.assertIn("interrupted 0.26   continuous 0.25", text)
        self.assertEqual(printed("compare", *legs, whole, "--from-step", 5)[0], 2)
        self.assertEqual(json.loads(printed("compare", *legs, whole, "--json")[1])["verdict"], "not the same run")

    def test_lost_work_that_was_logged_is_compared(self) -> None:
        legs = [self.csv("stopped", losses(1, 2, 3, wrong=3)), self.csv("resumed", losses(3, 4))]
        self.assertEqual(printed("compare", *legs, self.csv("whole", losses(1, 2, 3, 4)))[0], 1)

    def test_what_a_resume_did_not_log_is_missing(self) -> None:
        legs = [self.csv("stopped", losses(1, 2)), self.csv("resumed", losses(4, 5))]
        status, text = printed("compare", *legs, self.csv("whole", losses(1, 2, 3, 4, 5)))
        self.assertEqual(status, 1, text)
        self.assertIn("missing: the continuous run recorded it, the resume phase did not", text)

    def test_names_of_one_run_are_named(self) -> None:
        other = {1: {"loss": 1.0, "time": 3.5}}
        status, text = printed("compare", self.csv("one", losses(1)), self.csv("other", other))
        self.assertEqual(status, 2)
        self.assertIn("logged by one of the runs only, and not compared: time", text)
        status, text = printed("compare", self.csv("times", {1: {"seconds": 1.0}}), self.csv("plain", losses(1)))
        self.assertIn("the logs have no name in common: seconds against loss", text)

    def test_a_table_without_steps(self) -> None:
        status, text = printed("compare", self.csv("one", losses(1)), self.csv("other", losses(1), column="time"))
        self.assertEqual(status, 2)
        self.assertIn("has no column 'step'", text)


class TestTensorBoard(LogCase):
    def log(self, name: str, values: Values) -> Path:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(str(self.directory / name))
        for step, row in values.items():
            writer.add_scalar("loss", row["loss"], step)
        writer.close()
        return self.directory / name

    @unittest.skipIf(find_spec("tensorboard") is None, "tensorboard is not installed")
    def test_scalars(self) -> None:
        whole, cut = self.log("whole", losses(1, 2, 3)), self.log("cut", losses(1, 2, 3, wrong=2))
        self.assertEqual(printed("compare", whole, whole)[0], 2)
        status, text = printed("compare", cut, whole)
        self.assertEqual(status, 1)
        self.assertIn("not the same run: 1 of 3 logged values differ.", text)
        self.assertIn("first at step 2", text)

    def test_without_the_package(self) -> None:
        with mock.patch.dict(sys.modules, {"tensorboard.backend.event_processing.event_accumulator": None}):
            status, text = printed("compare", *[self.directory / "events.out.tfevents.1"] * 2)
        self.assertEqual(status, 2)
        self.assertIn("install the package tensorboard to read it", text)


del LogCase  # which is no test
