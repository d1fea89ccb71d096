"""Compares the logs of two runs as one metric, and says how little that proves."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from stopgo_mixins.comparison.compare import Comparison, compare
from stopgo_mixins.comparison.message import metric_lines
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.wording import listed
from stopgo_mixins.events import Moment, Position
from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.real_runs.logs import Log, read_log
from stopgo_mixins.real_runs.verdict import RunVerdict
from stopgo_mixins.trace.store import Trace, TraceWriter

METRIC = "logged_values"

HOW_LITTLE = (
    "That proves little: a loss tells nothing of the optimizer's state, of the random numbers or of the place in the "
    "data until they have changed it, and a log holds few of the losses, rounded or averaged. Record both runs with "
    "RecordTrace to know."
)


@dataclass(frozen=True)
class LogComparison:
    """What two logs have in common.

    Attributes:
        comparison: of all values as one metric.
        names: that both runs have logged.
        only_one: names that only one of them has logged.
        from_step: the first step that is compared.
    """

    comparison: Comparison
    names: list[str]
    only_one: list[str]
    from_step: int

    @property
    def verdict(self) -> RunVerdict:
        """Equal logs verify nothing."""
        return RunVerdict.DIFFERENT if self.comparison.mismatches else RunVerdict.NOT_VERIFIED

    def lines(self) -> Iterator[str]:
        """The report."""
        compared, steps = self.comparison.compared, len(self.comparison.steps)
        where = f" from step {self.from_step} on" if self.from_step else ""
        if self.comparison.mismatches:
            yield f"{self.verdict.value}: {len(self.comparison.mismatches)} of {compared} logged values differ{where}."
            yield from (f"  {line}" for line in metric_lines(METRIC, self.comparison))
        else:
            yield f"{self.verdict.value}: all {compared} logged values are equal in {steps} steps{where}. {HOW_LITTLE}"
        yield f"  compared: {listed(self.names, most=20)}"
        if self.only_one:
            yield f"  logged by one of the runs only, and not compared: {listed(self.only_one, most=20)}"


def compare_logs(interrupted: Sequence[Path], uninterrupted: Path, from_step: int = 0) -> LogComparison:
    """Compares value by value, by step and name.

    Args:
        interrupted: the logs of the legs of a run that was interrupted, in the order in which they ran.
        uninterrupted: the log of another run.
        from_step: the first step to compare.

    Raises:
        TraceError: when a log cannot be read, or the two have no name in common.
    """
    legs, reference = [read_log(path) for path in interrupted], read_log(uninterrupted)
    ours, theirs = set().union(*map(_names, legs)), _names(reference)
    if not ours & theirs:
        raise TraceError(f"the logs have no name in common: {listed(sorted(ours))} against {listed(sorted(theirs))}.")
    with tempfile.TemporaryDirectory() as directory:
        traces = [
            _as_trace(log, ours & theirs, Path(directory, str(number)), from_step, resumed=0 < number < len(legs))
            for number, log in enumerate([*legs, reference])
        ]
        comparison = compare(Runs.of(traces[:-1], traces[-1], {}), METRIC)
        return LogComparison(comparison, sorted(ours & theirs), sorted(ours ^ theirs), from_step)


def _names(log: Log) -> set[str]:
    return {name for values in log.values() for name in values}


def _as_trace(log: Log, names: set[str], directory: Path, from_step: int, *, resumed: bool) -> Trace:
    """The log as if it were the trace of a leg, which began before its first step."""
    writer = TraceWriter(directory, rank=0, value_budget=0)
    if resumed and log:
        writer.event("checkpoint_loaded", path="", update=max(min(log) - 1, 0))
    for step, values in log.items():
        found = {name: found if len(found) > 1 else found[0] for name, found in values.items() if name in names}
        if found and step >= from_step:
            writer.record(METRIC, Position(Moment.STEP_END, step), found)
        writer.event("step_end", update=step)
    writer.close()
    return Trace(directory)
