"""Tries every fault on a test class: ``python -m stopgo_mixins faults tests.test_digits.TestDigits``.

The class is stopped and run through once, then resumed once without a fault and once with each; in the end, it is
resumed with another seed and run in fresh processes, if it does not do so itself.
Exits with 0 if every applicable fault was caught, with 1 if one survived, with 2 if none could be tried.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stopgo_mixins.commands.subject import add_test_class, answer_about, leave_report
from stopgo_mixins.faults.registry import ALL_FAULTS
from stopgo_mixins.report.environment import environment
from stopgo_mixins.trials.outcome import Status
from stopgo_mixins.trials.report import table_of_faults
from stopgo_mixins.trials.survey import survey
from stopgo_mixins.trials.table import table

if TYPE_CHECKING:
    from stopgo_mixins.trials.survey import Survey


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command to those of a program."""
    parser = commands.add_parser(
        "faults",
        help="try every fault that a resume can have on a test class",
        description="Tries every fault that a resume can have on a test class, and tells which ones its tests catch.",
        epilog="Exit status: 0 if every applicable fault was caught, 1 if one survived, 2 if none could be tried.",
    )
    add_test_class(parser)
    parser.add_argument("--json", action="store_true", help="print all that was seen as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints what became of each fault, and returns the exit status."""
    found = answer_about(options.test_class, lambda test_class: survey(test_class, ALL_FAULTS.values()))
    if found is None:
        return 2
    _print(found, as_json=options.json)
    leave_report(options.test_class, "faults", lambda name: table_of_faults(name, found, environment()))
    return int(any(outcome.status in (Status.SURVIVED, Status.NOT_TRIED) for outcome in found.outcomes))


def _print(found: Survey, *, as_json: bool) -> None:
    if as_json:
        lines = [json.dumps(found.as_dict(), indent=2)]
    else:
        lines = [*_caveat(found.failing_without_fault), *table(found.outcomes), *_beside(found)]
    sys.stdout.write("\n".join([*lines, ""]))


def _caveat(failing: Sequence[str]) -> list[str]:
    if not failing:
        return []
    return [f"Without any fault these tests fail, so that they show nothing below: {', '.join(failing)}.", ""]


def _beside(found: Survey) -> list[str]:
    """What the class would show if it were stricter."""
    return ["", "Beyond what the class asks for:", *(f"  {run}" for run in found.stricter)] if found.stricter else []
