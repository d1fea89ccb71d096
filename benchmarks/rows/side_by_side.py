"""The digits' class, its phases in turn and side by side, against three bare phases in turn."""

from __future__ import annotations

from benchmarks.measurement import be_quiet, in_turn, timed
from benchmarks.small import DigitsInProcesses, TestDigits, bare_phases, run
from benchmarks.table import line_of_times

REPEATS = 7


def main() -> None:
    """Prints the lines; everything is imported by then, and the server of processes runs."""
    be_quiet()
    run(TestDigits, DigitsInProcesses)
    found = in_turn(
        {
            "in turn, in one process": lambda: timed(lambda: run(TestDigits)),
            "side by side, legs in fresh processes": lambda: timed(lambda: run(DigitsInProcesses)),
            "bare": lambda: timed(bare_phases),
        },
        REPEATS,
    )
    bare = found.pop("bare")
    for name, seconds in found.items():
        print(
            line_of_times(
                f"the digits' class: three phases and all tests, {name}; medians of {REPEATS}",
                seconds,
                "its three phases, bare, in turn",
                bare,
                digits=2,
            )
        )


if __name__ == "__main__":
    main()
