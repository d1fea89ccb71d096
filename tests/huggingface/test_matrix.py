"""No false alarm in any cell that is exact, and the root cause by name in every other one."""

from __future__ import annotations

import re
import unittest
from collections.abc import Callable
from typing import Any
from unittest import mock

from parameterized import parameterized

from tests.huggingface.cells import CELLS, Cell
from tests.outcome import run

_ROOT_CAUSE = re.compile(r"root cause of this run: (\w+) at (\w+ \d+)")


def name_of(function: Callable[..., None], number: str, _parameters: Any) -> str:
    return f"{function.__name__}_{number}"


class MatrixCase(unittest.TestCase):
    def setUp(self) -> None:
        # How long a loader that is deleted waits, 5 s, for each of its persistent workers before it ends it.
        patch = mock.patch("torch.utils.data._utils.MP_STATUS_CHECK_INTERVAL", 0.1)
        patch.start()
        self.addCleanup(patch.stop)

    def assert_as_documented(self, cell: Cell) -> None:
        outcome = run(cell.test_class())
        if cell.error:
            loaded = "the checkpoint that it was to load: .*checkpoint-6"
            self.assertRegex(outcome.error, rf"the resume phase failed: {cell.error}: .*(\n.*)*{loaded}")
            return
        self.assertEqual(outcome.error, "", cell.name)
        named = {cause for message in outcome.failed.values() for cause in _ROOT_CAUSE.findall(message)}
        self.assertEqual(dict(named), cell.root_causes, f"{cell.name}: {outcome.failed}")
        self.assertEqual(bool(outcome.failed), bool(cell.root_causes), cell.name)


class TestMatrix(MatrixCase):
    @parameterized.expand([(cell,) for cell in CELLS], name_func=name_of)
    def test_cell(self, cell: Cell) -> None:
        self.assert_as_documented(cell)


class TestSeeds(unittest.TestCase):
    def test_twenty_seeds(self) -> None:
        for seed in range(20):
            outcome = run(Cell("").test_class(seed=seed, num_steps=seed % 8 + 7))
            self.assertEqual((outcome.failed, outcome.error), ({}, ""), seed)


if __name__ == "__main__":
    unittest.main()
