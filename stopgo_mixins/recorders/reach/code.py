"""What functions, generators and iterators remember from one call to the next."""

from __future__ import annotations

import functools
import itertools
import types
import warnings
from collections.abc import Iterable
from typing import Any

from stopgo_mixins.recorders.reach.packages import is_packaged, is_users_class

_Parts = Iterable[tuple[str, object]]

_MADE: tuple[Iterable[object], ...] = ([], (), range(0), range(2**70), "", b"", set(), {}, {}.values(), {}.items())

_ITERATORS: tuple[type, ...] = (
    *(type(iter(made)) for made in _MADE),
    *(type(reversed([])), type(reversed({})), enumerate, zip, map, filter, reversed),
    *(kind for kind in vars(itertools).values() if isinstance(kind, type)),
)
"""Python's own, which tell by ``__reduce__`` where they are."""

_CODE = (types.FunctionType, types.MethodType, functools.partial, types.GeneratorType, type, types.ModuleType)


def is_code(value: object) -> bool:
    """Whether a value does something rather than hold something."""
    return isinstance(value, (*_CODE, *_ITERATORS))


def is_written_by_user(value: object) -> bool:
    """Whether a value is an object of a class, or a function, that the user has written."""
    if isinstance(value, functools.partial):
        return any(map(is_written_by_user, (value.func, *value.args, *value.keywords.values())))
    if isinstance(value, types.FunctionType):
        return not is_packaged(value.__module__)
    return is_users_class(type(value.__self__ if isinstance(value, types.MethodType) else value))


def code_parts(value: object) -> _Parts:
    """Yields ``(path, part)`` of what is remembered; of classes and modules, which belong to the process, nothing."""
    if isinstance(value, types.FunctionType):
        return _of_function(value)
    if isinstance(value, types.MethodType):
        return [(".__self__", value.__self__), ("", value.__func__)]
    if isinstance(value, functools.partial):
        return [(".func", value.func), (".args", value.args), (".keywords", value.keywords)]
    if isinstance(value, types.GeneratorType):
        return _of_generator(value)
    return _of_iterator(value) if isinstance(value, _ITERATORS) else ()


def _of_function(function: types.FunctionType) -> _Parts:
    """Of a function of the user's: its closure, its defaults, its attributes."""
    if is_packaged(function.__module__):
        return
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    yield from ((f".closure[{name!r}]", content) for name, cell in cells for content in _contents(cell))
    yield from ((f".defaults[{number}]", default) for number, default in enumerate(function.__defaults__ or ()))
    yield from ((f".defaults[{name!r}]", default) for name, default in (function.__kwdefaults__ or {}).items())
    yield from ((f".{name}", part) for name, part in vars(function).items() if name != "__wrapped__")


def _contents(cell: types.CellType) -> tuple[object, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # the variable has no value yet
        return ()


def _of_generator(generator: types.GeneratorType[Any, Any, Any]) -> _Parts:
    """Of a generator of the user's: where it stands, and its variables."""
    frame = generator.gi_frame
    if frame is None:
        return [(".position", "at its end")]
    if is_packaged(frame.f_globals.get("__name__")):
        return ()
    variables = ((f".locals[{name!r}]", part) for name, part in dict(frame.f_locals).items())
    return [(".position", frame.f_lasti), *variables]


def _of_iterator(iterator: Any) -> _Parts:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some of them may lose it in a later Python
        try:
            _, arguments, *position = iterator.__reduce__()
        except TypeError:
            return ()
    return [(".position", tuple(position)), (".over", arguments)]
