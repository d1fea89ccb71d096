"""Writes the traces of three phases without any trainer."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Diagnosis
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.comparison.evidence import Judgement, judge
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from stopgo_mixins.trace.store import Trace, TraceWriter

Value = Callable[[int], object]
"""Step -> what is recorded."""

UNLIMITED = 2**40


@dataclass
class Phases:
    """A run of ``num_steps`` updates, interrupted and resumed after ``resume_point`` of them.

    Without anything said, the interrupted run equals the continuous one.
    """

    directory: Path
    num_steps: int = 8
    resume_point: int = 4
    saved: tuple[int, ...] | None = None
    loaded: int | None = None
    resumed_from: int | None = None
    resumed_steps: int | None = None
    value_budget: int = UNLIMITED
    rank: int = 0
    _writers: dict[tuple[str, int], TraceWriter] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.saved = (self.resume_point,) if self.saved is None else self.saved
        self.loaded = self.resume_point if self.loaded is None else self.loaded
        self.begin = first = self.loaded if self.resumed_from is None else self.resumed_from
        last = self.num_steps if self.resumed_steps is None else first + self.resumed_steps
        self._phase("stop", range(self.resume_point), saved=self.saved)
        self._phase("resume", range(first, last), loaded=self.loaded)
        self._phase("continuous", range(self.num_steps))

    def _phase(self, phase: str, updates: range, saved: Iterable[int] = (), loaded: int = -1) -> None:
        if loaded >= 0:
            self.event(phase, "checkpoint_loaded", path=f"step-{loaded}.ckpt", update=loaded)
        if updates:
            self.event(phase, "first_step", update=updates[0], global_step=updates[0], consumed_samples=2 * updates[0])
        for update in updates:
            self.event(phase, "step_end", update=update + 1)
            if update + 1 in saved:
                self.event(phase, "checkpoint_saved", path=f"step-{update + 1}.ckpt", update=update + 1)

    def event(self, phase: str, name: str, **fields: object) -> None:
        self.writer(phase).event(name, **fields)

    def writer(self, phase: str) -> TraceWriter:
        """Of a phase, on the rank that is set."""
        key = (phase, self.rank)
        if key not in self._writers:
            self._writers[key] = TraceWriter(self.directory / phase, self.rank, self.value_budget)
        return self._writers[key]

    def state(self, metric: str, expected: Value, resumed: Value | None = None, stopped: Value | None = None) -> Phases:
        """Records state 0 to N."""
        point, end = self.resume_point, self.num_steps
        ranges = (range(end + 1), range(point), range(self.begin, end + 1))
        for phase, value, step in _records(expected, stopped, resumed, ranges):
            moment = Moment.RUN_END if step == end else Moment.STEP_START
            self.writer(phase).record(metric, Position(moment, step), value)
        return self

    def behaviour(
        self, metric: str, expected: Value, resumed: Value | None = None, stopped: Value | None = None
    ) -> Phases:
        """Records behaviour 1 to N, one micro-batch each."""
        point, end = self.resume_point, self.num_steps
        ranges = (range(1, end + 1), range(1, point + 1), range(self.begin + 1, end + 1))
        for phase, value, step in _records(expected, stopped, resumed, ranges):
            self.behave(phase, metric, step, value)
        return self

    def behave(self, phase: str, metric: str, step: int, value: object) -> None:
        """Records behaviour k of one phase."""
        self.writer(phase).record(metric, Position(Moment.MICRO_BATCH, step, (0,)), value)

    def runs(self) -> Runs:
        """What was written."""
        for writer in self._writers.values():
            writer.close()
        phases = (Trace(self.directory / mode.value) for mode in (Mode.STOP, Mode.RESUME, Mode.CONTINUOUS))
        arms = {name: Trace(self.directory / name) for name in ("repeated", "cold_start") if self._has(name)}
        return Runs(*phases, known=DEFAULT_RECORDERS, **arms)

    def _has(self, name: str) -> bool:
        return any(phase == name for phase, _ in self._writers)


def _records(
    expected: Value, stopped: Value | None, resumed: Value | None, ranges: Iterable[range]
) -> Iterator[tuple[str, object, int]]:
    values = (expected, stopped or expected, resumed or expected)
    for phase, value, steps in zip(("continuous", "stop", "resume"), values, ranges, strict=True):
        yield from ((phase, value(step), step) for step in steps)


class SyntheticCase(unittest.TestCase):
    """A test of synthetic traces, which are deleted after it."""

    def phases(self, **settings: Any) -> Phases:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return Phases(Path(directory.name), **settings)

    def judge(self, phases: Phases, metric: str, tolerance: Tolerance | None = None) -> Judgement:
        runs = phases.runs()
        return judge(runs, compare(runs, metric, tolerance), tolerance)

    def diagnose(self, phases: Phases, metric: str) -> Diagnosis:
        runs = phases.runs()
        found = diagnose(runs, compare(runs, metric))
        if found is None:
            self.fail("no known pattern fits")
        return found
