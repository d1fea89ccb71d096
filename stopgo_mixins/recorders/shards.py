"""Named tensors put together from the shares of all ranks."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from typing_extensions import override

from stopgo_mixins.spread import ON_RANK, Shard, Spread
from stopgo_mixins.trace.snapshot import ByPath, Unreadable, snapshot
from stopgo_mixins.trace.whole import Whole

if TYPE_CHECKING:
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.trace.record import Leaf


@dataclass
class _Part:
    """What one rank has.

    Attributes:
        values: path -> what is no shard of anything; of rank 0 alone, since the others should have the same.
        digests: path -> that of each leaf of these values, on every rank.
        shards: path, where the shard lies, and the shard on the CPU.
        devices: path -> where this rank keeps its shards.
    """

    values: ByPath = field(default_factory=ByPath)
    digests: dict[str, str] = field(default_factory=dict)
    shards: list[tuple[str, Shard, Tensor]] = field(default_factory=list)
    devices: dict[str, torch.device] = field(default_factory=dict)


class Shards(Whole):
    """Tensors by parameter name: each ``DTensor`` as a whole, and what the state knows to be spread put together.

    What is no shard is a replica, and should be the same on every rank; where it is not, the digest of the other one
    is recorded beside it, under its path and the rank.
    """

    def __init__(self) -> None:
        super().__init__(is_rounded=True)

    @override
    def share(
        self, value: object, leaves: Iterable[tuple[str, Leaf, bytes | memoryview]], state: TrainingState
    ) -> _Part:
        part = _Part()
        for path, found, spread in _tensors(value, "", state.spread(), None):
            if spread is not None:
                part.shards += [(path, shard, piece.detach().cpu()) for shard, piece in spread.split(found)]
                part.devices[path] = found.device
                continue
            part.digests |= {where: str(getattr(leaf, "digest", leaf)) for where, leaf, _ in snapshot(found, path)}
            if state.rank == 0:
                part.values[path] = found
        return part

    @override
    def of_shares(self, shares: Sequence[_Part]) -> ByPath:
        values = ByPath(shares[0].values)
        for rank, part in enumerate(shares):
            for path in part.digests.keys() | shares[0].digests.keys():
                if part.digests.get(path) != shares[0].digests.get(path):
                    values[f"{path}{ON_RANK}{rank}"] = part.digests.get(path)
        return ByPath({**values, **dict(_put_together(shares))})


def _tensors(
    value: object, path: str, spread: Mapping[str, Spread], within: Spread | None
) -> Iterator[tuple[str, Any, Spread | None]]:
    """Yields ``(path, value, how it is spread)`` of everything inside."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _tensors(inner, f"{path}[{key!r}]", spread, spread.get(key, within))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _tensors(inner, f"{path}[{index}]", spread, within)
    elif isinstance(value, Tensor) and hasattr(value, "full_tensor"):
        shared: Any = value.detach()
        yield path, shared.full_tensor(), None
    elif isinstance(value, Tensor) and within is not None and tuple(value.shape) == within.shape:
        yield path, value, within
    else:
        yield path, value, None


def _put_together(parts: Sequence[_Part]) -> Iterator[tuple[str, object]]:
    found: dict[str, dict[tuple[int, ...], tuple[int, Shard, Tensor]]] = defaultdict(dict)
    for rank, part in enumerate(parts):
        for path, shard, tensor in part.shards:
            _, _, first = found[path].setdefault(shard.offset, (rank, shard, tensor))
            if not torch.equal(first, tensor):
                yield f"{path} from {list(shard.offset)}{ON_RANK}{rank}", tensor
    for path, by_offset in found.items():
        yield path, _whole([(shard, tensor) for _, shard, tensor in by_offset.values()], parts[0].devices.get(path))


def _whole(pieces: Sequence[tuple[Shard, Tensor]], device: torch.device | None) -> object:
    shape = pieces[0][0].shape
    if sum(tensor.numel() for _, tensor in pieces) != math.prod(shape):
        return Unreadable("tensor", "whose shards do not make up the whole")
    whole = torch.empty(shape, dtype=pieces[0][1].dtype)
    for shard, tensor in pieces:
        whole[tuple(slice(at, at + size) for at, size in zip(shard.offset, tensor.shape, strict=True))] = tensor
    return whole.to(device)
