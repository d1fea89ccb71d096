"""What one rank learns of the others while all of them save a checkpoint."""

from __future__ import annotations

from typing import TypeVar

import torch

_Own = TypeVar("_Own")


def gathered(own: _Own) -> list[_Own]:
    """What every rank has, by rank; collective where several ranks train, as saving a checkpoint is."""
    if not _several_ranks():
        return [own]
    everyone: list[_Own] = [own] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(everyone, own)
    return everyone


def _several_ranks() -> bool:
    return torch.distributed.is_available() and torch.distributed.is_initialized()
