"""Faults of the trainer's own counters."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from stopgo_mixins.comparison.diagnosis.cause import Cause
from stopgo_mixins.faults.fault import Fault, NotApplicable, Point, Symptom
from stopgo_mixins.faults.injections import EditCheckpoint, LoadInstead

if TYPE_CHECKING:
    from stopgo_mixins.faults.saved_state import SavedState
    from stopgo_mixins.faults.stopped_run import StoppedRun


def _more_consumed_samples(saved: SavedState, run: StoppedRun) -> None:
    first_validation = next((step for step, _ in run.reference.ranks[0].steps("validation_schedule")), 1)
    saved.move_consumed_samples(first_validation * (saved.batches_read // run.resume_point))


def _one_step_ahead(saved: SavedState, run: StoppedRun) -> None:
    saved.move_global_step(1)


def _logged_steps_restart(saved: SavedState, run: StoppedRun) -> None:
    if reason := run.lacks("logged_metrics"):
        raise NotApplicable(reason)
    saved.restart_logged_steps()


def _already_finished(saved: SavedState, run: StoppedRun) -> None:
    saved.move_global_step(sys.maxsize - run.resume_point)  # as many as there may be, which ends even a run without end


CONSUMED_SAMPLES_WRONG = Fault(
    id="F31",
    name="consumed samples wrong",
    what="the trainer counts more samples than it has read, while the data are right",
    injection=EditCheckpoint(_more_consumed_samples),
    symptoms=(Symptom("consumed_samples", Point.RESTORED),),
    causes=(Cause.COUNTER_SHIFTED,),
)
GLOBAL_STEP_OFF_BY_ONE = Fault(
    id="F52",
    name="global step off by one",
    what="the trainer counts one step more than it has made",
    injection=EditCheckpoint(_one_step_ahead),
    symptoms=(Symptom("global_step", Point.RESTORED),),
    causes=(Cause.COUNTER_SHIFTED,),
)
LOGGED_STEPS_RESTART = Fault(
    id="F53",
    name="logged steps restart",
    what="what the resume phase logs stands under steps counted from 0",
    injection=EditCheckpoint(_logged_steps_restart),
    symptoms=(Symptom("logged_metrics", Point.NEXT_RECORD),),
    causes=(Cause.COUNTER_LOST, Cause.COUNTER_SHIFTED),
)
NOTHING_TRAINED = Fault(
    id="F59",
    name="resume trains nothing",
    what="the resume phase ends without a step, and without an error",
    injection=EditCheckpoint(_already_finished),
    symptoms=(Symptom("number_of_steps"),),
    causes=(Cause.STEPS_MISSING,),
)
STARTED_FROM_SCRATCH = Fault(
    id="F60",
    name="resume starts from scratch",
    what="no checkpoint is loaded: weights, data and counters begin at step 0",
    injection=LoadInstead(lambda run: None),
    symptoms=(Symptom("resume_point"),),
    causes=(Cause.COLD_START,),
)
