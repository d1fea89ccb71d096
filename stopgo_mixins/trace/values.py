"""The bytes of recorded values, as far as they are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path

import torch

from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.trace.device_digest import ALGORITHM, device_digests
from stopgo_mixins.trace.digest import digest_bytes
from stopgo_mixins.trace.leaves import Bytes, in_memory
from stopgo_mixins.trace.record import Leaf

VALUES = "values.bin"

SMALL_BYTES = 1024
"""Values up to this size are always kept, beyond any budget."""

NEAR_STEPS = 2
"""Large values of so many steps from the resume point on may use the whole budget, all others half of it."""

NOT_KEPT = "-"
"""The place of bytes that are not kept."""


class ValuesWriter:
    """Writes the bytes of one phase on one rank.

    What is at one path the same as when it was kept last is not written again.

    Args:
        directory: of the rank.
        budget: how many bytes of large values may be kept for later display and tolerances.
        resume_point: R where it is known; values near it are kept first.
        keep_first: metrics whose values may use the whole budget (those with a tolerance).
    """

    def __init__(
        self, directory: Path, budget: int, resume_point: int | None = None, keep_first: Collection[str] = ()
    ) -> None:
        self._budget = budget
        self._resume_point = resume_point
        self._keep_first = frozenset(keep_first)
        self._file = (directory / VALUES).open("ab")
        self._end = self._file.tell()
        self._large_bytes = 0
        self._kept: dict[str, dict[str, tuple[str, int, str]]] = defaultdict(dict)

    def keep(self, metric: str, step: int, path: str, leaf: Leaf, data: Bytes) -> str:
        """Writes the bytes of a leaf if there is room for them, and returns their place."""
        size = len(data)
        kept = self._kept[metric]
        digest, kept_size, place = kept.get(path, ("", 0, ""))
        if digest == leaf.digest and kept_size == size:
            return place
        if size > SMALL_BYTES:
            if self._large_bytes + size > self._room(metric, step):
                return NOT_KEPT
            self._large_bytes += size
        self._file.write(in_memory(data))
        place = f"{self._end}:{size}"
        kept[path] = leaf.digest, size, place
        self._end += size
        return place

    def flush(self) -> None:
        """Hands what was kept to the operating system; nothing of it aliases live memory any more."""
        self._file.flush()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _room(self, metric: str, step: int) -> int:
        point = self._resume_point
        near = point is not None and point <= step < point + NEAR_STEPS
        return self._budget if near or metric in self._keep_first else self._budget // 2


def read_bytes(directory: Path, place: str, leaf: Leaf, describe: Callable[[], str]) -> bytes:
    """The bytes at a place.

    Args:
        directory: of the rank.
        place: where they were kept.
        leaf: whose bytes they are.
        describe: says for a message what that is.

    Raises:
        TraceError: when they are no longer those that were recorded.
    """
    offset, size = map(int, place.split(":"))
    path = directory / VALUES
    try:
        with path.open("rb", buffering=0) as file:
            file.seek(offset)
            data = file.read(size)
    except FileNotFoundError:
        raise TraceError(f"{path} is gone, and with it the bytes of {describe()}.") from None
    if size and digest_with(leaf.algorithm, data) != leaf.digest:
        found = "are not those that were recorded" if len(data) == size else f"end after {len(data)} of {size}"
        raise TraceError(f"{path} is damaged: the bytes of {describe()} {found}. Run the test again.")
    return data


def digest_with(algorithm: str, data: bytes) -> str:
    """The digest of bytes by one of the algorithms."""
    if algorithm != ALGORITHM:
        return digest_bytes(data)
    return device_digests([torch.frombuffer(bytearray(data), dtype=torch.uint8)])[0]
