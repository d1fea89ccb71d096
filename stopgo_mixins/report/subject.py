"""What a report is about, and how it is kept beside the traces."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stopgo_mixins.comparison.closer_look import CloserLook
from stopgo_mixins.comparison.declared import DeclaredDivergence
from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.examination import Examination
from stopgo_mixins.comparison.runs import Runs
from stopgo_mixins.comparison.terms import Terms
from stopgo_mixins.comparison.tolerance import Tolerance
from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.metric import Metric, MetricKind
from stopgo_mixins.trace.store import Trace

FILE = "class.json"
"""Holds, beside the traces, what they do not tell: the terms of the class, and what its recorders say."""

_SAID_OF_A_METRIC = tuple(name for name in Metric.__annotations__ if name != "metric")


@dataclass(frozen=True)
class Subject:
    """A run of a test class.

    Attributes:
        name: of the class, with its module.
        examination: of the run.
        environment: on what it was made, in words.
    """

    name: str
    examination: Examination
    environment: Mapping[str, str]

    def keep(self, directory: Path) -> None:
        """Writes to the directory of the traces what they do not tell."""
        runs, terms = self.examination.runs, self.examination.terms
        arms = {"repeated": runs.repeated, "cold_start": runs.cold_start}
        kept = {
            "class": self.name,
            "environment": self.environment,
            "legs": [_relative(leg.trace, directory) for leg in runs.legs],
            "reference": _relative(runs.reference, directory),
            "control_arms": {name: _relative(trace, directory) for name, trace in arms.items() if trace is not None},
            "num_steps": terms.num_steps,
            "tolerances": {metric: vars(tolerance) for metric, tolerance in terms.tolerances.items()},
            "declared": {metric: [vars(each) for each in declared] for metric, declared in terms.declared.items()},
            "left_out": terms.left_out,
            "require_evidence": terms.require_evidence,
            "closer_look": (look := self.examination.closer_look) and vars(look),
            "metrics": {
                name: {said: getattr(about, said) for said in _SAID_OF_A_METRIC} for name, about in _known(runs)
            },
        }
        (directory / FILE).write_text(json.dumps(kept, indent=1, default=_plain), encoding="utf-8")

    @classmethod
    def kept_in(cls, directory: Path) -> Subject:
        """Reads it again.

        Args:
            directory: of the traces, or the one that a message names, which holds it.

        Raises:
            TraceError: where there is none.
        """
        directory = next((each for each in (directory, directory / "metadata") if (each / FILE).exists()), directory)
        if not (directory / FILE).exists():
            failed = " Of a class of which a phase failed, report.html has all that there is."
            raise TraceError(
                f"{directory} has no {FILE}: name the directory in which a test class kept its traces, as its "
                f"messages do where STOPGO_KEEP is set.{failed if (directory / 'report.html').exists() else ''}"
            )
        kept: dict[str, Any] = json.loads((directory / FILE).read_text(encoding="utf-8"))
        runs = Runs.of(
            (Trace(directory / leg) for leg in kept["legs"]),
            Trace(directory / kept["reference"]),
            {metric: _metric(metric, said) for metric, said in kept["metrics"].items()},
            **{name: Trace(directory / path) for name, path in kept["control_arms"].items()},
        )
        examination = Examination(runs, _terms(kept))
        if look := kept["closer_look"]:
            examination.look_closer(CloserLook(**{**look, "cause": look["cause"] and Cause(look["cause"])}))
        return cls(kept["class"], examination, kept["environment"])


def _relative(trace: Trace, directory: Path) -> str:
    return os.path.relpath(trace.directory, directory)


def _known(runs: Runs) -> list[tuple[str, type[Metric]]]:
    return sorted(runs.known.items())


def _plain(value: object) -> object:
    """How JSON takes what it does not know."""
    return value.value if isinstance(value, MetricKind) else list(value)  # type: ignore[call-overload]  # a sequence


def _terms(kept: Mapping[str, Any]) -> Terms:
    return Terms(
        kept["num_steps"],
        {metric: Tolerance(**tolerance) for metric, tolerance in kept["tolerances"].items()},
        {metric: [DeclaredDivergence(**each) for each in declared] for metric, declared in kept["declared"].items()},
        kept["left_out"],
        kept["require_evidence"],
    )


def _metric(name: str, said: Mapping[str, Any]) -> type[Metric]:
    said = {**said, "kinds": tuple(map(MetricKind, said["kinds"]))}
    return type(name, (Metric,), {"metric": name, **said})
