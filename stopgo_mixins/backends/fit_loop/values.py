"""What is read out of batches and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def length_of(batch: Any) -> int:
    """The length of the first tensor in a nested batch; 0 where there is none."""
    if isinstance(batch, torch.Tensor):
        return len(batch) if batch.ndim else 1
    if isinstance(batch, Mapping):
        batch = list(batch.values())
    if isinstance(batch, list | tuple):
        return next((length for part in batch if (length := length_of(part))), 0)
    return 0


def loss_of(output: Any) -> torch.Tensor | None:
    """The loss that a step returned: a tensor, or that under ``"loss"``."""
    if isinstance(output, Mapping):
        output = output.get("loss")
    return output if isinstance(output, torch.Tensor) else None
