"""What each path of a metric did in the continuous run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from stopgo_mixins.trace.blocks import DIGITS

if TYPE_CHECKING:
    from stopgo_mixins.trace.blocks import Block, Structure


@dataclass
class PathSeries:
    """What one path of the metric did in the continuous run.

    Attributes:
        first: the digest of its first record.
        count: how many records it has.
        varies: whether any differs from the first.
    """

    first: str
    count: int = 0
    varies: bool = False


class SeriesOfBlocks:
    """Counts blocks into the series of their paths, all leaves of one structure at once."""

    def __init__(self) -> None:
        self._found: dict[str, _OfStructure] = {}

    def add(self, block: Block) -> None:
        """Counts a block."""
        found = self._found.get(block.structure.text)
        if found is None:
            self._found[block.structure.text] = _OfStructure(block)
        else:
            found.add(block)

    def add_to(self, series: dict[str, PathSeries]) -> None:
        """Counts into series by path, which may have been found in several structures, and on several ranks."""
        for found in self._found.values():
            found.add_to(series)


class _OfStructure:
    def __init__(self, first: Block) -> None:
        self._structure: Structure = first.structure
        self._first = _digests(first)
        self._varies = np.zeros(len(self._first), dtype=bool)
        self._blocks = 1

    def add(self, block: Block) -> None:
        self._blocks += 1
        self._varies |= _digests(block) != self._first

    def add_to(self, series: dict[str, PathSeries]) -> None:
        forms, firsts, varies = self._structure.forms, self._first.tolist(), self._varies.tolist()
        for (path, *_), digest, varying in zip(forms, firsts, varies, strict=True):
            first = digest.decode()
            found = series.setdefault(path, PathSeries(first))
            found.count += self._blocks
            found.varies |= varying or found.first != first


def _digests(block: Block) -> npt.NDArray[np.bytes_]:
    return np.frombuffer(block.digests.encode(), dtype=f"S{DIGITS}")
