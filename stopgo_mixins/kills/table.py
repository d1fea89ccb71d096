"""The deaths of a stop phase and what became of the run, for a terminal and as data."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from stopgo_mixins.isolation.file_events import END
from stopgo_mixins.kills.death import Way
from stopgo_mixins.kills.verdict import Survival
from stopgo_mixins.trials.table import INDENT, WIDTH

if TYPE_CHECKING:
    from stopgo_mixins.isolation.file_events import FileEvent
    from stopgo_mixins.kills.runner import DeathOutcome
    from stopgo_mixins.kills.verdict import KillVerdict

HEADINGS = ("", "file event", "updates", *(way.value for way in Way))


def table(outcomes: Sequence[DeathOutcome]) -> Iterator[str]:
    """The lines: one per file event, reasons below, a summary at the end."""
    events = [list(deaths) for _, deaths in groupby(outcomes, key=lambda outcome: outcome.death.number)]
    rows = [HEADINGS, *map(_row, events)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, deaths in zip(rows, [[], *events], strict=True):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for reason in reasons(deaths):
            yield from textwrap.wrap(reason, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT)
    yield ""
    yield counts(outcomes)


def counts(outcomes: Sequence[DeathOutcome]) -> str:
    """How many deaths ended in which way, as a sentence."""
    counted = Counter(outcome.verdict.survival for outcome in outcomes)
    return ", ".join(f"{counted[survival]} {survival.value}" for survival in Survival) + "."


def _row(deaths: Sequence[DeathOutcome]) -> tuple[str, ...]:
    first = deaths[0]
    verdicts = {outcome.death.way: outcome.verdict for outcome in deaths}
    cells = (cell(verdicts[way]) if way in verdicts else "" for way in Way)
    return str(first.death.number), described(first.death.event), str(first.updates), *cells


def cell(verdict: KillVerdict) -> str:
    """A verdict in a word or two, and how many updates were made again."""
    redone = f": {verdict.redone}" if verdict.survival is Survival.LOST_WORK else ""
    return f"{verdict.survival.value}{redone}"


def reasons(deaths: Sequence[DeathOutcome]) -> Iterator[str]:
    """Each once, with the ways that it belongs to."""
    said = [outcome for outcome in deaths if outcome.verdict.reason]
    for reason in dict.fromkeys(outcome.verdict.reason for outcome in said):
        ways = [outcome.death.way.value for outcome in said if outcome.verdict.reason == reason]
        yield f"{', '.join(ways)}: {reason.splitlines()[0].rstrip(' :')}"


def described(event: FileEvent) -> str:
    """A file event in a few words; what lies outside of the run directory has a name that changes from run to run."""
    if event.operation == END:
        return "after all of them"
    source = event.source if not event.source.startswith("/") else "a file outside"
    return f"{event.operation} {f'{source} -> ' if source else ''}{event.path}"


def as_dict(outcome: DeathOutcome) -> dict[str, Any]:
    """One death and its verdict, for JSON."""
    event, verdict = outcome.death.event, outcome.verdict
    return {
        "number": outcome.death.number,
        "operation": event.operation,
        "path": event.path,
        "source": event.source,
        "way": outcome.death.way.value,
        "updates": outcome.updates,
        "verdict": verdict.survival.value,
        "loaded": verdict.loaded,
        "redone": verdict.redone,
        "reason": verdict.reason,
        "diverged": list(verdict.diverged),
    }
