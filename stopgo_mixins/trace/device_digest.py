"""128-bit digests of tensors where they lie, so that of a GPU's tensors only the digests cross the bus.

The bytes of a tensor, padded with zeros, are read as little-endian words of 64 bits. The word w at place i becomes
h = mix(w + (i + 1) * STEP), where ``mix`` is one to one: no change of a single word goes unnoticed. The digest is the
pair of sums, modulo 2^64, of all h, and of all h * odd(i), each mixed with the number of bytes. Since the place is
mixed into h, a permutation changes the sums, and since ``mix`` is not linear, changes do not cancel each other out.

Sums of integers do not depend on the order in which they are added, so the digest is the same on every device and for
every way of dividing the work. Few operations, each over many words, take the place of a kernel: plain torch has no
place to keep h between two operations but memory, so that a digest costs some twenty times what a copy does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch

from stopgo_mixins.trace.digest import flat_bytes

ALGORITHM = "mix-128"
"""The name of it, which stands in the record of what was digested so."""

_BITS = 64
_WORD = 8
"""Bytes."""

_WORDS_AT_ONCE = 2**22
"""Of which the operations need a handful of copies, 32 MiB each; the words of more tensors are not held at once."""

_STEP, _FIRST, _SECOND, _ODD = 0x9E3779B97F4A7C15, 0xFF51AFD7ED558CCD, 0xC4CEB9FE1A85EC53, 0xD1B54A32D192ED03
"""Odd constants: the golden ratio of 2^64, the two factors of MurmurHash3's finalizer, and another of its kind."""

_SHIFT = 33


def device_digests(tensors: Sequence[torch.Tensor]) -> list[str]:
    """The digests of dense tensors on one device, as 32 hexadecimal digits each; waits for the device once."""
    if not tensors:
        return []
    sums = torch.zeros(len(tensors), 2, dtype=torch.int64, device=tensors[0].device)
    for portion in _portions(tensors):
        _add(sums, portion)
    sizes = [tensor.numel() * tensor.element_size() for tensor in tensors]
    return [_hexadecimal(pair, size) for pair, size in zip(sums.cpu().tolist(), sizes, strict=True)]


class _Stretch(NamedTuple):
    """Some words of a tensor.

    Attributes:
        tensor: its number.
        start: the place of the first word in it.
        words: of 64 bits.
    """

    tensor: int
    start: int
    words: torch.Tensor


def _portions(tensors: Sequence[torch.Tensor]) -> Iterator[list[_Stretch]]:
    """All words of all tensors, so many at once: parts of a large tensor, or many small ones."""
    portion: list[_Stretch] = []
    room = _WORDS_AT_ONCE
    for number, tensor in enumerate(tensors):
        words = _words(tensor)
        for start in range(0, len(words), _WORDS_AT_ONCE):
            part = words[start : start + _WORDS_AT_ONCE]
            if len(part) > room:
                yield portion
                portion, room = [], _WORDS_AT_ONCE
            portion.append(_Stretch(number, start, part))
            room -= len(part)
    if portion:
        yield portion


def _words(tensor: torch.Tensor) -> torch.Tensor:
    flat = flat_bytes(tensor)
    if missing := -len(flat) % _WORD:
        flat = torch.nn.functional.pad(flat, (0, missing))
    elif flat.storage_offset() % _WORD:  # torch reads words only where they are aligned
        flat = flat.clone()
    return flat.view(torch.int64)


def _add(sums: torch.Tensor, portion: Sequence[_Stretch]) -> None:
    """Adds what some words contribute to the sums of their tensors; no tensor has two parts in a portion."""
    words = torch.cat([part.words for part in portion]) if len(portion) > 1 else portion[0].words
    described = [[part.tensor, part.start, len(part.words)] for part in portion]
    tensors, starts, lengths = torch.tensor(described).t().contiguous().to(sums.device, non_blocking=True)
    ends = torch.cumsum(lengths, 0)
    before = torch.repeat_interleave(ends - lengths - starts, lengths, output_size=len(words))
    places = torch.arange(len(words), device=sums.device) - before
    mixed = _mix(words + (places + 1) * _signed(_STEP))
    for column, terms in enumerate((mixed, mixed * (places * _signed(_ODD) | 1))):
        # Of running sums the differences: there is no other sum by segments that is exact and deterministic.
        until = torch.cumsum(terms, 0)[ends - 1]
        sums[:, column].index_add_(0, tensors, torch.diff(until, prepend=until.new_zeros(1)))


def _mix(words: torch.Tensor) -> torch.Tensor:
    for factor in (_FIRST, _SECOND):
        words = (words ^ _shifted(words)) * _signed(factor)
    return words ^ _shifted(words)


def _shifted(words: torch.Tensor) -> torch.Tensor:
    """To the right, the sign being a bit like any other."""
    return torch.bitwise_and(words >> _SHIFT, 2 ** (_BITS - _SHIFT) - 1)


def _signed(constant: int) -> int:
    return constant - 2**_BITS if constant >= 2 ** (_BITS - 1) else constant


def _hexadecimal(sums: Sequence[int], size: int) -> str:
    words = (torch.tensor(sums) + size).view(torch.int64)
    return "".join(f"{word % 2**_BITS:016x}" for word in _mix(words).tolist())
