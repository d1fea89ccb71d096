"""A transformer, trained by AdamW on random tokens: with the harness, and bare."""

from __future__ import annotations

import tempfile
import time
import unittest
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from stopgo_mixins import AtStep, LightningStopAndGoMixin, Mode
from stopgo_mixins.isolation.seeding import seed_everything, use_deterministic_algorithms
from stopgo_mixins.mixins.registry import Callbacks

HEADS, VOCABULARY, TOKENS = 8, 512, 128


class Size(NamedTuple):
    """Of a model, and of its batches."""

    width: int
    layers: int
    sequences: int


LARGE = Size(width=512, layers=8, sequences=8)
"""25.7 million parameters."""

SMALL = Size(width=128, layers=4, sequences=1)
"""0.9 million."""


class Transformer(pl.LightningModule):
    """Predicts the next token.

    Args:
        size: of its layers.
    """

    def __init__(self, size: Size) -> None:
        super().__init__()
        width = size.width
        self.embedding = nn.Embedding(VOCABULARY, width)
        layer = nn.TransformerEncoderLayer(width, HEADS, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, size.layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, VOCABULARY)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(TOKENS - 1), persistent=False)

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The cross-entropy of the next tokens."""
        (tokens,) = batch
        hidden = self.layers(self.embedding(tokens[:, :-1]), mask=self.mask, is_causal=True)
        return nn.functional.cross_entropy(self.head(hidden).flatten(0, 1), tokens[:, 1:].flatten())

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW: two moments per parameter."""
        return torch.optim.AdamW(self.parameters(), lr=1e-4)


def training_loader(size: Size) -> DataLoader[Any]:
    """Random tokens in order, enough for a hundred steps."""
    tokens = torch.randint(VOCABULARY, (100 * size.sequences, TOKENS), generator=torch.Generator().manual_seed(0))
    return DataLoader(TensorDataset(tokens), batch_size=size.sequences)


class StepTimes(pl.Callback):
    """Measures how long a step takes, whatever is done in it."""

    def __init__(self) -> None:
        self._start = self._end = 0.0
        self._steps = 0

    def on_train_start(self, *_: Any) -> None:
        """Sets the clock."""
        self._start = time.perf_counter()

    def on_train_batch_end(self, *_: Any) -> None:
        """Counts the step."""
        self._steps += 1
        self._end = time.perf_counter()

    @property
    def mean(self) -> float:
        """Seconds per step."""
        return (self._end - self._start) / self._steps


class TransformerStopAndGo(LightningStopAndGoMixin, abstract=True):
    """Interrupted in the middle; no validation, which costs the same with and without the harness."""

    size: ClassVar[Size]
    times: ClassVar[StepTimes]

    @classmethod
    def setup_model(cls, mode: Mode) -> tuple[Any, ...]:
        """Fresh objects."""
        return Transformer(cls.size), training_loader(cls.size)

    @classmethod
    def get_default_callbacks(cls) -> Callbacks:
        """Adds the clock to the continuous phase."""
        callbacks = super().get_default_callbacks()
        cls.times = callbacks[Mode.CONTINUOUS][StepTimes] = StepTimes()
        return callbacks


def test_class(size: Size, num_steps: int, **attributes: Any) -> Any:
    """A class of its own, interrupted in the middle."""
    body = {"size": size, "num_steps": num_steps, "interruption": AtStep(num_steps // 2), **attributes}
    return type("TestTransformer", (TransformerStopAndGo, unittest.TestCase), {"__module__": __name__, **body})


def continuous_phase(size: Size, num_steps: int, **attributes: Any) -> float:
    """Runs the continuous phase of a class alone, and returns its seconds per step."""
    case = test_class(size, num_steps, **attributes)
    try:
        case.make_run_directory()
        case.continuous()
    finally:
        case.doClassCleanups()
    seconds: float = case.times.mean
    return seconds


def fit(size: Size, steps: int, callbacks: tuple[pl.Callback, ...] = (), checkpoint: Path | None = None) -> pl.Trainer:
    """Trains for so many steps, deterministically, as plain Lightning."""
    use_deterministic_algorithms()
    seed_everything(42)
    trainer = pl.Trainer(
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
    )
    trainer.fit(Transformer(size), training_loader(size), ckpt_path=checkpoint)
    return trainer


def bare_phases(size: Size, num_steps: int) -> None:
    """The three phases of a class as plain Lightning, a checkpoint written and loaded between the first two."""
    with tempfile.TemporaryDirectory() as directory:
        checkpoint = Path(directory) / "checkpoint.ckpt"
        fit(size, num_steps // 2).save_checkpoint(checkpoint)
        fit(size, num_steps, checkpoint=checkpoint)
        fit(size, num_steps)
