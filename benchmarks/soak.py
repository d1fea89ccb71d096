"""A hundred clean runs, of which none may fail: ``make soak`` shows that there are no false alarms."""

from __future__ import annotations

import sys
import unittest
from collections.abc import Iterator

import lightning

from benchmarks.cells import REPEATS_VALIDATION
from benchmarks.clean_models import KINDS, ExactDigits
from stopgo_mixins import AtStep
from tests.outcome import run

RUNS_PER_KIND = 20
INTERRUPTIONS = 10


def cases() -> Iterator[tuple[str, type[unittest.TestCase]]]:
    """Every kind of training from twenty seeds, interrupted at each of ten steps twice."""
    for kind, attributes in KINDS.items():
        for number in range(RUNS_PER_KIND):
            place = {"interruption": AtStep(1 + number % INTERRUPTIONS), "seed": 100 + number, "__module__": __name__}
            yield kind, type(f"TestSoak{number}", (ExactDigits, unittest.TestCase), attributes | place)


def main() -> int:
    """Prints a row per kind; the exit status tells whether any test failed."""
    alarms: dict[str, list[str]] = {kind: [] for kind in KINDS}
    verified: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for kind, case in cases():
        outcome = run(case)
        alarms[kind] += [
            *filter(None, [outcome.error]),
            *(f"{case.__name__}: {message}" for message in outcome.failed.values()),
        ]
        verified[kind] |= outcome.passed
    print(f"Lightning {lightning.__version__}\n")
    print("| what is trained | runs | false alarms | tests that passed |\n| --- | --- | --- | --- |")
    for kind, messages in alarms.items():
        print(f"| {kind} | {RUNS_PER_KIND} | {len(messages)} | {len(verified[kind])} |")
    found = [message for messages in alarms.values() for message in messages]
    print("\n".join(found), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    if REPEATS_VALIDATION:
        sys.exit(
            "Lightning 2.4 repeats a validation when it resumes, which is no false alarm; run this on a newer one."
        )
    sys.exit(main())
