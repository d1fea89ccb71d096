"""What is kept of one call of an operator."""

from __future__ import annotations

import enum
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple


class Stage(enum.Enum):
    """The part of a step in which an operator is called."""

    FORWARD = "forward"
    BACKWARD = "backward"
    OPTIMIZER = "the optimizer's step"


class Input(NamedTuple):
    """A tensor that an operator reads.

    Attributes:
        name: what it is called, or what made it.
        digest: of its bytes, dtype and shape.
        from_before: whether it was there before the step.
    """

    name: str
    digest: str
    from_before: bool


@dataclass(frozen=True)
class Operation:
    """One call of an operator.

    Attributes:
        name: of the operator with its overload, such as ``"aten.addmm.default"``.
        module: the qualified name of the module in whose forward it is called, or of that whose backward this is; empty
            outside of all modules.
        stage: forward, backward or the optimizer's step.
        place: file, line and function from which it is called: the innermost that is of no installed package, or the
            optimizer's own; in a backward, that of the forward that it belongs to.
        is_random: whether it draws from a generator.
        arguments: name and text of each of its arguments that is no tensor.
        inputs: the tensors that it reads.
        outputs: the digests of what it returns and of what it writes to.
    """

    name: str
    module: str
    stage: Stage
    place: str
    is_random: bool
    arguments: tuple[tuple[str, str], ...]
    inputs: tuple[Input, ...]
    outputs: tuple[str, ...]

    @property
    def identity(self) -> tuple[str, str, Stage]:
        """By which the operations of two runs are matched, those of one identity in their order."""
        return self.name, self.module, self.stage

    @property
    def where(self) -> str:
        """The part of the step, and the module."""
        return f"{self.stage.value} of {self.module}" if self.module else self.stage.value

    def __str__(self) -> str:
        return f"{self.name} in {self.where}, called at {self.place}"


def write_operations(path: Path, operations: Iterable[Operation]) -> None:
    """Writes the operations of a step, one on a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps({**vars(each), "stage": each.stage.value}) for each in operations)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_operations(path: Path) -> Sequence[Operation] | None:
    """Reads them again; ``None`` where none were written."""
    if not path.exists():
        return None
    return [_operation(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def _operation(fields: dict[str, Any]) -> Operation:
    fields["stage"] = Stage(fields["stage"])
    fields["arguments"] = tuple(map(tuple, fields["arguments"]))
    fields["inputs"] = tuple(Input(*each) for each in fields["inputs"])
    fields["outputs"] = tuple(fields["outputs"])
    return Operation(**fields)
