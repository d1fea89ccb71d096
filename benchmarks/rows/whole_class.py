"""A whole class of the large transformer against its three bare phases."""

from __future__ import annotations

import unittest

from benchmarks.measurement import be_quiet, in_turn, timed
from benchmarks.table import line_of_times
from benchmarks.transformer import LARGE, bare_phases, fit, test_class

STEPS = 6


def _class() -> None:
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(test_class(LARGE, STEPS)).run(result)
    if result.errors or not result.failures:  # its loader restarts, as any plain one does
        raise RuntimeError(result.errors or "nothing differs, although the data were restarted")


def main() -> None:
    """Prints the line."""
    be_quiet()
    fit(LARGE, 1)  # imports what the first optimizer imports
    found = in_turn({"class": lambda: timed(_class), "bare": lambda: timed(lambda: bare_phases(LARGE, STEPS))})
    print(
        line_of_times(
            f"a class of 25.7 million parameters, {STEPS} steps: three phases in turn and all tests",
            found["class"],
            "its three phases, bare, deterministic",
            found["bare"],
        )
    )


if __name__ == "__main__":
    main()
