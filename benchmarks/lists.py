"""How the harness that this one replaces recorded: copies of everything, in lists."""

from __future__ import annotations

from typing import Any

import lightning.pytorch as pl
from torch import Tensor


class Lists(pl.Callback):
    """Appends ``detach().cpu().clone()`` of what the default metrics read."""

    def __init__(self) -> None:
        self._recorded: list[Any] = []

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, *batch: Any) -> None:
        """The weights, the state of the optimizers, and the batch."""
        self._append([*module.parameters(), *module.buffers()], batch[0])
        for optimizer in trainer.optimizers:
            self._append(*({**state} for state in optimizer.state.values()))

    def on_before_optimizer_step(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        """The gradients."""
        self._append([parameter.grad for parameter in module.parameters()])

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, *_: Any) -> None:
        """The loss."""
        self._append(outputs)

    def _append(self, *values: Any) -> None:
        self._recorded.extend(map(_copy, values))


def _copy(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {name: _copy(part) for name, part in value.items()}
    return [_copy(part) for part in value] if isinstance(value, list | tuple) else value
