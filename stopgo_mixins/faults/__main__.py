"""Tries every fault on a test class: ``python -m stopgo_mixins.faults tests.test_digits.TestDigits``.

The class is stopped and run through once, then resumed once without a fault and once with each.
Exits with 0 if every applicable fault was caught, with 1 if one survived, with 2 if none could be tried.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import json
import sys
import unittest
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stopgo_mixins.exceptions import PhaseError
from stopgo_mixins.faults.outcome import Status
from stopgo_mixins.faults.registry import ALL_FAULTS
from stopgo_mixins.faults.table import table

if TYPE_CHECKING:
    from stopgo_mixins.mixins.fault_survey import Survey
    from stopgo_mixins.mixins.stop_and_go import StopAndGoMixin


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints what became of each fault, and returns the exit status."""
    from stopgo_mixins.mixins.fault_survey import survey  # this program stands above all layers

    parser = argparse.ArgumentParser(
        prog="python -m stopgo_mixins.faults",
        description="Tries every fault that a resume can have on a test class, and tells which ones its tests catch.",
        epilog="Exit status: 0 if every applicable fault was caught, 1 if one survived, 2 if none could be tried.",
    )
    parser.add_argument("test_class", type=_test_class, help="its dotted name, such as tests.test_digits.TestDigits")
    parser.add_argument("--json", action="store_true", help="print all that was seen as JSON")
    options = parser.parse_args(arguments)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the class prints is no part of the table
            found = survey(options.test_class, ALL_FAULTS.values())
    except PhaseError as error:
        parser.exit(2, f"{error}\n")
    _print(found, as_json=options.json)
    return int(any(outcome.status is Status.SURVIVED for outcome in found.outcomes))


def _test_class(name: str) -> type[StopAndGoMixin]:
    from stopgo_mixins.mixins.stop_and_go import StopAndGoMixin

    module, _, attribute = name.rpartition(".")
    try:
        found: Any = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{name!r} cannot be imported: {error}") from error
    if not (isinstance(found, type) and issubclass(found, StopAndGoMixin) and issubclass(found, unittest.TestCase)):
        raise argparse.ArgumentTypeError(f"{name!r} is no test class with a mixin of this library, but {found!r}")
    return found


def _print(found: Survey, *, as_json: bool) -> None:
    failing, outcomes = found.failing_without_fault, found.outcomes
    if as_json:
        seen = {"failing_without_fault": failing, "faults": [outcome.as_dict() for outcome in outcomes]}
        lines = [json.dumps(seen, indent=2)]
    else:
        lines = [*_caveat(failing), *table(outcomes)]
    sys.stdout.write("\n".join([*lines, ""]))


def _caveat(failing: Sequence[str]) -> list[str]:
    if not failing:
        return []
    return [f"Without any fault these tests fail, so that they show nothing below: {', '.join(failing)}.", ""]


if __name__ == "__main__":
    sys.exit(main())
