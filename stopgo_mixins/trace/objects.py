"""Takes an object of any class apart by what it holds."""

from __future__ import annotations

import functools
import logging
import threading
import types
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import nn

Parts = Iterator[tuple[str, object]]

_MACHINERY = (
    *(types.FunctionType, types.BuiltinFunctionType, types.MethodType, functools.partial, type, types.ModuleType),
    *(weakref.ReferenceType, weakref.ProxyType, weakref.CallableProxyType),
    *(logging.Logger, type(threading.Lock()), type(threading.RLock())),
)
"""What an object works with rather than holds: code, what somebody else owns, what keeps threads apart."""


def object_parts(value: object) -> Parts | None:
    """``(path, part)`` of everything that the object holds; ``None`` where nothing in it can be read.

    A module is its parameters and buffers, and what offers itself as an array (a data frame, an image) is that array;
    anything else is its attributes and slots, without functions, classes, modules, loggers, locks and weak references.
    No property is called.
    """
    if isinstance(value, _MACHINERY):
        return None
    if isinstance(value, nn.Module):
        tensors: dict[str, object] = {**dict(value.named_parameters()), **dict(value.named_buffers())}
        return ((f"[{name!r}]", tensor) for name, tensor in tensors.items())
    if hasattr(type(value), "__array__") or hasattr(type(value), "__array_interface__"):
        return iter([(".array", np.asarray(value))])
    held = attributes_of(value)
    if not held:
        return None
    return ((f".{name}", part) for name, part in held.items() if not isinstance(part, _MACHINERY))


def attributes_of(value: object) -> dict[str, Any]:
    """The attributes of an object and its slots that are filled, by name; no property is called."""
    return {**_slots(value), **_attributes(value)}


def _attributes(value: object) -> dict[str, Any]:
    try:
        # Not vars(): a class may answer for __dict__ by a property.
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if isinstance(found, dict) else {}


def _slots(value: object) -> dict[str, Any]:
    """The slots that are filled, of all its classes."""
    found = {}
    for kind in reversed(type(value).__mro__):
        if "__slots__" not in vars(kind):
            continue
        for name, member in vars(kind).items():
            if isinstance(member, types.MemberDescriptorType):
                try:
                    found[name] = member.__get__(value)
                except AttributeError:
                    continue  # not filled
    return found
