"""Kills a test class while it saves: ``python -m stopgo_mixins kills tests.test_digits.TestDigits``.

The class is stopped and run through once, then restarted after each death that its stop phase could have had.
Exits with 0 if no death goes unnoticed, with 1 if one leads to a silent divergence, a hang or an unreadable trace, or
if the run cannot even be resumed from all that it wrote, with 2 if the class could not be run.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from stopgo_mixins.commands.subject import add_test_class, answer_about, leave_report
from stopgo_mixins.kills.report import table_of_kills
from stopgo_mixins.kills.survey import survey_kills
from stopgo_mixins.kills.table import as_dict, table
from stopgo_mixins.report.environment import environment


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command to those of a program."""
    parser = commands.add_parser(
        "kills",
        help="kill a test class at every file event of its saves, and restart it",
        description=(
            "Lets the stop phase of a test class die at every file event of its saves, in three ways, restarts it as "
            "its trainer does, and tells what became of the run."
        ),
        epilog=(
            "Exit status: 0 if no death goes unnoticed, 1 if one leads to a silent divergence, a hang or an "
            "unreadable trace, or if the run cannot even be resumed from all that was written, 2 if the class could "
            "not be run."
        ),
    )
    add_test_class(parser)
    parser.add_argument("--json", action="store_true", help="print all that was seen as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints what became of the run after each death, and returns the exit status."""
    outcomes = answer_about(options.test_class, survey_kills)
    if outcomes is None:
        return 2
    lines = [json.dumps([as_dict(outcome) for outcome in outcomes], indent=2)] if options.json else table(outcomes)
    sys.stdout.write("\n".join([*lines, ""]))
    leave_report(options.test_class, "kills", lambda name: table_of_kills(name, outcomes, environment()))
    return int(any(outcome.is_failure for outcome in outcomes))
