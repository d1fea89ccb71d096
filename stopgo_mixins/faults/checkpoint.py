"""Faults of the checkpoint as a file: which one is loaded, and in which condition it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from stopgo_mixins.faults.fault import Fault, NotApplicable, Symptom
from stopgo_mixins.faults.injections import DamageFile, LoadInstead

if TYPE_CHECKING:
    from stopgo_mixins.faults.stopped_run import StoppedRun


def older_checkpoint(run: StoppedRun) -> str:
    """The one before the newest.

    Raises:
        NotApplicable: where there is none.
    """
    saved = run.stop.events("checkpoint_saved")
    older = [event["path"] for event in saved if event["update"] < run.resume_point and Path(event["path"]).exists()]
    if not older:
        raise NotApplicable(
            "the stop phase left no older checkpoint: let the trainer write one more often and keep all"
        )
    return str(older[-1])


def _cut_in_half(path: str) -> None:
    """The file, or the largest one of a directory."""
    files = [file for file in (Path(path), *Path(path).rglob("*")) if file.is_file()]
    largest = max(files, key=lambda file: file.stat().st_size)
    os.truncate(largest, largest.stat().st_size // 2)


def _remove(path: str) -> None:
    if Path(path).is_dir():
        shutil.rmtree(path)
    else:
        Path(path).unlink()


OLDER_CHECKPOINT = Fault(
    id="F54",
    name="an older checkpoint loaded",
    what="the resume phase continues from a checkpoint that is not the newest",
    injection=LoadInstead(older_checkpoint),
    symptoms=(Symptom("resume_point"),),
)
CHECKPOINT_CUT = Fault(
    id="F56",
    name="truncated checkpoint",
    what="the second half of the checkpoint file, or of the largest one of its directory, is missing",
    injection=DamageFile(_cut_in_half),
    symptoms=(),
    ends_the_phase=True,
)
CHECKPOINT_GONE = Fault(
    id="F58",
    name="no checkpoint",
    what="the checkpoint that the stop phase wrote is not there",
    injection=DamageFile(_remove),
    symptoms=(),
    ends_the_phase=True,
)
