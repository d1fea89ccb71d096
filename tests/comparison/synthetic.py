"""Writes the traces of a run without any trainer."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stopgo_mixins.comparison.compare import compare
from stopgo_mixins.comparison.diagnosis.cause import Diagnosis
from stopgo_mixins.comparison.diagnosis.diagnose import diagnose
from stopgo_mixins.comparison.evidence import Judgement, judge
from stopgo_mixins.comparison.resumption import Resumption
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from stopgo_mixins.trace.store import Trace, TraceWriter

Value = Callable[[int], object]
"""Step -> what is recorded."""

UNLIMITED = 2**40


@dataclass(frozen=True)
class Span:
    """One leg.

    Attributes:
        begin: with how many updates made it begins.
        end: how many are made when it ends.
        saved: after which of them it writes a checkpoint; at its end where nothing is said.
        loaded: the update of the checkpoint that it claims to load; ``begin`` where nothing is said.
    """

    begin: int
    end: int
    saved: tuple[int, ...] | None = None
    loaded: int | None = None


LEGS = ("stop", "resume", "resume-2", "resume-3")
"""Where the traces of the legs lie."""


@dataclass
class Phases:
    """A run of ``num_steps`` updates, interrupted and resumed after ``resume_point`` of them, or in other ``legs``.

    Without anything said, the interrupted run equals the continuous one.
    ``arms`` are the control arms that it has, of which each records only what it is told to.
    With ``rounded`` it is resumed on a rank more, and what is recorded are wholes, those metrics by their sums.
    """

    directory: Path
    num_steps: int = 8
    resume_point: int = 4
    saved: tuple[int, ...] | None = None
    loaded: int | None = None
    resumed_from: int | None = None
    resumed_steps: int | None = None
    legs: tuple[Span, ...] = ()
    world_size: int | None = 1
    broken_off: tuple[str, ...] = ()
    arms: tuple[str, ...] = ()
    rounded: tuple[str, ...] | None = None
    value_budget: int = UNLIMITED
    rank: int = 0
    _writers: dict[tuple[str, int], TraceWriter] = field(default_factory=dict)
    _ends: dict[tuple[str, int], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.legs = self.legs or self._stop_and_resume()
        for phase, leg in zip(LEGS, self.legs, strict=False):
            loaded = leg.begin if leg.loaded is None else leg.loaded
            saved = (leg.end,) if leg.saved is None else leg.saved
            self._phase(phase, range(leg.begin, leg.end), saved, loaded if phase != "stop" else -1)
        for phase in ("continuous", *self.arms):
            self._phase(phase, range(self.num_steps))

    def _stop_and_resume(self) -> tuple[Span, Span]:
        loaded = self.resume_point if self.loaded is None else self.loaded
        begin = loaded if self.resumed_from is None else self.resumed_from
        end = self.num_steps if self.resumed_steps is None else begin + self.resumed_steps
        return Span(0, self.resume_point, self.saved), Span(begin, end, (), loaded)

    def _phase(self, phase: str, updates: range, saved: Iterable[int] = (), loaded: int = -1) -> None:
        """Writes what happens to the run, on every rank."""
        ranks = (self.world_size or 1) + (self.rounded is not None and loaded >= 0)
        size = {} if self.world_size is None else {"world_size": ranks}
        if self.rounded is not None:
            size |= {"whole": True, "rounded": self.rounded}
        for rank in reversed(range(ranks)):
            self.rank = rank
            self.event(phase, "phase_start", mode=phase, **size)
            if loaded >= 0:
                self.event(phase, "checkpoint_loaded", path=f"step-{loaded}.ckpt", update=loaded)
            self._updates(phase, updates, saved)
            if phase not in self.broken_off:
                self._ends[phase, rank] = updates.stop

    def _updates(self, phase: str, updates: range, saved: Iterable[int]) -> None:
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

    def state(
        self,
        metric: str,
        expected: Value,
        resumed: Value | None = None,
        stopped: Value | None = None,
        again: Value | None = None,
    ) -> Phases:
        """Records state 0 to N; ``again`` are the values after a second resume."""
        ranges = [range(self.num_steps + 1), *(range(leg.begin, leg.end) for leg in self.legs[:-1])]
        ranges.append(range(self.legs[-1].begin, self.num_steps + 1))
        for phase, value, step in _records(ranges, expected, stopped, resumed, again):
            moment = Moment.RUN_END if step == self.num_steps else Moment.STEP_START
            self.writer(phase).record(metric, Position(moment, step), value)
        return self

    def behaviour(
        self,
        metric: str,
        expected: Value,
        resumed: Value | None = None,
        stopped: Value | None = None,
        again: Value | None = None,
    ) -> Phases:
        """Records behaviour 1 to N, one micro-batch each."""
        ranges = [range(1, self.num_steps + 1), *(range(leg.begin + 1, leg.end + 1) for leg in self.legs[:-1])]
        ranges.append(range(self.legs[-1].begin + 1, self.num_steps + 1))
        for phase, value, step in _records(ranges, expected, stopped, resumed, again):
            self.behave(phase, metric, step, value)
        return self

    def behave(self, phase: str, metric: str, step: int, value: object) -> None:
        """Records behaviour k of one phase."""
        self.writer(phase).record(metric, Position(Moment.MICRO_BATCH, step, (0,)), value)

    def runs(self) -> Runs:
        """What was written."""
        for place, update in self._ends.items():
            self._writers[place].end(update)
        self._ends.clear()
        for writer in self._writers.values():
            writer.close()
        legs = (Trace(self.directory / phase) for phase, _ in zip(LEGS, self.legs, strict=False))
        arms = {name: Trace(self.directory / name) for name in self.arms}
        return Runs.of(legs, Trace(self.directory / "continuous"), DEFAULT_RECORDERS, **arms)

    def resumption(self) -> Resumption:
        """What was written, and what is asked of it as a whole."""
        return Resumption(self.runs())


def _records(ranges: Iterable[range], expected: Value, *actual: Value | None) -> Iterator[tuple[str, object, int]]:
    values = (expected, *(value or expected for value in actual))
    for phase, value, steps in zip(("continuous", *LEGS), values, ranges, strict=False):
        yield from ((phase, value(step), step) for step in steps)


class SyntheticCase(unittest.TestCase):
    """A test of synthetic traces, which are deleted after it."""

    def phases(self, **settings: Any) -> Phases:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        return Phases(Path(directory.name), **settings)

    def judge(
        self, phases: Phases, metric: str, tolerance: Tolerance | None = None, left_out: Collection[str] = ()
    ) -> Judgement:
        resumption = phases.resumption()
        return judge(resumption, compare(resumption.runs, metric, tolerance), tolerance, left_out)

    def diagnose(self, phases: Phases, metric: str) -> Diagnosis:
        runs = phases.runs()
        found = diagnose(runs, compare(runs, metric))
        if found is None:
            self.fail("no known pattern fits")
        return found
