"""One measurement in a process of its own: ``python -m benchmarks.measurement NAME`` prints it as JSON."""

from __future__ import annotations

import json
import logging
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.large_model import bare_phase, bare_phases, step_state, with_harness
from benchmarks.processes import DigitsInProcesses, TestDigits, seconds_of_a_class
from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.trace.store import Trace, TraceWriter

STEPS = 10
INTERRUPTED_AT = 5


def _timed(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _seconds_of_comparing_traces() -> float:
    with tempfile.TemporaryDirectory() as directory:
        phases = {name: Path(directory) / name for name in ("stop", "resume", "continuous")}
        _write(phases["continuous"], range(STEPS))
        _write(phases["stop"], range(INTERRUPTED_AT))
        _write(phases["resume"], range(INTERRUPTED_AT, STEPS))
        runs = Runs.of((Trace(phases[name]) for name in ("stop", "resume")), Trace(phases["continuous"]))
        return _timed(lambda: _require_equal(runs))


def _write(directory: Path, steps: range) -> None:
    writer = TraceWriter(directory, rank=0, value_budget=0)
    writer.event("checkpoint_loaded", update=INTERRUPTED_AT, path="")
    for step in steps:
        writer.record("state", Position(Moment.STEP_START, step), step_state())
        writer.event("step_end", update=step + 1)
    writer.close()


def _require_equal(runs: Runs) -> None:
    comparison = compare(runs, "state")
    if comparison.mismatches or not comparison.compared:
        raise RuntimeError(f"expected equal traces, found {comparison}")


def _seconds_of_assert_close() -> float:
    actual, expected = step_state(), step_state()
    return _timed(lambda: [torch.testing.assert_close(actual, expected, rtol=0, atol=0) for _ in range(STEPS)])


MEASUREMENTS: dict[str, Callable[[], float]] = {
    "with_harness": lambda: _timed(with_harness),
    "bare_phases": lambda: _timed(bare_phases),
    "bare_phase": lambda: _timed(bare_phase),
    "in_one_process": lambda: seconds_of_a_class(TestDigits),
    "in_processes": lambda: seconds_of_a_class(DigitsInProcesses),
    "compare_traces": _seconds_of_comparing_traces,
    "assert_close": _seconds_of_assert_close,
}


def main() -> None:
    """Runs the measurement that the command line names."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    seconds = MEASUREMENTS[sys.argv[1]]()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))


if __name__ == "__main__":
    main()
