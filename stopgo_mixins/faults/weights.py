"""Faults of the weights and buffers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import EditCheckpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.faults.stopped_run import StoppedRun


def _round(saved: SavedState, run: StoppedRun) -> None:
    names = run.names("parameters") & saved.weights.keys()
    wide = [saved.weights[name] for name in names if saved.weights[name].dtype in (torch.float32, torch.float64)]
    if not wide:
        raise NotApplicable("no weight in the checkpoint is wider than bf16")
    for weight in wide:
        weight.copy_(weight.bfloat16())


def _reset_one(saved: SavedState, run: StoppedRun) -> None:
    initial = _initial(saved, run, "parameters")
    name = next((name for name in initial if not torch.equal(initial[name], saved.weights[name])), None)
    if name is None:
        raise NotApplicable("no weight in the checkpoint differs from its initial value")
    saved.weights[name].copy_(initial[name])


def _reset_buffers(saved: SavedState, run: StoppedRun) -> None:
    for name, value in _initial(saved, run, "buffers").items():
        saved.weights[name].copy_(value)


def _initial(saved: SavedState, run: StoppedRun, metric: str) -> Mapping[str, Tensor]:
    """The values at step 0 of what the checkpoint holds."""
    names = saved.weights.keys() & run.names(metric)
    if not names:
        raise NotApplicable(run.lacks(metric) or f"the checkpoint holds none of the {metric} that were recorded")
    values = run.tensors(metric, 0)
    if not names & values.keys():
        raise NotApplicable(
            f"the {metric} at step 0 are not known: metrics or value_budget leave them out of the trace"
        )
    return {name: values[name] for name in sorted(names & values.keys())}


def _buffers_at_their_start(run: StoppedRun) -> str | None:
    start, here = (run.digests("buffers", step) for step in (0, run.resume_point))
    if any(start[path] != here.get(path) for path in start):
        return None
    return "no buffer has changed before the resume point. Interrupt the run after one has."


WEIGHTS_ROUNDED = Fault(
    id="F41",
    name="weights rounded to bf16",
    what="the checkpoint keeps the weights in a lower precision than training does",
    injection=EditCheckpoint(_round),
    symptoms=(Symptom("parameters", Point.RESTORED),),
    causes=(Cause.ROUNDED,),
)
TENSOR_NOT_LOADED = Fault(
    id="F42",
    name="one tensor not loaded",
    what="one weight keeps its initial value",
    injection=EditCheckpoint(_reset_one),
    symptoms=(Symptom("parameters", Point.RESTORED),),
    causes=(Cause.INITIAL_VALUE,),
)
BUFFERS_LOST = Fault(
    id="F44",
    name="persistent buffers lost",
    what="the buffers, such as BatchNorm's statistics, begin anew",
    injection=EditCheckpoint(_reset_buffers),
    symptoms=(Symptom("buffers", Point.RESTORED),),
    causes=(Cause.INITIAL_VALUE,),
    unseen=_buffers_at_their_start,
)
