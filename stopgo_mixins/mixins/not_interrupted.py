"""Why a run that was to be interrupted was not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.wording import counted
from stopgo_mixins.interruption import AfterValidation, AtEpochEnd, InsideValidation, Interruption

if TYPE_CHECKING:
    from stopgo_mixins.trace.lines import Event
    from stopgo_mixins.trace.store import Trace


def why_not_interrupted(trace: Trace, interruption: Interruption, num_steps: int) -> str:
    """Says which mistake it is, and what to write instead.

    Args:
        trace: of the phase that was to be interrupted and came to its end.
        interruption: which it was to have.
        num_steps: of the whole run.
    """
    updates = max((int(event["update"]) for event in trace.events("step_end")), default=0)
    ended = f"it ended after {updates} of {num_steps} steps, before {interruption} was due."
    if updates < num_steps:
        return (
            f"{ended} The trainer ended by itself: let the one that setup_trainer returns make cls.num_steps updates, "
            "and let no smaller limit of epochs, batches or time end it before."
        )
    instead = f"Write, for example, interruption = AtStep({num_steps // 2})."
    return f"{ended} {_why(trace.events('training_ended'), interruption)} {instead}"


def _why(ends: list[Event], interruption: Interruption) -> str:
    for end in ends:
        if isinstance(interruption, AfterValidation | InsideValidation):
            return _validations(int(end["validations"]), end["no_validation"], interruption)
        if isinstance(interruption, AtEpochEnd):
            return (
                f"The run has had {counted(int(end['epochs']), 'epoch')}, counting one that ended with its last step."
            )
    return "It is not due at any moment before the last step at which a checkpoint can be written."


def _validations(ended: int, reason: str | None, interruption: AfterValidation | InsideValidation) -> str:
    if ended:
        return f"The run has had {counted(ended, 'validation')}, counting one that came with its last step."
    if reason:
        return f"No validation ran: {reason}."
    return (
        f"No validation ran, since none was due: let val_check_interval be small enough for {interruption.number} of "
        "them before the last step."
    )
