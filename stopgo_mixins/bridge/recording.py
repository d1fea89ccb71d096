"""What is recorded of a real run: less than of a test, and never at the price of the run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from stopgo_mixins.bridge.plan import NO_LIMIT, PhasePlan
from stopgo_mixins.bridge.ranks import gathered
from stopgo_mixins.mode import Mode
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from stopgo_mixins.recorders.recorder import Recorder
from stopgo_mixins.trace.legs import leg_directory, legs_in

ON_REQUEST = ("sample_exposure", "train_output", "valid_input", "valid_output", "unsaved_state")
"""The metrics that are recorded only when they are asked for.

They are activations, every validation batch, a memory of every sample that was ever seen, and what is recorded only
around a resume point, which nobody knows beforehand.
"""


@dataclass(frozen=True)
class Recording:
    """What a real run is to leave behind.

    Attributes:
        directory: of the run; each of its legs gets a directory of its own in it.
        every_n_steps: how many updates lie between two that are recorded.
        metrics: adds, replaces or, with ``None``, takes away recorders by metric.
        value_budget: how many bytes of large values to keep, so that messages can show numbers.

    Raises:
        TypeError: for a metric that is no recorder, or one that is to be taken away and is not there.
        ValueError: when ``every_n_steps`` is no positive integer.
    """

    directory: Path
    every_n_steps: int
    metrics: Mapping[str, type[Recorder] | None] = field(default_factory=dict)
    value_budget: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.every_n_steps, int) or self.every_n_steps < 1:
            raise ValueError(f"every_n_steps={self.every_n_steps!r}: write how many updates lie between two records.")
        for metric, recorder in self.metrics.items():
            _check_metric(metric, recorder)

    def recorders(self) -> list[Recorder]:
        """New ones, for one leg."""
        usual = {metric: recorder for metric, recorder in DEFAULT_RECORDERS.items() if metric not in ON_REQUEST}
        return [recorder() for recorder in {**usual, **self.metrics}.values() if recorder is not None]

    def next_leg(self) -> PhasePlan:
        """What to record of the leg that begins now; collective where several ranks train."""
        number = gathered(len(legs_in(self.directory)))[0]
        return PhasePlan(
            mode=Mode.RESUME,  # nobody knows yet whether there is a checkpoint, or anything left to train
            num_steps=NO_LIMIT,
            interruption=None,
            recorders=self.recorders(),
            trace_directory=leg_directory(self.directory, number),
            checkpoint_directory=self.directory,
            value_budget=self.value_budget,
            resume_point=None,
            keep_first=frozenset(),
            left_out={},
            every_n_steps=self.every_n_steps,
        )


def _check_metric(metric: str, recorder: object) -> None:
    if recorder is None:
        if metric not in DEFAULT_RECORDERS:
            known = ", ".join(sorted(DEFAULT_RECORDERS))
            raise TypeError(f"metrics removes {metric!r}, which does not exist. Known names: {known}.")
        return
    if not (isinstance(recorder, type) and issubclass(recorder, Recorder)):
        raise TypeError(f"metrics[{metric!r}] is {recorder!r}: write the class of a recorder, or None to remove it.")
    if getattr(recorder, "metric", None) != metric:
        raise TypeError(f"metrics[{metric!r}] is {recorder.__name__}, whose metric is another one: write its own name.")
