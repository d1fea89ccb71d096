"""Finds names in a user's class that are almost one of ours, and would do nothing."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Collection, Iterator
from types import CodeType, FunctionType

_LIKENESS = 0.88
"""Of two names, from 0 to 1. ``num_setps`` is that much like ``num_steps``; ``n_steps`` and ``max_steps`` are less."""

_SHORTEST = 6
"""Characters of a name that can be misspelled: ``seeds`` and ``step`` are words beside ``seed`` and ``stop``."""

NAME_OF_YOUR_OWN = "If it is a name of your own, use it in the class, or let it start with an underscore."
"""The way out for who means what was written."""


def is_ours(cls: type) -> bool:
    """Whether this library defines a class."""
    return cls.__module__.startswith("stopgo_mixins.")


def public_names(cls: type) -> set[str]:
    """The names that this library gives to a class: those of its own classes in the MRO."""
    ours = [vars(base) for base in cls.__mro__ if is_ours(base)]
    names = {name for own in ours for name in (*own, *own.get("__annotations__", {}))}
    return {name for name in names if not name.startswith("_")}


def misspelled(cls: type, root: type, known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields ``(name, the known one that it is almost)`` for what a user's class defines.

    A name is meant if a class beside ``root`` has it too, or if any function of the user's classes uses it.

    Args:
        cls: the class.
        root: what the user's classes are derived from; those that are not are none of our business.
        known: the names that mean something.
    """
    users = [base for base in cls.__mro__ if not is_ours(base)]
    own = {name for base in users if issubclass(base, root) for name in vars(base)}
    foreign = {name for base in users if not issubclass(base, root) for name in vars(base)}
    for name in sorted(own - foreign - set(known)):
        if name.startswith(("_", "test_")):
            continue
        meant = _closest(name, known)
        if meant is not None and name not in _used_by(users):
            yield name, meant


def _closest(name: str, known: Collection[str]) -> str | None:
    long = [each for each in known if len(each) >= _SHORTEST]
    return next(iter(difflib.get_close_matches(name, long, n=1, cutoff=_LIKENESS)), None)


def _used_by(classes: Collection[type]) -> set[str]:
    functions = (function for cls in classes for value in vars(cls).values() for function in _functions(value))
    return {name for function in functions for name in _names_in(inspect.unwrap(function).__code__)}


def _functions(value: object) -> Iterator[FunctionType]:
    candidates = (value, getattr(value, "__func__", None), getattr(value, "fget", None))
    return (found for found in candidates if isinstance(found, FunctionType))


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
