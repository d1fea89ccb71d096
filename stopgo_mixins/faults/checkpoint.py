"""Faults of the checkpoint as a file: which one is loaded, and in which condition it is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.faults.fault import Fault, NotApplicable, Symptom
from stopgo_mixins.faults.injections import DamageFile, LoadInstead

if TYPE_CHECKING:
    from stopgo_mixins.faults.stopped_run import StoppedRun


def _older(run: StoppedRun) -> str:
    saved = run.stop.events("checkpoint_saved")
    older = [event["path"] for event in saved if event["update"] < run.resume_point and Path(event["path"]).exists()]
    if not older:
        raise NotApplicable(
            "the stop phase left no older checkpoint: let the trainer write one more often and keep all"
        )
    return str(older[-1])


def _cut_in_half(path: str) -> None:
    os.truncate(path, Path(path).stat().st_size // 2)


OLDER_CHECKPOINT = Fault(
    id="F54",
    name="an older checkpoint loaded",
    what="the resume phase continues from a checkpoint that is not the newest",
    injection=LoadInstead(_older),
    symptoms=(Symptom("resume_point"),),
)
CHECKPOINT_CUT = Fault(
    id="F56",
    name="truncated checkpoint",
    what="the second half of the checkpoint file is missing",
    injection=DamageFile(_cut_in_half),
    symptoms=(),
    ends_the_phase=True,
)
CHECKPOINT_GONE = Fault(
    id="F58",
    name="no checkpoint",
    what="the checkpoint that the stop phase wrote is not there",
    injection=DamageFile(os.remove),
    symptoms=(),
    ends_the_phase=True,
)
