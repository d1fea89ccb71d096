"""Listens to a trainer where it offers no hook."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def wrapped(owner: Any, method: str, replacement: Callable[..., Any]) -> Iterator[None]:
    """Lets ``replacement(original, *args)`` stand in for a bound method of one object while the body runs.

    Meant for objects of the trainer: on an object of the user it would travel with a copy.
    """
    original = getattr(owner, method)
    owner.__dict__[method] = functools.wraps(original)(functools.partial(replacement, original))
    try:
        yield
    finally:
        owner.__dict__.pop(method, None)
