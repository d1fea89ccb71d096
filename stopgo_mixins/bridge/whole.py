"""What all ranks have together, where that is what is recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.bridge.ranks import gathered
from stopgo_mixins.trace.whole_writer import WholeWriter

if TYPE_CHECKING:
    from stopgo_mixins.bridge.plan import PhasePlan
    from stopgo_mixins.events import TrainingState
    from stopgo_mixins.trace.store import TraceWriter
    from stopgo_mixins.trace.whole import Whole


def whole_writer(plan: PhasePlan, writer: TraceWriter, state: TrainingState) -> WholeWriter:
    """Writes the wholes of all metrics that have one if the run is resumed in another world; notes what has none.

    In any other run, it writes those that are compared as a whole whatever the world.
    """
    wholes = {recorder.metric: recorder.whole for recorder in plan.recorders if recorder.whole is not None}
    if plan.worlds is None:
        return WholeWriter(writer, _always(plan, wholes, state), state, gathered)
    before, after = plan.worlds
    for recorder in plan.recorders:
        if recorder.whole is None:
            reason = f"trained on {before} ranks and resumed on {after}, what each rank has of it has no counterpart"
            writer.event("not_applicable", metric=recorder.metric, reason=reason.replace(" 1 ranks", " 1 rank"))
    return WholeWriter(writer, wholes, state, gathered, others=False)


def _always(plan: PhasePlan, wholes: dict[str, Whole], state: TrainingState) -> dict[str, Whole]:
    """A real run is spared the messages between its ranks."""
    if state.world_size == 1 or plan.is_of_a_real_run:
        return {}
    return {metric: whole for metric, whole in wholes.items() if whole.in_every_world}
