"""Compares two real runs: ``python -m stopgo_mixins compare traces/interrupted traces/whole``.

Exits with 0 if they are the same, with 1 if they are not, with 2 if nothing shows either.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.real_runs.logged import compare_logs
from stopgo_mixins.real_runs.logs import is_log
from stopgo_mixins.real_runs.recorded import recorded_runs
from stopgo_mixins.real_runs.report import as_dict, lines_of
from stopgo_mixins.real_runs.verdict import RunComparison, RunVerdict

_STATUS = {RunVerdict.SAME: 0, RunVerdict.DIFFERENT: 1, RunVerdict.NOT_VERIFIED: 2}


def add_to(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command to those of a program."""
    parser = commands.add_parser(
        "compare",
        help="tell whether an interrupted run was the same as an uninterrupted one",
        description="Compares the traces of two real runs, which RecordTrace has left behind, or their logs: CSV files "
        "with a column 'step', or TensorBoard's.",
        epilog="Exit status: 0 if they are the same run, 1 if not, 2 if nothing shows either.",
    )
    legs = "a directory of the interrupted run; of several, the legs in the order in which they ran"
    parser.add_argument("interrupted", nargs="+", type=Path, help=legs)
    parser.add_argument("uninterrupted", type=Path, help="the directory of the run that was not interrupted")
    parser.add_argument("--from-step", type=int, default=0, metavar="K", help="compare from step K on")
    parser.add_argument("--json", action="store_true", help="print all that was found as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Prints the verdict on two runs, and returns the exit status."""
    given = options.interrupted, options.uninterrupted, options.from_step
    try:
        verdict, text = (_of_logs if is_log(options.uninterrupted) else _of_traces)(*given, as_json=options.json)
    except TraceError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{text}\n")
    return _STATUS[verdict]


def _of_traces(
    interrupted: list[Path], uninterrupted: Path, from_step: int, *, as_json: bool
) -> tuple[RunVerdict, str]:
    found = RunComparison(recorded_runs(interrupted, uninterrupted, from_step))
    return found.verdict, json.dumps(as_dict(found), indent=2) if as_json else "\n".join(lines_of(found))


def _of_logs(interrupted: list[Path], uninterrupted: Path, from_step: int, *, as_json: bool) -> tuple[RunVerdict, str]:
    found = compare_logs(interrupted, uninterrupted, from_step)
    lines = list(found.lines())
    told = {"verdict": found.verdict.value, "message": "\n".join(lines), "compared": found.names}
    return found.verdict, json.dumps(told, indent=2) if as_json else "\n".join(lines)
