"""The page about transformers says what the tests assert."""

from __future__ import annotations

import unittest

from tests.documentation.tables import rows
from tests.huggingface.cells import CELLS


class TestPage(unittest.TestCase):
    def test_the_matrix(self) -> None:
        listed = dict(rows("transformers", "The matrix"))
        self.assertEqual(listed, {cell.name: cell.verdict for cell in CELLS})


if __name__ == "__main__":
    unittest.main()
