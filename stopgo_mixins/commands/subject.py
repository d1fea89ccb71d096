"""The test class that a command is about, given by its dotted name."""

from __future__ import annotations

import argparse
import contextlib
import importlib
import sys
import unittest
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.report.files import report_directory, report_file, step_summary
from stopgo_mixins.stop_and_go import StopAndGoMixin

if TYPE_CHECKING:
    from stopgo_mixins.report.survey_table import SurveyTable

_Answer = TypeVar("_Answer")


def add_test_class(parser: argparse.ArgumentParser) -> None:
    """Adds the argument that names the class."""
    example = "its dotted name, such as tests.test_digits.TestDigits"
    parser.add_argument("test_class", type=test_class_named, help=example)


def answer_about(test_class: type[StopAndGoMixin], ask: Callable[[type[StopAndGoMixin]], _Answer]) -> _Answer | None:
    """Asks something of a class; where it cannot be run, says why and returns ``None``.

    What the class prints meanwhile is no part of what a command prints.
    """
    try:
        with contextlib.redirect_stdout(sys.stderr):
            return ask(test_class)
    except PhaseError as error:
        sys.stderr.write(f"{error}\n")
        return None


def leave_report(test_class: type[StopAndGoMixin], what: str, make: Callable[[str], SurveyTable]) -> None:
    """Writes what was found as a report where the environment asks for one, and says where.

    Args:
        test_class: what it is about.
        what: was asked, in a word.
        make: is called with the name of the class.
    """
    directory, name = report_directory(), f"{test_class.__module__}.{test_class.__qualname__}"
    path = report_file(directory, f"{name}.{what}") if directory else None
    if path is None and step_summary() is None:
        return
    make(name).report().write(path)
    if path is not None:
        sys.stderr.write(f"report: {path}\n")


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
        raise argparse.ArgumentTypeError(f"{name!r} is not a test class with a mixin of this library, but {found!r}")
    return found
