"""The first operator on which two runs of one step differ."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from stopgo_mixins.zoom.alignment import matched
from stopgo_mixins.zoom.operation import Input, Operation

_SHOWN = 3
"""How many differing inputs of one operator are named."""

_CHANGED_UNSEEN = ", equal when it was made and changed since by something that is no operator: NumPy, C++, a thread"


class OperatorProblem(enum.Enum):
    """In what the first operator differs."""

    OTHER_OPERATOR = "other operator"
    INPUT = "input"
    ARGUMENT = "argument"
    RANDOM_NUMBERS = "random numbers"
    KERNEL = "kernel"


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

    @property
    def operation(self) -> Operation:
        """That of the continuous run if it has one."""
        found = self.continuous or self.interrupted
        if found is None:
            raise ValueError("an OperatorDifference is between two runs of which one at least has an operation.")
        return found

    @property
    def problem(self) -> OperatorProblem:
        """In what the two differ first of all."""
        actual, expected = self.interrupted, self.continuous
        if actual is None or expected is None or actual.identity != expected.identity:
            return OperatorProblem.OTHER_OPERATOR
        if self._changed_arguments:
            return OperatorProblem.ARGUMENT
        if self.changed_inputs:
            return OperatorProblem.INPUT
        return OperatorProblem.RANDOM_NUMBERS if expected.is_random else OperatorProblem.KERNEL

    def __str__(self) -> str:
        return f"the first operator that differs, after {self.number} that agree, is {self.operation}: {self.how}"

    @property
    def how(self) -> str:
        """In what, in words."""
        if self.problem is OperatorProblem.OTHER_OPERATOR:
            if self.interrupted is not None and self.continuous is not None:
                return f"the interrupted run calls {self.interrupted} instead"
            return f"only the {'interrupted' if self.continuous is None else 'continuous'} run calls it"
        if self.problem is OperatorProblem.ARGUMENT:
            return f"it is called with {'; '.join(self._changed_arguments)}"
        if self.problem is OperatorProblem.INPUT:
            inputs = [each.name for each in self.changed_inputs]
            more = f" and {len(inputs) - _SHOWN} more" if len(inputs) > _SHOWN else ""
            unseen = "" if all(each.from_before for each in self.changed_inputs) else _CHANGED_UNSEEN
            return f"its inputs differ: {', '.join(inputs[:_SHOWN])}{more}{unseen}"
        if self.problem is OperatorProblem.RANDOM_NUMBERS:
            return "its inputs are equal, its output differs: other random numbers"
        return "its inputs are equal, its output differs: another kernel computes it, or another setting of the kernel"

    @property
    def facts(self) -> dict[str, str]:
        """What is known of the operator, by name."""
        has_both = self.problem is not OperatorProblem.OTHER_OPERATOR
        inputs = {"inputs": "differ" if self.changed_inputs else "equal"} if has_both else {}
        return {
            "operator": self.operation.name,
            "module": self.operation.module or "none",
            "part of the step": self.operation.stage.value,
            "called at": self.operation.place,
            **inputs,
            "what differs": self.how,
        }

    @property
    def _changed_arguments(self) -> list[str]:
        actual, expected = (dict(each.arguments) if each else {} for each in (self.interrupted, self.continuous))
        return [
            f"{name}={actual.get(name, 'nothing')}, expected {name}={expected.get(name, 'nothing')}"
            for name in {**expected, **actual}
            if actual.get(name) != expected.get(name)
        ]

    @property
    def changed_inputs(self) -> list[Input]:
        """The tensors that it reads and that differ, as the continuous run names them."""
        both = (each.inputs if each else () for each in (self.interrupted, self.continuous))
        pairs = zip_longest(*both, fillvalue=_NO_INPUT)
        return [_changed(ours, theirs) for ours, theirs in pairs if ours.digest != theirs.digest]


_NO_INPUT = Input("nothing", "", from_before=False)


def _changed(ours: Input, theirs: Input) -> Input:
    name = theirs.name if theirs is not _NO_INPUT else ours.name
    return Input(name, "", ours.from_before and theirs.from_before and ours.name == theirs.name)


def first_difference(interrupted: Sequence[Operation], continuous: Sequence[Operation]) -> OperatorDifference | None:
    """Matches the operations of two runs, and returns the first that differ; ``None`` where none do.

    An input that differs is enough: one bit of a weight may be lost in what the operator makes of it.
    An operator that only one run calls may change nothing that counts, such as the addition to a gradient that is then
    thrown away; it is passed over where the next difference does not come from it.
    """
    alone: OperatorDifference | None = None
    agreeing = 0
    for actual, expected in matched(interrupted, continuous):
        found = OperatorDifference(actual, expected, agreeing)
        if found.problem is OperatorProblem.OTHER_OPERATOR:
            alone = alone or found
        elif actual is not None and expected is not None and _values(actual) != _values(expected):
            return found if alone is None or _stands_alone(found, alone) else alone
        else:
            agreeing += 1
    return alone


def _stands_alone(found: OperatorDifference, before: OperatorDifference) -> bool:
    """Whether a difference does not come from an operator before it that only one run calls."""
    if found.problem is OperatorProblem.INPUT:
        return all(each.from_before for each in found.changed_inputs)
    if found.problem is OperatorProblem.RANDOM_NUMBERS:
        return not before.operation.is_random
    return found.problem is OperatorProblem.KERNEL


def _values(operation: Operation) -> tuple[object, ...]:
    return operation.arguments, [each.digest for each in operation.inputs], operation.outputs
