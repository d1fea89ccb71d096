"""A loader whose passes are read in another way is otherwise the loader that it was."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from stopgo_mixins.faults.batch_archive import BatchArchive
from stopgo_mixins.faults.loaders import Pass, reading


def loader(size: int = 4) -> DataLoader[Any]:
    return DataLoader(range(size), batch_size=1)  # type: ignore[arg-type]  # anything with a length and items


def values(batches: Iterator[Any]) -> list[int]:
    return [int(batch) for batch in batches]


class TestReading(unittest.TestCase):
    def test_stays_what_it_is(self) -> None:
        changed = reading(loader(), lambda epoch: epoch.batches)
        self.assertIsInstance(changed, DataLoader)
        self.assertEqual((type(changed).__name__, len(changed), changed.batch_size), ("DataLoader", 4, 1))
        self.assertEqual(values(changed), [0, 1, 2, 3])

    def test_each_pass_is_changed_by_its_number(self) -> None:
        changed = reading(loader(), lambda epoch: islice(epoch.batches, epoch.number, None))
        self.assertEqual([values(changed) for _ in range(3)], [[0, 1, 2, 3], [1, 2, 3], [2, 3]])

    def test_a_pass_that_nobody_reads_does_not_count(self) -> None:
        changed = reading(loader(), lambda epoch: islice(epoch.batches, epoch.number, None))
        iter(changed)
        self.assertEqual(values(changed), [0, 1, 2, 3])

    def test_an_empty_pass_does_not_count(self) -> None:
        numbers: list[int] = []

        def change(epoch: Pass) -> Iterator[Any]:
            numbers.append(epoch.number)
            return epoch.batches

        self.assertEqual(values(reading(loader(0), change)), [])
        self.assertEqual(numbers, [])

    def test_a_pass_can_be_begun_again(self) -> None:
        changed = reading(loader(), lambda epoch: epoch.again())
        self.assertEqual(values(changed), [0, 1, 2, 3])

    def test_another_loader_of_the_class_is_not_touched(self) -> None:
        reading(loader(), lambda epoch: iter(()))
        self.assertEqual(values(loader()), [0, 1, 2, 3])


class TestBatchArchive(unittest.TestCase):
    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.archive = BatchArchive(Path(directory.name) / "batches")

    def test_keeps_the_batches_of_all_epochs(self) -> None:
        kept = self.archive.of(loader())
        self.assertEqual([values(kept), values(islice(kept, 2))], [[0, 1, 2, 3], [0, 1]])
        self.assertEqual(self.archive.epochs, [0, 4])
        self.assertEqual(values(self.archive.read(3, 6)), [3, 0, 1])

    def test_owns_what_it_keeps(self) -> None:
        batch = next(iter(self.archive.of(loader())))
        batch.zero_().add_(9)
        self.assertEqual(list(self.archive.read(0, 1)), [torch.tensor([0])])
