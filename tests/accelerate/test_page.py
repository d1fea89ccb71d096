"""The page about Accelerate says what the tests assert."""

from __future__ import annotations

import unittest

from tests.accelerate.cells import FURTHER, PLACES, SKIPPING, STATEFUL, AccelerateCell
from tests.documentation.tables import rows


class TestPage(unittest.TestCase):
    def assert_table(self, heading: str, cells: tuple[AccelerateCell, ...]) -> None:
        listed = {
            f"{name}, {place}": verdict
            for name, *verdicts in rows("accelerate", heading)
            for place, verdict in zip(PLACES, verdicts, strict=True)
        }
        self.assertEqual(listed, {cell.name: cell.verdict for cell in cells})

    def test_skip_first_batches(self) -> None:
        self.assert_table("With `skip_first_batches`", SKIPPING)

    def test_stateful_loaders(self) -> None:
        self.assert_table("With `use_stateful_dataloader`", STATEFUL)

    def test_further_cells(self) -> None:
        self.assertEqual(dict(rows("accelerate", "With all three")), {cell.name: cell.verdict for cell in FURTHER})


if __name__ == "__main__":
    unittest.main()
