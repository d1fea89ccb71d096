"""A checkpoint of torch and safetensors files, whose parts are known by what they look like."""

from __future__ import annotations

import zipfile
from collections import ChainMap
from collections.abc import Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Any

import torch
from typing_extensions import override

from stopgo_mixins.faults.saved_state import SavedState

_OPTIMIZER, _SCHEDULER, _SCALER = {"state", "param_groups"}, {"last_epoch", "_step_count"}, {"scale", "growth_factor"}
"""What the ``state_dict()`` of each holds."""


class SavedFiles(SavedState):
    """A file of torch's, or a directory of such files and of safetensors, however what is in them is called.

    Args:
        path: the file or the directory.
        batches_read: micro-batches that one rank had read when it was written.
        at_epoch_end: whether it was written after the last batch of an epoch.
    """

    def __init__(self, path: str, batches_read: int, at_epoch_end: bool) -> None:
        files = sorted(file for file in (Path(path), *Path(path).rglob("*")) if file.is_file())
        self._torch = {file: torch.load(file, weights_only=False) for file in files if zipfile.is_zipfile(file)}
        self._safetensors = {file: _read(file) for file in files if file.suffix == ".safetensors"}
        parts = [*self._safetensors.values(), *(part for content in self._torch.values() for part in _parts(content))]
        self.optimizers = [part for part in parts if part.keys() >= _OPTIMIZER]
        self.schedulers = [part for part in parts if part.keys() >= _SCHEDULER]
        self.scalers = [part for part in parts if part.keys() >= _SCALER]
        self.loaders = []
        self.weights = ChainMap(*(part for part in parts if _are_weights(part)))
        self.batches_read = batches_read
        self.at_epoch_end = at_epoch_end
        self._schedulers = tuple(self.schedulers)

    @override
    def write(self) -> None:
        if not self.schedulers:
            self._restart_schedulers()
        for file, content in self._torch.items():
            torch.save(content, file)
        for file, tensors in self._safetensors.items():
            _write(file, tensors)

    def _restart_schedulers(self) -> None:
        """Who loads these files looks for a schedule, so that one that is lost can only be one that begins anew."""
        rates = [group["lr"] for optimizer in self.optimizers for group in optimizer["param_groups"]]
        for scheduler in self._schedulers:
            scheduler.update({"last_epoch": 0, "_step_count": 1, "_last_lr": rates})


def _parts(content: object) -> Iterator[MutableMapping[Any, Any]]:
    """Every mapping in what a file holds, from the outside in; what is in an optimizer's is a part of that."""
    if isinstance(content, MutableMapping):
        yield content
        if not content.keys() >= _OPTIMIZER:
            for value in content.values():
                yield from _parts(value)
    elif isinstance(content, list | tuple):
        for value in content:
            yield from _parts(value)


def _are_weights(part: Mapping[Any, Any]) -> bool:
    return bool(part) and all(isinstance(value, torch.Tensor) for value in part.values())


def _read(file: Path) -> MutableMapping[str, torch.Tensor]:
    from safetensors.torch import load_file

    tensors: dict[str, torch.Tensor] = load_file(file)
    return tensors


def _write(file: Path, tensors: Mapping[str, torch.Tensor]) -> None:
    from safetensors.torch import save_file

    save_file(dict(tensors), file, metadata={"format": "pt"})
