"""What to say of batches that lead to no update: a trainer that counts updates would go on without end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from torch.optim import Optimizer

from stopgo_mixins.exceptions import BridgeError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST_WINDOW = 4096
"""More micro-batches than a test accumulates for one update."""


def no_update(optimizers: Sequence[object], batches: int) -> BridgeError:
    """What is raised when so many batches have been read, and none of the optimizers has stepped."""
    names = " and ".join(type(optimizer).__name__ for optimizer in optimizers) or "no optimizer"
    remedy = "".join(_remedies(optimizers)) or (
        " If another object makes the updates, give that to the trainer as its optimizer."
    )
    return BridgeError(f"{batches} batches were read, and step() of {names} was never called.{remedy}")


def _remedies(optimizers: Sequence[object]) -> Iterator[str]:
    """One for each optimizer that wraps another, whose step its own methods call."""
    for optimizer in optimizers:
        for name, inner in vars(optimizer).items():
            if isinstance(inner, Optimizer):
                yield (
                    f" {type(optimizer).__name__} holds another optimizer, {type(inner).__name__}, as {name}: "
                    "where that makes the updates, it is the one to be watched."
                )
