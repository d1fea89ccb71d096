"""What is read out of batches and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from stopgo_mixins.trace.record import Leaf
from stopgo_mixins.trace.snapshot import snapshot


def length_of(batch: object) -> int:
    """The length of the first tensor or array in a batch of any kind; without one the batch is one sample."""
    leaves = (leaf for _, leaf, _ in snapshot(batch) if isinstance(leaf, Leaf))
    return next((leaf.rows for leaf in leaves if leaf.rows is not None), 1)


def loss_of(output: Any) -> torch.Tensor | None:
    """The loss that a step returned: a tensor, or that under ``"loss"``."""
    if isinstance(output, Mapping):
        output = output.get("loss")
    return output if isinstance(output, torch.Tensor) else None
