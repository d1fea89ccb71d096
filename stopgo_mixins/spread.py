"""How the tensors of a model are spread over the ranks that train it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

ON_RANK = " on rank "
"""Stands between the path of a replica that is not like that of rank 0, and the rank that has it."""


@dataclass(frozen=True)
class Shard:
    """Where a part of a tensor lies in the whole.

    Attributes:
        shape: of the whole.
        offset: at which the part begins, in each dimension.
    """

    shape: tuple[int, ...]
    offset: tuple[int, ...]


@dataclass(frozen=True)
class Spread:
    """How a parameter, and all that is kept for each of its elements, is spread over the ranks.

    Attributes:
        shape: of what this rank has of it.
        split: takes a tensor of that shape apart into the shards that it consists of.
    """

    shape: tuple[int, ...]
    split: Callable[[Tensor], Iterable[tuple[Shard, Tensor]]]
