"""Which operations of two runs of one step belong together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest

from stopgo_mixins.zoom.operation import Operation

_WINDOW = 2000
"""Among so many operations that follow is sought where two runs with other operators meet again."""

Pair = tuple[Operation | None, Operation | None]
"""An operation of the interrupted run and one of the continuous run; ``None`` where only the other one has it."""


def matched(interrupted: Sequence[Operation], continuous: Sequence[Operation]) -> Iterator[Pair]:
    """Pairs of one identity, in order; of two runs that call others, also pairs of two identities, or with ``None``."""
    begin = _first_other(interrupted, continuous)
    yield from zip(interrupted[:begin], continuous[:begin], strict=True)
    window = slice(begin, begin + _WINDOW)
    yield from _aligned(interrupted[window], continuous[window])


def _first_other(interrupted: Sequence[Operation], continuous: Sequence[Operation]) -> int:
    both = zip(interrupted, continuous, strict=False)
    others = (number for number, (actual, expected) in enumerate(both) if actual.identity != expected.identity)
    return next(others, min(len(interrupted), len(continuous)))


def _aligned(interrupted: Sequence[Operation], continuous: Sequence[Operation]) -> Iterator[Pair]:
    identities = [[operation.identity for operation in run] for run in (interrupted, continuous)]
    matcher = SequenceMatcher(a=identities[0], b=identities[1], autojunk=False)
    for _, start, end, other_start, other_end in matcher.get_opcodes():
        yield from zip_longest(interrupted[start:end], continuous[other_start:other_end])
