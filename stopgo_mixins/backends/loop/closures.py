"""The closure that a loop gives to an optimizer's ``step``, in which it computes the loss, perhaps several times."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

Closure = Callable[[], Any]
Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def closure_of(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Closure | None:
    """The one among the arguments of ``step``, the first of which is the optimizer."""
    return args[1] if len(args) > 1 else kwargs.get("closure")


def with_closure(args: tuple[Any, ...], kwargs: Mapping[str, Any], closure: Closure) -> Arguments:
    """The same arguments with another one."""
    if len(args) > 1:
        return (args[0], closure, *args[2:]), dict(kwargs)
    return args, {**kwargs, "closure": closure}


def followed(closure: Closure, by: Callable[[], None]) -> Closure:
    """A closure after each evaluation of which something is done."""

    @wraps(closure)
    def evaluate() -> Any:
        result = closure()
        by()
        return result

    return evaluate
