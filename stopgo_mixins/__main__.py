"""What is run from a shell: ``python -m stopgo_mixins faults tests.test_digits.TestDigits``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from stopgo_mixins.commands import compare, explain, faults, kills, report, zoom


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, and returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m stopgo_mixins",
        description="Tests whether an interrupted and resumed training run is still the same run.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (faults, kills, explain, report, zoom, compare):
        command.add_to(commands)
    options = parser.parse_args(arguments)
    status: int = options.run(options)
    return status


if __name__ == "__main__":
    sys.exit(main())
