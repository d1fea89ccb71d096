"""Five million parameters with AdamW for 100 steps: with the harness, and bare."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from examples.digits import DigitsDataModule
from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode

NUM_STEPS = 100
INTERRUPTED_AT = 50
BATCH_SIZE = 8
WIDTH = 2170


class LargeClassifier(pl.LightningModule):
    """A perceptron of 4.9 million parameters on flattened digits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10)
        )

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The cross-entropy of a batch."""
        images, labels = batch
        return nn.functional.cross_entropy(self.layers(images), labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW: two moments per parameter."""
        return torch.optim.AdamW(self.parameters(), lr=1e-4)


def training_loader() -> DataLoader[Any]:
    """All digits in order; small batches, so that the harness has little training to hide behind."""
    digits: TensorDataset = DigitsDataModule().digits
    return DataLoader(digits, batch_size=BATCH_SIZE)


class LargeModel(LightningStopAndGoMixin, abstract=True):
    """Interrupted in the middle; no validation, which costs the same with and without the harness."""

    num_steps = NUM_STEPS
    interruption = AtStep(INTERRUPTED_AT)
    deterministic = False

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        """Fresh objects."""
        return LargeClassifier(), training_loader()


def with_harness() -> None:
    """Runs the whole class: three phases and every comparison."""
    case = type("TestLargeModel", (LargeModel, unittest.TestCase), {"__module__": __name__})
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(case)
    result = unittest.TestResult()
    suite.run(result)
    if result.errors:
        raise RuntimeError(result.errors[0][1])


def bare_phases() -> None:
    """The same three phases as plain Lightning, a checkpoint written and loaded between the first two."""
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = Path(directory) / "checkpoint.ckpt"
        _fit(INTERRUPTED_AT).save_checkpoint(checkpoint)
        _fit(NUM_STEPS, checkpoint)
        _fit(NUM_STEPS)


def bare_phase() -> None:
    """One uninterrupted run as plain Lightning."""
    _fit(NUM_STEPS)


def _fit(steps: int, checkpoint: Path | None = None) -> pl.Trainer:
    torch.manual_seed(42)
    trainer = pl.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(LargeClassifier(), training_loader(), ckpt_path=checkpoint)
    return trainer


def step_state() -> dict[str, dict[str, Tensor]]:
    """A nested value of the size of one step's parameters, gradients and moments; equal at every call."""
    generator = torch.Generator().manual_seed(0)
    named = [(name, parameter.shape) for name, parameter in LargeClassifier().named_parameters()]
    kinds = ("parameter", "gradient", "exp_avg", "exp_avg_sq")
    return {kind: {name: torch.randn(shape, generator=generator) for name, shape in named} for kind in kinds}
