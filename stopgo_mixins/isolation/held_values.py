"""Describes what an object holds, so that a later look tells whether any of it has changed."""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
import operator
import random
import types
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

from stopgo_mixins.trace.digest import digest_bytes
from stopgo_mixins.trace.leaves import PLAIN, leaf_of
from stopgo_mixins.trace.objects import object_parts

_MAX_VALUES = 5_000
"""How many values of one object are looked at."""

OPAQUE = "<"
"""The first character of a text that says nothing to people."""

_MAX_TEXT = 60
_MAX_BYTES = 2**24
"""Of a larger tensor or array, only this many bytes are looked at, so that a corpus in a mapped file is not read."""

Held = Iterator[tuple[str, object]]
_LEAVES = (*PLAIN, torch.Tensor, np.ndarray)
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, functools.partial)
_TRAINED_WITH = ("torch", "torchdata", "torchmetrics")
"""Packages whose objects are state of a training run; those of others may count what they like."""


class HeldValues:
    """Walks through objects, each of them once.

    Args:
        belongs: whether a module of that name is the user's: only then are its functions, classes and objects taken
            apart.
    """

    def __init__(self, belongs: Callable[[str], bool]) -> None:
        self._belongs = belongs
        self._seen: dict[int, object] = {}  # holds what it has seen, as the id of what is gone is used again

    def of(self, value: object, path: str) -> dict[str, str]:
        """Path -> a short text that changes with the value."""
        found: dict[str, str] = {}
        todo = deque([(path, value)])
        while todo and len(found) < _MAX_VALUES:
            path, value = todo.popleft()
            try:
                found[path] = self._text(value)
                if not isinstance(value, _LEAVES) and id(value) not in self._seen:
                    self._seen[id(value)] = value
                    todo.extend((path + name, part) for name, part in itertools.islice(self._parts(value), _MAX_VALUES))
            except Exception:  # whatever an object of the user's may raise: it is looked at, and has no say
                continue
        return found

    def _text(self, value: Any) -> str:
        if isinstance(value, PLAIN):
            text = repr(value)
            return text if len(text) <= _MAX_TEXT else f"<{type(value).__name__} {digest_bytes(text.encode())}>"
        if isinstance(value, torch.Tensor | np.ndarray):
            return _text_of_numbers(value)
        if isinstance(value, _FUNCTIONS):
            return f"<function {id(value)}>"
        if isinstance(value, functools._lru_cache_wrapper):
            cached = value.cache_info()
            return f"{cached.currsize} cached results of {cached.misses} computed"
        if isinstance(value, type):
            return f"<class {id(value)}>"
        if isinstance(value, itertools.count):
            return repr(value)
        if isinstance(value, Iterator) and (left := operator.length_hint(value, -1)) >= 0:
            return f"{left} left"
        return f"<{type(value).__module__}.{type(value).__qualname__}>"

    def _parts(self, value: Any) -> Held:
        for kind, parts in _KNOWN.items():
            if isinstance(value, kind):
                return parts(value)
        if isinstance(value, set | frozenset):
            return iter([("", sorted(map(self._text, value)))])
        is_named = isinstance(value, type | types.FunctionType)
        module = str(getattr(value if is_named else type(value), "__module__", ""))
        if is_named:
            return iter(()) if not self._belongs(module) else self._parts_of_code(value)
        if self._belongs(module) or module.partition(".")[0] in _TRAINED_WITH:
            return object_parts(value) or iter(())
        return iter(())

    def _parts_of_code(self, value: Any) -> Held:
        return parts_of_class(value, self._belongs) if isinstance(value, type) else _parts_of_function(value)


def _text_of_numbers(value: Any) -> str:
    if value.nbytes <= _MAX_BYTES:
        return f"<{leaf_of(value)[0].digest}>"
    beginning = value.reshape(-1)[: _MAX_BYTES // value.itemsize]
    return f"<{tuple(value.shape)} {leaf_of(beginning)[0].digest}>"


def _parts_of_function(function: types.FunctionType) -> Held:
    """What a function keeps from call to call."""
    yield from ((f".{name}", part) for name, part in vars(function).items())
    yield ".__defaults__", function.__defaults__
    yield ".__kwdefaults__", function.__kwdefaults__
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):  # it is empty
            yield f".{name}", cell.cell_contents


def parts_of_class(owner: type, belongs: Callable[[str], bool]) -> Held:
    """The attributes that the user has given a class; those that a base of another package declares are its own."""
    declared: set[str] = set()
    for base in owner.__mro__:
        if not belongs(base.__module__):
            declared |= {*vars(base), *inspect.get_annotations(base)}
    for name, part in vars(owner).items():
        if name not in declared and not name.startswith(("__", "_abc_")):
            yield f".{name}", part


def _parts_of_generator(generator: types.GeneratorType[Any, Any, Any]) -> Held:
    frame = generator.gi_frame
    return iter([] if frame is None else [(".gi_frame", {**frame.f_locals, "f_lasti": frame.f_lasti})])


_KNOWN: Mapping[Any, Callable[[Any], Held]] = {
    dict: lambda value: ((f"[{key!r}]", part) for key, part in value.items() if isinstance(key, (*PLAIN, tuple))),
    list | tuple | deque: lambda value: ((f"[{index}]", part) for index, part in enumerate(value)),
    torch.Generator: lambda value: iter([(".get_state()", value.get_state())]),
    random.Random: lambda value: iter([(".getstate()", repr(value.getstate()))]),
    np.random.Generator: lambda value: iter([(".bit_generator.state", repr(value.bit_generator.state))]),
    types.GeneratorType: _parts_of_generator,
    classmethod | staticmethod: lambda value: iter([("", value.__func__)]),
}
"""How what everybody uses is taken apart."""
