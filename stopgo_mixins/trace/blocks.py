"""The lines of a metric's file: what was recorded of it at once is one line, a block.

::

    {"structure": number, "leaves": [[path, kind, dtype, shape, device, algorithm of the digest], ...]}
    [step, moment, ordinal, provoked, number of the structure] TAB digests TAB scalars TAB places

A structure is written when it is seen first, and what has it names it by its number.
Digests stand in a row, 32 digits each; the scalars are those of the leaves that are any; the places say where the bytes
of each leaf lie, ``-`` where none were kept.
So equal blocks are equal strings up to the places: comparing equal traces reads no leaf at all.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from stopgo_mixins.events import Moment
from stopgo_mixins.trace.lines import decoded
from stopgo_mixins.trace.record import Key, Leaf, Scalar

if TYPE_CHECKING:
    from stopgo_mixins.events import Position

DIGITS = 32
"""Of a digest."""

BEGINS_STRUCTURE = '{"structure":'
"""How the line of one begins."""

_TENSOR_OR_ARRAY = ("tensor", "array")

_REMEMBERED = 64
"""How many structures a writer knows again; one that has not been seen for so long is written again."""

_Form = tuple[str, str, str, tuple[int, ...], str, str]
"""Path, kind, dtype, shape, device, algorithm."""


class Structures:
    """The structures of a metric's file that is being written."""

    def __init__(self) -> None:
        self._numbers: OrderedDict[tuple[_Form, ...], int] = OrderedDict()
        self._written = 0

    def lines(self, position: Position, leaves: Sequence[tuple[str, Leaf]], places: Sequence[str]) -> Iterator[str]:
        """Yields the line of a block, and before it that of its structure where it is new."""
        structure = tuple(
            (path, leaf.kind, leaf.dtype, leaf.shape, leaf.device, leaf.algorithm) for path, leaf in leaves
        )
        number = self._numbers.get(structure)
        if number is None:
            number, self._written = self._written, self._written + 1
            self._numbers[structure] = number
            if len(self._numbers) > _REMEMBERED:
                self._numbers.popitem(last=False)
            yield f'{BEGINS_STRUCTURE}{number},"leaves":{json.dumps(structure, separators=(",", ":"))}}}\n'
        else:
            self._numbers.move_to_end(structure)
        head = [position.step, position.moment.value, position.ordinal, position.provoked, number]
        scalars = [leaf.scalar for _, leaf in leaves if is_scalar(leaf.kind)]
        digests = "".join([leaf.digest for _, leaf in leaves])
        written = json.dumps(head, separators=(",", ":")), digests, json.dumps(scalars), " ".join(places)
        yield "\t".join(written) + "\n"


def is_scalar(kind: str) -> bool:
    """Whether leaves of a kind have a scalar, be it ``None``."""
    return kind not in _TENSOR_OR_ARRAY


class Structure:
    """What the leaves of a block are, but for their values.

    Args:
        line: as it was written.
        file: in which it stands.

    Attributes:
        number: of it among those of the file.
        text: what two equal ones have in common.
    """

    def __init__(self, line: str, file: Path) -> None:
        self._line, self._file = line, file
        number, _, self.text = line.removeprefix(BEGINS_STRUCTURE).partition(",")
        self.number = int(number)

    @cached_property
    def forms(self) -> list[_Form]:
        """Of each leaf.

        Raises:
            TraceError: when the line is damaged.
        """
        return [
            (path, kind, dtype, tuple(shape), device, algorithm)
            for path, kind, dtype, shape, device, algorithm in decoded(self._line, self._file)["leaves"]
        ]

    @cached_property
    def scalar_numbers(self) -> dict[int, int]:
        """Number of the leaf -> number of its scalar."""
        scalars = (number for number, (_, kind, *_) in enumerate(self.forms) if is_scalar(kind))
        return {leaf: number for number, leaf in enumerate(scalars)}


class Place(NamedTuple):
    """Where in its step a block was recorded."""

    moment: Moment
    ordinal: tuple[int, ...]


class Block:
    """What was recorded of a metric at once.

    Args:
        metric: of it.
        head: as it was written.
        structure: of it.
        rest: the digests, the scalars and the places.

    Attributes:
        metric: of it.
        step: of it.
        place: within the step.
        provoked: see :class:`stopgo_mixins.events.Position`.
        structure: what its leaves are.
        content: what two blocks have in common of which all leaves are equal.
    """

    def __init__(self, metric: str, head: Sequence[Any], structure: Structure, rest: Sequence[str]) -> None:
        self.metric = metric
        self.step: int = head[0]
        self.place = Place(Moment(head[1]), tuple(head[2]))
        self.provoked: bool = head[3]
        self.structure = structure
        digests, scalars, self._places = rest
        self.content = structure.text, digests, scalars

    def __len__(self) -> int:
        return len(self.digests) // DIGITS

    @property
    def digests(self) -> str:
        """Of all leaves, in a row."""
        return self.content[1]

    @cached_property
    def _scalars(self) -> list[Scalar]:
        found: list[Scalar] = json.loads(self.content[2])
        return found

    @cached_property
    def _kept(self) -> list[str]:
        return self._places.split()

    def kept(self, number: int) -> str:
        """The place of the bytes of a leaf; see ``values``."""
        return self._kept[number]

    @property
    def key(self) -> Key:
        """That of its leaves, without a path."""
        return Key(self.step, *self.place, "")

    @property
    def paths(self) -> Iterator[str]:
        """Of all leaves."""
        return (path for path, *_ in self.structure.forms)

    def path(self, number: int) -> str:
        """Of a leaf."""
        return self.structure.forms[number][0]

    def digest(self, number: int) -> str:
        """Of a leaf."""
        return self.digests[DIGITS * number : DIGITS * (number + 1)]

    def leaf(self, number: int) -> Leaf:
        """One of them."""
        _, kind, dtype, shape, device, algorithm = self.structure.forms[number]
        scalar = self.structure.scalar_numbers.get(number)
        return Leaf(
            kind,
            dtype,
            shape,
            device,
            self.digest(number),
            None if scalar is None else self._scalars[scalar],
            algorithm,
        )


def differing(block: Block, other: Block) -> list[int]:
    """The numbers of the leaves in which two blocks of one structure differ."""
    return [number for number in range(len(block)) if block.digest(number) != other.digest(number)]
