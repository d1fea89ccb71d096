"""Faults of the files of a distributed checkpoint, of which each rank has written its own."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.filesystem import FileSystemReader

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.checkpoint_files import cut, missing
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import DamageFile
from stopgo_mixins.faults.sharded_checkpoint import METADATA, SHARDS

_SECOND_MOMENT = "exp_avg_sq"
"""In the names of what an optimizer keeps."""


def _zero_share(path: str) -> None:
    """Overwrites what the last rank has written of a second moment; its size on disk is that of any other values."""
    shares = sorted(_shares(path), key=lambda share: (share[0], share[2]))
    if not shares:
        raise NotApplicable(f"the checkpoint is not a directory of several ranks with an entry {_SECOND_MOMENT}")
    file, offset, length = shares[-1]
    with file.open("r+b") as stream:
        stream.seek(offset)
        values = torch.load(io.BytesIO(stream.read(length)), weights_only=True)
        zeros = io.BytesIO()
        torch.save(values.zero_(), zeros)
        stream.seek(offset)
        stream.write(zeros.getvalue())


def _shares(path: str) -> Iterator[tuple[Path, int, int]]:
    """The file, the offset and the length of each share of a second moment, where several ranks have written."""
    for metadata in Path(path).rglob(METADATA):
        directory = metadata.parent
        stored: dict[Any, Any] = FileSystemReader(directory).read_metadata().storage_data
        found = [(index.fqn, share) for index, share in stored.items()]
        if len({share.relative_path for _, share in found}) > 1:
            for name, share in found:
                if _SECOND_MOMENT in name:
                    yield directory / share.relative_path, share.offset, share.length


def _ends(id: str, name: str, what: str, injection: DamageFile) -> Fault:
    return Fault(id=id, name=name, what=what, injection=injection, symptoms=(), ends_the_phase=True)


METADATA_MISSING = _ends(
    "F90",
    "metadata of the shards missing",
    "a distributed checkpoint lacks `.metadata`, which is written last and says what lies where",
    missing(METADATA),
)
SHARD_MISSING = _ends(
    "F91", "a rank's shard missing", "the file that the last rank has written is not there", missing(SHARDS)
)
SHARD_CUT = _ends(
    "F92",
    "a rank's shard truncated",
    "the second half of the file that the last rank has written is missing",
    cut(SHARDS),
)
SHARE_ZERO = Fault(
    id="F93",
    name="a rank's share of a moment zero",
    what="what the last rank has written of a mean of squared gradients is zero",
    injection=DamageFile(_zero_share),
    symptoms=(Symptom("optimizer_state", Point.RESTORED),),
    causes=(Cause.ZEROS,),
)
