"""Names the first operator that differs: ``python -m stopgo_mixins zoom tests.test_digits.TestDigits``.

Exits with 0 if nothing differs, with 1 if something does, with 2 if the class could not be run.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import unittest
from typing import Any

from stopgo_mixins.commands.subject import test_class_named
from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.zoom.closer_look import closer_look


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command to those of a program."""
    parser = commands.add_parser(
        "zoom",
        help="name the first operator on which the runs of a test class differ",
        description="Runs a test class, and once more up to the first step that differs, operator by operator.",
        epilog="Exit status: 0 if nothing differs, 1 if something does, 2 if the class could not be run.",
    )
    example = "its dotted name, such as tests.test_digits.TestDigits"
    parser.add_argument("test_class", type=test_class_named, help=example)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints what was seen, and returns the exit status."""
    seen: list[str] = []
    test_class = options.test_class

    def look(self: Any) -> None:
        seen.extend([*type(self).examination().root_causes, closer_look(type(self))])

    looked_at = type(test_class.__name__, (test_class,), {"__module__": test_class.__module__, "look": look})
    result = unittest.TestResult()
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the class prints is not what was asked for
            unittest.TestSuite([looked_at("look")]).run(result)
    except PhaseError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if problems := [message for _, message in (*result.errors, *result.failures, *result.skipped)]:
        sys.stderr.write(f"{problems[0]}\n")
        return 2
    sys.stdout.write("\n".join([*seen, ""]))
    return int(len(seen) > 1)
