"""What the schema of an operator says."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

Values = Sequence[Any]
Named = Mapping[str, Any]

_NO_OUTPUT = ("profiler::", "aten::record_stream")
_UNFILLED = ("aten::empty", "aten::new_empty")
_OVERWRITING = re.compile(
    r"aten::(_foreach_)?(copy|zero|fill|set|normal|uniform|bernoulli|random|exponential|geometric|cauchy|log_normal)_"
)
"""What makes no difference to these is what their first argument held before."""


@dataclass(frozen=True)
class Signature:
    """Of one overload of an operator.

    Attributes:
        name: such as ``"aten.addmm.default"``.
        computes: whether it makes numbers, and not only a view, memory that is not filled, or a mark for a profiler.
        leaves_unfilled: whether what it returns is memory that nobody has written to.
        is_random: whether it draws from a generator.
    """

    name: str
    computes: bool
    leaves_unfilled: bool
    is_random: bool
    _arguments: tuple[str, ...]
    _written: tuple[bool, ...]
    _only_written: tuple[bool, ...]

    @classmethod
    @functools.cache
    def of(cls, operator: Any) -> Signature:
        """That of an overload, which is read once."""
        schema = operator._schema
        views = any(each.alias_info is not None and not each.alias_info.is_write for each in schema.returns)
        unfilled = schema.name.startswith(_UNFILLED)
        return cls(
            name=str(operator),
            computes=not views and not unfilled and not schema.name.startswith(_NO_OUTPUT),
            leaves_unfilled=unfilled,
            is_random=torch.Tag.nondeterministic_seeded in operator.tags,
            _arguments=tuple(each.name for each in schema.arguments),
            _written=tuple(each.alias_info is not None and each.alias_info.is_write for each in schema.arguments),
            _only_written=tuple(
                each.is_out or (not number and bool(_OVERWRITING.fullmatch(schema.name)))
                for number, each in enumerate(schema.arguments)
            ),
        )

    def read(self, args: Values, kwargs: Named) -> Iterator[torch.Tensor]:
        """The tensors among the arguments, but those that are only written to."""
        for value, only_written in self._with(args, kwargs, self._only_written):
            if not only_written:
                yield from _tensors_in(value)

    def written(self, args: Values, kwargs: Named) -> Iterator[torch.Tensor]:
        """The tensors among the arguments that are written to."""
        for value, is_written in self._with(args, kwargs, self._written):
            if is_written:
                yield from _tensors_in(value)

    def without_tensors(self, args: Values, kwargs: Named) -> Iterator[tuple[str, str]]:
        """Name and text of the other arguments; generators are left out, since two phases never share one."""
        for value, name in self._with(args, kwargs, self._arguments):
            if not any(isinstance(leaf, torch.Tensor | torch.Generator) for leaf in leaves_of(value)):
                yield name, repr(value)

    def _with(self, args: Values, kwargs: Named, said: Values) -> Iterator[tuple[Any, Any]]:
        """Each value that is given, with what is said of its argument."""
        yield from zip(args, said, strict=False)
        if kwargs:
            of_name = dict(zip(self._arguments, said, strict=True))
            yield from ((value, of_name[name]) for name, value in kwargs.items())


def leaves_of(value: Any) -> Iterator[Any]:
    """The values of an argument or a result, which is one or a list of some."""
    if isinstance(value, list | tuple):
        for part in value:
            yield from leaves_of(part)
    elif value is not None:
        yield value


def _tensors_in(value: Any) -> Iterator[torch.Tensor]:
    return (leaf for leaf in leaves_of(value) if isinstance(leaf, torch.Tensor))
