"""The training batches of the stop phase, for faults that read them again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import torch

from stopgo_mixins.faults.loaders import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from stopgo_mixins.faults.loaders import Pass


class BatchArchive:
    """Batches on disk in the order in which they were read, so that memory does not grow with the run.

    Args:
        directory: where they lie; those that are there already are what another process has read.

    Attributes:
        epochs: for each epoch, how many batches had been read before it.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.epochs: list[int] = []
        self._of_loader: int | None = None
        self._directory = directory
        self._count = 0
        if self._index.exists():
            self.epochs, self._of_loader = json.loads(self._index.read_text(encoding="utf-8"))

    def of(self, loader: Any) -> Any:
        """The loader, every batch of which is kept as it is read."""
        try:
            self._of_loader = len(loader)
        except TypeError:  # of a stream
            self._of_loader = None
        return reading(loader, self._kept)

    @property
    def epoch_length(self) -> int | None:
        """Batches of an epoch: as many as the first had if it was read to its end, else by the loader's own word."""
        return self.epochs[1] if len(self.epochs) > 1 else self._of_loader

    def read(self, start: int, stop: int) -> Iterator[Any]:
        """The batches ``start`` to ``stop - 1`` of the phase, counted from 0."""
        for index in range(start, stop):
            yield torch.load(self._path(index), weights_only=False)

    def _kept(self, epoch: Pass) -> Iterator[Any]:
        self.epochs.append(self._count)
        self._index.write_text(json.dumps([self.epochs, self._of_loader]), encoding="utf-8")
        for batch in epoch.batches:
            torch.save(batch, self._path(self._count))
            self._count += 1
            yield batch

    @property
    def _index(self) -> Path:
        return self._directory / "epochs.json"

    def _path(self, index: int) -> Path:
        return self._directory / f"{index}.pt"
