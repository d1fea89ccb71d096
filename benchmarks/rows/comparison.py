"""Comparing equal traces, and diagnosing runs of which everything differs."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.measurement import in_turn, timed
from benchmarks.table import Line, milliseconds
from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.examination import Examination
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.terms import Terms
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.metric import Metric
from stopgo_mixins.trace.store import Trace, TraceWriter

STEPS, INTERRUPTED_AT = 10, 5

SHAPES = {"12 tensors of 4 MiB": (12, 2**20), "4,000 tensors of 256 bytes": (4000, 64)}
"""What is recorded at each step -> number of tensors, and of their elements."""

DIVERGING = 10_000


def main() -> None:
    """Prints the lines."""
    for name, (tensors, elements) in SHAPES.items():
        _print_comparison(name, lambda seed, tensors=tensors, elements=elements: _state(tensors, elements, seed))
    _print_diagnosis()


def _state(tensors: int, elements: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {f"layers.{number}.weight": torch.randn(elements, generator=generator) for number in range(tensors)}


def _print_comparison(name: str, state: Callable[[int], dict[str, Tensor]]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        phases = {phase: Path(directory) / phase for phase in ("stop", "resume", "continuous")}
        _write(phases["continuous"], range(STEPS), state)
        _write(phases["stop"], range(INTERRUPTED_AT), state)
        _write(phases["resume"], range(INTERRUPTED_AT, STEPS), state)
        actual, expected = ([state(step) for step in range(STEPS)] for _ in range(2))
        found = in_turn(
            {
                "traces": lambda: timed(functools.partial(_require_equal, phases)),
                "tensors": lambda: timed(
                    lambda: torch.testing.assert_close(actual, expected, rtol=0, atol=0, equal_nan=True)
                ),
            }
        )
    against = f"recursive `torch.testing.assert_close`: {milliseconds(found['tensors'])}"
    ratio = f"1/{found['tensors'] / found['traces']:.0f}"
    print(Line(f"comparing equal traces of {STEPS} steps, {name} each", milliseconds(found["traces"]), against, ratio))


def _write(directory: Path, steps: range, state: Callable[[int], dict[str, Tensor]]) -> None:
    writer = TraceWriter(directory, rank=0, value_budget=0)
    writer.event("phase_start", mode=directory.name, world_size=1, replicated=[], every_n_steps=1)
    if steps.start:
        writer.event("checkpoint_loaded", update=steps.start, path="")
    for step in steps:
        writer.record("state", Position(Moment.STEP_START, step), state(step))
        writer.event("step_end", update=step + 1)
    writer.end(steps.stop)
    writer.close()


def _runs(phases: dict[str, Path]) -> Runs:
    return Runs.of((Trace(phases[name]) for name in ("stop", "resume")), Trace(phases["continuous"]), {"state": Metric})


def _require_equal(phases: dict[str, Path]) -> None:
    comparison = compare(_runs(phases), "state")
    if comparison.mismatches or not comparison.compared:
        raise RuntimeError(f"expected equal traces, found {comparison}")


def _print_diagnosis() -> None:
    with tempfile.TemporaryDirectory() as directory:
        phases = {phase: Path(directory) / phase for phase in ("stop", "resume", "continuous")}
        tensors = DIVERGING // (STEPS - INTERRUPTED_AT)
        _write(phases["continuous"], range(STEPS), lambda step: _state(tensors, 64, step))
        _write(phases["stop"], range(INTERRUPTED_AT), lambda step: _state(tensors, 64, step))
        _write(phases["resume"], range(INTERRUPTED_AT, STEPS), lambda step: _state(tensors, 64, step + 1000))
        seconds = in_turn({"diagnosis": lambda: timed(functools.partial(_require_divergence, phases))})["diagnosis"]
    print(Line(f"comparing and diagnosing {DIVERGING:,} records that differ", milliseconds(seconds), "", ""))


def _require_divergence(phases: dict[str, Path]) -> None:
    examination = Examination(_runs(phases), Terms(num_steps=STEPS))
    examination.failure("state")
    if len(examination.comparison("state").mismatches) != DIVERGING:
        raise RuntimeError(f"expected {DIVERGING} records that differ")


if __name__ == "__main__":
    main()
