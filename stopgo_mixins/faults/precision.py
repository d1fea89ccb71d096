"""Faults of training in a lower precision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.comparison.numbers import values_of
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import EditCheckpoint

if TYPE_CHECKING:
    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.faults.stopped_run import StoppedRun
    from stopgo_mixins.trace.record import Record


def _begin_anew(saved: SavedState, run: StoppedRun) -> None:
    if not saved.scalers:
        raise NotApplicable("the checkpoint holds no gradient scaler")
    initial = {record.key.path: _value(record) for record in run.state("precision_state", 0)}
    for index, scaler in enumerate(saved.scalers):
        for entry in scaler:
            scaler[entry] = initial.get(f"[{index}][{entry!r}]", scaler[entry])


def _value(record: Record) -> Any:
    """Some scalers keep their scale as a tensor."""
    return values_of(record) if record.leaf.kind == "tensor" else record.leaf.scalar


def _still_as_it_began(run: StoppedRun) -> str | None:
    if run.digests("precision_state", 0) != run.digests("precision_state", run.resume_point):
        return None
    return (
        "scale and growth tracker at the resume point are what they were at step 0. "
        "Interrupt the run elsewhere, or give the scaler another growth_interval."
    )


SCALER_LOST = Fault(
    id="F39",
    name="gradient scaler lost",
    what="the gradient scaler begins anew, with its initial scale",
    injection=EditCheckpoint(_begin_anew),
    symptoms=(Symptom("precision_state", Point.RESTORED),),
    causes=(Cause.INITIAL_VALUE, Cause.COUNTER_LOST),
    unseen=_still_as_it_began,
)
