"""Twelve interruptions of one run: as a sweep, and as twelve classes."""

from __future__ import annotations

import sys
import unittest

from benchmarks.measurement import be_quiet, in_turn, timed
from benchmarks.small import TestDigits, run
from benchmarks.table import line_of_times
from stopgo_mixins import AtStep, sweep

POINTS = tuple(AtStep(step) for step in range(3, 15))


def _swept() -> None:
    made = type("SweptDigits", (TestDigits,), {"__module__": __name__})
    sweep(*POINTS)(made)
    run(*_classes_named("SweptDigits_"))


def _each_by_itself() -> None:
    run(*(type(f"Digits{point.step}", (TestDigits,), {"interruption": point}) for point in POINTS))


def _classes_named(prefix: str) -> list[type[unittest.TestCase]]:
    return [value for name, value in vars(sys.modules[__name__]).items() if name.startswith(prefix)]


def main() -> None:
    """Prints the line."""
    be_quiet()
    run(TestDigits)
    found = in_turn({"swept": lambda: timed(_swept), "classes": lambda: timed(_each_by_itself)})
    print(
        line_of_times(
            f"the digits, interrupted at each of {len(POINTS)} steps by a sweep",
            found["swept"],
            f"{len(POINTS)} classes",
            found["classes"],
            digits=2,
        )
    )


if __name__ == "__main__":
    main()
