"""The samples of a batch: its rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import xxhash

if TYPE_CHECKING:
    from stopgo_mixins.trace.record import Leaf


def row_digests(leaves: Iterable[tuple[str, Leaf, bytes | memoryview]]) -> Iterator[int]:
    """The 128-bit digest of each row of a batch, over all its tensors and arrays of as many rows as the first.

    Everything else in it (numbers, strings, tensors of another length) belongs to no sample and is left out;
    a batch without any row is one sample.
    """
    of_batch = [(leaf, data) for _, leaf, data in leaves]
    rows = next((leaf.rows for leaf, _ in of_batch if leaf.rows is not None), None)
    if rows is None:
        yield _digest([leaf.digest.encode() for leaf, _ in of_batch])
        return
    columns = [(data, len(data) // rows) for leaf, data in of_batch if rows and leaf.rows == rows]
    for row in range(rows):
        yield _digest([data[row * size : (row + 1) * size] for data, size in columns])


def _digest(parts: list[bytes | memoryview]) -> int:
    digest = xxhash.xxh3_128()
    for part in parts:
        digest.update(part)
    return digest.intdigest()
