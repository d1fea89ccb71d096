"""What one rank knows of itself and learns of the others while all of them save a checkpoint."""

from __future__ import annotations

from typing import TypeVar

import torch

_Own = TypeVar("_Own")


def gathered(own: _Own) -> list[_Own]:
    """What every rank has, by rank; collective where several ranks train, as saving a checkpoint is."""
    if not _several_ranks():
        return [own]
    everyone: list[_Own] = [own] * number_of_ranks()
    torch.distributed.all_gather_object(everyone, own)
    return everyone


def number_of_ranks() -> int:
    """How many train together."""
    return torch.distributed.get_world_size() if _several_ranks() else 1


def own_rank() -> int:
    """The global rank of this process; 0 where it trains alone."""
    return torch.distributed.get_rank() if _several_ranks() else 0


def _several_ranks() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
