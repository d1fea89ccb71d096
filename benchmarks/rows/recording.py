"""What recording all default metrics adds to a step of the large transformer."""

from __future__ import annotations

import functools
from typing import Any

from benchmarks.lists import Lists
from benchmarks.measurement import be_quiet, in_turn
from benchmarks.table import line_of_times
from benchmarks.transformer import LARGE, TOKENS, StepTimes, continuous_phase, fit

STEPS = 4

_BUDGETS = {
    "digests alone (`value_budget = 0`)": 0,
    "digests and values (the default budget)": 64 * 2**20,
    "every value of every step": 2**40,
}


def _bare(*callbacks: Any) -> float:
    times = StepTimes()
    fit(LARGE, STEPS, (times, *callbacks))
    return times.mean


def main() -> None:
    """Prints the lines; each phase begins with a fresh model, and the means are over its steps."""
    be_quiet()
    fit(LARGE, 1)  # imports what the first optimizer imports
    bare, lists = "bare steps, deterministic", "copies into lists (`detach().cpu().clone()`)"
    found = in_turn(
        {
            bare: _bare,
            **{
                name: functools.partial(continuous_phase, LARGE, STEPS, value_budget=budget)
                for name, budget in _BUDGETS.items()
            },
            lists: lambda: _bare(Lists()),
        }
    )
    of = f"a step of 25.7 million parameters, AdamW, {LARGE.sequences} x {TOKENS} tokens"
    for name in (*_BUDGETS, lists):
        print(line_of_times(f"{of}: {name}", found[name], bare, found[bare]))


if __name__ == "__main__":
    main()
