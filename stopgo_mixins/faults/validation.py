"""Faults of validations: what they read, when they run, how long."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import ChangeValidationBatches, MoveValidations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stopgo_mixins.faults.loaders import Pass
    from stopgo_mixins.faults.stopped_run import StoppedRun


def _first_batch_last(validation: Pass) -> Iterator[Any]:
    first = list(islice(validation.batches, 1))
    return chain(validation.batches, first)


def _one_batch_only(validation: Pass) -> Iterator[Any]:
    return islice(validation.batches, 1)


def _one_batch(run: StoppedRun) -> int:
    """Later, or earlier where the run would seem to be resumed within a validation."""
    _require_validation(run)
    run.saved.require_timed_validations()
    validated = {step for step, _ in run.reference.ranks[0].steps("validation_schedule")}
    moves = [move for move in (1, -1) if run.resume_point - move not in validated]
    if not moves:
        raise NotApplicable("validations come too often to be moved by one micro-batch")
    return moves[0]


def _require_validation(run: StoppedRun) -> None:
    if not run.reference.events("first_validation_batch"):
        raise NotApplicable("the run has no validation")


def _one_batch_per_validation(run: StoppedRun) -> str | None:
    batches = {record.key.ordinal for record in run.reference.ranks[0].records("valid_input")}
    if any(ordinal[-1] > 0 for ordinal in batches):
        return None
    return "each validation reads one batch only. Let it read two: limit_val_batches = 2, and enough samples."


VALIDATION_READS_OTHERS = Fault(
    id="F27",
    name="validation reads other batches",
    what="each validation of the resume phase begins with its second batch",
    injection=ChangeValidationBatches(_first_batch_last, _require_validation),
    symptoms=(Symptom("valid_input", Point.NEXT_RECORD),),
    causes=(Cause.DATA_SHIFTED,),
    unseen=_one_batch_per_validation,
)
VALIDATION_SHIFTED = Fault(
    id="F28",
    name="validation interval shifted",
    what="validations come one micro-batch too late or too early",
    injection=MoveValidations(_one_batch),
    symptoms=(Symptom("validation_schedule", Point.NEXT_RECORD),),
    causes=(Cause.VALIDATION_SHIFTED,),
)
VALIDATION_CUT = Fault(
    id="F29",
    name="validation of one batch only",
    what="each validation of the resume phase ends after its first batch",
    injection=ChangeValidationBatches(_one_batch_only, _require_validation),
    symptoms=(Symptom("validation_schedule", Point.NEXT_RECORD),),
    causes=(Cause.VALIDATION_CUT_SHORT,),
    unseen=_one_batch_per_validation,
)
