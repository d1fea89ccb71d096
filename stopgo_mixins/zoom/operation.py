"""What is kept of one call of an operator."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Stage(enum.Enum):
    """The part of a step in which an operator is called."""

    FORWARD = "forward"
    BACKWARD = "backward"
    OPTIMIZER = "the optimizer's step"


@dataclass(frozen=True)
class Operation:
    """One call of an operator.

    Attributes:
        name: of the operator with its overload, such as ``"aten.addmm.default"``.
        module: the qualified name of the module in whose forward it is called, or of that whose backward this is; empty
            outside of all modules.
        stage: forward, backward or the optimizer's step.
        place: file, line and function from which it is called: the innermost that is of no installed package, or the
            optimizer's own.
        is_random: whether it draws from a generator.
        arguments: its arguments that are no tensors, as text, by position.
        given: name and digest of each tensor that it reads and that no operator of this step has made.
        made: the digests of what it returns and of what it writes to.
    """

    name: str
    module: str
    stage: Stage
    place: str
    is_random: bool
    arguments: tuple[str, ...]
    given: tuple[tuple[str, str], ...]
    made: tuple[str, ...]

    @property
    def identity(self) -> tuple[str, str, Stage]:
        """By which the operations of two runs are matched, those of one identity in their order."""
        return self.name, self.module, self.stage

    @property
    def values(self) -> tuple[object, ...]:
        """All that two runs must agree on."""
        return self.arguments, [digest for _, digest in self.given], self.made

    def __str__(self) -> str:
        module = f" of {self.module}" if self.module else ""
        return f"{self.name} in {self.stage.value}{module}, called at {self.place}"
