"""The report of a run of which a phase failed: which one, the error, and what had been recorded until then."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.wording import ranges
from stopgo_mixins.report.document import document, facts, section
from stopgo_mixins.report.files import Report

if TYPE_CHECKING:
    from stopgo_mixins.trace.store import RankTrace, Trace

_MOST_RANGES = 8


@dataclass(frozen=True)
class BrokenRun:
    """A run of a test class that cannot be compared.

    Attributes:
        name: of the class, with its module.
        error: what the class ends with; its first line says which phase failed, and of what.
        traceback: of the error behind it; empty where there is none.
        traces: the name of each phase -> what it recorded, if anything.
        num_steps: updates of the whole run.
        environment: on what it was made, in words.
    """

    name: str
    error: str
    traceback: str
    traces: Mapping[str, Trace]
    num_steps: int
    environment: Mapping[str, str]

    def report(self) -> Report:
        """In all formats."""
        return Report(self._html(), self._json(), self._markdown())

    @property
    def headline(self) -> str:
        """The first line of the error, without the name of the class."""
        first = self.error.splitlines()[0]
        said = first.removeprefix(f"{self.name.rpartition('.')[2]}: ")
        return said[:1].upper() + said[1:]

    def _html(self) -> str:
        about = f"{self.num_steps} optimizer updates were to be compared with a run that is never interrupted."
        return document(self.name, failed=True, headline=self.headline, about=about, sections=self._sections())

    def _sections(self) -> Iterator[str]:
        yield section("What it said", f"<pre>{escape(self.error)}</pre>", self._folded_traceback())
        yield section("How far each phase came", facts((name, _fate(trace)) for name, trace in self.traces.items()))
        if recorded := self._recorded():
            yield section(
                "What was recorded until then",
                facts((metric, "; ".join(f"{name}: {at}" for name, at in found.items())) for metric, found in recorded),
            )
        yield section("The run", facts(self.environment.items()))

    def _folded_traceback(self) -> str:
        if not self.traceback:
            return ""
        return f"<details><summary>Traceback</summary><pre>{escape(self.traceback)}</pre></details>"

    def _recorded(self) -> list[tuple[str, dict[str, str]]]:
        """Each metric, and of each phase that has any of it, at which steps."""
        metrics = sorted(set().union(*(trace.metrics for trace in self.traces.values())))
        return [(metric, _steps_by_phase(self.traces, metric)) for metric in metrics]

    def _json(self) -> str:
        found: dict[str, Any] = {
            "class": self.name,
            "failed": True,
            "headline": self.headline,
            "error": self.error,
            "traceback": self.traceback,
            "num_steps": self.num_steps,
            "phases": {name: _fate(trace) for name, trace in self.traces.items()},
            "recorded": dict(self._recorded()),
            "environment": dict(self.environment),
        }
        return json.dumps(found, indent=1) + "\n"

    def _markdown(self) -> str:
        fates = [f"- {name}: {_fate(trace)}" for name, trace in self.traces.items()]
        return "\n".join([f"### ❌ {self.name}", "", self.headline, "", *fates, "", ""])


def _fate(trace: Trace) -> str:
    """What became of a phase, in words."""
    if not trace.ranks:
        return "did not begin to train"
    by_rank = {rank: _fate_of_rank(found) for rank, found in trace.ranks.items()}
    if len({*by_rank.values()}) == 1:
        return next(iter(by_rank.values()))
    return "; ".join(f"rank {rank}: {fate}" for rank, fate in by_rank.items())


def _fate_of_rank(trace: RankTrace) -> str:
    updates = [int(event["update"]) for event in trace.events("step_end")]
    made = (
        f"made update{'s' if len(updates) > 1 else ''} {ranges(updates, _MOST_RANGES)}" if updates else "made no update"
    )
    loaded = [f"loaded the checkpoint of update {event['update']}" for event in trace.events("checkpoint_loaded")]
    saved = [f"{Path(event['path']).name} at update {event['update']}" for event in trace.events("checkpoint_saved")]
    written = [f"wrote {', '.join(saved[-3:])}"] if saved else []
    if not trace.has_ended:
        end = "then broke off"
    else:
        end = "and was interrupted as planned" if trace.events("interrupted") else "and came to its end"
    return ", ".join([*loaded, made, *written, end])


def _steps_by_phase(traces: Mapping[str, Trace], metric: str) -> dict[str, str]:
    found = {
        name: {step for rank in trace.ranks.values() for step, _ in rank.steps(metric)}
        for name, trace in traces.items()
    }
    return {name: ranges(steps, _MOST_RANGES) for name, steps in found.items() if steps}
