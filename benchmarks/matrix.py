"""Measures the Lightning matrix: ``python -m benchmarks.matrix`` prints its table for the installed version."""

from __future__ import annotations

from collections import defaultdict

import lightning

from benchmarks.cells import Cell, every_step_of_two_epochs
from benchmarks.kinds import KINDS, STEPS, Kind, found_in
from tests.outcome import run

STEPS_WITH_WORKERS = (1, 4, 6, 12)
"""One step of each moment, since starting worker processes takes long."""


def main() -> None:
    """Prints what resumes exactly: the digits, and below them other kinds of training."""
    print(f"Lightning {lightning.__version__}\n")
    _print_cells()
    print()
    _print_kinds()


def _print_cells() -> None:
    """A row per moment, number of workers and scheduler interval."""
    rows: dict[tuple[str, int, str], list[str]] = defaultdict(list)
    for cell in _cells():
        rows[cell.moment, cell.workers, cell.interval].append(_result(cell))
    print(
        "| checkpoint written at | workers | scheduler | exact | what differs first |\n| --- | --- | --- | --- | --- |"
    )
    for (moment, workers, interval), results in rows.items():
        exact = sum(not result for result in results)
        differs = ", ".join(sorted({result for result in results if result}))
        print(f"| {moment} | {workers} | {interval} | {exact} of {len(results)} | {differs} |")


def _cells() -> list[Cell]:
    cells = [cell for interval in ("step", "epoch") for cell in every_step_of_two_epochs(interval=interval)]
    cells += [Cell(step, workers=2, interval=interval) for interval in ("step", "epoch") for step in STEPS_WITH_WORKERS]
    return cells


def _result(cell: Cell) -> str:
    outcome = run(cell.test_class())
    if outcome.error:
        raise RuntimeError(outcome.error)
    unexpected = set(outcome.failed) if not cell.diverging else cell.diverging - set(outcome.failed)
    if unexpected:
        return f"unexpectedly {', '.join(sorted(unexpected))}"
    return ", ".join(f"`{metric}`" for metric in sorted(cell.diverging))


def _print_kinds() -> None:
    """A row per kind of training and moment."""
    print("| in the run | checkpoint written at | root causes |\n| --- | --- | --- |")
    for kind in KINDS:
        results: dict[str, dict[str, None]] = defaultdict(dict)
        for step in STEPS:
            results[Cell(step).moment][_causes(kind, step)] = None
        for moment, causes in results.items():
            print(f"| {kind.title} | {moment} | {', '.join(causes)} |")


def _causes(kind: Kind, step: int) -> str:
    case = kind.test_class(step)
    outcome = run(case)
    if outcome.error:
        raise RuntimeError(outcome.error)
    found = dict(found_in(case))
    named = ", ".join(f"`{metric}`: {cause}" for metric, cause in found.items()) or "exact"
    return named if found == kind.expected(step) else f"unexpectedly {named}"


if __name__ == "__main__":
    main()
