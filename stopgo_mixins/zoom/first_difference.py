"""The first operator on which two runs of one step differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

from stopgo_mixins.zoom.operation import Operation

_SHOWN = 3
"""How many differing inputs of one operator are named."""


@dataclass(frozen=True)
class OperatorDifference:
    """Where the operators of two runs begin to differ.

    Attributes:
        interrupted: the operation in the interrupted run; ``None`` where only the other one has it.
        continuous: that in the continuous run; ``None`` where only the interrupted one has it.
        number: how many operations of the step come before it.
    """

    interrupted: Operation | None
    continuous: Operation | None
    number: int

    def __str__(self) -> str:
        operation = self.continuous or self.interrupted
        return f"the first operator that differs, after {self.number} that agree, is {operation}: {self._how()}"

    def _how(self) -> str:
        actual, expected = self.interrupted, self.continuous
        if actual is None or expected is None:
            return f"only the {'interrupted' if expected is None else 'continuous'} run calls it"
        changed = [
            f"{a or 'nothing'}, expected {e or 'nothing'}"
            for a, e in zip_longest(actual.arguments, expected.arguments)
            if a != e
        ]
        if changed:
            return f"it is called with {'; '.join(changed)}"
        given = [name for (name, a), (_, e) in zip_longest(actual.given, expected.given, fillvalue=("", "")) if a != e]
        if given:
            more = f" and {len(given) - _SHOWN} more" if len(given) > _SHOWN else ""
            return f"it is given something else: {', '.join(given[:_SHOWN])}{more}"
        if actual.is_random:
            return "its inputs are equal, its output differs: other random numbers"
        return "its inputs are equal, its output differs: another kernel computes it, or another setting of the kernel"


def first_difference(interrupted: Sequence[Operation], continuous: Sequence[Operation]) -> OperatorDifference | None:
    """Matches the operations of two runs, and returns the first on which they differ; ``None`` where none does."""
    for agreeing, (actual, expected) in enumerate(_matched(interrupted, continuous)):
        if actual is None or expected is None or actual.values != expected.values:
            return OperatorDifference(actual, expected, agreeing)
    return None


def _matched(
    interrupted: Sequence[Operation], continuous: Sequence[Operation]
) -> Iterator[tuple[Operation | None, Operation | None]]:
    """Pairs of one identity, in order; what has no counterpart is paired with ``None``."""
    identities = [[operation.identity for operation in run] for run in (interrupted, continuous)]
    matcher = SequenceMatcher(a=identities[0], b=identities[1], autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            yield from zip(interrupted[start:end], continuous[other_start:other_end], strict=True)
        else:
            yield from ((operation, None) for operation in interrupted[start:end])
            yield from ((None, operation) for operation in continuous[other_start:other_end])
