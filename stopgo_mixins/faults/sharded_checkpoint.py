"""A directory of torch's distributed checkpoints, in which each rank has written its own file."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.distributed.checkpoint.default_planner import DefaultLoadPlanner, DefaultSavePlanner
from torch.distributed.checkpoint.filesystem import FileSystemReader, FileSystemWriter
from torch.distributed.checkpoint.metadata import TensorStorageMetadata
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from typing_extensions import override

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed.checkpoint.metadata import Metadata
    from torch.distributed.checkpoint.planner import ReadItem, SavePlan, WriteItem

METADATA, SHARDS = ".metadata", "*.distcp"
"""What lies where is in the one file, written last; what each rank has written is in the others."""


class ShardedCheckpoint:
    """What all ranks have written, to be changed in place and written back.

    Args:
        directory: with ``.metadata`` and ``__<rank>_<number>.distcp``.

    Attributes:
        tensors: name -> the whole tensor, whichever ranks have written it.
        objects: name -> whatever else, as the bytes that it is on disk.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._metadata = FileSystemReader(directory).read_metadata()
        stored = self._metadata.state_dict_metadata
        self.tensors: dict[str, Tensor] = {
            name: torch.empty(found.size, dtype=found.properties.dtype)
            for name, found in stored.items()
            if isinstance(found, TensorStorageMetadata)
        }
        self.objects: dict[str, io.BytesIO] = {name: io.BytesIO() for name in stored.keys() - self.tensors.keys()}
        content: dict[str, Any] = {**self.tensors, **self.objects}
        load(content, storage_reader=FileSystemReader(directory), planner=_RawBytesLoadPlanner(), no_dist=True)
        self.objects = {name: content[name] for name in self.objects}

    def write(self) -> None:
        """Writes all of it into the file of rank 0: whoever loads it asks for names and places, not for files."""
        for file in (self._directory / METADATA, *self._directory.glob(SHARDS)):
            file.unlink()
        planner = _RawBytesSavePlanner(self._metadata)
        writer = FileSystemWriter(self._directory)
        save({**self.tensors, **self.objects}, storage_writer=writer, planner=planner, no_dist=True)


class _RawBytesLoadPlanner(DefaultLoadPlanner):
    """Leaves what is no tensor as the bytes that it is on disk."""

    def __init__(self) -> None:
        super().__init__(flatten_state_dict=False, flatten_sharded_tensors=False)  # else it would fill a copy

    @override
    def load_bytes(self, read_item: ReadItem, value: io.BytesIO) -> None:
        self.state_dict[read_item.dest_index.fqn] = value


class _RawBytesSavePlanner(DefaultSavePlanner):
    """Writes such bytes as they are, and keeps what else the metadata say.

    Args:
        metadata: that were read.
    """

    def __init__(self, metadata: Metadata) -> None:
        super().__init__(flatten_state_dict=False)
        self._read = metadata

    @override
    def transform_object(self, write_item: WriteItem, object: Any) -> Any:
        return object

    @override
    def create_global_plan(self, all_plans: list[SavePlan]) -> tuple[list[SavePlan], Metadata]:
        plans, metadata = super().create_global_plan(all_plans)
        return plans, dataclasses.replace(self._read, state_dict_metadata=metadata.state_dict_metadata)
