"""The traces of real runs, as they lie on disk."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from stopgo_mixins.comparison.runs import Leg, Runs
from stopgo_mixins.exceptions import TraceError
from stopgo_mixins.metric import Metric
from stopgo_mixins.recorders.defaults import DEFAULT_RECORDERS
from stopgo_mixins.trace.legs import traces_in
from stopgo_mixins.trace.store import Trace


def recorded_runs(
    interrupted: Sequence[Path], uninterrupted: Path, from_step: int = 0, recorders: Iterable[type[Metric]] = ()
) -> Runs:
    """A run that was interrupted beside one that was not.

    Args:
        interrupted: the directories of its legs in the order in which they ran; one that holds several stands for all
            of them.
        uninterrupted: the directory of the other run.
        from_step: the first step to compare.
        recorders: those that are not the library's own.

    Raises:
        TraceError: when there is no trace, the second run has several legs, the two were recorded at other steps, or
            the legs from before ``from_step`` are not there.
    """
    legs = [Trace(found, from_step) for directory in interrupted for found in traces_in(directory)]
    reference = Trace(_only_leg(uninterrupted), from_step)
    _check_steps([*legs, reference])
    first = _loaded(legs[0])
    if first > from_step:
        raise TraceError(
            f"{legs[0].directory} begins at update {first}, with the checkpoint that it loaded: name the legs before "
            f"it as well, or compare from there: --from-step {first}."
        )
    return Runs(
        tuple(Leg(number, trace, follows_others=first > 0) for number, trace in enumerate(legs)),
        reference,
        known={**DEFAULT_RECORDERS, **{recorder.metric: recorder for recorder in recorders}},
        from_step=from_step,
        may_break_off=True,
    )


def _only_leg(directory: Path) -> Path:
    found = traces_in(directory)
    if len(found) > 1:
        raise TraceError(
            f"{directory} holds {len(found)} legs: the last directory is that of the run that was not interrupted, "
            "with which the others are compared."
        )
    return found[0]


def _loaded(trace: Trace) -> int:
    """The update of the checkpoint with which a leg began; 0 where it loaded none."""
    return max((int(event["update"]) for event in trace.events("checkpoint_loaded")), default=0)


def _check_steps(traces: Sequence[Trace]) -> None:
    """Demands that all were recorded at the same steps: only those can be compared."""
    found = {trace.directory: recorded_every(trace) for trace in traces}
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{directory} every {steps}" for directory, steps in found.items())
        raise TraceError(f"the runs were recorded at other steps ({listed}): record both with the same every_n_steps.")


def recorded_every(trace: Trace) -> int:
    """How many updates lie between two that are recorded."""
    starts = (event for rank in trace.ranks.values() for event in rank.events("phase_start"))
    return next((int(event.get("every_n_steps", 1)) for event in starts), 1)
