"""The outcomes of all faults, for a terminal."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from stopgo_mixins.trials.outcome import Outcome, Status

WIDTH = 120
INDENT = " " * 8


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The lines: one per fault, reasons below, a summary at the end."""
    rows = [("", "fault", "outcome", "caught by, first at: cause named"), *map(_row, outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, reason in zip(rows, ["", *(outcome.reason for outcome in outcomes)], strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        yield from textwrap.wrap(reason, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    yield ""
    yield counts(outcomes)


def _row(outcome: Outcome) -> tuple[str, str, str, str]:
    return outcome.fault.id, outcome.fault.name, outcome.status.value, caught_by(outcome)


def caught_by(outcome: Outcome) -> str:
    """The test that shows a fault, where it does so first, and the cause that is named; empty where none does."""
    if outcome.status is not Status.CAUGHT:
        return ""
    test = outcome.tests[0]
    place = f", {test.place}" if test.place else ""
    return f"{test.name}{place}: {_cause(outcome)}"


def _cause(outcome: Outcome) -> str:
    fault, named = outcome.fault, sorted({str(found.cause) for found in outcome.root_causes if found.cause})
    if not outcome.cause_named:
        return f"not named; named: {', '.join(named) or 'none'}"
    if fault.ends_the_phase:
        return "the error names the checkpoint"
    return ", ".join(cause for cause in fault.causes if cause in named) or "its message says it"


def counts(outcomes: Iterable[Outcome]) -> str:
    """How many faults ended in which way, as a sentence."""
    counted = Counter(outcome.status for outcome in outcomes)
    unnamed = sum(outcome.status is Status.CAUGHT and not outcome.cause_named for outcome in outcomes)
    parts = [f"{counted[status]} {status.value}" for status in Status]
    parts[0] += f" ({unnamed} of them without its cause)" if unnamed else ""
    return ", ".join(parts) + "."
