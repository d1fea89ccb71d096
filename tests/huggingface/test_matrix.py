"""No false alarm in any cell that is exact, and the root cause by name in every other one."""

from __future__ import annotations

import unittest

from parameterized import parameterized

from tests.huggingface.cells import CELLS, TransformersCell
from tests.matrix import Cell, MatrixCase, name_of
from tests.outcome import run


class TestMatrix(MatrixCase):
    @parameterized.expand([(cell,) for cell in CELLS], name_func=name_of)
    def test_cell(self, cell: Cell) -> None:
        self.assert_as_documented(cell)


class TestSeeds(unittest.TestCase):
    def test_twenty_seeds(self) -> None:
        for seed in range(20):
            outcome = run(TransformersCell("").test_class(seed=seed, num_steps=seed % 8 + 7))
            self.assertEqual((outcome.failed, outcome.error), ({}, ""), seed)


if __name__ == "__main__":
    unittest.main()
