"""The test class that a command is about, given by its dotted name."""

from __future__ import annotations

import argparse
import importlib
import unittest
from typing import Any

from stopgo_mixins.stop_and_go import StopAndGoMixin


def test_class_named(name: str) -> type[StopAndGoMixin]:
    """Imports a test class.

    Args:
        name: such as ``"tests.test_digits.TestDigits"``.

    Raises:
        argparse.ArgumentTypeError: when there is none, or it has no mixin of this library.
    """
    module, _, attribute = name.rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name!r} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, StopAndGoMixin) and issubclass(found, unittest.TestCase)):
        raise argparse.ArgumentTypeError(f"{name!r} is no test class with a mixin of this library, but {found!r}")
    return found
