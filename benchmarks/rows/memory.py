"""The most memory that a phase has, however long it is."""

from __future__ import annotations

import functools

from benchmarks.lists import Lists
from benchmarks.measurement import in_a_process, in_turn
from benchmarks.table import Line
from benchmarks.transformer import SMALL, continuous_phase, fit

SHORT, LONG = 10, 100


def recorded_short() -> None:
    """A phase of a few steps."""
    continuous_phase(SMALL, SHORT)


def recorded_long() -> None:
    """One of many."""
    continuous_phase(SMALL, LONG)


def lists_short() -> None:
    """A few steps, with copies into lists."""
    fit(SMALL, SHORT, (Lists(),))


def lists_long() -> None:
    """Many."""
    fit(SMALL, LONG, (Lists(),))


def bare_short() -> None:
    """A few steps, with nothing recorded."""
    fit(SMALL, SHORT)


def bare_long() -> None:
    """Many."""
    fit(SMALL, LONG)


def main() -> None:
    """Prints the lines."""
    measured = (recorded_short, recorded_long, lists_short, lists_long, bare_short, bare_long)
    found = in_turn({each.__name__: functools.partial(_peak, each.__name__) for each in measured})
    for kind, name in {"recorded": "recorded", "lists": "with copies into lists", "bare": "bare"}.items():
        long, short = found[f"{kind}_long"], found[f"{kind}_short"]
        print(
            Line(
                f"peak resident memory of {LONG} steps of 0.9 million parameters, {name}",
                f"{long:.0f} MiB",
                f"{SHORT} steps: {short:.0f} MiB",
                f"{long / short:.3f}",
            )
        )


def _peak(function: str) -> float:
    return in_a_process("benchmarks.rows.memory", function)["peak_mib"]


if __name__ == "__main__":
    main()
