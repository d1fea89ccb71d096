"""The digits, as small as a test should be: with the harness, and bare."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

import lightning.pytorch as pl

from examples.digits import DigitsClassifier, DigitsDataModule
from examples.test_digits import TestDigits
from stopgo_mixins import RngStateCallback
from stopgo_mixins.isolation.seeding import seed_everything, use_deterministic_algorithms

__all__ = ["DigitsInProcesses", "TestDigits", "bare_phases", "run"]

INTERRUPTED_AT = 9


class DigitsInProcesses(TestDigits):
    """The same class, whose legs run in fresh processes."""

    isolation = "process"


def run(*cases: type[unittest.TestCase]) -> None:
    """Runs test classes.

    Raises:
        RuntimeError: when a test fails.
    """
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case) for case in cases)
    result = unittest.TestResult()
    suite.run(result)
    if not result.wasSuccessful():
        raise RuntimeError([*result.errors, *result.failures][0][1])


def bare_phases() -> None:
    """The three phases of :class:`TestDigits` as plain Lightning, in turn."""
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = Path(directory) / "checkpoint.ckpt"
        _fit(INTERRUPTED_AT).save_checkpoint(checkpoint)
        _fit(TestDigits.num_steps, checkpoint)
        _fit(TestDigits.num_steps)


def _fit(steps: int, checkpoint: Path | None = None) -> pl.Trainer:
    use_deterministic_algorithms()
    seed_everything(TestDigits.seed)
    trainer = pl.Trainer(
        max_steps=steps,
        val_check_interval=TestDigits.val_check_interval,
        check_val_every_n_epoch=None,
        limit_val_batches=TestDigits.limit_val_batches,
        num_sanity_val_steps=0,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[RngStateCallback()],
    )
    trainer.fit(DigitsClassifier(lr=TestDigits.lr), datamodule=DigitsDataModule(), ckpt_path=checkpoint)
    return trainer
