"""What Lightning alone makes of an interruption: no bridge, no recorder, no trace; only weights that are equal or not.

Nothing here is taken from the library.
"""

from __future__ import annotations

import contextlib
import random
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor


class _InterruptedError(Exception):
    pass


@dataclass(frozen=True)
class PlainRun:
    """A run of Lightning that can be interrupted.

    Attributes:
        lightning: the package whose trainer runs it.
        make: builds a module and its data, or a pair of loaders, anew.
        callbacks: builds the callbacks anew.
        batches: after how many of them it is interrupted: at the epoch's end if it is over, else before the next one.
        trainer: arguments of the trainer.
        fit: arguments of ``fit`` beside module and data.
    """

    lightning: Any
    make: Callable[[], tuple[Any, ...]]
    callbacks: Callable[[], list[Any]]
    batches: int
    trainer: Mapping[str, Any]
    fit: Mapping[str, Any] = field(default_factory=dict)

    def resumes_exactly(self) -> bool:
        """Whether the final weights of the interrupted run equal those of an uninterrupted one, to the bit."""
        with tempfile.TemporaryDirectory() as directory:
            checkpoint = Path(directory, "interrupted.ckpt")
            self._weights(stop_at=checkpoint)
            resumed, uninterrupted = self._weights(start_from=checkpoint), self._weights()
        return resumed.keys() == uninterrupted.keys() and all(
            torch.equal(weight, uninterrupted[name]) for name, weight in resumed.items()
        )

    def _weights(self, stop_at: Path | None = None, start_from: Path | None = None) -> dict[str, Tensor]:
        random.seed(42)
        np.random.seed(42)
        torch.manual_seed(42)
        module, data = self.make()
        callbacks = self.callbacks()
        if stop_at is not None:
            callbacks.append(_interruption(self.lightning, self.batches, stop_at))
        trainer = self.lightning.Trainer(
            **{"enable_checkpointing": stop_at is not None, "logger": False, **self.trainer, "callbacks": callbacks}
        )
        loaders = data if isinstance(data, tuple) else (data,)
        with contextlib.suppress(_InterruptedError):
            trainer.fit(module, *loaders, ckpt_path=start_from, **(self.fit if start_from else {}))
        return {name: weight.detach().clone() for name, weight in module.named_parameters()}


def _interruption(lightning: Any, batches: int, path: Path) -> Any:
    """A checkpoint callback, since Lightning calls those last."""

    class Interruption(lightning.callbacks.Checkpoint):  # type: ignore[misc, name-defined]  # of either package
        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            loop = trainer.fit_loop.epoch_loop
            end_batch = loop.on_advance_end

            def on_advance_end(*args: Any) -> None:  # behind every hook of the batch
                end_batch(*args)
                if not loop.batch_progress.is_last_batch:
                    self.end_if_due(trainer)

            loop.on_advance_end = on_advance_end

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            self.end_if_due(trainer)

        def end_if_due(self, trainer: Any) -> None:
            if trainer.fit_loop.epoch_loop.batch_progress.total.completed == batches:
                trainer.save_checkpoint(path)
                raise _InterruptedError

    return Interruption()
