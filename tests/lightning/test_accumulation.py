"""Gradient accumulation, resumed from a checkpoint that a callback of the trainer wrote at the end of a batch."""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import ModelCheckpoint

from benchmarks.cells import REPEATS_VALIDATION, Cell, DigitsInCell
from stopgo_mixins import AtStep, Mode
from tests.outcome import run

STEP = 1

OFF_BY_ONE_BATCH = REPEATS_VALIDATION
"""Lightning 2.4 resumes from a checkpoint of ``on_train_batch_end`` with the index of the batch one too low, and
therefore ends the first window too early or too late."""


class TestCheckpointOfTheUserAtABatchEnd(unittest.TestCase):
    def test_its_accumulation_window_is_over(self) -> None:
        class TestAccumulation(DigitsInCell, unittest.TestCase):
            num_steps = 6
            interruption = AtStep(STEP)
            cell = Cell(STEP)
            resumed_from: str

            @classmethod
            def trainer_arguments(cls, mode: Mode) -> dict[str, Any]:
                arguments = super().trainer_arguments(mode)
                every_step = ModelCheckpoint(cls.run_directory(mode), every_n_train_steps=1, save_top_k=-1)
                return arguments | {
                    "accumulate_grad_batches": 2,
                    "callbacks": [every_step, *arguments["callbacks"]],
                }

            @classmethod
            def resume_checkpoint(cls) -> str:
                cls.resumed_from = super().resume_checkpoint()
                return cls.resumed_from

        outcome = run(TestAccumulation)
        self.assertEqual(outcome.error, "")
        self.assertEqual(Path(TestAccumulation.resumed_from).parent.name, "interrupted")
        if OFF_BY_ONE_BATCH:
            self.assertIn("the continuous run recorded it, the resume phase did not", outcome.failed["train_input"])
            return
        # A window believed to be half full would record its first micro-batch as the second.
        for metric in ("train_input", "train_loss", "gradients"):
            self.assertIn(metric, outcome.passed, outcome.failed.get(metric))
