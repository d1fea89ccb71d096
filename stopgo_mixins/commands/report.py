"""Makes the report of a class from traces that were kept: ``python -m stopgo_mixins report kept/TestDigits-x1``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.report.run import report_of_run
from stopgo_mixins.report.subject import Subject


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command to those of a program."""
    parser = commands.add_parser(
        "report",
        help="make a report from traces that were kept",
        description="Makes the report of a class from the traces that it kept because STOPGO_KEEP was set.",
    )
    parser.add_argument("traces", type=Path, help="the directory in which the class kept them")
    parser.add_argument("-o", "--output", type=Path, help="the HTML file; report.html beside the traces if left out")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Writes it and says where, and returns the exit status."""
    path = options.output or options.traces / "report.html"
    try:
        report_of_run(Subject.kept_in(options.traces)).write(path)
    except TraceError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{path}\n")
    return 0
