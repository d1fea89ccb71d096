"""Whether the resume phase resumed at all: which checkpoint, from where, and how many steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stopgo_mixins.comparison.states import leaves, state

if TYPE_CHECKING:
    from stopgo_mixins.comparison.runs import Runs
    from stopgo_mixins.trace.store import Trace


def started_from_scratch(runs: Runs) -> str | None:
    """Says so where the resume phase did not continue from a checkpoint; ``None`` where it did.

    Either it says so itself, or what it began with is state 0, even if it claims to be at step R.
    """
    if not runs.resume.events("checkpoint_loaded"):
        return "the resume phase loaded no checkpoint"
    first = runs.resume.events("first_step")
    if first and runs.resume_point > 0 and first[0]["update"] == 0:
        return (
            f"the resume phase started from scratch: it loaded the checkpoint of step {runs.resume_point}, "
            "yet its first step was step 1"
        )
    if equal := _equal_to_the_start(runs):
        return (
            f"the resume phase started from scratch: it loaded the checkpoint of step {runs.resume_point}, "
            f"yet its {' and '.join(equal).replace('_', ' ')} are those of state 0 (a cold start)"
        )
    return None


def _equal_to_the_start(runs: Runs) -> list[str]:
    """Which metrics of restored state equal state 0 although they should not; empty unless all of them do."""
    point, equal = runs.resume_point, []
    for metric in (name for name, about in runs.known.items() if about.indispensable):
        start, restored = (
            leaves(state(trace, 0, metric, at)) for trace, at in ((runs.reference, 0), (runs.resume, point))
        )
        if start and restored and start != restored:
            return []
        if restored and restored != leaves(state(runs.reference, 0, metric, point)):
            equal.append(metric)
    return equal


def resume_point_fault(runs: Runs) -> str | None:
    """What is wrong with the point from which the run was resumed; ``None`` where nothing is."""
    if scratch := started_from_scratch(runs):
        return f"{scratch}.{_written(runs)}"
    saved = runs.stop.events("checkpoint_saved")
    loaded = runs.resume.events("checkpoint_loaded")[-1]
    newest = max(saved, key=lambda event: int(event["update"]), default=None)
    if newest is not None and loaded["update"] < newest["update"]:
        return (
            f"the resume phase loaded {loaded['path']} of step {loaded['update']}; "
            f"the newest checkpoint that the stop phase wrote is {newest['path']} of step {newest['update']}."
        )
    first = runs.resume.events("first_step")
    if first and first[0]["update"] != runs.resume_point:
        return (
            f"the resume phase loaded the checkpoint of step {runs.resume_point}, "
            f"yet it began with {first[0]['update']} steps made."
        )
    return None


def _written(runs: Runs) -> str:
    saved = runs.stop.events("checkpoint_saved")
    if not saved:
        return " The stop phase wrote no checkpoint."
    return f" The stop phase wrote {saved[-1]['path']} at step {saved[-1]['update']}."


def number_of_steps_fault(runs: Runs, num_steps: int) -> str | None:
    """What is wrong with the number of updates that the phases made; ``None`` where nothing is."""
    made, start = steps_made(runs.resume), _start(runs)
    expected = num_steps - start
    if made != expected:
        nothing = " It trained nothing." if made == 0 else ""
        span = f"from {start} to {num_steps}"
        return f"the resume phase ran {made} steps, expected {expected} ({span}).{nothing}"
    if steps_made(runs.reference) != num_steps:
        return f"the continuous phase ran {steps_made(runs.reference)} steps, expected {num_steps}."
    return None


def _start(runs: Runs) -> int:
    """From which step the run was to be continued: that of the newest checkpoint where none was loaded."""
    if runs.resume.events("checkpoint_loaded"):
        return runs.resume_point
    return max((int(event["update"]) for event in runs.stop.events("checkpoint_saved")), default=0)


def steps_made(trace: Trace) -> int:
    """How many updates a phase made itself."""
    return len(trace.events("step_end"))


def consumed_samples_fault(runs: Runs) -> str | None:
    """What is wrong with the sample counters at the start of stop and of resume; ``None`` where nothing is.

    No training sample is consumed at the start of stop and some are at the start of resume; validation begins at its
    first batch in both.
    """
    for trace, phase in ((runs.stop, "stop"), (runs.resume, "resume")):
        first = trace.events("first_step")
        if not first:
            return f"the {phase} phase made no training step."
        consumed = first[0]["consumed_samples"]
        if phase == "stop" and consumed != 0:
            return f"the stop phase claims {consumed} consumed training samples before its first step, expected 0."
        if phase == "resume" and consumed <= 0:
            return f"the resume phase claims {consumed} consumed training samples before its first step, expected more."
        validation = trace.events("first_validation_batch")
        if validation and validation[0]["batch"] != 0:
            return f"the first validation of the {phase} phase began at batch {validation[0]['batch']}, expected 0."
    return None
