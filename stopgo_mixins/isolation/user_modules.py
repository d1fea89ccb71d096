"""The modules that a test class is made of, without those of installed packages."""

from __future__ import annotations

import site
import sys
import sysconfig
import types
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_LIBRARIES = tuple(
    {
        *(sysconfig.get_paths()[kind] for kind in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(*site.getsitepackages(), site.getusersitepackages()),
        str(Path(__file__).parents[1]),  # this package may lie among the user's
    }
)


@cache
def _is_of_a_library(file: str) -> bool:
    return any(Path(file).is_relative_to(library) for library in _LIBRARIES)


def is_users(module: str) -> bool:
    """Whether a module is imported, has a file, and is no part of an installed package."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return isinstance(file, str) and not _is_of_a_library(file)


def modules_behind(test_class: type) -> list[str]:
    """The user's modules from which a class and all that these mention are taken, the last found first.

    A suite may have imported a thousand more, which have nothing to do with the class.
    """
    found: dict[int, str] = {}  # by identity: the main module has two names
    todo = [base.__module__ for base in test_class.__mro__]
    while todo:
        name = todo.pop()
        if is_users(name) and id(sys.modules[name]) not in found:
            found[id(sys.modules[name])] = name
            todo.extend(_mentioned(sys.modules[name]))
    return list(reversed(found.values()))


def _mentioned(module: types.ModuleType) -> Iterator[str]:
    """The names of other modules: imported as such, or where something in this one was made or is imported later."""
    for value in list(vars(module).values()):
        if isinstance(value, types.ModuleType):
            yield value.__name__
        yield str(getattr(value, "__module__", None) or type(value).__module__)
        is_own_class = isinstance(value, type) and value.__module__ == module.__name__
        for function in vars(value).values() if is_own_class else [value]:
            yield from _imported_by(getattr(function, "__func__", function), module.__package__)


def _imported_by(function: object, package: str | None) -> Iterator[str]:
    if isinstance(function, types.FunctionType):
        for name in function.__code__.co_names:
            yield from (name, f"{package}.{name}")
