"""Loaders that cannot be resumed exactly, each caught by name on every Lightning; and some that can."""

from __future__ import annotations

import unittest
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset
from torchdata.stateful_dataloader import StatefulDataLoader

from benchmarks.cells import Cell, DigitsInCell
from examples.digits import BATCH_SIZE, DigitsClassifier, DigitsDataModule
from stopgo_mixins import AtStep, Mode
from tests.outcome import Outcome, run

SAMPLES = 192
STEP = 5


class _Unsized(IterableDataset[Any]):
    def __init__(self, samples: Dataset[Any]) -> None:
        self.samples = samples

    def __iter__(self) -> Iterator[Any]:
        return (self.samples[index] for index in range(SAMPLES))


class _Noisy(Dataset[Any]):
    """Draws from torch's global generator for every sample, as augmentations do."""

    def __init__(self, samples: Dataset[Any]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return SAMPLES

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        image, label = self.samples[index]
        return image + 0.01 * torch.randn_like(image), label


def _case(make_loaders: Any) -> type[DigitsInCell]:
    class TestLoader(DigitsInCell, unittest.TestCase):
        interruption = AtStep(STEP)
        cell = Cell(STEP)

        @classmethod
        def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
            return DigitsClassifier(lr=cls.lr), make_loaders(DigitsDataModule().digits)

    return TestLoader


def _outcome(make_loaders: Any) -> Outcome:
    return run(_case(make_loaders))


def _validation(digits: Dataset[Any], shuffle: bool = False) -> DataLoader[Any]:
    return DataLoader(Subset(digits, range(1500, 1756)), BATCH_SIZE, shuffle=shuffle)


class TestLoadersThatResume(unittest.TestCase):
    def test_random_data_in_the_main_process(self) -> None:
        outcome = _outcome(lambda digits: (StatefulDataLoader(_Noisy(digits), BATCH_SIZE), _validation(digits)))
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))

    def test_a_shuffled_validation(self) -> None:
        outcome = _outcome(
            lambda digits: (
                StatefulDataLoader(Subset(digits, range(SAMPLES)), BATCH_SIZE, shuffle=True),
                _validation(digits, shuffle=True),
            )
        )
        self.assertEqual((outcome.failed, outcome.error), ({}, ""))


class TestLoadersThatDoNot(unittest.TestCase):
    def assert_root_cause(self, outcome: Outcome, metric: str, where: str) -> None:
        self.assertEqual(outcome.error, "")
        self.assertIn(f"root cause of this run: {metric} at {where}", outcome.failed[metric])

    def test_torchdata_does_not_save_the_generator_of_a_loader(self) -> None:
        outcome = _outcome(
            lambda digits: (
                StatefulDataLoader(
                    Subset(digits, range(SAMPLES)),
                    BATCH_SIZE,
                    shuffle=True,
                    generator=torch.Generator().manual_seed(3),
                ),
                _validation(digits),
            )
        )
        self.assert_root_cause(outcome, "rng_state", f"state {STEP} (restored)")
        self.assertIn("train_dataloader.sampler.generator", outcome.failed["rng_state"])
        self.assertIn("first at step 7", outcome.failed["train_input"])

    def test_lightning_restarts_a_loader_without_a_length(self) -> None:
        outcome = _outcome(lambda digits: (StatefulDataLoader(_Unsized(digits), BATCH_SIZE), _validation(digits)))
        self.assert_root_cause(outcome, "train_input", f"step {STEP + 1} (the first after the resume at {STEP})")
        self.assertIn("the data restarted", outcome.failed["train_input"])

    def test_random_numbers_in_loader_workers_are_not_restored(self) -> None:
        case = _case(
            lambda digits: (StatefulDataLoader(_Noisy(digits), BATCH_SIZE, num_workers=2), _validation(digits))
        )
        outcome = run(case)
        self.assert_root_cause(outcome, "train_input", f"step {STEP + 1} (the first after the resume at {STEP})")
        self.assertNotIn("rng_state", outcome.failed)
        (what,) = case.examination().findings.not_observed
        self.assertIn("random numbers drawn in the worker processes", what)
