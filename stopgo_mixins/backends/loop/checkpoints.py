"""What is kept beside the checkpoints of a loop of one's own, and copies of them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from stopgo_mixins.exceptions import BridgeError

_DIRECTORY = ".stopgo_mixins"
"""Beside the checkpoints, whose format is nobody's but the loop's."""


def save_beside(checkpoint: Path, own: Mapping[str, Any]) -> None:
    """Keeps what belongs to a checkpoint and is ours."""
    file = _file(checkpoint)
    file.parent.mkdir(exist_ok=True)
    torch.save(own, file)


def load_beside(checkpoint: Path) -> dict[str, Any]:
    """Reads what :func:`save_beside` kept.

    Raises:
        BridgeError: when nothing is kept of such a checkpoint.
    """
    file = _file(checkpoint)
    if not file.exists():
        raise BridgeError(
            f"train_loop called run.loaded({str(checkpoint)!r}), and never called run.saved(path) with it: give both "
            "the same path."
        )
    own: dict[str, Any] = torch.load(file, weights_only=False)
    return own


def copy_into(directory: Path, checkpoint: Path) -> Path:
    """Copies a checkpoint, be it a file or a directory, and returns the path of the copy."""
    kept = directory / checkpoint.name
    kept.parent.mkdir(parents=True)
    copy = shutil.copytree if checkpoint.is_dir() else shutil.copy2
    copy(checkpoint, kept)
    return kept


def _file(checkpoint: Path) -> Path:
    return checkpoint.parent / _DIRECTORY / f"{checkpoint.name}.pt"
