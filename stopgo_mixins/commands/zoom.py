"""Names the first operator that differs: ``python -m stopgo_mixins zoom tests.test_digits.TestDigits``.

Exits with 0 if nothing differs, with 1 if something does, with 2 if the class could not be run.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from stopgo_mixins.commands.subject import add_test_class, answer_about
from stopgo_mixins.trials.after_phases import after_phases
from stopgo_mixins.zoom.closer_look import closer_look


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command to those of a program."""
    parser = commands.add_parser(
        "zoom",
        help="name the first operator on which the runs of a test class differ",
        description="Runs a test class, and once more up to the first step that differs, operator by operator.",
        epilog="Exit status: 0 if nothing differs, 1 if something does, 2 if the class could not be run.",
    )
    add_test_class(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints what was seen, and returns the exit status."""
    seen = answer_about(options.test_class, _look_at)
    if seen is None:
        return 2
    sys.stdout.write("\n".join([*seen, ""]))
    return int(len(seen) > 1)


def _look_at(test_class: type[Any]) -> list[str]:
    looked_at: Any = type(test_class.__name__, (test_class,), {"__module__": test_class.__module__})
    looked_at.zoom = test_class._several_ranks() is None  # afterwards, so that a phase in a process of its own is told
    return after_phases(looked_at, _root_causes, "it could not be looked at")


def _root_causes(ran: type[Any]) -> list[str]:
    examination = ran.examination()
    examination.look_closer(closer_look(ran))
    return [*examination.root_causes, f"zoom: {examination.closer_look.sentence}"]
