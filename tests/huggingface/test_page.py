"""The page about transformers says what the tests assert."""

from __future__ import annotations

import unittest

from tests.documentation.tables import rows
from tests.huggingface.cells import CELLS
from tests.huggingface.test_just_in_time import JUST_IN_TIME


class TestPage(unittest.TestCase):
    def test_the_matrix(self) -> None:
        listed = dict(rows("transformers", "The matrix"))
        self.assertEqual(listed, {cell.name: cell.verdict for cell in CELLS})

    def test_just_in_time_checkpoints(self) -> None:
        listed = {name: verdict for name, verdict, _ in rows("transformers", "Just-in-time checkpoints")}
        self.assertEqual(listed, {cell.name: cell.verdict for cell in JUST_IN_TIME})


if __name__ == "__main__":
    unittest.main()
