"""What the user keeps on a test class itself."""

from __future__ import annotations

import types
import unittest
from collections.abc import Iterator

from stopgo_mixins.spelling import is_ours

_CODE = (types.FunctionType, types.BuiltinFunctionType, classmethod, staticmethod, property, type, types.ModuleType)
_OF_UNITTEST = {*dir(unittest.TestCase), "tearDown_exceptions", "_classSetupFailed", "_class_cleanups"}
_OF_RUNNERS = frozenset({*_OF_UNITTEST, "pytestmark", "pytest_plugins"})
"""What unittest and pytest set on a class."""


def own_objects(cls: type) -> dict[str, object]:
    """The attributes that the user has given to a test class and its bases, such as ``test_class.curriculum``."""
    taken = {*_OF_RUNNERS, *_declared(cls)}
    found: dict[str, object] = {}
    for base in cls.__mro__:
        if is_ours(base) or base in unittest.TestCase.__mro__:
            continue
        for name, value in vars(base).items():
            if name not in taken and not name.startswith(("__", "test_")) and not isinstance(value, _CODE):
                found.setdefault(f"test_class.{name}", value)
    return found


def _declared(cls: type) -> Iterator[str]:
    """The names that the library itself has for what it keeps there."""
    for base in cls.__mro__:
        if is_ours(base):
            yield from (*vars(base), *vars(base).get("__annotations__", {}))
