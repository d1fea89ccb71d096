"""Faults of the optimizer: its state, its step counter, its hyper-parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import EditCheckpoint

if TYPE_CHECKING:
    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.faults.stopped_run import StoppedRun

SECOND_MOMENTS = ("exp_avg_sq", "square_avg", "sum", "max_exp_avg_sq")
"""What torch's optimizers call the mean of squared gradients."""

CONSTRUCTOR_WEIGHT_DECAY = 0.01
"""The weight decay that ``torch.optim.AdamW`` has if none is given."""


def _states(saved: SavedState) -> Iterator[dict[str, Any]]:
    """The state of every parameter in every optimizer."""
    states = [state for optimizer in saved.optimizers for state in optimizer["state"].values()]
    if not states:
        raise NotApplicable("the optimizers keep no state")
    yield from states


def _empty(saved: SavedState, run: StoppedRun) -> None:
    list(_states(saved))
    for optimizer in saved.optimizers:
        optimizer["state"] = {}


def _zero_second_moment(saved: SavedState, run: StoppedRun) -> None:
    moments = [state[name] for state in _states(saved) for name in SECOND_MOMENTS if name in state]
    if not moments:
        raise NotApplicable("the optimizers keep no mean of squared gradients")
    for moment in moments:
        moment.zero_()


def _forget_steps(saved: SavedState, run: StoppedRun) -> None:
    groups = [group for optimizer in saved.optimizers for group in optimizer["param_groups"]]
    counters = [found for found in (*_states(saved), *groups) if "step" in found]
    if not counters:
        raise NotApplicable("the optimizers count no steps")
    for counter in counters:
        counter["step"] = torch.zeros_like(torch.as_tensor(counter["step"])) if _is_tensor(counter) else 0


def _is_tensor(counter: dict[str, Any]) -> bool:
    return isinstance(counter["step"], torch.Tensor)


def _round_masters(saved: SavedState, run: StoppedRun) -> None:
    masters = [value for state in _states(saved) for name, value in state.items() if "master" in str(name)]
    if not masters:
        raise NotApplicable("the optimizers keep no master weights")
    for master in masters:
        master.copy_(master.bfloat16())


def _weight_decay_of_constructor(saved: SavedState, run: StoppedRun) -> None:
    groups = [group for found in saved.optimizers for group in found["param_groups"] if "weight_decay" in group]
    if not groups:
        raise NotApplicable("the optimizers have no weight decay")
    for group in groups:
        group["weight_decay"] = CONSTRUCTOR_WEIGHT_DECAY


def _same_weight_decay(run: StoppedRun) -> str | None:
    records = run.state("param_groups", run.resume_point)
    decays = {record.leaf.scalar for record in records if record.key.path.endswith("['weight_decay']")}
    if decays != {CONSTRUCTOR_WEIGHT_DECAY}:
        return None
    return (
        f"every parameter group has the weight decay {CONSTRUCTOR_WEIGHT_DECAY} that AdamW's constructor gives. "
        "Give the test's model a group with another one, such as biases without weight decay."
    )


HYPER_PARAMETERS_FROM_CONSTRUCTOR = Fault(
    id="F04",
    name="weight decay from the constructor",
    what="the learning rate is restored, but weight decay is what the optimizer's constructor gives",
    injection=EditCheckpoint(_weight_decay_of_constructor),
    symptoms=(Symptom("param_groups", Point.RESTORED),),
    causes=(Cause.HYPER_PARAMETER,),
    unseen=_same_weight_decay,
)
OPTIMIZER_STATE_EMPTY = Fault(
    id="F32",
    name="optimizer state empty",
    what="the optimizer starts anew, as if it had never made a step",
    injection=EditCheckpoint(_empty),
    symptoms=(Symptom("optimizer_state", Point.RESTORED),),
    causes=(Cause.STATE_MISSING, Cause.ZEROS),  # zeros where a trainer creates the state before it loads it
)
SECOND_MOMENT_ZERO = Fault(
    id="F33",
    name="second moment zero",
    what="the mean of squared gradients is zero, while the mean of gradients is right",
    injection=EditCheckpoint(_zero_second_moment),
    symptoms=(Symptom("optimizer_state", Point.RESTORED),),
    causes=(Cause.ZEROS,),
)
STEP_COUNTER_LOST = Fault(
    id="F37",
    name="optimizer's step counter lost",
    what="the optimizer corrects its moments' bias as if it made its first step",
    injection=EditCheckpoint(_forget_steps),
    symptoms=(Symptom("optimizer_state", Point.RESTORED),),
    causes=(Cause.COUNTER_LOST,),
)
MASTER_WEIGHTS_ROUNDED = Fault(
    id="F38",
    name="master weights rebuilt from bf16",
    what="the optimizer's float32 weights are what their bf16 copies can hold",
    injection=EditCheckpoint(_round_masters),
    symptoms=(Symptom("optimizer_state", Point.RESTORED),),
    causes=(Cause.ROUNDED,),
)
