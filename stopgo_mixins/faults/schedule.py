"""Faults of the learning-rate schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import EditCheckpoint
from stopgo_mixins.faults.stopped_run import learning_rates

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.faults.stopped_run import StoppedRun

COUNTERS = ("last_epoch", "_step_count")
"""What torch's schedulers count their steps by."""


def _not_restored(saved: SavedState, run: StoppedRun) -> None:
    _require_scheduler(saved)
    saved.schedulers.clear()
    _set_learning_rates(saved, learning_rates(run.state("learning_rate", 0)))


def _one_step_too_many(saved: SavedState, run: StoppedRun) -> None:
    _move(saved, 1)
    _set_learning_rates(saved, _next_learning_rates(run))


def _one_step_behind(saved: SavedState, run: StoppedRun) -> None:
    _move(saved, -1)


def _require_scheduler(saved: SavedState) -> None:
    if not saved.schedulers:
        raise NotApplicable("the run has no learning-rate scheduler")


def _move(saved: SavedState, steps: int) -> None:
    _require_scheduler(saved)
    counting = [scheduler for scheduler in saved.schedulers if _can_move(scheduler, steps)]
    if not counting:
        raise NotApplicable(f"no scheduler has a counter that could be moved by {steps:+d} ({', '.join(COUNTERS)})")
    for scheduler in counting:
        for counter in COUNTERS:
            scheduler[counter] += steps


def _can_move(scheduler: Mapping[str, Any], steps: int) -> bool:
    return all(isinstance(scheduler.get(counter), int) and scheduler[counter] + steps >= 0 for counter in COUNTERS)


def _next_learning_rates(run: StoppedRun) -> dict[tuple[int, int], Any]:
    """The first learning rates after the resume point that differ from those there, none where they stay."""
    here = learning_rates(run.state("learning_rate", run.resume_point))
    later = (learning_rates(records) for step, records in run.states("learning_rate") if step > run.resume_point)
    return next((rates for rates in later if rates != here), {})


def _set_learning_rates(saved: SavedState, rates: Mapping[tuple[int, int], Any]) -> None:
    for (optimizer, group), rate in rates.items():
        saved.optimizers[optimizer]["param_groups"][group]["lr"] = rate
    for scheduler in saved.schedulers:
        _set_last_learning_rates(scheduler, list(rates.values()))


def _set_last_learning_rates(scheduler: MutableMapping[str, Any], rates: list[Any]) -> None:
    if len(scheduler.get("_last_lr", ())) == len(rates):
        scheduler["_last_lr"] = rates


def _still_at_its_start(run: StoppedRun) -> str | None:
    if run.digests("scheduler_state", 0) != run.digests("scheduler_state", run.resume_point):
        return None
    return (
        f"the schedule at the resume point {run.resume_point} is where it was at step 0. "
        "Interrupt the run after the scheduler's first step."
    )


SCHEDULER_NOT_RESTORED = Fault(
    id="F01",
    name="scheduler not restored",
    what="the learning rate begins its schedule anew",
    injection=EditCheckpoint(_not_restored),
    symptoms=(Symptom("scheduler_state", Point.RESTORED),),
    causes=(Cause.SCHEDULE_RESTARTED, Cause.SCHEDULE_SHIFTED),
    unseen=_still_at_its_start,
)
SCHEDULER_STEPPED_ON_LOAD = Fault(
    id="F02",
    name="scheduler stepped on load",
    what="the learning rate is one step ahead",
    injection=EditCheckpoint(_one_step_too_many),
    symptoms=(Symptom("scheduler_state", Point.RESTORED),),
    causes=(Cause.SCHEDULE_SHIFTED,),
)
SCHEDULER_LAGS = Fault(
    id="F03",
    name="scheduler one step behind",
    what="the learning rate is right at the resume point and one step behind from its next change on",
    injection=EditCheckpoint(_one_step_behind),
    symptoms=(Symptom("scheduler_state", Point.RESTORED),),
    causes=(Cause.SCHEDULE_SHIFTED,),
)
